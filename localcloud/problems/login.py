"""Problems on the way into a host: the network, the host key, the login."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

_IS_IT_ON = N_(
    "Check that the machine is on and that `ansible_host` and `ansible_port` in hosts.yml are "
    "right; then try `ssh -p {port} {user}@{address}` from this computer."
)

PROBLEMS: dict[str, Template] = {
    "unreachable": Template(
        N_("Host {host} cannot be reached over SSH."),
        N_(
            "Check that the machine is on and that its address in hosts.yml is right, "
            "then run `localcloud check`, which tells more."
        ),
        "host",
    ),
    "unreachable_name": Template(
        N_("Host {host}: the name {address} does not resolve to an address."),
        N_(
            "Set `ansible_host` of {host} in hosts.yml to its IP address, or add the name to "
            "the DNS or to /etc/hosts of this computer."
        ),
        "host",
        "address",
    ),
    "unreachable_timeout": Template(
        N_("Host {host} ({address}, port {port}) did not answer within {seconds} seconds."),
        _IS_IT_ON,
        "host",
        "address",
        "port",
        "user",
        "seconds",
    ),
    "unreachable_refused": Template(
        N_("Host {host} ({address}) refuses connections on port {port}: no SSH server there."),
        N_(
            "Check `ansible_port` in hosts.yml and that the SSH server runs on the machine "
            "(`systemctl status ssh`)."
        ),
        "host",
        "address",
        "port",
    ),
    "unreachable_route": Template(
        N_("There is no way from this computer to host {host} ({address}): {reason}."),
        N_("Check this computer's network (cable, VPN, route) and the address in hosts.yml."),
        "host",
        "address",
        "reason",
    ),
    "unreachable_lab": Template(
        N_("The practice machine {host} is not running."),
        N_("Start it: `localcloud lab up {site}`."),
        "host",
        "site",
    ),
    "unreachable_not_ssh": Template(
        N_("Host {host}: what answers at {address}, port {port}, is not a working SSH server."),
        N_("Check `ansible_port` in hosts.yml; then look at the SSH server's log on the machine."),
        "host",
        "address",
        "port",
    ),
    "unreachable_lost": Template(
        N_("The connection to host {host} was cut."),
        N_("Check the network and that the machine still runs, then repeat the command."),
        "host",
    ),
    "command_timeout": Template(
        N_("Host {host} did not finish a command within {seconds} seconds."),
        N_("See whether the machine is overloaded or a disk hangs, then repeat the command."),
        "host",
        "seconds",
    ),
    "host_key_changed": Template(
        N_("Host {host} ({address}) shows another host key: {new} instead of the pinned {old}."),
        N_(
            "Somebody may be listening in. Only if the machine was re-installed, run "
            "`ssh-keygen -R '{target}' -f {known_hosts}` and then `localcloud init {site}`."
        ),
        "host",
        "address",
        "old",
        "new",
        "target",
        "known_hosts",
        "site",
    ),
    "host_key_unknown": Template(
        N_("The host key of {host} ({address}) is not pinned yet."),
        N_("Run `localcloud init {site}`, which shows the fingerprint and pins it."),
        "host",
        "address",
        "site",
    ),
    "known_hosts_broken": Template(
        N_("The file of pinned host keys, {known_hosts}, cannot be read."),
        N_("Repair or remove the broken line; `localcloud init {site}` pins missing keys anew."),
        "known_hosts",
        "site",
    ),
    "auth_failed": Template(
        N_("Host {host} does not let user {user} in with {tried}."),
        N_(
            "Check `ansible_user` in hosts.yml and bring your key to the host: "
            "`ssh-copy-id {key_option}-p {port} {user}@{address}`."
        ),
        "host",
        "user",
        "tried",
        "key_option",
        "port",
        "address",
    ),
    "auth_no_key": Template(
        N_("There is no SSH key to enter host {host} with: no key file and none in the agent."),
        N_(
            "Make one with `ssh-keygen -t ed25519`, bring it over with "
            "`ssh-copy-id -p {port} {user}@{address}`, or name an existing one as "
            "`ansible_ssh_private_key_file` in hosts.yml."
        ),
        "host",
        "user",
        "port",
        "address",
    ),
    "key_missing": Template(
        N_("The SSH key file for host {host} does not exist: {key_file}."),
        N_("Correct `ansible_ssh_private_key_file` in hosts.yml."),
        "host",
        "key_file",
    ),
    "key_too_open": Template(
        N_("Others on this computer can read the SSH key file {key_file} (mode {mode})."),
        N_("SSH refuses such keys. Run `chmod 600 {key_file}`."),
        "key_file",
        "mode",
    ),
    "key_encrypted": Template(
        N_("The SSH key file {key_file} is protected by a passphrase and not in the agent."),
        N_("Unlock it for this session: `eval $(ssh-agent)` and `ssh-add {key_file}`."),
        "key_file",
    ),
    "key_unreadable": Template(
        N_("The SSH key file {key_file} cannot be used: {reason}."),
        N_("Name a private key (ed25519, ECDSA or RSA) that you may read, not its .pub half."),
        "key_file",
        "reason",
    ),
}
