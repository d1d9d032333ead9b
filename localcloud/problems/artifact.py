"""Problems with files from outside, as the module ``artifact`` finds them."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "artifact_no_source": Template(
        N_("Host {host} needs {file} ({name} {version}), and there is no place to get it from."),
        N_(
            "Put the file into the folder that artifact_local_dir names, or set "
            "artifact_mirror_url, or set artifact_online to true; then run the same command again."
        ),
        "host",
        "file",
        "name",
        "version",
    ),
    "artifact_not_there": Template(
        N_("{file} ({name} {version}) for host {host} is not at: {places}."),
        N_(
            "Check the version in the site's settings. If a mirror is to serve it, put the file "
            "there; or put it into the folder that artifact_local_dir names."
        ),
        "file",
        "name",
        "version",
        "host",
        "places",
    ),
    "artifact_refused": Template(
        N_("The server answered host {host} with HTTP status {status} for {url}."),
        N_(
            "Status 403 and 407 come from a proxy or a mirror that wants a login, 5xx from one "
            "that is out of order: check base_https_proxy and artifact_mirror_url, or put the "
            "file into the folder that artifact_local_dir names; then run the same command again."
        ),
        "host",
        "status",
        "url",
    ),
    "artifact_unreachable": Template(
        N_("Host {host} cannot reach {url}."),
        N_(
            "Its words stand above. Check the host's network, base_https_proxy and "
            "base_ca_certificates; or let this computer send the file: put it into the folder "
            "that artifact_local_dir names."
        ),
        "host",
        "url",
    ),
    "artifact_hangs": Template(
        N_("{url} sent host {host} nothing more for {seconds} seconds."),
        N_(
            "Run the same command again: it goes on where it stopped. On a slow line raise "
            "artifact_timeout, or put the file into the folder that artifact_local_dir names."
        ),
        "url",
        "host",
        "seconds",
    ),
    "artifact_cut": Template(
        N_("The download of {url} to host {host} was cut off each time."),
        N_("Run the same command again: it goes on where it stopped. What came is kept."),
        "url",
        "host",
    ),
    "artifact_wrong": Template(
        N_("What {url} gave host {host} is not {file} {version}: its hash is wrong."),
        N_(
            "A proxy's error page, an old copy or a damaged file; it was thrown away. Refresh "
            "the mirror, or correct the version and its hash in the settings; then run the same "
            "command again."
        ),
        "url",
        "host",
        "file",
        "version",
    ),
    "artifact_local_wrong": Template(
        N_("The file {url} on this computer is not {file} {version}: its hash is wrong."),
        N_(
            "It is damaged or of another version; nothing of it is on host {host}. Replace or "
            "remove it, then run the same command again. Expected: {expected}."
        ),
        "url",
        "file",
        "version",
        "host",
        "expected",
    ),
    "artifact_local_missing": Template(
        N_("There is no file {path} on this computer, which the site's settings name."),
        N_("Put it there (a relative path counts from the site), or take it out of the settings."),
        "path",
    ),
    "artifact_no_space": Template(
        N_("Host {host} has no room for {file} in {path}: it needs {needs} and has {has}."),
        N_(
            "Free some space or enlarge the disk, then run the same command again. What was "
            "there before still works."
        ),
        "host",
        "file",
        "path",
        "needs",
        "has",
    ),
    "artifact_unwritable": Template(
        N_("Host {host} could not write {file} into {path}."),
        N_("See what the host says above (a read-only disk?), then run the same command again."),
        "host",
        "file",
        "path",
    ),
    "artifact_part_odd": Template(
        N_("The server of {url} could not continue the download to host {host}."),
        N_("Run the same command again; it begins anew."),
        "url",
        "host",
    ),
}
