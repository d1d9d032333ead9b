"""A loaded site: its hosts, their settings, and what the components on them promise."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.components import Component, Setting, all_settings, with_dependencies
from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.site.inventory import Definition
from localcloud.site.lock import site_lock
from localcloud.site.templates import NotPlain, Resolver
from localcloud.site.vault import KEY_FILE, Vault

if TYPE_CHECKING:
    from localcloud.site.endpoints import Endpoint


@dataclass(frozen=True)
class Host:
    """One server of the site. ``variables`` are merged as Ansible merges them, and raw."""

    name: str
    groups: tuple[str, ...]  # sorted, parents included, without ``all``
    variables: dict[str, Any] = field(repr=False)
    address: str
    port: int
    user: str | None  # None: whoever runs localcloud
    key_file: Path | None
    definitions: dict[str, Definition] = field(default_factory=dict, repr=False, compare=False)


@dataclass
class Site:
    """A site directory that was read and found in order; see :func:`localcloud.site.load_site`."""

    directory: Path
    hosts: dict[str, Host]  # those within --limit
    catalogue: dict[str, Component]  # every component the kit has
    vault: Vault = field(repr=False)
    all_hosts: dict[str, Host] = field(default_factory=dict, repr=False)
    sealed_values: set[str] = field(default_factory=set, repr=False)

    @property
    def run_dir(self) -> Path:
        return self.directory / ".localcloud"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def vault_key(self) -> Path:
        return self.directory / KEY_FILE

    @property
    def components(self) -> list[Component]:
        """What the hosts within --limit get, dependencies first."""
        found: dict[str, Component] = {}
        for host in self.hosts.values():
            found.update({component.name: component for component in self.components_of(host)})
        return list(found.values())

    def hosts_in(self, group: str) -> list[Host]:
        return [host for host in self.hosts.values() if group in host.groups or group == "all"]

    def components_of(self, host: Host) -> list[Component]:
        found: dict[str, Component] = {}
        for component in self.catalogue.values():
            if {"all", *host.groups} & set(component.groups):
                for part in with_dependencies(component.name, self.catalogue):
                    found[part.name] = part
        return list(found.values())

    @cached_property
    def settings(self) -> dict[str, Setting]:
        """Every setting any role declares, by name."""
        return all_settings(self.catalogue.values())

    def lock(self, verb: str) -> contextlib.AbstractContextManager[None]:
        """Hold the site for one run; UsageError names the run that holds it already."""
        return site_lock(self.run_dir, verb)

    def value(self, host_name: str, setting_name: str) -> Any:
        """A setting of a host, worked out: the site's word, else the role's default, else None.

        Raises UsageError where even Ansible could not know the value on this computer.
        """
        host = self.all_hosts[host_name]
        raw = self._raw(host, setting_name) if self._has(host, setting_name) else None
        return self._work_out(host, setting_name, raw)

    def render(self, host_name: str, text: Any) -> Any:
        """Work out a template (or a list or dict holding some) with a host's settings."""
        return self._work_out(self.all_hosts[host_name], "", text)

    def resolver(self, host: Host) -> Resolver:
        """Plain Jinja over the settings of one host; raises NotPlain where that is not enough."""
        return Resolver(lambda name: self._raw(host, name), self._open_value)

    def endpoints(self) -> "list[Endpoint]":
        """Where people reach what the hosts within --limit offer."""
        from localcloud.site.endpoints import endpoint_of

        return [
            endpoint_of(self, component, host)
            for host in self.hosts.values()
            for component in self.components_of(host)
            if component.meta.get("endpoint")
        ]

    def secret_values(self) -> set[str]:
        """Every secret text of the site, for redaction."""
        from localcloud.site.confidential import secret_texts

        return secret_texts(self)

    def _has(self, host: Host, name: str) -> bool:
        try:
            self._raw(host, name)
        except KeyError:
            return False
        return True

    def _raw(self, host: Host, name: str) -> Any:
        if name in host.variables:
            return host.variables[name]
        own = self.components_of(host)
        for component in [*reversed(own), *self.catalogue.values()]:
            if name in component.defaults:
                return component.defaults[name]
        return _MAGIC[name](self, host)

    def magic(self, host: Host) -> dict[str, Any]:
        """The names Ansible itself gives every host, as far as they are known here."""
        return {name: make(self, host) for name, make in _MAGIC.items()}

    def groups(self) -> dict[str, list[str]]:
        """Group name → names of its hosts, as templates see them."""
        found: dict[str, list[str]] = {"all": list(self.all_hosts)}
        for host in self.all_hosts.values():
            for group in host.groups:
                found.setdefault(group, []).append(host.name)
        return found

    def _work_out(self, host: Host, name: str, raw: Any) -> Any:
        try:
            return self.resolver(host).render(raw)
        except NotPlain as reason:
            if reason.kind == "loop":
                raise _unknowable(host.name, name or str(raw), reason.reason) from reason
        from localcloud.site.fullansible import evaluate  # imports Ansible: 0.6 s

        return evaluate(self, host, name, raw)

    def _open_value(self, text: str) -> str:
        opened = self.vault.open(text.encode(), _("a value tagged !vault")).decode()
        self.sealed_values.add(opened)
        return opened


class _HostVars(Mapping[str, Any]):
    """``hostvars['name']`` in a template: another host's settings, worked out when asked for."""

    def __init__(self, site: Site, host: Host) -> None:
        self._site, self._host = site, host

    def __getitem__(self, name: str) -> Any:
        return self._site.resolver(self._host).value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._host.variables)

    def __len__(self) -> int:
        return len(self._host.variables)


_MAGIC: dict[str, Callable[[Site, Host], Any]] = {
    "inventory_hostname": lambda _site, host: host.name,
    "inventory_hostname_short": lambda _site, host: host.name.split(".")[0],
    "inventory_dir": lambda site, _host: str(site.directory),
    "inventory_file": lambda site, _host: str(site.directory / "hosts.yml"),
    "group_names": lambda _site, host: list(host.groups),
    "groups": lambda site, _host: site.groups(),
    "hostvars": lambda site, _host: {
        name: _HostVars(site, other) for name, other in site.all_hosts.items()
    },
}


def _unknowable(host: str, name: str, reason: str) -> UsageError:
    return UsageError(
        _("The value of {name} for host {host} cannot be worked out on this computer.").format(
            name=name, host=host
        ),
        _("Write a plain value, or a template that needs neither facts nor itself."),
        reason,
    )
