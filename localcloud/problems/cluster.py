"""Problems that `check` finds where hosts are to be a cluster: each node, and between them."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "cgroup_old": Template(
        N_("The host runs with cgroup v1, which Kubernetes is giving up (from 1.35 on)."),
        N_(
            "It goes on for now: localcloud tells the kubelet to accept it. Better go back to the "
            "distribution's default, cgroup v2: take `systemd.unified_cgroup_hierarchy=0` out of "
            "/etc/default/grub, run `sudo update-grub`, restart."
        ),
    ),
    "multipathd_on": Template(
        N_("multipathd runs on the host and may seize the volumes that {component} makes."),
        N_(
            "If the host has no multipath storage: `sudo systemctl disable --now multipathd.socket "
            "multipathd`. Otherwise let it spare plain disks: `blacklist {{ devnode "
            '"^sd[a-z0-9]+" }}` in /etc/multipath.conf.'
        ),
        "component",
    ),
    "cluster_foreign": Template(
        N_("The host already has {name} ({path}), which is in the way of {component}."),
        N_("If nobody needs {name} any more, remove it with its own tools; or take another host."),
        "name",
        "path",
        "component",
    ),
    "network_collides": Template(
        N_("{setting} is {network}, but the host has {other} itself."),
        N_(
            "Choose a network that the campus does not use, before the first installation: for "
            "example `{setting}: {free}` in group_vars/all/settings.yml. Later it cannot be "
            "changed."
        ),
        "setting",
        "network",
        "other",
        "free",
    ),
    "network_nameserver": Template(
        N_("{setting} is {network}, and the host's name server {address} lies in it."),
        N_(
            "The cluster would hide it. Choose a network that the campus does not use: for "
            "example `{setting}: {free}` in group_vars/all/settings.yml."
        ),
        "setting",
        "network",
        "address",
        "free",
    ),
    "network_of_ours": Template(
        N_("{setting} is {network}, and this computer ({address}) lies in it."),
        N_(
            "The host could not answer us any more. Choose a network that the campus does not "
            "use: for example `{setting}: {free}` in group_vars/all/settings.yml."
        ),
        "setting",
        "network",
        "address",
        "free",
    ),
    "nameserver_missing": Template(
        N_("The host has no name server but itself, so {component}'s pods would ask a public one."),
        N_("Name the campus's name servers in /etc/resolv.conf (or in systemd-resolved)."),
        "component",
    ),
    "disk_slow": Template(
        N_(
            "Small writes below {path} take up to {p99_ms} ms until they are on the disk (half of "
            "them {median_ms} ms); the cluster's database wants {limit} ms at most."
        ),
        N_(
            "It works, but servers may lose sight of each other under load. Put {path} of the "
            "cluster's servers on an SSD, and nothing busy beside it; then check again."
        ),
        "path",
        "p99_ms",
        "median_ms",
        "limit",
    ),
    "module_missing": Template(
        N_("The kernel lacks modules that a cluster needs: {modules}."),
        N_(
            "Install them: Ubuntu has them in `linux-modules-extra-$(uname -r)`, Debian in the "
            "kernel `linux-image-amd64` (not the cloud one). Then restart the machine."
        ),
        "modules",
    ),
    "module_gone": Template(
        N_(
            "The files of the running kernel {kernel} are not there, so {modules} cannot be loaded."
        ),
        N_("Most likely it was upgraded: restart the machine, then check again."),
        "kernel",
        "modules",
    ),
    "module_unseen": Template(
        N_("From inside this container one cannot see whether the kernel has {modules}."),
        N_("On the machine that runs the container: `sudo modprobe -a {arguments}`."),
        "modules",
        "arguments",
    ),
    "servers_even": Template(
        N_("The group {group} has {number} hosts; an odd number is better."),
        N_(
            "A majority must stay, so {number} bear no more losses than {fewer}. Take {fewer} or "
            "{more}, unless you are on the way there."
        ),
        "group",
        "number",
        "fewer",
        "more",
    ),
    "product_uuid_twins": Template(
        N_("These hosts have the same product UUID, {mark}: {hosts}. They were cloned."),
        N_("Let the virtualization give each clone a UUID of its own (“new identity”)."),
        "mark",
        "hosts",
    ),
    "address_twins": Template(
        N_("These hosts have the same address towards the others, {mark}: {hosts}."),
        N_(
            "Behind a NAT each machine thinks so. Give them a network between them, and name each "
            "one's address there in hosts.yml: `{setting}`."
        ),
        "mark",
        "hosts",
        "setting",
    ),
    "mtu_apart": Template(
        N_("The hosts' networks take packets of different sizes (MTU): {sizes}."),
        N_(
            "Between pods, large packets would vanish while small ones arrive. Set one MTU on all "
            "hosts and on the switches between."
        ),
        "sizes",
    ),
    "peers_blocked": Template(
        N_("{others} cannot reach {host} ({address}) on {ports}."),
        N_(
            "Open these ports between the hosts of the cluster, in their firewalls and in the "
            "network's. If a host has several networks, name its address in the right one: "
            "`{setting}` in hosts.yml."
        ),
        "others",
        "host",
        "address",
        "ports",
        "setting",
    ),
    "peers_firewall": Template(
        N_("The host's own firewall, {firewall}, keeps {others} from {ports}."),
        N_("Nothing to do: `localcloud install` lets the hosts of the cluster through."),
        "firewall",
        "others",
        "ports",
    ),
    "peers_elsewhere": Template(
        N_("The address {address} of {host} leads {others} to another host."),
        N_("Name the address in the network that the hosts share: `{setting}` in hosts.yml."),
        "others",
        "host",
        "address",
        "setting",
    ),
    "peers_untested": Template(
        N_("Whether the other hosts reach this one could not be tried: {reason}."),
        N_("The ports that a cluster needs stand in docs/en/cluster.md."),
        "reason",
    ),
}
