"""A stand-in site with one or more hosts on this computer, for real runs of stand-in playbooks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

STANDIN = Path(__file__).parent / "ansible_standin"
SECRET = "pa55'w\"rd ñ&$HOME<>"


@dataclass
class LocalHost:
    name: str
    variables: dict[str, Any]
    address: str = "127.0.0.1"
    port: int = 22
    user: str | None = None
    key_file: Path | None = None
    groups: tuple[str, ...] = ()


@dataclass
class LocalSite:
    """What runner and the verbs read of a site; its hosts are all this computer."""

    directory: Path
    hosts: dict[str, LocalHost]
    secrets: set[str] = field(default_factory=set)

    @property
    def run_dir(self) -> Path:
        return self.directory / ".localcloud"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def vault_key(self) -> Path:
        return self.directory / "secrets.key"

    def secret_values(self) -> set[str]:
        return self.secrets

    def endpoints(self) -> list[Any]:
        return []

    @property
    def components(self) -> list[Any]:
        return []

    def components_of(self, _host: LocalHost) -> list[Any]:
        return self.components

    def lock(self, _verb: str) -> AbstractContextManager[None]:
        return nullcontext()


def make(directory: Path, names: tuple[str, ...] = ("here",), **variables: Any) -> LocalSite:
    """Write a site directory whose hosts are reached without SSH."""
    directory.mkdir(parents=True, exist_ok=True)
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "site_target": str(directory / "target"),
        "hub_admin_password": SECRET,
        **variables,
    }
    inventory = {"all": {"hosts": {name: {} for name in names}, "vars": common}}
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory, allow_unicode=True))
    hosts = {name: LocalHost(name, common) for name in names}
    return LocalSite(directory, hosts, {SECRET})


def use(monkeypatch: Any) -> Iterator[None]:
    """Point the runner at the stand-in playbooks and roles."""
    from localcloud import ansible_env, runner

    monkeypatch.setattr(runner, "playbooks_dir", lambda: STANDIN / "playbooks")
    monkeypatch.setattr(ansible_env, "roles_dir", lambda: STANDIN / "roles")
