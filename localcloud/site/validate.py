"""Is the site in order? Everything is looked at before any host is touched."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.components import groups, with_dependencies
from localcloud.i18n import _
from localcloud.site import formats, types
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.inventory import Definition, Group, Inventory
from localcloud.site.model import Host, Site
from localcloud.site.templates import NotPlain, is_template
from localcloud.site.yamlfile import Keys

# What Ansible itself gives to templates; not known here, and no mistake.
_MAGIC = {
    "ansible_facts", "environment", "lookup", "now", "omit", "play_hosts", "playbook_dir", "q",
    "query", "role_name", "role_path", "undef", "vars", "localcloud_run",
}  # fmt: skip


@dataclass
class Check:
    """All checks on one site; findings go to ``complaints``."""

    site: Site
    inventory: Inventory
    definitions: list[Definition]  # every one in the site, also those another one hides
    complaints: Complaints
    sealed: bool = False  # a vault file stayed closed, so what is missing may be in there

    def run(self) -> None:
        self.groups_and_hosts()
        formats_of = {
            name: kind
            for component in self.site.catalogue.values()
            for name, kind in component.meta.get("formats", {}).items()
        }
        for definition in self.definitions:
            self.name(definition)
            self.value(definition, definition.value, formats_of)
        for host in self.site.all_hosts.values():
            self.templates(host, formats_of)
            self.connection(host)
        self.required()

    def complain(
        self, definition: Definition, message: str, remedy: str = "", inside: Keys = ()
    ) -> None:
        line = definition.line(*inside)
        self.complaints.add(Complaint(message, remedy, definition.document.path, line))

    # Groups and hosts

    def groups_and_hosts(self) -> None:
        known = groups(self.site.catalogue).keys() - {"all"}
        hosts_file = self.site.directory / "hosts.yml"
        if not self.inventory.hosts:
            message = _("The site has no host.")
            remedy = _("Add one below a group: {groups}.").format(groups=", ".join(sorted(known)))
            self.complaints.add(Complaint(message, remedy, hosts_file))
        idle = {host for host in self.inventory.hosts if not self.inventory.groups_of(host) & known}
        for group in self.inventory.groups.values():
            if group.name not in known | {"all", "ungrouped"}:
                idle -= self._foreign_group(group, sorted(known), idle)
        for host in sorted(idle):
            message = _("Host {host} is in no group that gives it a part to play.")
            remedy = _("Put it below one of: {groups}.").format(groups=", ".join(sorted(known)))
            line = self.inventory.host_lines[host]
            self.complaints.add(Complaint(message.format(host=host), remedy, hosts_file, line))

    def _foreign_group(self, group: Group, known: list[str], idle: set[str]) -> set[str]:
        """Complain about a group that is none of ours; gives the idle hosts it explains."""
        hosts = set(self.inventory.hosts_in(group.name))
        near = difflib.get_close_matches(_folded(group.name), known, 1, 0.8)
        wrapped = near and hosts and hosts <= set(self.inventory.hosts_in(near[0]))
        if near and not wrapped:
            message = _("No component has a group “{group}”.")
            remedy = _("Did you mean {near}?").format(near=near[0])
        elif hosts and hosts <= idle and group.hosts:
            message = _("The group “{group}” gives its hosts no part to play: {hosts}.")
            remedy = _(
                "Rename it to one of these, or put the hosts below one of them too: {groups}."
            ).format(groups=", ".join(known))
        else:
            return set()
        message = message.format(group=group.name, hosts=", ".join(sorted(hosts)))
        file = self.site.directory / "hosts.yml"
        self.complaints.add(Complaint(message, remedy, file, group.line))
        return hosts & idle

    # Names

    def name(self, definition: Definition) -> None:
        name = definition.name
        if name in self.site.settings or name in self._secrets():
            return
        if re.fullmatch(r"(site|ansible)_[A-Za-z0-9_]+", name):
            return
        message = _("No role knows a setting “{name}”.").format(name=name)
        near = difflib.get_close_matches(_folded(name), self.site.settings, 3, 0.7)
        remedy = (
            _("Did you mean {near}?").format(near=", ".join(near))
            if near
            else _("Names of your own begin with site_, for example site_{name}.").format(
                name=re.sub(r"\W", "_", name)
            )
        )
        self.complain(definition, message, remedy)

    def _secrets(self) -> set[str]:
        return {
            name for part in self.site.catalogue.values() for name in part.meta.get("secrets", {})
        }

    # Values

    def value(self, definition: Definition, value: Any, formats_of: dict[str, str]) -> None:
        setting = self.site.settings.get(definition.name)
        if setting is None:
            return
        if value is None:
            if any(
                part.defaults.get(setting.name, "") is None for part in self.site.catalogue.values()
            ):
                return
            remedy = _("Give it a value, or remove the line to get the default.")
            self.complain(definition, types.empty(setting.name), remedy)
            return
        wrong = list(types.faults(setting, value))
        for fault in wrong:
            self.complain(definition, fault.message, fault.remedy, fault.keys)
        if not wrong:
            self._formats(definition, value, formats_of)

    def _formats(self, definition: Definition, value: Any, formats_of: dict[str, str]) -> None:
        """``formats`` name a setting, or with dots a key inside it; list elements are looked at."""
        for path, kind in formats_of.items():
            first, *rest = path.split(".")
            if first != definition.name:
                continue
            for keys, item in _leaves(value, rest):
                if types.unknown_yet(item):
                    continue
                fault = formats.fault(kind, item, self.site.directory)
                if not fault:
                    continue
                text = types.shown(self.site.settings[first], item)
                message = _("{name}: “{value}” does not fit: {fault}.").format(
                    name=path, value=text, fault=fault
                )
                self.complain(definition, message, inside=keys)

    def templates(self, host: Host, formats_of: dict[str, str]) -> None:
        """Values with braces: worked out for each host, then checked like all others."""
        for definition in host.definitions.values():
            if not is_template(definition.value):
                continue
            try:
                value = self.site.resolver(host).render(definition.value)
            except NotPlain as reason:
                self._template_fault(definition, reason)
            else:
                self.value(definition, value, formats_of)

    def _template_fault(self, definition: Definition, reason: NotPlain) -> None:
        name = definition.name
        if reason.kind == "loop":
            message = _("{name} needs its own value to be worked out: {way}.")
            self.complain(definition, message.format(name=name, way=reason.reason))
        elif reason.kind == "syntax":
            message = _("The template in {name} has an error: {reason}.")
            self.complain(definition, message.format(name=name, reason=reason.reason.rstrip(".")))
        elif reason.kind == "undefined" and not self._may_exist(reason.name):
            message = _("The template in {name} uses “{other}”, which nothing defines.")
            known = [*self.site.settings, *{entry.name for entry in self.definitions}]
            remedy = types.suggestion(reason.name, known)
            self.complain(definition, message.format(name=name, other=reason.name), remedy)

    def _may_exist(self, name: str) -> bool:
        return name.startswith("ansible_") or name in _MAGIC or name in self.site.settings

    # Connections

    def connection(self, host: Host) -> None:
        for name, wrong in _connection_faults(host):
            definition = host.definitions[name]
            message = _("{name} of host {host}: {fault}.")
            self.complain(definition, message.format(name=name, host=host.name, fault=wrong))

    # Required settings

    def required(self) -> None:
        missing: dict[str, list[str]] = {}
        for host in self.site.all_hosts.values():
            for component in self.site.components_of(host):
                for setting in component.settings.values():
                    if setting.required and self._is_missing(host, setting.name):
                        missing.setdefault(setting.name, []).append(host.name)
        for name, hosts in missing.items():
            self._complain_missing(name, list(dict.fromkeys(hosts)))

    def _is_missing(self, host: Host, name: str) -> bool:
        if name not in host.variables and (self.sealed or name in self._secrets()):
            return False
        value = host.variables.get(name)
        if name in host.variables and value is None:
            return False  # said already, with its line
        if name not in host.variables:
            value = next(
                (
                    part.defaults[name]
                    for part in self.site.components_of(host)
                    if name in part.defaults
                ),
                None,
            )
        if isinstance(value, str):
            return not value.strip()
        return value is None or value == [] or value == {}

    def _complain_missing(self, name: str, hosts: list[str]) -> None:
        setting = self.site.settings[name]
        message = _("{name} is required and has no value (host {hosts}).").format(
            name=name, hosts=", ".join(hosts)
        )
        definition = self.site.all_hosts[hosts[0]].definitions.get(name)
        if definition:
            self.complain(definition, message, setting.description)
            return
        place = "group_vars/all/settings.yml"
        remedy = _("Set it in {file}. {description}").format(
            file=place, description=setting.description
        )
        self.complaints.add(Complaint(message, remedy.strip()))


def needed_secrets(site: Site) -> dict[str, dict[str, Any]]:
    """Secrets (name → kind and length) that a host's component needs and nothing defines yet."""
    needed: dict[str, dict[str, Any]] = {}
    for host in site.all_hosts.values():
        for component in site.components_of(host):
            for part in with_dependencies(component.name, site.catalogue):
                for name, spec in part.meta.get("secrets", {}).items():
                    if name not in host.variables:
                        needed[name] = spec or {}
    return needed


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")


def _leaves(value: Any, path: list[str], keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every scalar reached by a path of dict keys, lists on the way being walked through."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, path, (*keys, index))
    elif path and isinstance(value, dict):
        if path[0] in value:
            yield from _leaves(value[path[0]], path[1:], (*keys, path[0]))
    elif not path and not isinstance(value, dict):
        yield keys, value


def _connection_faults(host: Host) -> Iterator[tuple[str, str]]:
    port = host.definitions.get("ansible_port")
    if port and not is_template(port.value) and formats.port(port.value):
        yield "ansible_port", formats.port(port.value)
    address = host.definitions.get("ansible_host")
    if address:
        wrong = formats.domain(host.address) if host.address else _("it has no value")
        if wrong and "_" not in host.address:  # SSH itself does not mind an underscore
            yield "ansible_host", wrong
    for name in ("ansible_ssh_private_key_file", "ansible_private_key_file"):
        if name in host.definitions and host.key_file:
            if not host.key_file.is_absolute():
                example = "{{ inventory_dir }}/" + str(host.key_file)
                yield (
                    name,
                    _("a path must not depend on where you are; write {example}").format(
                        example=example
                    ),
                )
            elif not host.key_file.is_file():
                yield name, _("there is no such file: {place}").format(place=host.key_file)
            return
