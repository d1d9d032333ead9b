"""Homes over NFS on virtual machines: the kernel's own server and client, XFS project quotas.

``node1`` serves; ``node2`` mounts as a node of a cluster does. The machines share one installation,
and the tests build on each other in their order.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import Ended, Machine
from virtual import INSTALLATION, VirtualSite, machines, until

pytestmark = pytest.mark.timeout(2 * 3600)

HOMES = "/srv/localcloud/homes"
SETTINGS = """\
nfs_server_disk: /dev/vdb
nfs_server_clients: [10.0.2.11]
nfs_server_quota: 20M
nfs_server_quotas: {"*-teacher": 50M}
base_remove_packages: true
"""
# What the cluster's driver mounts with, and how it makes a volume's folder: as root.
MOUNT = f"mount -t nfs4 -o nfsvers=4.2,hard,noatime 10.0.2.10:{HOMES}"
MOUNTED = "/mnt/homes/hub-claim"
CLIENT = "apt-get update -q && apt-get install -y -q --no-install-recommends nfs-common"
AS_STUDENT = "setpriv --reuid 1000 --regid 100 --clear-groups"
# Appends numbers; a number is told only when it is safe on the server's disk.
WRITER = """
import os, sys
with open(sys.argv[1], "a") as far, open(sys.argv[2], "a") as near:
    for number in range(1000000):
        far.write(f"{number}\\n")
        far.flush()
        os.fsync(far.fileno())
        near.write(f"{number}\\n")
        near.flush()
"""


class Homes:
    """A lab whose first machine is the NFS server; the second one plays a node of the cluster."""

    def __init__(self, site: VirtualSite) -> None:
        self.site, self.server, self.node = site, site.at("node1"), site.at("node2")
        self.before: list[str] = []

    def localcloud(self, verb: str, *words: str, **environment: str) -> Ended:
        return self.site.localcloud(verb, "--limit", "node1", *words, **environment)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    directory = tmp_path_factory.mktemp("nfs") / "lab"
    groups = ("nfs_server=1", "jupyterhub=1")
    with machines(directory, groups=groups, disks=["1g"], memory="1g") as site:
        made = Homes(site)
        (site.directory / "group_vars/nfs_server.yml").write_text(SETTINGS)
        made.before = made.server.listing()
        with ThreadPoolExecutor() as pool:
            client = pool.submit(made.node.run, CLIENT, INSTALLATION)
            made.localcloud("install").ended(0)
            client.result()
        yield made


def refused(machine: Machine, command: str) -> str:
    """The words of a command that must fail."""
    return machine.run(f"if ({command}) >/tmp/said 2>&1; then exit 9; fi; cat /tmp/said")


def test_a_run_without_changes_changes_nothing(homes):
    homes.localcloud("install").ended(0).says("Nothing had to be changed")


def test_a_folder_of_the_cluster_belongs_to_its_student(homes):
    homes.node.run(f"mkdir -p /mnt/homes && {MOUNT} /mnt/homes && mkdir /mnt/homes/hub-claim-ana")
    until(homes.node, 'test "$(stat -c %u:%g /mnt/homes/hub-claim-ana)" = 1000:100')
    homes.node.run(f"{AS_STUDENT} sh -c 'echo 42 > /mnt/homes/hub-claim-ana/notebook'")
    shown = homes.server.run(f"stat -c %u:%g {HOMES}/hub-claim-ana/notebook")
    assert shown.strip() == "1000:100"


def test_the_byte_too_many_is_refused(homes):
    homes.node.run("mkdir -p /mnt/homes/hub-claim-teacher")
    limit = "stat -f -c '%b %S' {} | awk '{{ exit $1 * $2 != {} }}'"
    until(homes.server, limit.format(f"{HOMES}/hub-claim-ana", 20 << 20))
    until(homes.server, limit.format(f"{HOMES}/hub-claim-teacher", 50 << 20))
    write = f"{AS_STUDENT} dd if=/dev/zero bs=1M conv=fsync count={{}} of={MOUNTED}-{{}}/file"
    homes.node.run(write.format(15, "ana"))
    said = refused(homes.node, write.format(25, "ana"))
    assert "No space left" in said or "quota exceeded" in said.lower()
    homes.node.run("chown 1000:100 /mnt/homes/hub-claim-teacher")
    homes.node.run(write.format(25, "teacher"))
    homes.node.run("rm /mnt/homes/hub-claim-*/file")


def test_a_host_that_is_no_node_may_not_mount(homes):
    route = "ip route {} 10.0.2.10/32 dev eth0 src 10.0.2.99"
    homes.node.run("umount /mnt/homes && ip address add 10.0.2.99/24 dev eth0")
    homes.node.run(route.format("add"))
    try:
        said = refused(homes.node, f"timeout 60 {MOUNT} /mnt/homes")
        assert "denied" in said or "No such file" in said, said
    finally:
        homes.node.run(f"{route.format('delete')}; ip address delete 10.0.2.99/24 dev eth0")
    homes.node.run(f"{MOUNT} /mnt/homes")


@pytest.mark.slow
@pytest.mark.parametrize("loss", [VirtualSite.reboot, VirtualSite.cut])
def test_a_server_that_goes_away_under_load_loses_nothing(homes, loss):
    """Who writes waits, and goes on; what was safe is there."""
    far, near = "/mnt/homes/hub-claim-ana/log", "/var/tmp/log"
    homes.node.run(f"cat > /tmp/writer.py <<'END'\n{WRITER}\nEND\nrm -f {far} {near}")
    homes.node.run(
        f"systemd-run --unit=writer --uid=1000 --gid=100 sh -c "
        f"'python3 /tmp/writer.py {far} {near}'"
    )
    until(homes.node, f"test $(wc -l < {near}) -gt 50")
    loss(homes.site, "node1")
    safe = int(homes.node.run(f"wc -l < {near}"))
    until(homes.node, f"test $(wc -l < {near}) -gt {safe + 50}")
    homes.node.run("systemctl stop writer; sync")
    told = homes.node.run(f"cat {near}").split()
    kept = homes.server.run(f"cat {HOMES}/hub-claim-ana/log").split()
    assert kept[: len(told)] == told
    # The limit has outlived it, too; and what was silent before its start is silent now.
    shown = homes.server.run("ss -lntuH")
    assert ":2049 " in shown and ":111 " not in shown and "mountd" not in shown
    limit = homes.server.run(f"stat -f -c '%b %S' {HOMES}/hub-claim-ana").split()
    assert int(limit[0]) * int(limit[1]) == 20 << 20


@pytest.mark.slow
def test_version_three_comes_later_and_goes_again(homes):
    settings = homes.site.directory / "group_vars/nfs_server.yml"
    older = MOUNT.replace("nfs4", "nfs").replace("nfsvers=4.2", "nfsvers=3,nolock")
    rpcbind = "timeout 10 bash -c '</dev/tcp/10.0.2.10/111'"
    refused(homes.node, rpcbind)
    settings.write_text(f"{SETTINGS}nfs_server_nfs3_enabled: true\n")
    homes.localcloud("install").ended(0)
    homes.node.run("apt-get install -y -q netbase")  # names of protocols, which only 3 asks for
    homes.node.run(f"{rpcbind} && mkdir -p /mnt/three && {older} /mnt/three && umount /mnt/three")
    homes.localcloud("install").ended(0).says("Nothing had to be changed")
    settings.write_text(SETTINGS)
    homes.localcloud("install").ended(0)
    refused(homes.node, rpcbind)


@pytest.mark.slow
def test_reset_gives_the_server_back_and_keeps_the_homes(homes):
    homes.node.run("umount -l /mnt/homes")
    homes.localcloud("reset", "--yes").ended(0)
    after = homes.server.listing()
    assert sorted(set(after) ^ set(homes.before)) == []
    homes.localcloud("install").ended(0)
    assert homes.server.run(f"cat {HOMES}/hub-claim-ana/notebook").strip() == "42"


@pytest.mark.slow
def test_with_delete_data_the_disk_is_empty_again(homes):
    homes.localcloud("reset", "--yes", "--delete-data", "--yes-delete-data").ended(0)
    assert homes.server.run("blkid -p /dev/vdb || echo nothing").strip() == "nothing"


@pytest.mark.slow
def test_a_disk_with_data_on_it_is_never_erased(homes):
    homes.server.run("mkfs.ext4 -q /dev/vdb")
    said = homes.localcloud("install")
    said.ended(1).says("is not empty (ext4); localcloud never erases one")
    assert homes.server.run("command -v exportfs || true") == ""
    homes.server.run("wipefs -q --all /dev/vdb")
