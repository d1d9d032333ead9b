"""``hosts.yml``: groups, hosts and inline variables, read as Ansible's YAML inventory is."""

import difflib
import re
import string
from dataclasses import dataclass, field
from typing import Any

from localcloud.i18n import _
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.yamlfile import Document, Keys

SECTIONS = ("hosts", "children", "vars")
_PORT = re.compile(
    r"^(?:\[(?P<bracketed>[^\]]+)\]|(?P<plain>[^:\[\]]*(?:\[[^\]]*\][^:\[\]]*)*)):(?P<port>\d+)$"
)


@dataclass(frozen=True)
class Definition:
    """One ``name: value`` of the site, and where it stands."""

    name: str
    value: Any
    document: Document
    keys: Keys

    def line(self, *inside: Any) -> int:
        return self.document.line(*self.keys, *inside)


@dataclass
class Group:
    name: str
    line: int = 0
    children: dict[str, None] = field(default_factory=dict)
    parents: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Definition] = field(default_factory=dict)


@dataclass
class Inventory:
    """The groups and hosts of a site; hosts map to their inline variables."""

    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, dict[str, Definition]] = field(default_factory=dict)
    host_lines: dict[str, int] = field(default_factory=dict)

    def ancestors(self, name: str) -> set[str]:
        """The group itself and every group above it."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting += self.groups[current].parents
        return found

    def groups_of(self, host: str) -> set[str]:
        """Every group a host is in, directly or through a child, ``all`` included."""
        found: set[str] = {"all"}
        for group in self.groups.values():
            if host in group.hosts:
                found |= self.ancestors(group.name)
        return found

    def hosts_in(self, group: str) -> list[str]:
        return [host for host in self.hosts if group in self.groups_of(host)]

    def depth(self, name: str) -> int:
        """The longest way from ``all``; a deeper group's variables win."""
        return max((self.depth(parent) + 1 for parent in self.groups[name].parents), default=0)

    def ordered(self, names: set[str]) -> list[Group]:
        """Groups from weakest to strongest: by depth, then ansible_group_priority, then name."""

        def strength(group: Group) -> tuple[int, int, str]:
            priority = group.variables.get("ansible_group_priority")
            value = priority.value if priority else 1
            return self.depth(group.name), value if isinstance(value, int) else 1, group.name

        return sorted((self.groups[name] for name in names), key=strength)


def read_inventory(document: Document, complaints: Complaints) -> Inventory:
    """Turn the parsed ``hosts.yml`` into groups and hosts; what is wrong goes to ``complaints``."""
    return _Reader(document, complaints).read()


class _Reader:
    def __init__(self, document: Document, complaints: Complaints) -> None:
        self.document = document
        self.complaints = complaints
        self.inventory = Inventory(groups={"all": Group("all"), "ungrouped": Group("ungrouped")})

    def read(self) -> Inventory:
        data = self.document.data
        if not isinstance(data, dict) or "plugin" in data:
            self._complain(
                (),
                _("This is no inventory: it must begin with “all:” or with the name of a group."),
                _(
                    "See the samples that come with localcloud, or make a site: "
                    "`localcloud init DIR`"
                ),
            )
            return self.inventory
        for name in data:
            self._group(str(name), data[name], (name,), ())
        self._settle()
        return self.inventory

    def _complain(self, keys: Keys, message: str, remedy: str = "") -> None:
        line = self.document.line(*keys)
        self.complaints.add(Complaint(message, remedy, self.document.path, line))

    def _group(self, name: str, data: Any, keys: Keys, above: tuple[str, ...]) -> None:
        group = self.inventory.groups.setdefault(name, Group(name))
        group.line = group.line or self.document.line(*keys)
        if data is None:
            return
        if not isinstance(data, dict):
            message = _("Group {group} must hold hosts:, children: or vars:, not a bare value.")
            self._complain(keys, message.format(group=name))
            return
        for section, content in data.items():
            if section not in SECTIONS:
                self._unknown_section(name, section, (*keys, section))
                continue
            if isinstance(content, str):  # Ansible takes `hosts: server1` for one host
                content = {content: None}
            if content is None:
                continue
            if not isinstance(content, dict):
                message = _("“{section}:” of group {group} must hold one “name:” a line, no list.")
                message = message.format(section=section, group=name)
                self._complain((*keys, section), message, _("Write “name:” where “- name” stands."))
                continue
            self._section(group, section, content, (*keys, section), (*above, name))

    def _section(
        self, group: Group, section: str, content: Any, keys: Keys, above: tuple[str, ...]
    ) -> None:
        for key, value in content.items():
            place = (*keys, key)
            if section == "vars":
                group.variables[str(key)] = Definition(str(key), value, self.document, place)
            elif section == "hosts":
                self._hosts(group, key, value, place)
            elif key in above:
                message = _("Group {group} is its own child, directly or in a circle.")
                self._complain(place, message.format(group=key))
            else:
                group.children[str(key)] = None
                self._group(str(key), value, place, above)

    def _unknown_section(self, group: str, section: Any, keys: Keys) -> None:
        near = difflib.get_close_matches(str(section), SECTIONS, 1)
        message = _("“{key}” in group {group} means nothing to Ansible, which would skip it.")
        remedy = (
            _("Did you mean “{near}:”?").format(near=near[0])
            if near
            else _("A group holds hosts:, children: and vars:; put other groups below children:.")
        )
        self._complain(keys, message.format(key=section, group=group), remedy)

    def _hosts(self, group: Group, pattern: Any, variables: Any, keys: Keys) -> None:
        if not isinstance(pattern, str):
            message = _("The host name {name} reads as a number; put it in quotes.")
            self._complain(keys, message.format(name=pattern))
            return
        if variables is not None and not isinstance(variables, dict):
            message = _("Below host {host} must stand “name: value” lines, not a bare value.")
            self._complain(keys, message.format(host=pattern))
            variables = None
        name, port = split_port(pattern)
        try:
            names = expand_range(name)
        except ValueError:
            message = _("The range in the host name {host} is not one Ansible understands.")
            self._complain(keys, message.format(host=pattern), _("Write for example node[1:3]."))
            return
        inline = {**({"ansible_port": port} if port else {}), **(variables or {})}
        for host in names:
            group.hosts[host] = None
            self.inventory.host_lines.setdefault(host, self.document.line(*keys))
            known = self.inventory.hosts.setdefault(host, {})
            for key, value in inline.items():
                known[str(key)] = Definition(str(key), value, self.document, (*keys, key))

    def _settle(self) -> None:
        """Link parents; a group nobody names as a child is a child of ``all``, as in Ansible."""
        groups = self.inventory.groups
        for group in groups.values():
            for child in group.children:
                groups[child].parents[group.name] = None
        for group in groups.values():
            if group.name != "all" and not group.parents:
                group.parents["all"] = None
        self._break_circles()
        for host in self.inventory.hosts:
            if not any(host in group.hosts for name, group in groups.items() if name != "all"):
                groups["ungrouped"].hosts[host] = None

    def _break_circles(self) -> None:
        """A circle through two separate places of the file; without ``depth`` it would not end."""
        for group in self.inventory.groups.values():
            for parent in list(group.parents):
                if group.name in self.inventory.ancestors(parent):
                    message = _("Group {group} is its own child, directly or in a circle.")
                    complaint = Complaint(
                        message.format(group=group.name), "", self.document.path, group.line
                    )
                    self.complaints.add(complaint)
                    del group.parents[parent]


def split_port(pattern: str) -> tuple[str, int | None]:
    """``host:2222`` and ``[address]:2222`` carry a port; a bare IPv6 address does not."""
    match = _PORT.match(pattern)
    if not match:
        return pattern, None
    return match["bracketed"] or match["plain"], int(match["port"])


def expand_range(pattern: str) -> list[str]:
    """``node[01:03]`` → node01, node02, node03; letters and a step work too. Raises ValueError."""
    match = re.match(r"^(.*?)\[([^\[\]]*:[^\[\]]*)\](.*)$", pattern)
    if not match:
        return [pattern]
    head, bounds, tail = match.groups()
    first, last, *steps = bounds.split(":")
    step = int(steps[0]) if steps else 1
    first = first or "0"
    letters = string.ascii_letters
    if first in letters and last in letters and first and last:
        names = list(letters[letters.index(first) : letters.index(last) + 1 : step])
    else:
        width = len(first) if first[0] == "0" and len(first) > 1 else 0
        if width and len(last) != width:
            raise ValueError(pattern)
        names = [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
    if not names:
        raise ValueError(pattern)
    return [full for name in names for full in expand_range(f"{head}{name}{tail}")]
