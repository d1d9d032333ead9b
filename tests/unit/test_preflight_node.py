"""What a host must offer as a node of a cluster: recorded facts against the roles' own needs."""

from pathlib import Path

import pytest
from site_cases import load, write_site

from localcloud.components import load_components
from localcloud.preflight import between, findings, node_findings
from localcloud.preflight.facts import parse
from localcloud.preflight.needs import gather
from localcloud.problems import PROBLEMS

RECORDED = Path(__file__).parent / "facts" / "cluster"
HOSTS = """\
all:
  children:
    k3s_server: {hosts: {node1: {}}}
    k3s_agent: {hosts: {node2: {}, node3: {}}}
"""


def facts_of(name):
    known = parse((RECORDED / f"{name}.txt").read_text())
    known["clock"] = [-0.1, 0.1]
    return known


@pytest.fixture
def server():
    return facts_of("server")


@pytest.fixture
def needs_of(tmp_path):
    """What the roles ask of a host of the site, with these settings."""

    def gathered(host="node1", settings="{}", hosts=HOSTS):
        site = load(write_site(tmp_path, hosts, settings + "\n"))
        return gather(site, site.hosts[host])[0]

    return gathered


def found(facts, needs):
    every = [
        *findings.of_host("node1", facts, needs),
        *node_findings.of_host("node1", facts, needs),
    ]
    return {one.problem_id: one for one in every}


def installed(facts, version):
    facts["receipt"] = {"components": {"k3s": {"version": version}}}


def test_a_server_in_a_container_could_be_better_but_nothing_stops(server, needs_of):
    every = found(server, needs_of())
    assert {one.severity for one in every.values()} == {"note"}
    assert set(every) == {"cgroup_old", "module_unseen"}
    assert "br_netfilter" in every["module_unseen"].message


def test_what_was_recorded_is_understood(server):
    assert server["node"] == {"address": "10.89.7.10", "device": "eth0", "mtu": 1400}
    assert [one["network"] for one in server["networks"]] == ["10.89.7.10/24", "10.89.7.0/24"]
    assert server["nameservers"] == ["10.255.255.53"]
    assert server["ssh_client"] == "10.89.7.1"
    assert server["modules"]["vxlan"] == "loaded"
    timed = server["fsync"]["/var/lib/rancher/k3s/server/db/etcd"]
    assert timed == {"count": 400, "median_ms": 0.12, "p99_ms": 2.51}
    assert facts_of("agent")["fsync"] == {}


def test_cgroup_v1_matters_from_kubernetes_1_35_on(server, needs_of):
    assert "systemd.unified_cgroup_hierarchy" in found(server, needs_of())["cgroup_old"].remedy
    assert "cgroup_old" not in found(server, needs_of(settings="k3s_version: v1.34.11+k3s1"))
    server["virtualization"] = "kvm"
    assert found(server, needs_of())["cgroup_old"].severity == "warning"
    server["cgroup"] = "v2"
    assert "cgroup_old" not in found(server, needs_of())


def test_a_processor_without_k3s_and_a_missing_route_stop_in_the_roles_words(server, needs_of):
    server.update(arch="riscv64", default_route=False)
    every = found(server, needs_of())
    assert every["k3s_architecture"].severity == "blocking"
    assert "riscv64" in every["k3s_architecture"].message
    assert every["k3s_no_route"].severity == "blocking"
    assert "ip link add dummy0" in every["k3s_no_route"].remedy
    assert "route_missing" not in every


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("v1.34.3+k3s1", "v1.36.4+k3s1", "k3s_version_skips"),
        ("v1.36.5+k3s1", "v1.36.4+k3s1", "k3s_version_down"),
        ("v1.36.4+k3s2", "v1.36.4+k3s1", "k3s_version_down"),
        ("v1.35.9+k3s1", "v1.36.4+k3s1", None),
        ("v1.36.4+k3s1", "v1.36.4+k3s1", None),
        ("v1.36.4-rc1+k3s1", "v1.36.5+k3s1", None),
    ],
)
def test_an_upgrade_goes_one_minor_version_up(server, needs_of, old, new, problem):
    installed(server, old)
    every = found(server, needs_of(settings=f"k3s_version: {new}"))
    refused = [name for name in every if "version" in name]
    assert refused == ([problem] if problem else [])
    if problem:
        assert every[problem].severity == "blocking"
        assert old in every[problem].message
    if problem == "k3s_version_skips":
        assert "v1.35 first" in every[problem].remedy


def test_another_kubernetes_stops(server, needs_of):
    server["there"] = ["/etc/rancher/rke2", "/var/lib/rancher/rke2", "/etc/kubernetes/admin.conf"]
    one = found(server, needs_of())["cluster_foreign"]
    assert one.severity == "blocking"
    assert "kubeadm (/etc/kubernetes/admin.conf)" in one.message
    names = [one.message for one in node_findings.of_host("node1", server, needs_of())]
    assert sum("RKE2" in name for name in names) == 1


def test_a_k3s_is_foreign_unless_the_receipt_says_it_is_ours(server, needs_of):
    server["there"] = ["/etc/systemd/system/k3s.service"]
    one = found(server, needs_of())["k3s_foreign"]
    assert one.severity == "blocking"
    assert "/etc/systemd/system/k3s.service" in one.message
    installed(server, "v1.36.4+k3s1")
    assert "k3s_foreign" not in found(server, needs_of())
    server.update(receipt=None, root_eyes=False)  # then the missing sudo is what stops
    assert "k3s_foreign" not in found(server, needs_of())


def test_pods_on_the_campus_network_stop(server, needs_of):
    server["networks"].append({"kind": "route", "device": "eth1", "network": "10.42.8.0/21"})
    one = found(server, needs_of())["network_collides"]
    assert one.severity == "blocking"
    assert one.message == (
        "k3s_cluster_cidr is 10.42.0.0/16, but the host has 10.42.8.0/21 (eth1) itself."
    )
    assert "`k3s_cluster_cidr: 172.28.0.0/16`" in one.remedy
    assert "network_collides" not in found(
        server, needs_of(settings="k3s_cluster_cidr: 172.28.0.0/16")
    )


def test_the_proposed_network_is_free_on_the_host(server, needs_of):
    for network in ("10.43.7.1/24", "172.28.0.1/12"):
        server["networks"].append({"kind": "address", "device": "eth1", "network": network})
    assert "k3s_service_cidr: 10.244.0.0/16" in found(server, needs_of())["network_collides"].remedy


def test_pods_must_not_hide_the_name_server_or_us(server, needs_of):
    server.update(nameservers=["10.43.0.53"], ssh_client="10.42.3.4")
    every = found(server, needs_of())
    assert "name server 10.43.0.53" in every["network_nameserver"].message
    assert "this computer (10.42.3.4)" in every["network_of_ours"].message
    assert {every[name].severity for name in ("network_nameserver", "network_of_ours")} == {
        "blocking"
    }


def test_the_networks_of_a_cluster_that_runs_are_its_own(server, needs_of):
    installed(server, "v1.36.4+k3s1")
    server["networks"].append({"kind": "route", "device": "eth0", "network": "10.42.1.0/24"})
    assert "network_collides" not in found(server, needs_of())
    said = "probe=begin\nnetwork=route flannel.1 10.42.1.0/24\nnetwork=address cni0 10.42.0.1/24\n"
    assert parse(said)["networks"] == []


@pytest.mark.parametrize("names", [["127.0.0.1"], ["::1"], []])
def test_a_host_that_asks_only_itself_for_names_is_warned(server, needs_of, names):
    server["nameservers"] = names
    one = found(server, needs_of())["nameserver_missing"]
    assert one.severity == "warning"
    server["nameservers"] = ["127.0.0.53", "fe80::1%eth0"]
    assert "nameserver_missing" not in found(server, needs_of())


def test_a_slow_disk_warns_servers_and_never_agents(server, needs_of):
    place = "/var/lib/rancher/k3s/server/db/etcd"
    server["fsync"][place] = {"count": 80, "median_ms": 4.26, "p99_ms": 38.4}
    one = found(server, needs_of())["disk_slow"]
    assert one.severity == "warning"
    assert "below /var/lib take up to 38 ms" in one.message
    assert "half of them 4.3 ms" in one.message
    assert "10 ms at most" in one.message
    assert "disk_slow" not in found(server, needs_of("node2"))


def test_modules_that_are_missing_gone_or_not_to_be_seen(server, needs_of):
    server["modules"].update(vxlan="missing", overlay="loadable")
    one = found(server, needs_of())["module_missing"]
    assert one.severity == "blocking"
    assert one.message.endswith("needs: vxlan.")
    server["virtualization"] = "kvm"
    one = found(server, needs_of())["module_gone"]
    assert one.severity == "warning"
    assert "6.18.44-fc-v669" in one.message
    host_gateways = needs_of(settings="k3s_config: {flannel-backend: host-gw}")
    assert "module_missing" not in found(server, host_gateways)


def test_swap_warns(server, needs_of):
    server["swap_mib"] = 4096
    assert "swapoff" in found(server, needs_of())["swap_on"].remedy


def test_room_for_the_cluster_is_asked_where_it_will_be(server, needs_of):
    server["disk"]["/var/lib/rancher"] = {"free_mib": 900, "total_mib": 9000, "mount": "/var"}
    one = found(server, needs_of())["disk_low"]
    assert one.severity == "blocking"
    assert one.message == "On /var there are 900 MiB free; 4.0 GiB are needed."


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ("", ""),
        ("active=multipathd\n", "active"),
        ("active=multipathd\nmultipath_spares_sd=yes\n", "spares"),
        ("multipath_spares_sd=yes\n", ""),
    ],
)
def test_multipathd_may_be_told_to_spare_plain_disks(lines, seen):
    assert parse(f"probe=begin\n{lines}")["multipathd"] == seen


def test_the_hosts_own_firewall():
    assert parse("probe=begin\nactive=multipathd\n")["firewall"] == ""
    assert parse("probe=begin\nactive=ufw\n")["firewall"] == "ufw"
    assert parse("probe=begin\nactive=firewalld\n")["firewall"] == "firewalld"


def test_clones_stop_a_cluster_and_warn_elsewhere(server):
    other = {**facts_of("agent"), "machine_id": server["machine_id"]}
    pair = {"node1": server, "node2": other}
    (apart,) = between.hosts(pair)
    (together,) = between.hosts(pair, {"node1", "node2"})
    assert (apart.problem_id, apart.severity) == ("machine_id_twins", "warning")
    assert (together.problem_id, together.severity) == ("machine_id_twins", "blocking")


def test_machines_with_one_uuid_warn_and_containers_share_theirs_rightly(server):
    one = {**server, "product_uuid": "4c4c4544-0042"}
    other = {**facts_of("agent"), "product_uuid": "4c4c4544-0042"}
    assert list(between.hosts({"node1": one, "node2": other})) == []
    machines = {
        "node1": one | {"virtualization": "kvm"},
        "node2": other | {"virtualization": "kvm"},
    }
    (twins,) = between.hosts(machines)
    assert (twins.problem_id, twins.severity) == ("product_uuid_twins", "warning")
    assert "4c4c4544-0042: node1, node2" in twins.message


def test_packet_sizes_that_differ_warn(server):
    other = facts_of("agent")
    other["node"]["mtu"] = 9000
    (one,) = between.hosts({"node1": server, "node2": other}, {"node1", "node2"})
    assert one.problem_id == "mtu_apart"
    assert "node1: 1400, node2: 9000" in one.message
    assert list(between.hosts({"node1": server, "node2": other})) == []


@pytest.mark.parametrize(("number", "odd"), [(1, True), (2, False), (3, True), (4, False)])
def test_an_even_number_of_servers_warns(tmp_path, number, odd):
    names = ", ".join(f"node{one}: {{}}" for one in range(1, number + 1))
    hosts = f"all: {{children: {{k3s_server: {{hosts: {{{names}}}}}}}}}\n"
    site = load(write_site(tmp_path, hosts, "{}\n"), limit="node1")
    needs = {"node1": gather(site, site.hosts["node1"])[0]}
    seen = list(between.servers(site, needs))
    assert len(seen) == (0 if odd else 1)
    if not odd:
        assert seen[0].severity == "warning"
        assert f"k3s_server has {number} hosts" in seen[0].message
        assert f"Take {number - 1} or {number + 1}" in seen[0].remedy


def test_a_role_whose_words_are_borrowed_has_them():
    borrowed = {
        "architectures": ["architecture"],
        "default_route": ["no_route"],
        "release": ["version_down", "version_skips"],
        "never_down": ["version_down"],
    }
    for component in load_components().values():
        wants = component.meta.get("requirements") or {}
        causes = [cause for key in borrowed if wants.get(key) for cause in borrowed[key]]
        if component.name in (wants.get("foreign") or {}):
            causes.append("foreign")
        for cause in causes:
            assert f"{component.name}_{cause}" in PROBLEMS


def test_longhorn_asks_for_iscsi_and_no_multipathd(server, needs_of):
    server.update(multipathd="active", modules={**server["modules"], "iscsi_tcp": "missing"})
    assert not {"multipathd_on", "module_missing"} & set(found(server, needs_of()))
    longhorn = f"storage_longhorn_chart_sha256: {'a' * 64}\nstorage_providers: [longhorn]"
    every = found(server, needs_of(settings=longhorn))
    assert every["module_missing"].message.endswith(": iscsi_tcp.")
    assert every["multipathd_on"].severity == "warning"
    assert "multipathd.socket" in every["multipathd_on"].remedy
    assert 'blacklist { devnode "^sd[a-z0-9]+" }' in every["multipathd_on"].remedy


def test_a_machine_with_a_kernel_of_its_own(needs_of):
    machine = facts_of("machine")
    assert machine["cgroup"] == "v2"
    assert set(machine["modules"].values()) <= {"loaded", "loadable"}
    assert machine["product_uuid"].count("-") == 4
    assert not {"module_gone", "module_unseen", "cgroup_old"} & set(found(machine, needs_of()))


STORAGE = """\
all:
  children:
    nfs_server: {hosts: {node1: {}}}
"""


@pytest.mark.parametrize(
    ("said", "settings", "stops"),
    [
        ("ext4 rw,relatime", "nfs_server_quota: 10G", True),
        ("xfs rw,noquota", "nfs_server_quota: 10G", True),
        ("xfs rw,pqnoenforce", "nfs_server_quotas: {ana: 10G}", True),
        ("xfs rw,attr2,prjquota", "nfs_server_quota: 10G", False),
        ("ext4 rw,relatime", "{}", False),
        ("ext4 rw,relatime", "{nfs_server_quota: 10G, nfs_server_disk: /dev/sdb}", False),
    ],
)
def test_limits_need_project_quotas(server, needs_of, said, settings, stops):
    path = "/srv/localcloud/homes"
    told = f"probe=begin\ndisk={path} 9000000 9000000 /srv\nfile_system={path} {said}\n"
    server["disk"] |= parse(told)["disk"]
    server["file_systems"] = parse(told)["file_systems"]
    every = found(server, needs_of(settings=settings, hosts=STORAGE))
    assert ("nfs_no_quotas" in every) is stops
    if stops:
        one = every["nfs_no_quotas"]
        assert one.severity == "blocking"
        assert f"{path} on host node1 lies on /srv ({said.split()[0]})" in one.message


HUB = "all: {children: {tljh: {hosts: {node1: {}}}}}"


@pytest.mark.parametrize(
    ("said", "settings", "stops"),
    [
        ("ext4 rw,relatime", "hub_home_quota: 10G", True),
        ("overlay rw", "hub_home_quota: 10G", True),
        ("xfs rw,uqnoenforce", "hub_home_quota: 10G", True),
        ("xfs rw,attr2,usrquota", "hub_home_quota: 10G", False),
        ("ext4 rw,quota,usrquota", "hub_home_quota: 10G", False),
        ("ext4 rw,usrjquota=aquota.user,jqfmt=vfsv1", "hub_home_quota: 10G", False),
        ("ext4 rw,relatime", "{}", False),
    ],
)
def test_limits_for_homes_need_user_quotas(server, needs_of, said, settings, stops):
    told = f"probe=begin\ndisk=/home 9000000 9000000 /\nfile_system=/home {said}\n"
    server["disk"] |= parse(told)["disk"]
    server["file_systems"] = parse(told)["file_systems"]
    hub = "hub_domain: hub.uni.edu\nhub_admins: [ana]\n"
    every = found(server, needs_of(settings=hub + settings.strip("{}"), hosts=HUB))
    assert ("home_no_quotas" in every) is stops
    if stops:
        assert (
            f"/home on host node1 lies on / ({said.split()[0]})" in every["home_no_quotas"].message
        )


def test_the_file_system_is_asked_for_where_limits_are_wanted(tmp_path):
    site = load(write_site(tmp_path, STORAGE, "nfs_server_quota: 10G\n"))
    assert gather(site, site.hosts["node1"])[1].paths == ("/srv/localcloud/homes",)


def test_too_little_memory_stops_tljh(server, needs_of):
    server["memory_mib"] = 512
    hub = "hub_domain: hub.uni.edu\nhub_admins: [ana]\n"
    one = found(server, needs_of(settings=hub, hosts=HUB))["memory_low"]
    assert one.severity == "blocking"


@pytest.mark.parametrize(("new", "stops"), [("1.0.1", True), ("2.0.0", False), ("4.1.0", False)])
def test_tljh_never_goes_down_and_up_as_far_as_one_likes(server, needs_of, new, stops):
    server["receipt"] = {"components": {"tljh": {"version": "2.0.0"}}}
    hub = f"hub_domain: hub.uni.edu\nhub_admins: [ana]\ntljh_version: {new}\n"
    every = found(server, needs_of(settings=hub, hosts=HUB))
    assert [name for name in every if "version" in name] == ["tljh_version_down"] * stops


@pytest.mark.parametrize(
    ("state", "virtualization", "stops"),
    [
        ("unknown", "podman", True),
        ("loadable", "lxc", True),
        ("loaded", "podman", False),
        ("missing", "kvm", True),
        ("loadable", "none", False),
        ("unknown", "kvm", False),
    ],
)
def test_an_nfs_server_needs_a_kernel_that_serves(server, needs_of, state, virtualization, stops):
    server["virtualization"] = virtualization
    server["modules"]["nfsd"] = state
    every = found(server, needs_of(hosts=STORAGE))
    assert ("nfs_no_kernel" in every) is stops
    if stops:
        assert every["nfs_no_kernel"].severity == "blocking"
        assert "cannot serve NFS" in every["nfs_no_kernel"].message


ON_CLUSTER = """\
all:
  children:
    k3s_server: {hosts: {node1: {}}}
    nfs_server: {hosts: {node2: {}}}
    z2jh: {hosts: {node1: {}}}
"""


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("z2jh_chart_sha256: '%s'" % ("0" * 64), "z2jh_chart_hash"),
        ("z2jh_hub_storage_class: nfs", "helm_class_nfs"),
        ("storage_providers: [local_path, longhorn]", "storage_chart_hash"),
    ],
)
def test_what_a_role_would_refuse_late_is_refused_before(server, needs_of, settings, problem):
    plain = "hub_domain: hub.uni.edu\nhub_admins: [ana]\n"
    known = f"z2jh_chart_sha256: {'e5' * 32}\n" * ("sha256" not in settings)
    every = found(server, needs_of(settings=plain + known + settings, hosts=ON_CLUSTER))
    assert every[problem].severity == "blocking"
    well = f"z2jh_chart_sha256: {'e5' * 32}\n"
    assert problem not in found(server, needs_of(settings=plain + well, hosts=ON_CLUSTER))
