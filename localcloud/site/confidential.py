"""What must never be written down or shown: a site's secret texts."""

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from localcloud.errors import UsageError
from localcloud.site.model import Host, Site

# Ansible's own variables that hold a password.
_CONNECTION = {
    *("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
    *("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"),
}


def secret_texts(site: Site) -> set[str]:
    """Generated, vaulted and ``no_log`` values, passwords inside URLs, and the vault's key."""
    declared = {name for part in site.catalogue.values() for name in part.meta.get("secrets", {})}
    marked = {name for name, setting in site.settings.items() if setting.no_log}
    urls = {
        name.split(".")[0]
        for part in site.catalogue.values()
        for name, kind in part.meta.get("formats", {}).items()
        if kind == "url"
    }
    found: set[str] = set()
    for host in site.all_hosts.values():
        for name in host.variables:
            if name in declared | marked | _CONNECTION or _is_sealed(host, name):
                found |= set(_texts(_known(site, host, name)))
            elif name in urls:
                for text in _texts(_known(site, host, name)):
                    found |= _passwords(text)
    with contextlib.suppress(OSError):
        found.add(site.vault_key.read_text().strip())
    return {text for text in found | site.sealed_values if text.strip()}


def _is_sealed(host: Host, name: str) -> bool:
    return name in host.definitions and host.definitions[name].document.sealed


def _known(site: Site, host: Host, name: str) -> Any:
    try:
        return site.value(host.name, name)
    except UsageError:
        return host.variables[name]


def _passwords(url: str) -> set[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return set()
    return {password, unquote(password)} if password else set()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
