"""What a practice machine takes over from this computer: trusted CAs, mirrors, proxies.

Only what this computer has been told explicitly; no default of a tool is copied.
"""

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path

from localcloud.lab.sources import from_machine

CA_DIRECTORY = Path("/usr/local/share/ca-certificates")


def ca_certificates(directory: Path = CA_DIRECTORY) -> list[Path]:
    """Certificates that this computer's administrator added to its trust store."""
    return sorted(path for path in directory.rglob("*.crt") if path.is_file())


def _ini(path: Path, section: str, key: str) -> str:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text())
    except (OSError, configparser.Error, UnicodeDecodeError):
        return ""
    return parser.get(section, key, fallback="")


def pip_index(environment: Mapping[str, str], home: Path, etc: Path) -> str:
    """The package index that pip was told to use (PIP_INDEX_URL or a pip.conf)."""
    if found := environment.get("PIP_INDEX_URL"):
        return found
    files = [home / ".config/pip/pip.conf", home / ".pip/pip.conf", etc / "pip.conf"]
    for path in files:
        for section in ("global", "install"):
            if found := _ini(path, section, "index-url"):
                return found
    return ""


def npm_registry(environment: Mapping[str, str], home: Path, etc: Path) -> str:
    """The registry that npm was told to use (environment or an npmrc)."""
    for name in ("NPM_CONFIG_REGISTRY", "npm_config_registry"):
        if found := environment.get(name):
            return found
    for path in (home / ".npmrc", etc / "npmrc"):
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError):
            continue
        if line := re.search(r"^\s*registry\s*=\s*(\S+)", text, re.MULTILINE):
            return line[1].strip("\"'")
    return ""


def settings(
    environment: Mapping[str, str] = os.environ,
    home: Path | None = None,
    etc: Path = Path("/etc"),
    loopback: str = "",
) -> dict[str, str]:
    """Site settings this computer's own configuration calls for (``base_*`` name → value).

    ``loopback``: the machines' address for this computer, see :func:`sources.from_machine`.
    """
    home = home or Path.home()
    found = {
        "base_pip_index_url": pip_index(environment, home, etc),
        "base_npm_registry": npm_registry(environment, home, etc),
    }
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        found[f"base_{name}"] = environment.get(name) or environment.get(name.upper()) or ""
    usable = {
        name: usable_value
        for name, value in found.items()
        if (usable_value := value if name == "base_no_proxy" else from_machine(value, loopback))
    }
    if not {"base_http_proxy", "base_https_proxy"} & set(usable):
        usable.pop("base_no_proxy", None)  # of no meaning alone
    return usable
