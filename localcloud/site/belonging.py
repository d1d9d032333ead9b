"""Does every name in the site mean something: groups, hosts, settings?"""

import difflib
import re

from localcloud.components import groups
from localcloud.i18n import _
from localcloud.site.complaints import Complaint, Complaints
from localcloud.site.inventory import Definition, Group, Inventory
from localcloud.site.model import Site
from localcloud.site.near import near


def check_groups(site: Site, inventory: Inventory, complaints: Complaints) -> None:
    """Groups that nearly match a component's, and hosts that no component wants."""
    known = _known_groups(site)
    hosts_file = site.directory / "hosts.yml"
    if not inventory.hosts:
        message = _("The site has no host.")
        remedy = _("Add one below a group: {groups}.").format(groups=", ".join(sorted(known)))
        complaints.add(Complaint(message, remedy, hosts_file))
    idle = {host for host in inventory.hosts if not inventory.groups_of(host) & known}
    for group in inventory.groups.values():
        if group.name not in known | {"all", "ungrouped"}:
            idle -= _foreign_group(site, inventory, complaints, group, idle)
    for host in sorted(idle):
        message = _("Host {host} is in no group that gives it a part to play.")
        remedy = _("Put it below one of: {groups}.").format(groups=", ".join(sorted(known)))
        line = inventory.host_lines[host]
        complaints.add(Complaint(message.format(host=host), remedy, hosts_file, line))


def _foreign_group(
    site: Site, inventory: Inventory, complaints: Complaints, group: Group, idle: set[str]
) -> set[str]:
    """Complain about a group that is none of ours; gives the idle hosts it explains."""
    known = sorted(_known_groups(site))
    hosts = set(inventory.hosts_in(group.name))
    alike = difflib.get_close_matches(_folded(group.name), known, 1, 0.8)
    wrapped = alike and hosts and hosts <= set(inventory.hosts_in(alike[0]))
    if alike and not wrapped:
        message = _("No component has a group “{group}”.")
        remedy = _("Did you mean {near}?").format(near=alike[0])
    elif hosts and hosts <= idle and group.hosts:
        message = _("The group “{group}” gives its hosts no part to play: {hosts}.")
        remedy = _(
            "Rename it to one of these, or put the hosts below one of them too: {groups}."
        ).format(groups=", ".join(known))
    else:
        return set()
    message = message.format(group=group.name, hosts=", ".join(sorted(hosts)))
    file = site.directory / "hosts.yml"
    complaints.add(Complaint(message, remedy, file, group.line))
    return hosts & idle


def _known_groups(site: Site) -> set[str]:
    return groups(site.catalogue).keys() - {"all"}


def check_name(site: Site, definition: Definition, complaints: Complaints) -> None:
    """A name must be a role's setting, one of a person's own (site_*), or Ansible's."""
    name = definition.name
    if name in site.settings or name in secret_names(site):
        return
    if re.fullmatch(r"(site|ansible)_[A-Za-z0-9_]+", name):
        return
    message = _("No role knows a setting “{name}”.").format(name=name)
    alike = near(_folded(name), site.settings)
    remedy = (
        _("Did you mean {near}?").format(near=", ".join(alike))
        if alike
        else _("Names of your own begin with site_, for example site_{name}.").format(
            name=re.sub(r"\W", "_", name)
        )
    )
    line = definition.line()
    complaints.add(Complaint(message, remedy, definition.document.path, line))


def secret_names(site: Site) -> set[str]:
    """Every name that any role has generated."""
    return {name for part in site.catalogue.values() for name in part.meta.get("secrets", {})}


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")
