"""Problems that `check` finds before anything is changed: the machine itself."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "host_ok": Template(
        N_(
            "{system}, {cores} cores, {memory} GiB of memory, {disk} GiB free on disk, "
            "root by sudo."
        ),
        "",
        "system",
        "cores",
        "memory",
        "disk",
    ),
    "probe_failed": Template(
        N_("Host {host} let us in, but did not answer our questions (exit code {code})."),
        N_("The login shell of the user must be able to run `sh -s`; look at the details."),
        "host",
        "code",
    ),
    "system_unsupported": Template(
        N_("The host runs {system}, which {component} does not support."),
        N_("Install one of these on the machine: {known}."),
        "system",
        "component",
        "known",
    ),
    "system_untried": Template(
        N_("{system} should work, but nobody has tried localcloud on it yet."),
        N_("Go on, and please tell us how it went."),
        "system",
    ),
    "not_systemd": Template(
        N_("The host was started by {init}, not by systemd."),
        N_("Use a machine or container that runs systemd as its first process."),
        "init",
    ),
    "systemd_degraded": Template(
        N_("Some of the host's services have failed."),
        N_("See which: `systemctl --failed` on {host}. It need not concern us."),
        "host",
    ),
    "systemd_state": Template(
        N_("The host's systemd is in the state “{state}”."),
        N_("See `systemctl is-system-running` and `systemctl list-jobs` on {host}."),
        "host",
        "state",
    ),
    "sudo_missing": Template(
        N_("User {user} is not root, and sudo is not installed."),
        N_("As root on {host}: `apt-get install sudo`, then let {user} use it without password."),
        "host",
        "user",
    ),
    "sudo_password": Template(
        N_("sudo asks user {user} for a password."),
        N_(
            "On {host}, once: `echo '{user} ALL=(ALL) NOPASSWD: ALL' | "
            "sudo tee /etc/sudoers.d/{user}`."
        ),
        "host",
        "user",
    ),
    "sudo_not_allowed": Template(
        N_("User {user} may not use sudo without a password, and perhaps not at all."),
        N_(
            "As root on {host}, once: `echo '{user} ALL=(ALL) NOPASSWD: ALL' > "
            "/etc/sudoers.d/{user}`; or set `ansible_user` in hosts.yml to a user who may."
        ),
        "host",
        "user",
    ),
    "sudo_refused": Template(
        N_("sudo does not let user {user} become root: {says}"),
        N_("Run `sudo -n true` as {user} on {host} and repair what it complains about."),
        "host",
        "user",
        "says",
    ),
    "memory_low": Template(
        N_("The host has {has} of memory; {needs} are needed."),
        N_("Give the machine more memory, or choose another one."),
        "has",
        "needs",
    ),
    "memory_modest": Template(
        N_("The host has {has} of memory; {needs} are recommended."),
        N_("Fine for a first try; with many users, servers will be stopped for lack of memory."),
        "has",
        "needs",
    ),
    "cores_low": Template(
        N_("The host has too few processor cores: {has} of {needs}."),
        N_("Give the machine more cores, or choose another one."),
        "has",
        "needs",
    ),
    "cores_modest": Template(
        N_("The host has fewer processor cores than recommended: {has} of {needs}."),
        N_("Fine for a first try; with many users at once it will be slow."),
        "has",
        "needs",
    ),
    "swap_on": Template(
        N_("The host uses {size} of swap, which Kubernetes does not expect."),
        N_("Switch it off: `sudo swapoff -a`, and take its line out of /etc/fstab."),
        "size",
    ),
    "disk_low": Template(
        N_("On {path} there are {has} free; {needs} are needed."),
        N_("Free some space (`sudo apt-get clean`, old logs) or enlarge the disk."),
        "path",
        "has",
        "needs",
    ),
    "port_taken": Template(
        N_("Port {port} is taken by {process} ({unit})."),
        N_(
            "Choose another port in {setting}, or stop that program if it is not needed: "
            "`sudo systemctl disable --now {unit}`."
        ),
        "port",
        "process",
        "unit",
        "setting",
    ),
    "port_taken_process": Template(
        N_("Port {port} is taken by {process} (process {pid})."),
        N_(
            "Choose another port in {setting}, or stop that program on {host} if nobody needs it "
            "(see `ps -fp {pid}`)."
        ),
        "host",
        "port",
        "process",
        "pid",
        "setting",
    ),
    "port_taken_unknown": Template(
        N_("Port {port} is taken by another program."),
        N_(
            "Choose another port in {setting}, or see which program it is and stop it: "
            "`sudo ss -ltnp 'sport = :{port}'` on {host}."
        ),
        "host",
        "port",
        "setting",
    ),
    "python_missing": Template(
        N_("Python is not installed."),
        N_("Nothing to do: `localcloud install` brings it."),
    ),
    "python_old": Template(
        N_("Python {version} on the host is too old; {oldest} or later is needed."),
        N_("Install a newer release of the host's distribution."),
        "version",
        "oldest",
    ),
    "apt_busy": Template(
        N_("{process} is installing packages on the host right now."),
        N_("`localcloud install` waits for it for some minutes; better let it finish first."),
        "process",
    ),
    "dpkg_interrupted": Template(
        N_("An earlier installation of packages was interrupted on the host."),
        N_("Nothing to do: `localcloud install` finishes it first."),
    ),
    "receipt_broken": Template(
        N_("The host's memory of earlier installations, the receipt, cannot be read."),
        N_("Look at /var/lib/localcloud/receipt.json on {host}; restore it from a backup."),
        "host",
    ),
    "component_left": Template(
        N_("The host still has {component}, but the site no longer gives it that part."),
        N_(
            "Put the host back into its group in hosts.yml, or take the part out with "
            "`localcloud reset --limit {host}`."
        ),
        "host",
        "component",
    ),
    "homes_kept": Template(
        N_("Home directories that belong to no user are in /home: {number} ({homes})."),
        N_("They stay as they are; accounts of the same names get theirs back."),
        "number",
        "homes",
    ),
    "clock_ahead": Template(
        N_("The host's clock is {seconds} seconds ahead of this computer's."),
        N_("Set one of the two: `sudo timedatectl set-ntp true`; on the host {host}, or here."),
        "host",
        "seconds",
    ),
    "clock_behind": Template(
        N_("The host's clock is {seconds} seconds behind this computer's."),
        N_("Set one of the two: `sudo timedatectl set-ntp true`; on the host {host}, or here."),
        "host",
        "seconds",
    ),
    "clock_apart": Template(
        N_("The clocks of {host} and {other} differ by {seconds} seconds."),
        N_("Let both follow the network's time: `sudo timedatectl set-ntp true`."),
        "host",
        "other",
        "seconds",
    ),
    "route_missing": Template(
        N_("The host has no default route: it reaches its own network only."),
        N_("That is fine if all mirrors are on this network; otherwise set a gateway."),
    ),
    "machine_id_twins": Template(
        N_("These hosts have the same machine-id: {hosts}. They were cloned."),
        N_(
            "On all but one: `sudo rm /etc/machine-id && sudo systemd-machine-id-setup`, then "
            "restart the machine."
        ),
        "hosts",
    ),
    "hostname_twins": Template(
        N_("These hosts have the same hostname, {mark}: {hosts}."),
        N_("Give each its own: `sudo hostnamectl set-hostname NAME`."),
        "hosts",
        "mark",
    ),
    "mac_twins": Template(
        N_("These hosts have the same network address {mark} (MAC): {hosts}."),
        N_("Give each cloned machine a new MAC address in its virtualization."),
        "hosts",
        "mark",
    ),
    "dns_missing": Template(
        N_("The name {name} does not resolve on this computer."),
        N_(
            "Ask for a DNS entry for {name}; until then, put it into /etc/hosts of the computers "
            "that use it."
        ),
        "name",
    ),
    "dns_elsewhere": Template(
        N_("The name {name} leads to {addresses}, which is not an address of {host}."),
        N_("Right behind a NAT or a proxy; otherwise correct the DNS entry."),
        "host",
        "name",
        "addresses",
    ),
    "home_no_quotas": Template(
        N_(
            "People's homes shall have limits, but {path} on host {host} lies on {mount} ({kind}), "
            "which keeps no user quotas."
        ),
        N_(
            "Mount it with user quotas: XFS with the option uquota (for the root file system, "
            "rootflags=uquota on the kernel's command line), ext4 with `tune2fs -O quota` while it "
            "is not mounted and the option usrquota; or leave out hub_home_quota. Nothing was "
            "touched."
        ),
        "path",
        "host",
        "mount",
        "kind",
    ),
    "certificate_unfit": Template(
        N_("The site's own certificate cannot serve {domain}: {reason}"),
        N_(
            "Set hub_tls_certificate to the certificate for that name, with those of its "
            "authorities after it, and hub_tls_key to its key without a password. A root that only "
            "the campus knows goes into base_ca_certificates, too. Nothing was touched."
        ),
        "domain",
        "reason",
    ),
}
