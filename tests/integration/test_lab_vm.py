"""Virtual machines of the lab: they boot, find each other, survive power cuts, and go away.

In order on one lab of two machines, because a boot is dear where KVM does not work.
"""

import contextlib
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import lab
from localcloud.errors import UsageError
from localcloud.lab import ports
from localcloud.lab.lab import Lab
from localcloud.lab.vm import KIND, process
from localcloud.lab.vm import qemu as programs

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        programs.detect()
    except UsageError as missing:
        pytest.skip(f"NOT TRIED: no virtual machines here. {missing.message}")
    if not shutil.which("mmdebstrap"):
        pytest.skip("NOT TRIED: mmdebstrap is missing here, so no machine can be made.")
    directory = tmp_path_factory.mktemp("practice") / "lab"
    try:
        yield lab.up(directory, engine=KIND, hosts=2, disks=["256m"], memory="1g")
    finally:
        lab.down(directory)


def inside(made: Lab, host: str, command: str) -> str:
    done = subprocess.run(
        made.ssh_command(host, [command]), capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def boot(made: Lab, host: str) -> str:
    return inside(made, host, "cat /proc/sys/kernel/random/boot_id")


def vm_files(made: Lab) -> Path:
    return made.directory / ".localcloud/vm"


def test_a_machine_is_a_healthy_server_of_its_own(practice: Lab) -> None:
    words = inside(
        practice,
        "node1",
        "systemctl is-system-running --wait; hostname; sudo -n id -u; systemd-detect-virt; "
        "stat -fc %T /sys/fs/cgroup; systemctl --failed --no-legend",
    ).split()
    assert words[:3] == ["running", "node1", "0"]
    assert words[3] in ("qemu", "kvm")
    assert words[4:] == ["cgroup2fs"]


def test_its_kernel_can_do_what_a_campus_server_does(practice: Lab) -> None:
    modules = "nfsd nfs xfs overlay br_netfilter vxlan iscsi_tcp"
    inside(practice, "node1", f"for name in {modules}; do sudo modprobe $name || exit 1; done")


def test_the_extra_disk_is_there_and_empty(practice: Lab) -> None:
    assert inside(practice, "node1", "lsblk -bdno SIZE /dev/vdb") == str(256 << 20)
    disk = "/dev/disk/by-id/virtio-disk1"
    assert inside(practice, "node1", f"readlink -f {disk}; sudo cmp -n 1M {disk} /dev/zero") == (
        "/dev/vdb"
    )


def test_machines_reach_each_other_by_name_on_every_port(practice: Lab) -> None:
    assert "1 received" in inside(practice, "node1", "ping -c1 -W20 node2")
    assert "1 received" in inside(practice, "node2", "ping -c1 -W20 node1")
    inside(practice, "node2", "sudo systemd-run -q --unit web python3 -m http.server 45678")
    fetch = (
        "for i in $(seq 50); do python3 -c 'import urllib.request as u; "
        'print(u.urlopen("http://node2:45678/").status)\' 2>/dev/null && break; sleep 1; done'
    )
    assert inside(practice, "node1", fetch) == "200"


def test_nobody_else_reads_its_console_or_logs_in_with_a_password(practice: Lab) -> None:
    for host in practice.hosts:
        for name in ("console.log", "papers.tar", "current/root.qcow2"):
            mode = (vm_files(practice) / host / name).stat().st_mode
            assert stat.S_IMODE(mode) == 0o600, name
    shadow = inside(practice, "node1", "sudo cut -d: -f2 /etc/shadow").split()
    assert {word[0] for word in shadow} <= {"*", "!"}


def wait_for_another_boot(practice: Lab, host: str, before: str) -> None:
    """A machine that is asked to restart answers for a while before it goes down."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            if boot(practice, host) != before:
                return
        time.sleep(2)
    raise AssertionError(f"{host} was not started again")


def test_files_survive_a_power_cut_and_a_reboot(practice: Lab) -> None:
    for host in practice.hosts:
        inside(practice, host, f"echo {host} | sudo tee /srv/kept >/dev/null; sync /srv/kept")
        inside(practice, host, "echo disk | sudo dd of=/dev/vdb conv=fsync status=none")
    before = {host: boot(practice, host) for host in practice.hosts}
    (found,) = [one for one in process.running(practice.state.id) if one.part == "node1"]
    os.kill(found.pid, 9)
    inside(practice, "node2", "sudo systemd-run -q --on-active=1 systemctl reboot")
    assert process.wait_gone(found, 20)
    assert practice.statuses() == {"node1": "exited", "node2": "running"}
    lab.up(practice.directory)
    for host in practice.hosts:
        wait_for_another_boot(practice, host, before[host])
        assert inside(practice, host, "cat /srv/kept; sudo head -c4 /dev/vdb") == f"{host}\ndisk"
    assert "1 received" in inside(practice, "node1", "ping -c1 -W20 node2")


def test_rebuild_takes_back_what_was_done(practice: Lab) -> None:
    started = time.monotonic()
    practice.rebuild(["node1"])
    took = time.monotonic() - started
    up = float(inside(practice, "node1", "cut -d' ' -f1 /proc/uptime"))
    assert took - up < 30, "what is no boot takes seconds; the benchmark measures, this only guards"
    assert inside(practice, "node1", "ls /srv; sudo cmp -n 1M /dev/vdb /dev/zero") == ""
    assert inside(practice, "node2", "cat /srv/kept") == "node2"
    assert "1 received" in inside(practice, "node2", "ping -c1 -W20 node1")


@pytest.mark.slow
def test_a_saved_state_holds_all_disks(practice: Lab) -> None:
    inside(practice, "node1", "echo saved | sudo tee /srv/state | sudo dd of=/dev/vdb status=none")
    practice.save("installed")
    inside(practice, "node1", "sudo rm /srv/state; sudo dd if=/dev/zero of=/dev/vdb count=1 2>&1")
    practice.rebuild(["node1"], to="installed")
    assert inside(practice, "node1", "cat /srv/state; sudo head -c5 /dev/vdb") == "saved\nsaved"
    assert practice.saved == ["installed"]


@pytest.mark.slow
def test_a_third_machine_joins_and_all_know_it(practice: Lab) -> None:
    three = lab.up(practice.directory, hosts=3)
    assert "1 received" in inside(three, "node1", "ping -c1 -W20 node3")
    assert "1 received" in inside(three, "node3", "ping -c1 -W20 node2")


@pytest.mark.slow
def test_debian_13_runs_where_no_container_of_it_can(tmp_path: Path) -> None:
    made = lab.up(tmp_path / "lab", engine=KIND, distribution="debian13")
    try:
        assert "trixie" in inside(made, "node1", "cat /etc/os-release")
        assert inside(made, "node1", "systemctl is-system-running --wait") == "running"
    finally:
        lab.down(tmp_path / "lab")


def test_down_leaves_no_process_no_file_and_no_port(practice: Lab) -> None:
    taken = [port for host in practice.hosts for port in practice.machine(host).ports.values()]
    assert lab.down(practice.directory) == []
    assert process.running(practice.state.id) == []
    assert not practice.directory.exists()
    assert all(ports.is_free(port) for port in taken)
