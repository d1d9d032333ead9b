"""What the roles of a site's hosts cannot do without: required settings and secrets."""

from typing import Any

from localcloud.i18n import _
from localcloud.site.belonging import secret_names
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.model import Host, Site


def check_required(site: Site, complaints: Complaints, sealed: bool) -> None:
    """Required settings of every host's roles; one complaint a setting.

    ``sealed``: a vault file stayed closed, so what is missing may be in there.
    """
    for name, hosts in missing_settings(site, sealed).items():
        complaints.add(_missing(site, name, list(dict.fromkeys(hosts))))


def missing_settings(site: Site, sealed: bool = False) -> dict[str, list[str]]:
    """Required settings without a value → the hosts that need them."""
    missing: dict[str, list[str]] = {}
    for host in site.all_hosts.values():
        for component in site.components_of(host):
            for setting in component.settings.values():
                if setting.required and _is_missing(site, host, setting.name, sealed):
                    missing.setdefault(setting.name, []).append(host.name)
    return missing


def _is_missing(site: Site, host: Host, name: str, sealed: bool) -> bool:
    if name not in host.variables and (sealed or name in secret_names(site)):
        return False
    value = host.variables.get(name)
    if name in host.variables and value is None:
        return False  # said already, with its line
    if name not in host.variables:
        value = next(
            (part.defaults[name] for part in site.components_of(host) if name in part.defaults),
            None,
        )
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or value == {}


def _missing(site: Site, name: str, hosts: list[str]) -> Complaint:
    setting = site.settings[name]
    message = _("{name} is required and has no value (host {hosts}).").format(
        name=name, hosts=", ".join(hosts)
    )
    definition = site.all_hosts[hosts[0]].definitions.get(name)
    if definition:
        place = definition.document.path
        return Complaint(message, _(setting.description), place, definition.line())
    remedy = _("Set it in {file}. {description}").format(
        file="group_vars/all/settings.yml", description=_(setting.description)
    )
    return Complaint(message, remedy.strip())


def needed_secrets(site: Site) -> dict[str, dict[str, Any]]:
    """Secrets (name → kind and length) that a host's component needs and nothing defines yet."""
    needed: dict[str, dict[str, Any]] = {}
    for host in site.all_hosts.values():
        for component in site.components_of(host):
            for name, spec in component.meta.get("secrets", {}).items():
                if name not in host.variables:
                    needed[name] = spec or {}
    return needed
