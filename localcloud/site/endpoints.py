"""Where people reach a component: ``endpoint:`` in its role's ``meta/localcloud.yml``."""

from dataclasses import dataclass, field
from typing import Any

from localcloud.components import Component
from localcloud.site.model import Host, Site


@dataclass(frozen=True)
class Endpoint:
    """Where people reach a component. The last four are paths on the host."""

    component: str
    host: str
    url: str
    admins: tuple[str, ...]
    admin_password: str | None = field(repr=False)  # no secret in a traceback
    accounts: str | None
    ca_certificate: str | None
    shared_data: str | None = None  # a folder that everybody can read and nobody can write
    earlier: str | None = None  # command that goes back to what ran before an upgrade


def endpoint_of(site: Site, component: Component, host: Host) -> Endpoint:
    """Work out a component's endpoint with the settings of one host."""
    spec = component.meta["endpoint"]
    admins = _named(site, host, spec.get("admins")) or []
    return Endpoint(
        component=component.name,
        host=host.name,
        url=str(_named(site, host, spec.get("url")) or ""),
        admins=tuple(admins) if isinstance(admins, list) else (str(admins),),
        admin_password=_named(site, host, spec.get("admin_password")),
        accounts=_literal(site, host, spec.get("accounts")),
        ca_certificate=_literal(site, host, spec.get("ca_certificate")),
        shared_data=_named(site, host, spec.get("shared_data")),
        earlier=_literal(site, host, spec.get("earlier")),
    )


def _named(site: Site, host: Host, name: str | None) -> Any:
    """The value of the setting called ``name``; a text with braces is a template instead."""
    if not name:
        return None
    return site.render(host.name, name) if "{{" in name else site.value(host.name, name)


def _literal(site: Site, host: Host, text: str | None) -> str | None:
    return (str(site.render(host.name, text)) or None) if text else None
