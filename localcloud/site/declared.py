"""What a role says of its settings and hosts beyond types, in its ``meta/localcloud.yml``:

``supports``  setting → the values that this component can do, of all that the vocabulary knows;
``asks_for``  setting → value → other settings that must then have a value;
``own_accounts``  whether people log in with accounts of the hub's own (no e-mail addresses);
``beside``    a group that this component's hosts must be in, too;
``single``    true: one host of a site at most;
``requirements``  of those, what needs no look at a host: ``hosts_in``, a group that must have hosts
if this component has any; ``apart``, groups that share no host; ``networks``, settings whose
networks do not overlap.
"""

import ipaddress
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from localcloud.components import Component
from localcloud.i18n import _
from localcloud.site import formats
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.model import Host, Site
from localcloud.site.templates import NotPlain


def check_declared(site: Site, complaints: Complaints) -> None:
    for host in site.all_hosts.values():
        for component in site.components_of(host):
            for check in (_supports, _asks_for, _networks, _accounts):
                for found in check(site, host, component):
                    complaints.add(found)
    for component in site.catalogue.values():
        for found in _groups(site, component):
            complaints.add(found)
        for group in component.groups:
            for found in _company(site, component, group):
                complaints.add(found)


def _supports(site: Site, host: Host, component: Component) -> Iterator[Complaint]:
    for name, values in component.meta.get("supports", {}).items():
        value = _value(site, host, name)
        if value in values or type(value) not in {type(each) for each in values}:
            continue  # what has the wrong type was said already
        message = _("{name}: {component} cannot do “{value}” (host {host}).").format(
            name=name, component=component.name, value=_shown(value), host=host.name
        )
        known = ", ".join(_shown(each) for each in values)
        yield _at(host, name, message, _("It can do: {known}.").format(known=known))


def _asks_for(site: Site, host: Host, component: Component) -> Iterator[Complaint]:
    for name, cases in component.meta.get("asks_for", {}).items():
        value = _value(site, host, name)
        if _refused(site, host, name, value):
            continue  # said already; what such a value would need is of no use
        for other in cases.get(value, []) if isinstance(value, str) else []:
            if _value(site, host, other) not in (None, "", [], {}):
                continue
            message = _("{other} is required where {name} is “{value}” (host {host}).").format(
                other=other, name=name, value=value, host=host.name
            )
            yield _at(host, name, message, _(site.settings[other].description))


def _refused(site: Site, host: Host, name: str, value: Any) -> bool:
    """Whether one of the host's components cannot do this value."""
    return any(
        value not in component.meta["supports"][name]
        for component in site.components_of(host)
        if name in component.meta.get("supports", {})
    )


def _company(site: Site, component: Component, group: str) -> Iterator[Complaint]:
    hosts = [host for host in site.all_hosts.values() if group in host.groups]
    beside = component.meta.get("beside")
    for host in hosts:
        if beside and beside not in host.groups:
            message = _("Host {host} is in the group {group}, but not in {beside}.").format(
                host=host.name, group=group, beside=beside
            )
            remedy = _("Name under {group} in hosts.yml one of the hosts of {beside}.")
            yield Complaint(message, remedy.format(group=group, beside=beside))
    if component.meta.get("single") and len(hosts) > 1:
        message = _("The group {group} has {number} hosts; it can only have one.").format(
            group=group, number=len(hosts)
        )
        remedy = _("Keep one of them there: {hosts}.")
        yield Complaint(message, remedy.format(hosts=", ".join(host.name for host in hosts)))


def _groups(site: Site, component: Component) -> Iterator[Complaint]:
    requirements = component.meta.get("requirements") or {}
    wanted = requirements.get("hosts_in")
    mine = [host for host in site.all_hosts.values() if set(component.groups) & set(host.groups)]
    if wanted and mine and not any(wanted in host.groups for host in mine):
        message = _("The site has hosts for {component} ({hosts}), but none in the group {group}.")
        names = ", ".join(host.name for host in mine)
        message = message.format(component=component.name, hosts=names, group=wanted)
        yield Complaint(message, _("Put one host below {group} in hosts.yml.").format(group=wanted))
    for host in mine:
        both = [group for group in requirements.get("apart") or () if group in host.groups]
        if len(both) > 1:
            message = _("Host {host} is in the groups {groups} at once; they share no host.")
            message = message.format(host=host.name, groups=", ".join(both))
            yield Complaint(message, _("Keep it in one of them in hosts.yml."))


def _networks(site: Site, host: Host, component: Component) -> Iterator[Complaint]:
    names = (component.meta.get("requirements") or {}).get("networks") or ()
    for one, other in combinations(names, 2):
        first, second = (_network(_value(site, host, name)) for name in (one, other))
        if first and second and first.version == second.version and first.overlaps(second):
            message = _("{one} and {other} overlap: {first} and {second}.").format(
                one=one, other=other, first=first, second=second
            )
            yield _at(host, other, message, _("Give each a network of its own."))


def _accounts(site: Site, host: Host, component: Component) -> Iterator[Complaint]:
    """An administrator with a name that the login refuses would find out last."""
    setting = str((component.meta.get("endpoint") or {}).get("admins") or "")
    names = _value(site, host, setting) if setting else None
    if not isinstance(names, list) or not _has_own_accounts(site, host, component):
        return
    for name in names:
        fault = formats.account(name)
        if not fault or formats.username(name):
            continue  # what is no name anywhere was said already
        message = _("{name}: {value} does not fit: {fault}.").format(
            name=setting, value=name, fault=fault
        )
        remedy = _("Only a hub with another login than its own accounts can have such names.")
        yield _at(host, setting, message, remedy)


def _has_own_accounts(site: Site, host: Host, component: Component) -> bool:
    try:
        return bool(site.resolver(host).render(component.meta.get("own_accounts", False)))
    except NotPlain:
        return False  # the site's passed-through settings are for Ansible to work out


def _network(value: Any) -> Any:
    """The network, None for what is none: the setting's format tells that."""
    try:
        return ipaddress.ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


def _value(site: Site, host: Host, name: str) -> Any:
    """The setting's value; None where it is not known here, or wrong in a way already said."""
    try:
        return site.resolver(host).value(name)
    except (NotPlain, KeyError):
        return None


def _shown(value: Any) -> str:
    return str(value) if value not in ("", [], {}) else _("nothing")


def _at(host: Host, name: str, message: str, remedy: str) -> Complaint:
    definition = host.definitions.get(name)
    if definition is None:
        return Complaint(message, remedy)
    return Complaint(message, remedy, definition.document.path, definition.line())
