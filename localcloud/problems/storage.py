"""Problems of the roles nfs_server and storage: disks, quotas, exports, a cluster's volumes."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

_NFS: dict[str, Template] = {
    "nfs_no_kernel": Template(
        N_("The kernel of host {host} cannot serve NFS: it is a container, or lacks nfsd."),
        N_(
            "Take a real server or a virtual machine for nfs_server. To practise, make one with "
            "`localcloud lab up --vm`. Nothing was touched."
        ),
        "host",
    ),
    "nfs_no_quotas": Template(
        N_(
            "Folders shall have limits, but {path} on host {host} lies on {mount} ({kind}), which "
            "keeps no project quotas."
        ),
        N_(
            "Name an empty disk in nfs_server_disk, which becomes XFS with project quotas; or "
            "mount an XFS file system of your own there with the option prjquota (for the root "
            "file system, rootflags=prjquota on the kernel's command line); or leave out "
            "nfs_server_quota and nfs_server_quotas. Nothing was touched."
        ),
        "path",
        "host",
        "mount",
        "kind",
    ),
    "nfs_quotas_off": Template(
        N_("The file system of {path} on host {host} no longer enforces project quotas."),
        N_("Mount it with the option prjquota, then run `localcloud install` again."),
        "path",
        "host",
    ),
    "nfs_path_link": Template(
        N_("nfs_server_path is {path}, and on host {host} that leads to {real}."),
        N_("Nodes could not mount it: set nfs_server_path to {real}. Nothing was touched."),
        "path",
        "host",
        "real",
    ),
    "nfs_limit_size": Template(
        N_("“{value}” in nfs_server_quota or nfs_server_quotas is no size."),
        N_("Write a number with K, M, G or T, for example 10G. Nothing was touched."),
        "value",
    ),
    "nfs_disk_missing": Template(
        N_("nfs_server_disk is {disk}, and host {host} has no such disk; it has: {there}."),
        N_("Correct the name: `lsblk` shows them. Nothing was touched."),
        "disk",
        "host",
        "there",
    ),
    "nfs_disk_not_blank": Template(
        N_("The disk {disk} of host {host} is not empty ({content}); localcloud never erases one."),
        N_(
            "If it is the wrong disk, correct nfs_server_disk. If nobody needs what is on it, "
            "empty it yourself: `sudo wipefs --all {disk}`, and `sudo blkdiscard -z {disk}` where "
            "other data are left. A file system of your own needs no nfs_server_disk: mount it, "
            "and name its directory in nfs_server_path. Nothing was touched."
        ),
        "disk",
        "host",
        "content",
    ),
    "nfs_disk_in_use": Template(
        N_("The disk {disk} of host {host} is in use ({user})."),
        N_("Correct nfs_server_disk, or free the disk. Nothing was touched."),
        "disk",
        "host",
        "user",
    ),
    "nfs_disk_twin": Template(
        N_("Host {host} has another disk, {other}, with a file system that localcloud made."),
        N_(
            "Set nfs_server_disk to it if people's folders are there. If it is a copy, give it "
            "another label: `sudo xfs_admin -L old {other}`. Nothing was touched."
        ),
        "host",
        "other",
    ),
    "nfs_disk_small": Template(
        N_("The disk {disk} of host {host} has only {size}; {needs} are the least."),
        N_("Name a larger disk in nfs_server_disk. Nothing was touched."),
        "disk",
        "host",
        "size",
        "needs",
    ),
    "nfs_disk_format": Template(
        N_("The disk {disk} of host {host} could not be formatted."),
        N_("The words of mkfs.xfs stand above; `sudo dmesg` tells whether the disk is broken."),
        "disk",
        "host",
    ),
    "nfs_disk_busy": Template(
        N_("The file system of {disk}, {path} on host {host}, cannot be unmounted."),
        N_("See who works in it: `sudo fuser -vm {path}`. Then run the same command again."),
        "disk",
        "path",
        "host",
    ),
    "nfs_path_in_use": Template(
        N_("{path} on host {host} holds files, which the disk {disk} would hide."),
        N_(
            "Move them away first, or name an empty directory in nfs_server_path. Nothing was "
            "touched."
        ),
        "path",
        "host",
        "disk",
    ),
    "nfs_no_clients": Template(
        N_("Nobody may mount from host {host}: the site has no nodes of a cluster."),
        N_(
            "Name hosts below k3s_server and k3s_agent in hosts.yml, or addresses in "
            "nfs_server_clients. Nothing was touched."
        ),
        "host",
    ),
    "nfs_everybody": Template(
        N_("“{client}” would let everybody mount people's folders from host {host}."),
        N_(
            "Name addresses of nodes, or their network, in nfs_server_clients: NFS knows "
            "nobody but by the address."
        ),
        "client",
        "host",
    ),
    "nfs_other_server": Template(
        N_("A program on host {host} serves NFS already (port 2049), and it is not the kernel."),
        N_(
            "See which: `sudo ss -ltnp 'sport = :2049'`. Stop it, or take another host for "
            "nfs_server. Nothing was touched."
        ),
        "host",
    ),
    "nfs_export": Template(
        N_("The kernel of host {host} refuses an export."),
        N_("The words above name it; exports of your own stand in /etc/exports."),
        "host",
    ),
    "nfs_limits": Template(
        N_("The folders on host {host} could not be given their owners and limits."),
        N_("The words above say why; then run `localcloud install` again."),
        "host",
    ),
    "nfs_silent": Template(
        N_("The NFS server of host {host} does not answer ({status})."),
        N_("Read its log: `sudo journalctl -u nfs-server -n 50`; then run the same command again."),
        "host",
        "status",
    ),
    "nfs_not_exported": Template(
        N_("Host {host} does not export {path}."),
        N_("Run `localcloud install`: it writes the exports again."),
        "host",
        "path",
    ),
}
_STORAGE: dict[str, Template] = {
    "storage_no_nfs_server": Template(
        N_("The cluster shall have volumes on NFS, but no server for them is known."),
        N_(
            "Name a host below nfs_server in hosts.yml, or a server of your own in "
            "storage_nfs_server and storage_nfs_path. Nothing was touched."
        ),
    ),
    "storage_nfs_later": Template(
        N_("The cluster's volumes are to lie on {server}, which is not installed yet."),
        N_(
            "Run `localcloud install` without --limit, or with {server} in it. The nodes stay as "
            "they are; no class of volumes was made."
        ),
        "server",
    ),
    "storage_only_nfs": Template(
        N_("The cluster would have volumes on NFS alone, where the hub's database would break."),
        N_("Add local_path or longhorn to storage_providers. Nothing was touched."),
    ),
    "storage_default_unknown": Template(
        N_("storage_default_class is “{name}”; the site's storage makes: {there}."),
        N_("Set it to one of them, or to nothing. Nothing was touched."),
        "name",
        "there",
    ),
    "storage_chart_hash": Template(
        N_("localcloud does not know the hash of Longhorn's chart {version}."),
        N_(
            "Fetch the chart once over a connection that you trust, count with sha256sum, and set "
            "storage_longhorn_chart_sha256. Nothing was touched."
        ),
        "version",
    ),
    "storage_module_missing": Template(
        N_("The kernel of host {host} has no module {module}, which {provider} needs."),
        N_(
            "Install the kernel's other modules (on Ubuntu linux-modules-extra, on Debian the "
            "kernel without “cloud” in its name), or leave {provider} out of storage_providers."
        ),
        "host",
        "module",
        "provider",
    ),
    "storage_multipath": Template(
        N_("multipathd runs on host {host} and would take Longhorn's disks away."),
        N_(
            "If the host has no disks with several paths: `sudo systemctl disable --now multipathd "
            "multipathd.socket`. Else write into /etc/multipath.conf: "
            'blacklist {{ devnode "^sd[a-z0-9]+" }}, and restart it. Nothing was touched.'
        ),
        "host",
    ),
    "storage_manifest_missing": Template(
        N_("k3s on host {host} has not brought its local volumes ({path} is not there)."),
        N_(
            "Take local-storage out of k3s_disable, or local_path out of storage_providers; then "
            "run `localcloud install` again."
        ),
        "host",
        "path",
    ),
    "storage_not_bound": Template(
        N_("A volume of the class “{name}” could not be made and written ({step})."),
        N_(
            "The cluster's words stand above. Often an image cannot be fetched, or a node does not "
            "reach the storage: `sudo k3s kubectl get pods -A` on host {host}. Then run the same "
            "command again."
        ),
        "name",
        "step",
        "host",
    ),
    "storage_not_same": Template(
        N_("A volume of the class “{name}” lost what was written: {node} read something else."),
        N_("Look at the storage's pods: `sudo k3s kubectl get pods -A` on host {host}."),
        "name",
        "node",
        "host",
    ),
}
PROBLEMS: dict[str, Template] = {**_NFS, **_STORAGE}
