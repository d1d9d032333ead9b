"""A stand-in for localcloud.site.Site: hosts and values without files of a site.

For unit tests of what reads a site; the real loading is tested in test_site*.py.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2.nativetypes import NativeEnvironment


@dataclass
class HostDouble:
    name: str
    address: str = "127.0.0.1"
    port: int = 22
    user: str | None = "root"
    key_file: Path | None = None
    groups: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass
class SiteDouble:
    """``parts``: host name → [(component name, meta dict)]; ``values``: setting → value."""

    directory: Path
    hosts: dict[str, HostDouble]
    parts: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    endpoint_list: list[Any] = field(default_factory=list)
    outside: dict[str, HostDouble] = field(default_factory=dict)  # --limit

    @property
    def all_hosts(self) -> dict[str, HostDouble]:
        return {**self.hosts, **self.outside}

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def components(self) -> list[Any]:
        names = {name: meta for parts in self.parts.values() for name, meta in parts}
        return [SimpleNamespace(name=name, meta=meta) for name, meta in names.items()]

    def components_of(self, host: HostDouble) -> list[Any]:
        return [SimpleNamespace(name=n, meta=m) for n, m in self.parts.get(host.name, [])]

    def hosts_in(self, group: str) -> list[HostDouble]:
        return [host for host in self.hosts.values() if group in host.groups]

    def value(self, _host_name: str, setting: str) -> Any:
        return self.values.get(setting)

    def render(self, _host_name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.render(_host_name, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.render(_host_name, item) for item in value]
        if isinstance(value, str) and "{{" in value:
            return NativeEnvironment().from_string(value).render(self.values)
        return value

    def endpoints(self) -> list[Any]:
        return self.endpoint_list

    def lock(self, _verb: str) -> AbstractContextManager[None]:
        return nullcontext()
