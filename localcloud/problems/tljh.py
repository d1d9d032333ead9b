"""Problems of The Littlest JupyterHub on one server."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "tljh_config": Template(
        N_("TLJH's config.yaml on host {host} cannot hold “{key}” as it is wished for."),
        N_(
            "Nothing of the hub was changed. The words above say why. Correct it in tljh_config in "
            "the site's settings; what was set by hand is mended with `sudo tljh-config`."
        ),
        "host",
        "key",
    ),
    "tljh_traefik_version": Template(
        N_("The file that was brought to host {host} is not Traefik {wanted}."),
        N_(
            "Its own words stand above. Set tljh_traefik_version to what it is, or "
            "tljh_traefik_url and tljh_traefik_sha256 to the right file."
        ),
        "host",
        "wanted",
    ),
    "tljh_installer": Template(
        N_("TLJH's installer did not come to its end on host {host}."),
        N_(
            "Its last words stand above, all of them in /opt/tljh/installer.log there. Mend the "
            "cause, then run the same command again: it goes on from here."
        ),
        "host",
    ),
    "tljh_packages": Template(
        N_("Packages for people's servers could not be installed on host {host}."),
        N_(
            "The words above name them. Look at hub_user_packages, tljh_conda_packages and "
            "tljh_conda_channels in the site's settings, and whether their sources answer."
        ),
        "host",
    ),
    "tljh_version_down": Template(
        N_("Host {node} runs TLJH {old}; {new} is older."),
        N_(
            "The hub's database and people's environment cannot go back. Set tljh_version, "
            "tljh_url and tljh_sha256 to {old} or newer. Nothing was touched."
        ),
        "node",
        "old",
        "new",
    ),
    "tljh_no_room": Template(
        N_("{path} on host {host} has too little room to keep the state before the upgrade."),
        N_(
            "{needed} MiB are needed and {free} MiB are free. Make room there, then run "
            "`localcloud install` again. Nothing was touched."
        ),
        "host",
        "path",
        "needed",
        "free",
    ),
    "tljh_not_kept": Template(
        N_("What is needed to go back after an upgrade could not be kept on host {host}."),
        N_("The words above say why. Nothing was touched; mend it, then run the command again."),
        "host",
    ),
    "tljh_architecture": Template(
        N_("Host {node} has another processor ({arch}) than tljh_architecture says."),
        N_("Set tljh_architecture to arm64 for aarch64, to amd64 for x86_64. TLJH has no others."),
        "node",
        "arch",
    ),
    "tljh_foreign": Template(
        N_("Host {node} has a TLJH that localcloud did not install ({path})."),
        N_(
            "localcloud does not take over what others made. Take another host; or save the homes "
            "and remove TLJH by hand, as its documentation says."
        ),
        "node",
        "path",
    ),
}
