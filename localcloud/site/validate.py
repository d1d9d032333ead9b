"""Is the site in order? Everything is looked at before any host is touched."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.components import Setting
from localcloud.i18n import _
from localcloud.site import formats, types
from localcloud.site.belonging import check_groups, check_name
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.connections import check_connection, check_strictness
from localcloud.site.declared import check_declared
from localcloud.site.inventory import Definition, Inventory
from localcloud.site.model import Host, Site
from localcloud.site.required import check_required
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
        check_groups(self.site, self.inventory, self.complaints)
        formats_of = {
            name: kind
            for component in self.site.catalogue.values()
            for name, kind in component.meta.get("formats", {}).items()
        }
        for definition in self.definitions:
            check_name(self.site, definition, self.complaints)
            check_strictness(definition, definition.value, self.complaints)
            self.value(definition, definition.value, formats_of)
        for host in self.site.all_hosts.values():
            self.templates(host, formats_of)
            check_connection(host, self.complaints)
        check_required(self.site, self.complaints, self.sealed)
        check_declared(self.site, self.complaints)

    def complain(
        self, definition: Definition, message: str, remedy: str = "", inside: Keys = ()
    ) -> None:
        line = definition.line(*inside)
        self.complaints.add(Complaint(message, remedy, definition.document.path, line))

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
        if definition.document.sealed:
            setting = types.hidden(setting)
        wrong = list(types.faults(setting, value))
        for fault in wrong:
            self.complain(definition, fault.message, fault.remedy, fault.keys)
        if not wrong:
            self._formats(definition, setting, value, formats_of)

    def _formats(
        self, definition: Definition, setting: Setting, value: Any, formats_of: dict[str, str]
    ) -> None:
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
                text = types.shown(setting, item)
                message = _("{name}: {value} does not fit: {fault}.").format(
                    name=path, value=text, fault="…" if setting.no_log else fault
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
                check_strictness(definition, value, self.complaints)
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
