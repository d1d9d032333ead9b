"""Problems of what helm installs on a cluster, and of the hub there."""

from localcloud.i18n import N_
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    "helm_values": Template(
        N_("The chart refuses the values of {name}; nothing was changed on host {host}."),
        N_(
            "Its words above name the place. Correct it in the site's settings; for the hub that "
            "is z2jh_values, and z2jh.jupyter.org has every key (Configuration Reference)."
        ),
        "host",
        "name",
    ),
    "helm_kubernetes": Template(
        N_("The chart needs another version of Kubernetes than {version}."),
        N_(
            "Its words above name the versions it can do. Set k3s_version to one of them, or "
            "z2jh_chart_version to a chart for this one; then run `localcloud install`."
        ),
        "version",
    ),
    "helm_cluster": Template(
        N_("The cluster does not answer on host {host} (`{command}`)."),
        N_(
            "Look whether k3s runs: `sudo systemctl status k3s`, `sudo k3s kubectl get nodes`; "
            "then run the same command again."
        ),
        "host",
        "command",
    ),
    "z2jh_name_unknown": Template(
        N_("Host {host} does not know the address of {name}, a file server of the cluster."),
        N_(
            "People's servers are kept from it by its address: write that in place of the name "
            "(nfs_server_address, storage_nfs_server, z2jh_shared_volume), or make the name known."
        ),
        "host",
        "name",
    ),
    "helm_removal": Template(
        N_("Not all of {name} goes from the cluster of host {host}."),
        N_(
            "Look what is left: `sudo k3s kubectl get pods -A -o wide` and `sudo k3s kubectl get "
            "nodes`; then run the same command again, which goes on where this one ended."
        ),
        "name",
        "host",
    ),
    "helm_class_missing": Template(
        N_("The cluster has no StorageClass “{name}”; it has: {there}."),
        N_(
            "Set z2jh_hub_storage_class and z2jh_home_storage_class to one that is there, or let "
            "the site's storage settings make it."
        ),
        "name",
        "there",
    ),
    "helm_class_default": Template(
        N_("The cluster has no default StorageClass for homes; it has: {there}."),
        N_("Set z2jh_home_storage_class to one that is there."),
        "there",
    ),
    "helm_class_nfs": Template(
        N_("The StorageClass “{name}” lies on NFS, where the hub's database would break."),
        N_("Set z2jh_hub_storage_class to a class on local disks, such as local-path."),
        "name",
    ),
    "z2jh_chart_hash": Template(
        N_("z2jh_chart_sha256 still consists of zeros, as in the sample."),
        N_(
            "Fetch the chart once over a connection that you trust, count with sha256sum, and set "
            "z2jh_chart_sha256. Nothing was touched."
        ),
    ),
    "helm_install": Template(
        N_("{name} was installed on the cluster of host {host}, but did not become ready."),
        N_(
            "The words above say why: most often an image that no node can fetch, or too little "
            "memory or disk. What was made stays for a look: `sudo k3s kubectl get pods -A`. "
            "Mend the cause, then run the same command again."
        ),
        "host",
        "name",
    ),
    "helm_upgrade": Template(
        N_(
            "A change of {name} did not become ready; host {host} went back to revision {revision}."
        ),
        N_(
            "It runs as before. The words above say what was wrong; mend that in the site's "
            "settings (for the hub often z2jh_values), then run `localcloud install` again."
        ),
        "host",
        "name",
        "revision",
    ),
    "helm_rollback": Template(
        N_(
            "A change of {name} did not become ready, and going back to revision {revision} failed "
            "on host {host}."
        ),
        N_(
            "See what its pods say: `sudo k3s kubectl get pods -A`. Mend the cause in the site's "
            "settings, then run `localcloud install` again: it goes on from here."
        ),
        "host",
        "name",
        "revision",
    ),
    "z2jh_certificate": Template(
        N_("The site's own certificate cannot serve {domain}; nothing was changed on host {host}."),
        N_(
            "Set hub_tls_certificate to the certificate for that name, with those of its "
            "authorities after it, and hub_tls_key to its key without a password."
        ),
        "domain",
        "host",
    ),
    "z2jh_silent": Template(
        N_("The hub runs on the cluster, but does not answer through its ingress ({status})."),
        N_(
            "See whether Traefik runs and has ports 80 and 443: `sudo k3s kubectl get pods,svc -n "
            "kube-system`. Another web server on the host takes them away."
        ),
        "status",
    ),
}
