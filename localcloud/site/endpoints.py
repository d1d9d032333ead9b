"""Where people reach a component: ``endpoint:`` in its role's ``meta/localcloud.yml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.components import Component
from localcloud.site.model import Host, Site

_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """Where people reach a component. The last three are paths on the host."""

    component: str
    host: str
    url: str
    admins: tuple[str, ...]
    admin_password: str | None = field(repr=False)  # no secret in a traceback
    accounts: str | None
    ca_certificate: str | None
    shared_data: str | None = None  # a folder that everybody can read and nobody can write


def endpoint_of(site: Site, component: Component, host: Host) -> Endpoint:
    """Work out a component's endpoint with the settings of one host."""
    spec = component.meta["endpoint"]
    admins = _named(site, host, spec.get("admins")) or []
    return Endpoint(
        component=component.name,
        host=host.name,
        url=_url(site, host, spec),
        admins=tuple(admins) if isinstance(admins, list) else (str(admins),),
        admin_password=_named(site, host, spec.get("admin_password")),
        accounts=_literal(site, host, spec.get("accounts")),
        ca_certificate=_literal(site, host, spec.get("ca_certificate")),
        shared_data=_named(site, host, spec.get("shared_data")),
    )


def _url(site: Site, host: Host, spec: Mapping[str, Any]) -> str:
    """The setting that holds the URL, or one made of the settings in ``url_parts``."""
    url = _named(site, host, spec.get("url"))
    if url or "url_parts" not in spec:
        return str(url or "")
    parts = {key: _named(site, host, name) for key, name in spec["url_parts"].items()}
    scheme = "http" if parts.get("tls") == "off" else "https"
    name = str(parts.get("host") or host.address)
    name = f"[{name}]" if ":" in name and not name.startswith("[") else name
    number = parts.get("port") or _USUAL_PORTS[scheme]
    return f"{scheme}://{name}" + ("" if number == _USUAL_PORTS[scheme] else f":{number}")


def _named(site: Site, host: Host, name: str | None) -> Any:
    """The value of the setting called ``name``; a text with braces is a template instead."""
    if not name:
        return None
    return site.render(host.name, name) if "{{" in name else site.value(host.name, name)


def _literal(site: Site, host: Host, text: str | None) -> str | None:
    return (str(site.render(host.name, text)) or None) if text else None
