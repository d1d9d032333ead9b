"""Write a new site: hosts, annotated settings, secrets. Nothing that exists is overwritten."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcloud.components import Component, Setting, groups, narrowed, with_dependencies
from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.site import gitcare
from localcloud.site.load import load_site
from localcloud.site.templates import is_template
from localcloud.site.vault import not_writable, write_atomically

SETTINGS_FILE = Path("group_vars", "all", "settings.yml")


@dataclass(frozen=True)
class NewHost:
    """A server of a new site; None leaves the choice to SSH."""

    name: str
    address: str
    user: str | None = None
    port: int | None = None
    key: Path | None = None


def create_site(
    directory: Path,
    group: str,
    hosts: list[NewHost],
    answers: Mapping[str, Any],
    components: Mapping[str, Component],
) -> list[Path]:
    """Write the site and check it; gives the files written. A site that does not load is undone.

    ``hosts.yml`` comes last: without it the directory is no site yet, and ``init`` goes on.
    """
    files = {
        directory / SETTINGS_FILE: settings_text(group, answers, components),
        directory / "hosts.yml": hosts_text(group, hosts),
    }
    fresh = [folder for folder in _folders(directory) if not folder.exists()]
    written: list[Path] = []
    try:
        for path, text in files.items():
            if not path.exists():
                write_atomically(path, text.encode(), 0o644)
                written.append(path)
        load_site(directory, need_secrets=False)
    except OSError as error:
        _undo(written, fresh)
        raise not_writable(directory, error) from error
    except UsageError:
        _undo(written, fresh)
        raise
    if gitcare.ignore(directory):
        written.append(directory / ".gitignore")
    return written


def _folders(directory: Path) -> list[Path]:
    """The folders a site may need, innermost first."""
    settings = (directory / SETTINGS_FILE).parent
    return [settings, settings.parent, directory]


def _undo(written: list[Path], fresh: list[Path]) -> None:
    for path in written:
        path.unlink(missing_ok=True)
    for folder in fresh:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def hosts_text(group: str, hosts: list[NewHost]) -> str:
    entries: dict[str, Any] = {}
    for host in hosts:
        variables = {
            "ansible_host": host.address if host.address != host.name else None,
            "ansible_port": host.port if host.port != 22 else None,
            "ansible_user": host.user,
            "ansible_ssh_private_key_file": str(host.key) if host.key else None,
        }
        entries[host.name] = {key: value for key, value in variables.items() if value} or None
    data = {"all": {"children": {group: {"hosts": entries}}}}
    comment = _(
        "Which server plays which part. A host gets what the group above it stands for; the names "
        "of hosts are yours to choose, and ansible_host is where SSH finds them."
    )
    return f"---\n{_comment(comment)}\n{_dump(data)}".replace(": null\n", ":\n")


def settings_text(
    group: str, answers: Mapping[str, Any], components: Mapping[str, Component]
) -> str:
    """Every setting of the group's roles: the chosen ones, and all others as comments."""
    parts: dict[str, Component] = {}
    for component in groups(components).get(group, []):
        parts.update({part.name: part for part in with_dependencies(component.name, components)})
    # First what was asked for, then the rest, each role in its own section.
    ordered = sorted(parts.values(), key=lambda part: not (answers.keys() & part.settings.keys()))
    secret = {name for part in parts.values() for name in part.meta.get("secrets", {})}
    blocks = [_comment(_heading(bool(secret)))]
    for part in ordered:
        settings = [narrowed(each, ordered) for each in part.settings.values()]
        if settings:
            shown = [each for each in settings if each.name not in secret]
            blocks.append(_section(part, shown, answers))
    known = {name for part in parts.values() for name in part.settings}
    own = {name: value for name, value in answers.items() if name not in known}
    if own:
        blocks.append(_dump(own))
    return "---\n" + "\n\n".join(block.rstrip() for block in blocks) + "\n"


def _heading(has_secrets: bool) -> str:
    text = _(
        "The settings of this site. A line that begins with “#” shows a default; take the sign "
        "away to change it. Settings for one host only go to host_vars/NAME.yml."
    )
    more = _(
        "Generated passwords are in secrets.yml, sealed with secrets.key. To read them, in the "
        "site's directory:"
    )
    more += "\nansible-vault view --vault-password-file secrets.key group_vars/all/secrets.yml"
    return f"{text}\n{more}" if has_secrets else text


def _section(part: Component, settings: list[Setting], answers: Mapping[str, Any]) -> str:
    title = f"# ---- {part.name} ".ljust(80, "-")
    entries = [_entry(setting, part, answers) for setting in settings]
    return "\n\n".join([title, *entries])


def _entry(setting: Setting, part: Component, answers: Mapping[str, Any]) -> str:
    lines = [_comment(_(setting.description))] if setting.description else []
    if setting.choices:
        choices = ", ".join(map(_written, setting.choices))
        lines.append(_comment(_("One of: {choices}.").format(choices=choices)))
    if setting.name in answers:
        lines.append(_dump({setting.name: answers[setting.name]}).rstrip())
    elif is_template(part.defaults.get(setting.name)):
        lines += [_comment(_("The default follows from other settings.")), f"# {setting.name}:"]
    elif setting.name in part.defaults:
        default = _dump({setting.name: part.defaults[setting.name]}).rstrip()
        lines += [f"# {line}" for line in default.splitlines()]
    else:
        lines.append(f"# {setting.name}:")
    return "\n".join(lines)


def _written(choice: Any) -> str:
    """A choice as it must stand in the file: without quotes, YAML reads ``off`` as false."""
    if isinstance(choice, str) and yaml.safe_load(choice) != choice:
        return f'"{choice}"'
    return str(choice)


def _comment(text: str) -> str:
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, 96, break_on_hyphens=False, break_long_words=False)
    ]
    return "\n".join(f"# {line}" for line in lines)


class _Indented(yaml.SafeDumper):
    """List items stand below their key with an indent, as ansible-lint wants it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _dump(data: Any) -> str:
    return yaml.dump(
        data, Dumper=_Indented, sort_keys=False, allow_unicode=True, width=4096, line_break="\n"
    )
