"""Problems of moving from one hub to another, and what is said of it beforehand."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "hub_move": Template(
        N_(
            "People move from {old} to {new} on host {host}. Accounts ({accounts}, of them "
            "administrators: {admins}) come along with their passwords, and so does the hub's "
            "internal certificate authority. Homes ({homes}) stay as they are."
        ),
        N_(
            "Running servers ({servers}) and {old} are stopped as soon as {new} can take over, so "
            "choose a quiet hour. Nothing of {old} is deleted. To go back, put the host into the "
            "group {group} again and run `localcloud install`."
        ),
        "host",
        "old",
        "new",
        "group",
        "accounts",
        "admins",
        "homes",
        "servers",
    ),
    "hub_move_cluster": Template(
        N_(
            "People move from {old} on host {host} to {new}. Accounts ({accounts}, of them "
            "administrators: {admins}) come along with their passwords. Homes ({homes}) are copied "
            "into volumes of the cluster, which takes as much space again, and time."
        ),
        N_(
            "Running servers ({servers}) and {old} are stopped before the homes are copied, so "
            "choose a quiet hour, and have the hub's name point to the cluster. Nothing of {old} "
            "is deleted, and no file in a home is touched."
        ),
        "host",
        "old",
        "new",
        "accounts",
        "admins",
        "homes",
        "servers",
    ),
    "hub_home_copy": Template(
        N_("The home of {names} on host {host} could not be copied into a volume of the cluster."),
        N_(
            "Nothing was deleted, and what is copied stays copied. Mend the cause above and run "
            "the same command again: it goes on with the homes that are missing."
        ),
        "names",
        "host",
    ),
    "hub_home_missing": Template(
        N_("Homes are not where the users of host {host} have them: {places}."),
        N_(
            "Mount the disk that they are on, or correct the place (`usermod -d`); for somebody "
            "who shall not come along, remove the user. Then run the same command again. The old "
            "hub runs on."
        ),
        "host",
        "places",
    ),
    "hub_move_limit": Template(
        N_("The {old} on host {host} cannot be left: {new} is not among the hosts of this run."),
        N_(
            "Run the same command without --limit: the installation then brings people to {new}. "
            "Alone, host {host} would become a node of the cluster beside its hub, and take its "
            "address away."
        ),
        "host",
        "old",
        "new",
    ),
    "hub_left": Template(
        N_("{old} is still on host {host}, stopped; nobody is with it any more."),
        N_("When people are content with the new hub: `localcloud reset --old-hub`."),
        "host",
        "old",
    ),
    "hub_move_impossible": Template(
        N_("Host {host} has {old}; localcloud cannot bring its people to {new}."),
        N_(
            "Keep the host in the group {group} and install {new} on other servers. Or take {old} "
            "out first with `localcloud reset --limit {host}`: homes stay on the host, accounts in "
            "the site."
        ),
        "host",
        "old",
        "new",
        "group",
    ),
    "hub_move_unprepared": Template(
        N_("The {old} on host {host} was installed before localcloud could move people."),
        N_(
            "Put the host back into the group {group}, run `localcloud install` once, and then "
            "move on to {new}."
        ),
        "host",
        "old",
        "new",
        "group",
    ),
    "hub_takeover": Template(
        N_("The people of the other hub on host {host} could not be brought to {component}."),
        N_(
            "Nothing was deleted. Mend the cause above and run the same command again; or put the "
            "host back into its former group in hosts.yml and run `localcloud install`."
        ),
        "host",
        "component",
    ),
    "hub_new_unseen": Template(
        N_("The old hub stays: {names}, where people went, is not among the hosts of this run."),
        N_("Run `localcloud reset --old-hub` without --limit."),
        "names",
    ),
    "hub_old_needed": Template(
        N_("The old hub stays: a student's journey through the new one failed."),
        N_("Mend what the journey says above, then run `localcloud reset --old-hub` again."),
    ),
}
