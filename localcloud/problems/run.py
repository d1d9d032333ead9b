"""Problems while a playbook runs: named by roles, or found by the runner from the cause."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "task_failed": Template(
        N_("A step failed on host {host}: {task}."),
        N_(
            "Mend on the server, or in the site's settings, what its words above name; then run "
            "the same command again, which keeps what is done. All it said: "
            "`localcloud logs --full`."
        ),
        "host",
        "task",
    ),
    "task_failed_hidden": Template(
        N_("A step that handles secrets failed on host {host}: {task}."),
        N_(
            "Its words are hidden, here and in the record. Look at the server's own log "
            "(`sudo journalctl -n 100` on {host}), then run the same command again."
        ),
        "host",
        "task",
    ),
    "apt_failed": Template(
        N_("Host {host} could not install packages of its distribution: {reason}"),
        N_(
            "Run `sudo apt-get update` on the host and repair what it complains about "
            "(sources, mirror, proxy), then run the same command again."
        ),
        "host",
        "reason",
    ),
    "apt_locked": Template(
        N_("Another program is installing packages on host {host} and did not finish in time."),
        N_(
            "Wait for it (often the automatic updates: `systemctl status unattended-upgrades`), "
            "then run the same command again."
        ),
        "host",
    ),
    "pip_failed": Template(
        N_("Host {host} could not install Python packages: {reason}"),
        N_(
            "Check the site's Python package mirror and proxy settings with `localcloud check`, "
            "then run the same command again."
        ),
        "host",
        "reason",
    ),
    "npm_failed": Template(
        N_("Host {host} could not install Node.js packages: {reason}"),
        N_(
            "Check the site's npm registry and proxy settings with `localcloud check`, "
            "then run the same command again."
        ),
        "host",
        "reason",
    ),
    "download_failed": Template(
        N_("Host {host} could not download {url}: {reason}"),
        N_("Check the host's network, proxy and mirror settings, then run the command again."),
        "host",
        "url",
        "reason",
    ),
    "checksum_mismatch": Template(
        N_("What host {host} downloaded from {url} is not the expected file."),
        N_(
            "A mirror or proxy serves another file (often an error page or an old copy). "
            "Refresh the mirror, then run the same command again."
        ),
        "host",
        "url",
    ),
    "no_space": Template(
        N_("The disk of host {host} is full ({path})."),
        N_("Free some space or enlarge the disk, then run the same command again."),
        "host",
        "path",
    ),
    "out_of_memory": Template(
        N_("Host {host} ran out of memory during: {task}."),
        N_("Give the machine more memory or swap, or stop other services; then run it again."),
        "host",
        "task",
    ),
    "task_timeout": Template(
        N_("A step took too long on host {host}: {task}."),
        N_("See whether the machine or its network hangs, then run the same command again."),
        "host",
        "task",
    ),
    "permission_denied": Template(
        N_("User {user} may not become root on host {host}."),
        N_("Run `localcloud check`, which tells what to write into sudoers."),
        "host",
        "user",
    ),
    "host_busy": Template(
        N_("Another localcloud works on host {host} right now ({holder}, since {since})."),
        N_("Wait until it is done. If it no longer exists, the lock goes with its connection."),
        "host",
        "holder",
        "since",
    ),
    "service_failed": Template(
        N_("The service {unit} does not run on host {host}."),
        N_("Read its log on the host: `sudo journalctl -u {unit} -n 50`."),
        "host",
        "unit",
    ),
    "packages_failed": Template(
        N_("Host {host}: {manager} could not bring the packages of {environment}."),
        N_(
            "The lines above say why. Most often a mirror or proxy: `localcloud check` tries them; "
            "then run the same command again."
        ),
        "host",
        "manager",
        "environment",
    ),
    "package_unknown": Template(
        N_("Host {host}: the package index knows no Python package “{package}”."),
        N_(
            "Correct hub_user_packages in the site's settings: most often it is a typing error. "
            "If the name is right, the site's own mirror (base_pip_index_url) lacks it."
        ),
        "host",
        "package",
    ),
    "unit_failed": Template(
        N_("Host {host}: systemd could not {step} the service {unit}."),
        N_("Read its log on the host: `sudo journalctl -u {unit} -n 50`."),
        "host",
        "step",
        "unit",
    ),
    "hub_silent": Template(
        N_("The hub on host {host} runs but does not answer (HTTP status {status})."),
        N_(
            "The hub's last words stand above. If you set jupyterhub_config, look there first; "
            "then run the same command again."
        ),
        "host",
        "status",
    ),
    "hub_restarting": Template(
        N_("The hub on host {host} starts and ends again and again ({unit})."),
        N_(
            "Its last words stand above. If you set jupyterhub_config, look there first; then run "
            "the same command again."
        ),
        "host",
        "unit",
    ),
    "upgrade_went_back": Template(
        N_("{component} went back to {old} on host {host}; the upgrade to {new} failed."),
        N_(
            "It runs as before, with its state from before the upgrade. The words above say what "
            "failed: mend that and run `localcloud install` again, or set the version back to "
            "{old} in the site's settings."
        ),
        "component",
        "host",
        "old",
        "new",
    ),
    "upgrade_stuck": Template(
        N_("An upgrade of {component} failed, and going back failed on host {host}, too."),
        N_(
            "Its last words stand above. What was kept is still there: run `sudo {command} back "
            "now` on the host to try again, or mend the cause and run `localcloud install`."
        ),
        "component",
        "host",
        "command",
    ),
    "reset_left": Template(
        N_("Something could not be taken out of host {host}: {left}."),
        N_("See what holds it (`sudo lsof`, `mount`), then run `localcloud reset` again."),
        "host",
        "left",
    ),
    "setting_invalid": Template(
        N_("The setting {setting} cannot be used on host {host}: {reason}"),
        N_("Correct {setting} in the site's settings."),
        "host",
        "setting",
        "reason",
    ),
}
