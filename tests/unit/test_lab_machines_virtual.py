"""Virtual machines without QEMU: their disks, their papers, their processes, the proof of KVM."""

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.errors import UsageError
from localcloud.lab import distributions, image, machines, plan, recipe
from localcloud.lab.machinery import Machinery
from localcloud.lab.sources import from_machine
from localcloud.lab.state import LabState, Machine
from localcloud.lab.vm import acceleration, disks, papers, process, qmp, router
from localcloud.lab.vm import qemu as programs
from localcloud.lab.vm.guest import Guest
from localcloud.lab.vm.machinery import VirtualMachines
from localcloud.lab.vm.qemu import Qemu

MACHINE = Machine("node1", ["nfs_server"], "10.0.2.10", {22: 22001, 80: 28001, 443: 24431})


class Stacks(Qemu):
    """Writes into each disk's file what it stands on, instead of a qcow2."""

    def make_disk(self, *arguments: str) -> None:
        words = list(arguments)
        backing = words[words.index("-b") + 1] if "-b" in words else "nothing"
        path = next(Path(word) for word in words if word.endswith(".qcow2") and word != backing)
        path.write_text(backing)


QEMU = Stacks("qemu-system-x86_64", "qemu-img", "mke2fs", "QEMU 7.2")


def example(**wanted: object) -> LabState:
    lab = LabState("lab-1a2b3c", "qemu", "debian12", "vm-x", "10.0.2.0/24", **wanted)  # type: ignore[arg-type]
    lab.machines["node1"] = MACHINE
    return lab


# --- disks


def chain(folder: Path, name: str = "root") -> list[str]:
    """What a machine's disk stands on, down to the ground."""
    found, layer = [], disks.current(folder).resolve()
    while True:
        backing = (layer / f"{name}.qcow2").read_text()
        found.append(backing)
        if not backing.endswith(".qcow2"):
            return found
        layer = (layer / backing).parent.resolve()


def test_bare_disks_stand_on_the_system_and_on_nothing(tmp_path: Path) -> None:
    disks.begin(QEMU, tmp_path, ["1024"], None)
    assert chain(tmp_path) == ["../../../base/root.img"]
    assert chain(tmp_path, "disk1") == ["nothing"]
    written = disks.current(tmp_path).resolve() / "root.qcow2"
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_saved_state_is_never_written_again_and_can_be_left_and_found(tmp_path: Path) -> None:
    disks.begin(QEMU, tmp_path, ["1024"], None)
    disks.save(QEMU, tmp_path, ["1024"], "one")
    kept = disks.saved_layer(tmp_path, "one").resolve()
    assert disks.current(tmp_path).resolve() != kept
    disks.begin(QEMU, tmp_path, ["1024"], None)
    assert len(chain(tmp_path)) == 1
    disks.begin(QEMU, tmp_path, ["1024"], "one")
    assert chain(tmp_path) == [f"../{kept.name}/root.qcow2", "../../../base/root.img"]
    assert chain(tmp_path, "disk1") == [f"../{kept.name}/disk1.qcow2", "nothing"]
    assert disks.saved(tmp_path) == ["one"]


def test_layers_that_nothing_stands_on_are_removed(tmp_path: Path) -> None:
    disks.begin(QEMU, tmp_path, [], None)
    for _again in range(3):
        disks.begin(QEMU, tmp_path, [], None)
    assert len(list((tmp_path / "layers").iterdir())) == 1
    disks.save(QEMU, tmp_path, [], "one")
    disks.save(QEMU, tmp_path, [], "two")
    disks.begin(QEMU, tmp_path, [], "two")
    assert len(list((tmp_path / "layers").iterdir())) == 3
    disks.save(QEMU, tmp_path, [], "two")  # the old two lies below the new one
    assert len(chain(tmp_path)) == 4
    disks.begin(QEMU, tmp_path, [], "one")
    assert chain(tmp_path)[-1] == "../../../base/root.img"


# --- hardware


@pytest.mark.parametrize(("size", "mebibytes"), [("512m", 512), ("2g", 2048), ("1T", 1 << 20)])
def test_sizes_are_read_as_people_write_them(size: str, mebibytes: int) -> None:
    assert plan.mebibytes(size) == mebibytes


@pytest.mark.parametrize("size", ["2", "g", "0g", "-1g", "1.5g", "2 gigs"])
def test_what_is_no_size_is_refused_with_an_example(size: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan.hardware("qemu", None, None, [size])
    assert size in caught.value.message
    assert "2g" in caught.value.remedy


def test_a_container_has_no_disks_of_its_own() -> None:
    with pytest.raises(UsageError) as caught:
        plan.hardware("podman", None, None, ["1g"])
    assert "--vm" in caught.value.remedy


def test_a_machine_gets_the_disks_memory_and_cores_asked_for(tmp_path: Path) -> None:
    lab = example(memory="3g", cores=4, disks=["1g", "2g"])
    line = Guest(QEMU, tmp_path, lab, MACHINE, kvm=False).command()
    assert line[line.index("-m") + 1] == "3072M"
    assert line[line.index("-smp") + 1] == "4"
    files = [word for word in line if word.startswith("if=none")]
    assert [word.split("file=")[1].split(",")[0] for word in files] == [
        *("current/root.qcow2", "current/disk1.qcow2", "current/disk2.qcow2", "papers.tar")
    ]
    assert "readonly=on" in files[-1]
    assert "tcg" in line[line.index("-accel") + 1]
    accelerated = Guest(QEMU, tmp_path, lab, MACHINE, kvm=True).command()
    assert accelerated[accelerated.index("-accel") + 1] == "kvm"


def test_no_path_in_a_command_line_depends_on_where_the_lab_is(tmp_path: Path) -> None:
    line = Guest(QEMU, tmp_path, example(disks=["1g"]), MACHINE, kvm=False).command()
    assert not [word for word in line if str(tmp_path) in word]


# --- papers


def test_a_machine_reads_its_keys_name_and_network_from_its_papers(tmp_path: Path) -> None:
    lab = example()
    machines.write_files(tmp_path, lab)
    papers.write(tmp_path, MACHINE, tmp_path)
    content = (tmp_path / papers.FILE).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = {name: tar.extractfile(name).read().decode() for name in tar.getnames()}  # type: ignore[union-attr]
    assert found["hostname"] == "node1\n"
    assert found["hosts"] == "10.0.2.10\tnode1\n"
    assert "PRIVATE KEY" in found["ssh_host_ed25519_key"]
    assert f"MACAddress={MACHINE.mac}\n" in found["10-localcloud-lab.network"]
    assert "Address=10.0.2.10/24\nGateway=10.0.2.2\n" in found["10-localcloud-lab.network"]
    assert (tmp_path / papers.FILE).stat().st_mode & 0o777 == 0o600
    lab.machines["node2"] = Machine("node2", [], "10.0.2.11", {22: 1, 80: 2, 443: 3})
    machines.write_files(tmp_path, lab)
    inode = (tmp_path / papers.FILE).stat().st_ino
    papers.write(tmp_path, MACHINE, tmp_path)
    again = (tmp_path / papers.FILE).read_bytes()
    assert b"10.0.2.11\tnode2" in again
    assert len(again) == len(content)  # a disk does not grow while it is in use
    assert (tmp_path / papers.FILE).stat().st_ino == inode


# --- processes


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a machine's, without being QEMU."""
    folder = tmp_path / "lab/.localcloud/vm/node1"
    folder.mkdir(parents=True)
    line = [sys.executable, "-c", "import time; time.sleep(60)"]
    line += ["-name", process.label(f"test-{os.getpid()}", "node1")]
    made = subprocess.Popen(line, cwd=folder)
    yield made
    made.kill()
    made.wait()


def test_a_machine_is_found_by_name_also_when_its_directory_is_gone(
    stranger: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    lab_id = f"test-{os.getpid()}"
    deadline = time.monotonic() + 10
    while not (found := process.find(lab_id, "node1")):
        assert time.monotonic() < deadline
    assert found.pid == stranger.pid
    assert process.find("another", "node1") is None
    import shutil

    shutil.rmtree(tmp_path / "lab")
    assert (tmp_path / "lab", lab_id) in VirtualMachines(QEMU).labs()
    process.kill(found)
    assert stranger.wait(timeout=10) == -9
    assert process.running(lab_id) == []


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone(
    stranger: subprocess.Popen[bytes],
) -> None:
    process.kill(process.Process(stranger.pid, "gone", "node1", Path("/")))
    assert stranger.poll() is None


def test_qemu_that_ends_at_once_shows_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(process.Ended) as caught:
        process.start(["sh", "-c", "echo Cannot allocate memory >&2; exit 1"], tmp_path)
    assert caught.value.details == "Cannot allocate memory"


def test_machines_that_end_at_the_same_time_are_counted_by_several_threads(tmp_path: Path) -> None:
    """Each thread may have another one's process in its hands when that one is counted."""

    class Ended:
        def poll(self) -> int:
            process._started.pop(0, None)  # what the other thread does just then
            return 0

    process._started[0] = Ended()  # type: ignore[assignment]
    assert process.running("test-nobody") == []


# --- the monitor, and the network's ports


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[tuple[Path, dict[str, object]]]:
    """QEMU's monitor at a path longer than a socket's name may be; answers are by command line."""
    folder = tmp_path / ("long-name-" * 12) / "network"
    folder.mkdir(parents=True)
    answers: dict[str, object] = {}
    here = Path.cwd()
    server = socket.socket(socket.AF_UNIX)
    os.chdir(folder)
    server.bind("qmp.sock")
    os.chdir(here)
    server.listen()

    def serve() -> None:
        while True:
            try:
                connection, _peer = server.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as stream:
                stream.write('{"QMP": {}}\n{"event": "NOISE"}\n')
                stream.flush()
                for line in stream:
                    asked = json.loads(line)
                    words = asked["arguments"].get("command-line", asked["execute"])
                    answer = answers.get(words.split(":")[0], {"return": ""})
                    stream.write(json.dumps(answer) + "\n")
                    stream.flush()

    threading.Thread(target=serve, daemon=True).start()
    yield folder, answers
    server.close()


def test_the_monitor_answers_and_refuses_in_its_own_words(
    monitor: tuple[Path, dict[str, object]],
) -> None:
    folder, answers = monitor
    answers["query-status"] = {"return": {"running": True}}
    answers["netdev_del"] = {"error": {"desc": "Device not found"}}
    assert qmp.call(folder / "qmp.sock", ("query-status", {})) == [{"running": True}]
    with pytest.raises(qmp.Refused) as caught:
        qmp.call(folder / "qmp.sock", ("netdev_del", {"id": "x"}))
    assert caught.value.message == "Device not found"


def test_a_port_that_a_program_took_is_told_as_such(
    monitor: tuple[Path, dict[str, object]],
) -> None:
    folder, answers = monitor
    router.publish(folder, MACHINE)
    answers["hostfwd_add out tcp"] = {"return": "Could not set up host forwarding rule"}
    with pytest.raises(machines.PortTaken) as caught:
        router.publish(folder, MACHINE)
    assert "28001" in caught.value.message


# --- KVM


def fake_qemu(path: Path, script: str) -> Qemu:
    program = path / "qemu"
    program.write_text(f"#!/bin/sh\necho called >>{path}/calls\n{script}\n")
    program.chmod(0o755)
    return Qemu(str(program), "", "", f"QEMU {script}")


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(acceleration, "_DEVICE", tmp_path)
    monkeypatch.setattr(acceleration, "_SECONDS", 0.5)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("echo 'Kernel panic - not syncing'", True),
        ("exec sleep 60", False),  # as where nested virtualization hangs
        ("echo 'failed to initialize kvm'; exit 1", False),
        ("exit 0", False),
    ],
)
def test_kvm_is_used_only_where_a_boot_proved_it(tmp_path: Path, script: str, answer: bool) -> None:
    qemu = fake_qemu(tmp_path, script)
    assert acceleration.works(qemu, Path("vmlinuz")) is answer
    assert acceleration.works(qemu, Path("vmlinuz")) is answer
    assert (tmp_path / "calls").read_text().count("called") == 1


@pytest.mark.usefixtures("device")
def test_without_the_device_nothing_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceleration, "_DEVICE", tmp_path / "none")
    assert not acceleration.works(fake_qemu(tmp_path, "exit 0"), Path("vmlinuz"))
    assert not (tmp_path / "calls").exists()


# --- what is missing, and what does not answer


def test_missing_programs_are_named_with_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_PATH", "/nonexistent")
    with pytest.raises(UsageError) as caught:
        programs.detect()
    assert "qemu-system-x86_64, qemu-img, mke2fs" in caught.value.message
    assert "apt install qemu-system-x86 qemu-utils e2fsprogs" in caught.value.remedy


def test_an_old_qemu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qemu-system-x86_64", "qemu-img", "mke2fs"):
        (tmp_path / name).write_text("#!/bin/sh\necho QEMU emulator version 6.2.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(programs, "_PATH", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        programs.detect()
    assert "6.2.0" in caught.value.message
    assert "7.2" in caught.value.remedy


def test_a_machine_that_died_booting_shows_the_end_of_its_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = example()
    machines.write_files(tmp_path, lab)
    folder = tmp_path / ".localcloud/vm/node1"
    folder.mkdir(parents=True)
    console = "".join(f"line {number}\n" for number in range(90))
    (folder / "console.log").write_text(f"{console}\x1b[0;1;31mKernel panic\x1b[0m: no root\n")
    machinery: Machinery = VirtualMachines(QEMU)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = Machine("node1", [], "10.0.2.10", {22: closed.getsockname()[1]})
        machines.keys.ensure(folder / "unused", "x")
        with pytest.raises(machines.LocalcloudError) as caught:
            machines.wait(machinery, tmp_path, lab, dead)
    assert "Kernel panic: no root" in caught.value.details
    assert "line 10" not in caught.value.details
    assert "lab rebuild node1" in caught.value.remedy
    assert "console.log" in caught.value.remedy


def test_a_machine_that_hangs_up_on_us_is_named(tmp_path: Path) -> None:
    machines.write_files(tmp_path, example())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        threading.Thread(target=lambda: silent.accept()[0].close(), daemon=True).start()
        there = Machine("node1", [], "10.0.2.10", {22: silent.getsockname()[1]})
        with pytest.raises(machines.LocalcloudError) as caught:
            machines.over_ssh(tmp_path, there, "true")
    assert "host node1" in caught.value.message
    assert "SSH" in caught.value.details
    assert "lab ssh node1" in caught.value.remedy


# --- what the system takes over from this computer


@pytest.mark.parametrize(
    ("url", "container", "virtual"),
    [
        ("http://mirror.campus/debian", "http://mirror.campus/debian", None),
        ("http://127.0.0.1:3142/debian", "", "http://10.0.2.2:3142/debian"),
        ("http://me:key@localhost:80/x", "", "http://me:key@10.0.2.2:80/x"),
        ("https://localhost/simple", "", ""),  # a certificate would not be good for the address
        ("localhost:3128", "", "10.0.2.2:3128"),
        ("proxy.campus:3128", "proxy.campus:3128", None),
        ("", "", ""),
    ],
)
def test_servers_on_this_computer_are_reached_through_the_gateway(
    url: str, container: str, virtual: str | None
) -> None:
    assert from_machine(url, "") == container
    assert from_machine(url, router.GATEWAY) == (container if virtual is None else virtual)


def test_the_recipes_of_both_kinds_differ_and_only_one_has_a_kernel() -> None:
    system = distributions.choose(None)
    container, virtual = recipe.build(system), recipe.build(system, recipe.VIRTUAL)
    assert container.name != virtual.name
    assert system.kernel_package in virtual.packages
    assert not [name for name in container.packages if name.startswith("linux-")]
    assert recipe.VIRTUAL.loopback == router.GATEWAY
    assert any("early.tar" in word for word in image.command(virtual, Path("/w"), Path("/t")))
