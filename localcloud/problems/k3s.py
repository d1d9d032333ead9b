"""Problems of the role k3s: what its plan refuses beforehand, and what a cluster can do wrong."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "k3s_no_server": Template(
        N_("The site has agents of a cluster, but no server."),
        N_("Put one host (or three) below k3s_server in hosts.yml. Nothing was touched."),
    ),
    "k3s_both": Template(
        N_("These hosts are servers and agents of the cluster at once: {nodes}."),
        N_(
            "Keep each of them in one of the groups k3s_server and k3s_agent: a server runs pods, "
            "too. Nothing was touched."
        ),
        "nodes",
    ),
    "k3s_other_part": Template(
        N_("Host {node} is a cluster's {was} and shall become its {now}."),
        N_(
            "Take it out of the cluster first: `localcloud reset --limit {node}`, then install "
            "again. Nothing was touched."
        ),
        "node",
        "was",
        "now",
    ),
    "k3s_same_name": Template(
        N_("The hosts {first} and {second} would both be the node {node}."),
        N_("Give one of them another name in hosts.yml. Nothing was touched."),
        "first",
        "second",
        "node",
    ),
    "k3s_foreign": Template(
        N_("Host {node} has a k3s that localcloud did not install ({path})."),
        N_(
            "localcloud does not take over what others made. If nobody needs it, remove it with "
            "its own k3s-uninstall.sh (this deletes its volumes); or take another host."
        ),
        "node",
        "path",
    ),
    "k3s_architecture": Template(
        N_("Host {node} has a processor ({arch}) for which there is no k3s."),
        N_("Take a host with an amd64 or arm64 processor. Nothing was touched."),
        "node",
        "arch",
    ),
    "k3s_no_route": Template(
        N_("Host {node} has no default route, which k3s needs even without an internet."),
        N_(
            "Set its gateway. On an isolated network a dummy interface does: `ip link add dummy0 "
            "type dummy; ip addr add 203.0.113.254/31 dev dummy0; ip link set dummy0 up; ip route "
            "add default via 203.0.113.255 dev dummy0 metric 1000`, made lasting in its network "
            "configuration."
        ),
        "node",
    ),
    "k3s_key_owned": Template(
        N_("k3s_config has the key {key}, which localcloud writes itself (host {node})."),
        N_("Take it out of k3s_config; what decides it is {setting}. Nothing was touched."),
        "key",
        "node",
        "setting",
    ),
    "k3s_version_form": Template(
        N_("k3s_version is “{version}”, which is no release of k3s (host {node})."),
        N_("Write it as v1.36.4+k3s1: with the v, three numbers, and +k3s1."),
        "version",
        "node",
    ),
    "k3s_version_unknown": Template(
        N_("localcloud does not know the hash of {file} of k3s {version} (host {node})."),
        N_(
            "Take the line of {file} in {url} and write it into the settings, as k3s_checksums: "
            "{{{version}: {{{file}: the 64 characters}}}}. Nothing was touched."
        ),
        "file",
        "version",
        "node",
        "url",
    ),
    "k3s_version_down": Template(
        N_("Host {node} runs k3s {old}; {new} is older."),
        N_(
            "A cluster's database cannot go back. Set k3s_version to {old} or newer; an older "
            "cluster comes only from a backup. Nothing was touched."
        ),
        "node",
        "old",
        "new",
    ),
    "k3s_version_skips": Template(
        N_("Host {node} runs k3s {old}; from there to {new} a minor version would be skipped."),
        N_("Go through a release of {step} first: set k3s_version to one. Nothing was touched."),
        "node",
        "old",
        "new",
        "step",
    ),
    "k3s_servers_first": Template(
        N_("Host {node} would get k3s {new} while a server stays at {old}."),
        N_(
            "Servers are upgraded before agents: run `localcloud install` without --limit, and "
            "give k3s_version one value for all hosts. Nothing was touched."
        ),
        "node",
        "new",
        "old",
    ),
    "k3s_node_too_old": Template(
        N_("Host {node} would get k3s {new}, too old for a cluster of {old}."),
        N_("Give k3s_version one value for all hosts. Nothing was touched."),
        "node",
        "new",
        "old",
    ),
    "k3s_lasting": Template(
        N_("{setting} is {now}, but the cluster of host {node} was made with {was}."),
        N_(
            "k3s keeps that for the cluster's whole life: set it back. For another value the "
            "cluster must be made anew: save people's files, `localcloud reset`, and install. "
            "Nothing was touched."
        ),
        "setting",
        "now",
        "node",
        "was",
    ),
    "k3s_other_token": Template(
        N_("The site's k3s_token is not the one that the cluster of host {node} was made with."),
        N_(
            "Bring back the site's secrets as they were (secrets.yml and secrets.key, from your "
            "copy): with another token k3s would not start again. Nothing was touched."
        ),
        "node",
    ),
    "k3s_not_alike": Template(
        N_("{setting} differs between the cluster's servers: {values}."),
        N_("Write it once, in group_vars/all or group_vars/k3s_server.yml. Nothing was touched."),
        "setting",
        "values",
    ),
    "k3s_servers_unseen": Template(
        N_("These servers of the cluster could not be looked at: {servers}."),
        N_(
            "Without them it is not known whether there is a cluster already. Run the command "
            "without --limit, or take hosts that are gone for good out of hosts.yml."
        ),
        "servers",
    ),
    "k3s_no_cluster": Template(
        N_("There is no cluster yet, and this run leaves out its first server, {first}."),
        N_("Run the command without --limit. Nothing was touched."),
        "first",
    ),
    "k3s_api_silent": Template(
        N_("The cluster's API does not answer on server {server}."),
        N_(
            "Its words stand above. Read the log there: `sudo journalctl -u k3s -n 50`; then "
            "run the same command again."
        ),
        "server",
    ),
    "k3s_not_ready": Template(
        N_("After {seconds} seconds these nodes of the cluster are not ready: {nodes}."),
        N_(
            "What each lacks stands above. Read the log on that host: `sudo journalctl -u "
            "'k3s*' -n 50`; then run the same command again."
        ),
        "seconds",
        "nodes",
    ),
    "k3s_peers_silent": Template(
        N_(
            "Host {host} cannot leave its cluster: none of the servers that stay can be looked at "
            "({servers})."
        ),
        N_(
            "Bring one of them back and run the same command again. Those that are gone for good, "
            "take out of hosts.yml first."
        ),
        "host",
        "servers",
    ),
    "k3s_no_majority": Template(
        N_(
            "The server {node} cannot leave the cluster now: its database would lose its majority, "
            "for these servers do not work: {servers}."
        ),
        N_(
            "Bring them back and run the same command again; or, if they are gone for good, take "
            "them out of hosts.yml and run `localcloud install` first. The node works on."
        ),
        "node",
        "servers",
    ),
    "k3s_drain": Template(
        N_("The node {node} could not be emptied in {seconds} seconds."),
        N_(
            "Something above does not let go of it (a disruption budget, a volume). Mend that, or "
            "raise k3s_drain_timeout; then run the same command again. An upgrade can do without "
            "(k3s_drain_enabled: false). Until then the node takes no new pods."
        ),
        "node",
        "seconds",
    ),
    "k3s_drained_all": Template(
        N_("No node would be left for what runs on the nodes to be emptied: {nodes}."),
        N_(
            "Take k3s_node_drained out of the settings of one of them, or give the cluster another "
            "node first. Nothing on them was ended."
        ),
        "nodes",
    ),
}
