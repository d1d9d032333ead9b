"""Problems that `verify` meets on a student's journey: what a student would see, what to do."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "journey_accounts_failed": Template(
        N_("The throw-away accounts for the journey could not be made on {host}."),
        N_("Read the lines of the host's accounts command, then run `localcloud install` again."),
        "host",
    ),
    "journey_no_accounts": Template(
        N_("The hub on {host} offers no way to make throw-away accounts for the journey."),
        N_("Test this hub by hand: log in, start the server, run a cell."),
        "host",
    ),
    "journey_ca_missing": Template(
        N_("The certificate of the site's own authority cannot be read on {host}: {path}."),
        N_("Run `localcloud install` again: it makes this certificate."),
        "host",
        "path",
    ),
    "journey_name_unknown": Template(
        N_("This computer cannot find the address of {name}: a student would see an error page."),
        N_(
            "Add {name} to your DNS, or to /etc/hosts of the computers that use it, or set the "
            "public address of the hub to one that resolves here."
        ),
        "name",
    ),
    "journey_unreachable": Template(
        N_("Nothing answers at {url}: a student would see “unable to connect”."),
        N_(
            "Check the hub's service and its proxy on the server (`localcloud status`), the "
            "firewall between here and the server, and the public address in the settings."
        ),
        "url",
    ),
    "journey_tls": Template(
        N_("The certificate of {url} is not accepted: a student would see a security warning."),
        N_(
            "Check that the certificate is valid today, names this address, and comes from the "
            "certificate authority of the site; then run `localcloud install` again."
        ),
        "url",
    ),
    "journey_timeout": Template(
        N_("{address} gave no answer for {seconds} seconds: a student would see a blank page."),
        N_("The server may be overloaded: look at its memory and load, then at the hub's log."),
        "address",
        "seconds",
    ),
    "journey_redirect_loop": Template(
        N_("{address} sends the browser round in circles: a student would never see a page."),
        N_(
            "A proxy in front of the hub may change the protocol or the address: it must pass the "
            "headers Host and X-Forwarded-Proto unchanged."
        ),
        "address",
    ),
    "journey_hub_down": Template(
        N_("The proxy answers at {address}, but the hub behind it does not (HTTP {status})."),
        N_(
            "`localcloud status` shows whether it runs. Its log, on the server: "
            "`sudo journalctl -u jupyterhub -n 50` (in a cluster: "
            "`sudo k3s kubectl -n jupyterhub logs deploy/hub`)."
        ),
        "address",
        "status",
    ),
    "journey_http": Template(
        N_("{address} answered with the error HTTP {status}."),
        N_(
            "Look for this request in the hub's log, on the server: "
            "`sudo journalctl -u jupyterhub -n 50` (in a cluster: "
            "`sudo k3s kubectl -n jupyterhub logs deploy/hub`)."
        ),
        "address",
        "status",
    ),
    "journey_no_login_form": Template(
        N_("The page at {address} has no form with a user name and a password."),
        N_(
            "The journey can log in on the hub's own form only. If this hub logs people in "
            "elsewhere, test its login by hand; otherwise check which page this address shows."
        ),
        "address",
    ),
    "journey_not_closed": Template(
        N_("{address} opens without a login."),
        N_("Close the hub to the network until this is understood; check its login settings."),
        "address",
    ),
    "journey_login_refused": Template(
        N_("The hub refused the right password of the account {user}."),
        N_(
            "Check the hub's login settings: who is allowed in, and whether a proxy in front of "
            "it changes the visitor's address between two requests (XSRF)."
        ),
        "user",
    ),
    "journey_spawn_failed": Template(
        N_("The server of {user} did not start: a student would see “Spawn failed”."),
        N_(
            "Look at the hub's log on the host (`sudo journalctl -u jupyterhub -n 50`) and at the "
            "log of the user's server (`sudo journalctl -u 'jupyter-*' -n 50`); memory, disk and "
            "the Python environment of the users are the usual causes. In a cluster: "
            "`sudo k3s kubectl -n jupyterhub logs deploy/hub` and "
            "`sudo k3s kubectl -n jupyterhub get events`; memory and the image are usual there."
        ),
        "user",
    ),
    "journey_spawn_timeout": Template(
        N_("The server of {user} was still not ready after {seconds} seconds."),
        N_(
            "The host may be too slow or too full for this number of users: look at its load, "
            "memory and disk, or raise the time the hub waits for a server to start."
        ),
        "user",
        "seconds",
    ),
    "journey_server_closed": Template(
        N_("The server of {user} runs, but its own user was not let in."),
        N_(
            "Look at the log of the user's server: it must reach the hub to ask who the visitor "
            "is, and its JupyterHub version must match the hub's."
        ),
        "user",
    ),
    "journey_kernel_failed": Template(
        N_("No Python kernel could be started: a student would see “Error Starting Kernel”."),
        N_("Check that ipykernel is in the users' Python environment, then the server's log."),
    ),
    "journey_websocket_refused": Template(
        N_("The connection to the kernel was refused: cells would stay at “[*]” for ever."),
        N_(
            "A proxy in front of the hub must let WebSockets pass (HTTP/1.1 with the headers "
            "Upgrade, Connection, Host and Origin) and must not cut quiet connections."
        ),
    ),
    "journey_kernel_died": Template(
        N_("The kernel ended by itself: a student would see “The kernel appears to have died”."),
        N_(
            "Most often it wanted more memory than one person may use: raise the hub's memory "
            "limit, or look at the host's log."
        ),
    ),
    "journey_kernel_silent": Template(
        N_("The kernel gave no answer for {seconds} seconds: a cell would stay at “[*]”."),
        N_("The kernel may have been killed for lack of memory: look at the host's log."),
        "seconds",
    ),
    "journey_wrong_answer": Template(
        N_("A cell that prints {expected} answered {answer}."),
        N_("Look at the details; the users' Python environment may be damaged."),
        "expected",
        "answer",
    ),
    "journey_file_failed": Template(
        N_("A file that was saved could not be read back as it was."),
        N_("Check free disk space, quotas and the owner of the user's home on the server."),
    ),
    "journey_home_open": Template(
        N_("{user} can reach the files of {other}: {path}."),
        N_(
            "Homes must belong to their user alone (mode 0700): run `localcloud install` again, "
            "which repairs this, and find out what changed them."
        ),
        "user",
        "other",
        "path",
    ),
    "journey_token_open": Template(
        N_("{user} can read the secret token of the server of {other}."),
        N_("Every user's server must run as its own Unix user: check the hub's spawner."),
        "user",
        "other",
    ),
    "journey_server_open": Template(
        N_("{user} can open the server of {other} through the hub: {path}."),
        N_("Check the roles and scopes in the hub's configuration, and who its admins are."),
        "user",
        "other",
        "path",
    ),
    "journey_port_open": Template(
        N_("On the host, {user} gets data from port {port} of {other} without any password."),
        N_("The users' servers must ask the hub who visits: check their options for tokens."),
        "user",
        "port",
        "other",
    ),
    "journey_output_open": Template(
        N_("On the host, {user} can read what the kernel of {other} prints (port {port})."),
        N_(
            "Kernels must not talk over network ports that others can open: set the "
            "transport of kernels to ipc in the users' Jupyter settings."
        ),
        "user",
        "other",
        "port",
    ),
    "journey_shared_unreadable": Template(
        N_("The shared data folder {path} cannot be read by {user}."),
        N_("Check that the folder exists and that all users may read it (mode 0755)."),
        "path",
        "user",
    ),
    "journey_shared_writable": Template(
        N_("The shared data folder {path} can be changed by {user}."),
        N_("Only the administrators may write to it: run `localcloud install` again."),
        "path",
        "user",
    ),
    "journey_probe_failed": Template(
        N_("The check could not be made: the cell that makes it failed."),
        N_("Look at the details; run `localcloud verify` again."),
    ),
    "journey_stop_failed": Template(
        N_("The server of {user} could not be stopped."),
        N_("Look at the hub's log; the hub's administration page can stop servers too."),
        "user",
    ),
    "journey_stop_timeout": Template(
        N_("The server of {user} was still running {seconds} seconds after “Stop My Server”."),
        N_("Look at the hub's log and for processes of this user on the host."),
        "user",
        "seconds",
    ),
    "journey_logout_failed": Template(
        N_("After logging out, {address} is still open to {user}."),
        N_("Look at the hub's log; on shared computers people must close the browser until then."),
        "address",
        "user",
    ),
    "journey_cleanup_failed": Template(
        N_("The throw-away accounts could not be removed from {host}: {names}."),
        N_("The next `localcloud verify` removes them at its start; look at the details."),
        "host",
        "names",
    ),
    "journey_unexpected": Template(
        N_("The journey met a situation that its authors did not foresee."),
        N_("Please report it with the lines below."),
    ),
}
