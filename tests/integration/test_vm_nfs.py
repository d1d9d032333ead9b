"""Homes over NFS on virtual machines: the kernel's own server and client, XFS project quotas.

``node1`` serves; ``node2`` mounts as a node of a cluster does. The machines share one installation,
and the tests build on each other in their order.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Ended, Machine, Site, run_localcloud

from localcloud import lab as labs
from localcloud.errors import UsageError
from localcloud.lab.vm import KIND
from localcloud.lab.vm import qemu as programs

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3600)]

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


class Homes(Site):
    """The lab's site, of which only the NFS server is installed."""

    before: list[str]

    @property
    def server(self) -> Machine:
        return Machine(self.lab, "node1")

    @property
    def node(self) -> Machine:
        return Machine(self.lab, "node2")

    def localcloud(self, verb: str, *words: str, **environment: str) -> Ended:
        words = ("--limit", "node1", *words)
        return run_localcloud(verb, "-i", self.directory, *words, **environment)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    if not os.environ.get("LOCALCLOUD_TEST_UNTRIED"):
        pytest.skip("NOT TRIED: these tests were never run to their end (LOCALCLOUD_TEST_UNTRIED)")
    try:
        programs.detect()
    except UsageError as missing:
        pytest.skip(f"NOT RUN: NFS and quotas need virtual machines. {missing.message}")
    directory: Path = tmp_path_factory.mktemp("nfs") / "lab"
    groups = ("nfs_server=1", "jupyterhub=1")
    try:
        made = labs.up(directory, engine=KIND, groups=groups, disks=["1g"], memory="1g")
        site = Homes(made)
        (directory / "group_vars/nfs_server.yml").write_text(SETTINGS)
        packages = run_in_background(
            site.node,
            "apt-get update -q && apt-get install -y -q --no-install-recommends nfs-common",
        )
        site.before = site.server.listing()
        site.localcloud("install").ended(0)
        assert packages.wait(900) == 0, packages.stdout and packages.stdout.read()
        yield site
    finally:
        if directory.exists():
            labs.down(directory)


def run_in_background(machine: Machine, command: str) -> "subprocess.Popen[str]":
    words = machine.lab.ssh_command(machine.name, ["sudo", "sh", "-c", f"'{command}'"])
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def refused(machine: Machine, command: str) -> str:
    """The words of a command that must fail."""
    return machine.run(f"if ({command}) >/tmp/said 2>&1; then exit 9; fi; cat /tmp/said")


def until(machine: Machine, command: str, seconds: int = 90) -> None:
    """Wait for a command to succeed, also while the machine does not answer at all."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            machine.run(command)
            return
        except (AssertionError, subprocess.TimeoutExpired):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


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
@pytest.mark.parametrize("cut", [False, True], ids=["reboot", "power cut"])
def test_a_server_that_goes_away_under_load_loses_nothing(homes, cut):
    """Who writes waits, and goes on; what was safe is there."""
    place = "/mnt/homes/hub-claim-ana"
    homes.node.run(f"cat > /tmp/writer.py <<'END'\n{WRITER}\nEND\nrm -f {place}/log /tmp/log")
    homes.node.run(
        f"systemd-run --unit=writer --uid=1000 --gid=100 sh -c "
        f"'python3 /tmp/writer.py {place}/log /var/tmp/log-{cut}'"
    )
    until(homes.node, f"test $(wc -l < /var/tmp/log-{cut}) -gt 50")
    if cut:
        homes.lab.stop(["node1"], cut=True)
        labs.up(homes.directory)
    else:
        boot = homes.server.run("cat /proc/sys/kernel/random/boot_id").strip()
        homes.server.run("systemctl reboot || true")
        until(homes.server, f"test $(cat /proc/sys/kernel/random/boot_id) != {boot}", 400)
    safe = int(homes.node.run(f"wc -l < /var/tmp/log-{cut}"))
    until(homes.node, f"test $(wc -l < /var/tmp/log-{cut}) -gt {safe + 50}", 400)
    homes.node.run("systemctl stop writer; sync")
    told = homes.node.run(f"cat /var/tmp/log-{cut}").split()
    kept = homes.server.run(f"cat {HOMES}/hub-claim-ana/log").split()
    assert kept[: len(told)] == told
    # The limit has outlived it, too.
    limit = homes.server.run(f"stat -f -c '%b %S' {HOMES}/hub-claim-ana").split()
    assert int(limit[0]) * int(limit[1]) == 20 << 20


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
    assert homes.server.run("dpkg-query -W nfs-kernel-server 2>&1 || true").count("\t") == 0
    homes.server.run("wipefs -q --all /dev/vdb")
