"""``group_vars/`` and ``host_vars/``: which files Ansible would read, and whose word wins."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcloud.i18n import _
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.inventory import Definition, Inventory
from localcloud.site.vault import HEADER
from localcloud.site.yamlfile import Document, Unreadable, parse

EXTENSIONS = ("", ".yml", ".yaml", ".json")
# Left alone without a word: notes and what editors and package managers leave behind.
_NO_SETTINGS = {".md", ".txt", ".bak", ".orig", ".rej", ".swp", ".rpmsave", ".sample", ".example"}

OpenVault = Callable[[Path, bytes], bytes | None]


@dataclass
class VariableFiles:
    """Definitions from files, by name of group or host; later files of a name win."""

    groups: dict[str, dict[str, Definition]] = field(default_factory=dict)
    hosts: dict[str, dict[str, Definition]] = field(default_factory=dict)
    every: list[Definition] = field(default_factory=list)  # also those a later file hides
    sealed: list[Path] = field(default_factory=list)  # vault files nobody opened


def read_variable_files(
    directory: Path,
    inventory: Inventory,
    open_vault: OpenVault,
    complaints: Complaints,
    broken: Complaints,
) -> VariableFiles:
    """Read every variable file that belongs to a group or host of the inventory.

    ``open_vault`` decrypts a whole-file vault, or returns None to leave it sealed. Files that
    are no YAML go to ``broken``; files that belong to nobody go to ``complaints``.
    """
    result = VariableFiles()
    for folder, names, target in (
        ("group_vars", set(inventory.groups), result.groups),
        ("host_vars", set(inventory.hosts), result.hosts),
    ):
        files = _files_by_name(directory / folder, names, complaints)
        for name, paths in files.items():
            for path in paths:
                definitions = _definitions(path, open_vault, result, broken)
                target.setdefault(name, {}).update(definitions)
                result.every += definitions.values()
    return result


def merged(host: str, inventory: Inventory, files: VariableFiles) -> dict[str, Definition]:
    """One host's variables, weakest first, in Ansible's order.

    Inline group variables, group_vars/all, other group_vars, inline host variables, host_vars:
    so even group_vars/all outranks what stands inline at a child group.
    """
    groups = inventory.ordered(inventory.groups_of(host))
    result: dict[str, Definition] = {}
    for group in groups:
        result.update(group.variables)
    result.pop("ansible_group_priority", None)  # an order, and no variable, where it is inline
    for group in groups:  # `all` has depth 0 and so comes first
        result.update(files.groups.get(group.name, {}))
    result.update(inventory.hosts[host])
    result.update(files.hosts.get(host, {}))
    return result


def _definitions(
    path: Path, open_vault: OpenVault, result: VariableFiles, broken: Complaints
) -> dict[str, Definition]:
    try:
        document = _document(path, open_vault)
    except Unreadable as error:
        broken.add(error.complaint)
        return {}
    if document is None:
        result.sealed.append(path)
        return {}
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        broken.add(Complaint(_("This file must hold “name: value” lines."), "", path, 1))
        return {}
    return {
        str(name): Definition(str(name), value, document, (name,))
        for name, value in document.data.items()
    }


def _document(path: Path, open_vault: OpenVault) -> Document | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = _("This file cannot be read: {reason}.").format(reason=error.strerror)
        raise Unreadable(Complaint(message, "", path)) from error
    if not content.startswith(HEADER):
        return parse(path, content)
    opened = open_vault(path, content)
    if opened is None:
        return None
    try:
        return replace(parse(path, opened), sealed=True)
    except Unreadable as error:
        raise Unreadable(replace(error.complaint, quote="")) from error


def _files_by_name(folder: Path, names: set[str], complaints: Complaints) -> dict[str, list[Path]]:
    """Ansible takes the first of ``name/``, ``name``, ``name.yml``, ``.yaml``, ``.json`` only."""
    if not folder.is_dir():
        return {}
    chosen: dict[str, list[Path]] = {}
    used: dict[str, Path] = {}
    for extension in EXTENSIONS:
        for name in sorted(names):
            path = folder / f"{name}{extension}"
            if name not in used and path.exists():
                used[name] = path
                chosen[name] = _inside(path) if path.is_dir() else [path]
                if name == "all" and path.is_file():
                    complaints.add(_in_the_way(path))
    for path in sorted(folder.iterdir()):
        if path not in used.values() and not _ignorable(path):
            complaints.add(_left_over(path, names, used))
    return chosen


def _in_the_way(path: Path) -> Complaint:
    """The secrets go to ``all/secrets.yml``, and with a folder there Ansible ignores this file."""
    return Complaint(
        _("The settings for all hosts must be in the folder group_vars/all/."),
        _("Move this file to {target}").format(target="group_vars/all/settings.yml"),
        path,
    )


def _ignorable(path: Path) -> bool:
    return path.name[0] == "." or path.name[-1] == "~" or path.suffix in _NO_SETTINGS


def _inside(folder: Path) -> list[Path]:
    """The files of ``group_vars/name/`` in the order Ansible reads them, subfolders included."""
    found: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            found += _inside(path)
        elif path.is_file() and path.suffix in EXTENSIONS:
            found.append(path)
    return found


def _left_over(path: Path, names: set[str], used: dict[str, Path]) -> Complaint:
    name = path.name if path.is_dir() or path.suffix not in EXTENSIONS else path.stem
    if name in used:
        other = used[name]
        message = _("Ansible ignores this file, because {other} is there too.")
        remedy = (
            _("Move it into that folder: {target}").format(target=other / "settings.yml")
            if other.is_dir()
            else _("Put both into one file.")
        )
        return Complaint(message.format(other=other.name), remedy, path)
    if path.stem in names:
        message = _("Ansible ignores this file, because its name does not end in .yml.")
        return Complaint(message, _("Rename it to {name}.yml.").format(name=path.stem), path)
    is_group = path.parent.name == "group_vars"
    message = (
        _("This file belongs to a group “{name}” that hosts.yml does not have.")
        if is_group
        else _("This file belongs to a host “{name}” that hosts.yml does not have.")
    )
    near = difflib.get_close_matches(name, sorted(names), 1)
    remedy = (
        _("Did you mean “{near}”? Then rename it.").format(near=near[0])
        if near
        else _("Rename it, remove it, or add the name to hosts.yml.")
    )
    return Complaint(message.format(name=name), remedy, path)
