"""The lab as a site: ``hosts.yml``, settings with comments, pinned host keys.

Settings are written once and then belong to their reader; ``hosts.yml`` and ``known_hosts`` are
the lab's own and follow its machines.
"""

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from localcloud.i18n import _, active
from localcloud.lab import inherit, machines
from localcloud.lab.state import LabState, Machine, write_private

GITIGNORE = ".localcloud/\nsecrets.key\n"
CA_FOLDER = Path("files/ca")
# All that the lab, or a run on its site, ever puts at the top of a site directory.
OWN = (
    *("hosts.yml", "known_hosts", ".gitignore", "group_vars", "host_vars", "files"),
    *("secrets.key", ".localcloud"),
)


def url(machine: Machine) -> str:
    """Where the machine's port 80 answers on this computer."""
    return f"http://127.0.0.1:{machine.ports[80]}"


def hosts_yml(directory: Path, lab: LabState) -> str:
    """The inventory; values are JSON scalars, which YAML reads alike.

    The key's path is absolute, as testinfra takes it as it stands; the machines' own files hang
    on the directory's place anyway.
    """
    key = json.dumps(str(machines.login_key(directory.resolve())), ensure_ascii=False)
    groups: dict[str, list[Machine]] = {}
    for machine in lab.machines.values():
        for group in machine.groups:
            groups.setdefault(group, []).append(machine)
    lines = [
        "# " + _("Practice machines of “localcloud lab”; “lab up” rewrites this file."),
        "all:",
        "  vars:",
        f"    ansible_user: {machines.USER}",
        f"    ansible_ssh_private_key_file: {key}",
        "  children:",
    ]
    for group, members in groups.items():
        lines += [f"    {group}:", "      hosts:"]
        for machine in members:
            lines += [
                f"        {machine.name}:",
                "          ansible_host: 127.0.0.1",
                f"          ansible_port: {machine.ports[22]}",
            ]
    return "\n".join(lines) + "\n"


def _setting(name: str, value: object, comment: str) -> str:
    return f"# {comment}\n{name}: {json.dumps(value, ensure_ascii=False)}\n"


def _inherited(found: dict[str, str]) -> list[str]:
    comments = {
        "base_pip_index_url": _("Python packages come from where this computer gets them."),
        "base_npm_registry": _("npm packages come from where this computer gets them."),
        "base_http_proxy": _("This computer's proxy for http addresses."),
        "base_https_proxy": _("This computer's proxy for https addresses."),
        "base_no_proxy": _("What is reached without the proxy."),
    }
    parts = []
    for name, text in found.items():
        value: object = text
        if name == "base_no_proxy":
            value = [word.strip() for word in text.split(",") if word.strip()]
        parts.append(_setting(name, value, comments[name]))
    return parts


def settings_yml(lab: LabState, certificates: list[str], inherited: dict[str, str]) -> str:
    """Settings of the whole site, each with what it means."""
    parts = [
        "---\n# "
        + _("Settings of this practice site. “lab up” made this file once; change it freely.")
        + "\n",
        _setting("hub_domain", "localhost", _("The hub's name.")),
        _setting("hub_tls_mode", "off", _("Plain HTTP; only for practice machines.")),
        _setting("hub_admins", ["admin"], _("The hub's administrators.")),
        _setting("hub_language", active(), _("Language of the hub and of these messages.")),
    ]
    if len(lab.machines) == 1:
        only = next(iter(lab.machines.values()))
        parts.append(_setting("hub_public_url", url(only), _("Where the hub answers here.")))
    if certificates:
        comment = _("Authorities this computer trusts beyond its system's own.")
        parts.append(_setting("base_ca_certificates", certificates, comment))
    return "\n".join([*parts, *_inherited(inherited)])


def _certificates(directory: Path) -> list[str]:
    """Copy this computer's own authorities into the site; return their paths in it."""
    copied = []
    for certificate in inherit.ca_certificates():
        (directory / CA_FOLDER).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(certificate, directory / CA_FOLDER / certificate.name)
        copied.append(str(CA_FOLDER / certificate.name))
    return copied


def _once(path: Path, text: str, mode: int = 0o644) -> None:
    if not path.exists():
        write_private(path, text, mode)


def write(directory: Path, lab: LabState, loopback: str = "") -> None:
    """Bring the site's files up to the lab's machines; a person's edits of settings stay.

    ``loopback``: see :func:`localcloud.lab.sources.from_machine`.
    """
    write_private(directory / "hosts.yml", hosts_yml(directory, lab), 0o644)
    pinned = machines.known_hosts(directory, lab.machines.values())
    write_private(directory / "known_hosts", pinned, 0o644)
    _once(directory / ".gitignore", GITIGNORE)
    settings = directory / "group_vars/all/settings.yml"
    if not settings.exists():
        inherited = inherit.settings(loopback=loopback)
        # A mirror's address can hold a password.
        private = any("@" in urlsplit(value).netloc for value in inherited.values())
        text = settings_yml(lab, _certificates(directory), inherited)
        write_private(settings, text, 0o600 if private else 0o644)
    if len(lab.machines) > 1:
        for machine in lab.machines.values():
            text = _setting("hub_public_url", url(machine), _("Where this host's hub answers."))
            _once(directory / "host_vars" / f"{machine.name}.yml", f"---\n{text}")


def replace_url(directory: Path, machine: Machine, before: str) -> None:
    """Put a machine's new address where settings just written hold the one it did not get."""
    for path in (
        directory / "group_vars/all/settings.yml",
        directory / "host_vars" / f"{machine.name}.yml",
    ):
        if path.exists() and before in (text := path.read_text()):
            mode = path.stat().st_mode & 0o777
            write_private(path, text.replace(f'"{before}"', f'"{url(machine)}"'), mode)


def remove(directory: Path, made_site: bool) -> list[str]:
    """Take the lab's files out of the directory; return what stays in it.

    A directory that the lab did not make keeps its settings.
    """
    lab_only = ("hosts.yml", "known_hosts", ".localcloud")
    for name in OWN if made_site else lab_only:
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    left = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    if made_site and not left and directory.is_dir() and directory.resolve() != Path.cwd():
        directory.rmdir()
    return left
