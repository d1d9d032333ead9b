"""Where pip and npm look if nobody tells them: read from the clients, never written here.

The clients are those of this computer; a bare host has neither.
"""

import importlib.util
import re
import shutil
import zipfile
from functools import cache
from pathlib import Path


@cache
def index_of(kind: str) -> str:
    """The default index of ``pip`` or ``npm``, with a slash at its end; empty if not known."""
    source = {"pip": _pip_source, "npm": _npm_source}[kind]
    pattern = {
        "pip": r'^PyPI = PackageIndex\(\s*"(https://[^"]+)"',
        "npm": r"new Definition\('registry', \{\s*default: '(https://[^']+)'",
    }[kind]
    found = re.search(pattern, source(), re.MULTILINE)
    if not found:
        return ""
    return found[1].rstrip("/") + ("/simple/" if kind == "pip" else "/")


def _pip_source() -> str:
    inside = "pip/_internal/models/index.py"
    spec = importlib.util.find_spec("pip")
    if spec and spec.origin:
        return _text(Path(spec.origin).parent.parent / inside)
    ensurepip = importlib.util.find_spec("ensurepip")
    bundled = Path(ensurepip.origin).parent / "_bundled" if ensurepip and ensurepip.origin else None
    for folder in (bundled, Path("/usr/share/python-wheels")):
        for wheel in sorted(folder.glob("pip-*.whl")) if folder else []:
            with zipfile.ZipFile(wheel) as archive:
                return archive.read(inside).decode()
    return ""


def _npm_source() -> str:
    command = shutil.which("npm")
    if not command:
        return ""
    place = "node_modules/@npmcli/config/lib/definitions/definitions.js"
    for parent in Path(command).resolve().parents:
        if (parent / place).is_file():
            return _text(parent / place)
    return _text(Path("/usr/share/nodejs/@npmcli/config/lib/definitions/definitions.js"))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
