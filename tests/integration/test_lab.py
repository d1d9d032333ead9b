"""The lab with a real engine: machines that boot, answer, come back and go away.

Run in order on one lab of two hosts, because each machine is worth more than one question.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import lab
from localcloud.errors import LocalcloudError, UsageError
from localcloud.lab import engine as engines
from localcloud.lab.engine import Engine
from localcloud.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        found = engines.detect()
    except UsageError as missing:
        pytest.skip(f"NOT TRIED: no usable container engine here. {missing.message}")
    if not shutil.which("mmdebstrap"):
        pytest.skip("NOT TRIED: mmdebstrap is missing here, so no machine can be made.")
    return found


def belongings(engine: Engine) -> dict[str, set[str]]:
    """Everything the engine holds, by id."""
    return {
        "containers": set(engine.run("ps", "-a", "-q", "--no-trunc").split()),
        "networks": set(engine.run("network", "ls", "-q").split()),
        "images": set(engine.run("images", "-a", "-q", "--no-trunc").split()),
        "volumes": set(engine.run("volume", "ls", "-q").split()),
    }


def of_this_test(engine: Engine, made: Lab) -> list[str]:
    """What a lab left, found by its name and label and not by what the lab knows of itself."""
    listed = [
        engine.run("ps", "-a", "--format", "{{.Names}}"),
        engine.run("network", "ls", "--format", "{{.Name}}"),
        engine.run("images", "-a", "--format", "{{.Repository}}"),
    ]
    return [word for text in listed for word in text.split() if made.state.id in word]


@pytest.fixture(scope="module")
def practice(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("practice") / "lab"
    made = lab.up(directory, hosts=2)
    yield made
    lab.down(directory)


def inside(made: Lab, host: str, command: str) -> str:
    """Run a line on a host over the real SSH, as ``lab ssh`` does."""
    done = subprocess.run(
        made.ssh_command(host, [command]), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def test_a_machine_is_a_healthy_bare_server(practice: Lab) -> None:
    assert inside(practice, "node1", "systemctl is-system-running --wait") == "running"
    assert inside(practice, "node1", "systemctl --failed --no-legend") == ""
    assert inside(practice, "node1", "hostname") == "node1"
    assert inside(practice, "node1", "sudo -n id -u") == "0"
    assert inside(practice, "node1", "python3 -c 'import apt' 2>&1 || echo bare").endswith("bare")
    assert inside(practice, "node1", "systemctl is-system-running; ps -p 1 -o comm=").endswith(
        "systemd"
    )


def test_its_package_sources_answer(practice: Lab) -> None:
    words = inside(practice, "node1", "sudo apt-get update -q 2>&1 | tail -3")
    assert "Err:" not in words
    assert "file:" not in inside(practice, "node1", "cat /etc/apt/sources.list.d/*")


def test_memory_limits_of_units_are_in_force(practice: Lab) -> None:
    hungry = "python3 -c 'b = bytearray(300 * 2**20); print(len(b))'"
    run = f"sudo systemd-run --quiet --wait --pipe -p MemoryMax={{}} -p MemorySwapMax=0 {hungry}"
    assert inside(practice, "node1", run.format("600M")) == str(300 * 2**20)
    refused = subprocess.run(
        practice.ssh_command("node1", [run.format("100M")]), capture_output=True, check=False
    )
    assert refused.returncode != 0


def test_machines_reach_each_other_by_name(practice: Lab) -> None:
    assert "1 received" in inside(practice, "node1", "ping -c1 -W5 node2")
    assert "1 received" in inside(practice, "node2", "ping -c1 -W5 node1")
    first, second = (inside(practice, host, "cat /etc/machine-id") for host in practice.hosts)
    assert first != second


def test_the_web_port_answers_on_this_computer_only(practice: Lab) -> None:
    import urllib.request

    inside(practice, "node2", "sudo systemd-run -q --unit web python3 -m http.server 80")
    deadline = time.monotonic() + 15
    while True:
        try:
            with urllib.request.urlopen(practice.url("node2"), timeout=5) as page:
                assert page.status == 200
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    port = practice.machine("node2").ports[80]
    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    addresses = {line.split()[3] for line in listening.splitlines() if f":{port} " in line}
    assert addresses == {f"127.0.0.1:{port}"}


def test_up_again_is_quick_and_changes_nothing(practice: Lab, engine: Engine) -> None:
    before, boots = belongings(engine), inside(practice, "node1", "stat -c %Y /proc/1")
    known = (practice.directory / "known_hosts").read_bytes()
    lab.up(practice.directory)
    assert belongings(engine)["containers"] >= before["containers"]
    assert inside(practice, "node1", "stat -c %Y /proc/1") == boots
    assert (practice.directory / "known_hosts").read_bytes() == known


def test_another_host_key_is_refused(practice: Lab) -> None:
    known = practice.directory / "known_hosts"
    before = known.read_text()
    lines = before.splitlines()
    keys = [line.split(" ", 1)[1] for line in lines]
    swapped = [f"{line.split()[0]} {keys[1 - at]}" for at, line in enumerate(lines)]
    known.write_text("\n".join(swapped) + "\n")
    try:
        refused = subprocess.run(
            practice.ssh_command("node1", ["true"]), capture_output=True, text=True, check=False
        )
    finally:
        known.write_text(before)
    assert refused.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in refused.stderr


UNIT = "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"


def test_save_and_rebuild_bring_a_state_back(practice: Lab) -> None:
    inside(
        practice,
        "node1",
        f"printf '{UNIT}' | sudo tee /etc/systemd/system/site.service >/dev/null && "
        "sudo systemctl enable -q --now site && echo kept | sudo tee /srv/marker >/dev/null",
    )
    identity = inside(practice, "node1", "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub")
    practice.save("installed")
    assert inside(practice, "node1", "systemctl is-active site; cat /srv/marker") == "active\nkept"
    inside(practice, "node1", "sudo rm /srv/marker; echo ruin | sudo tee /etc/hostname >/dev/null")
    practice.rebuild(to="bare")
    assert inside(practice, "node1", "ls /srv; systemctl is-active site || true") == "inactive"
    started = time.monotonic()
    practice.rebuild(["node1"], to="installed")
    assert time.monotonic() - started < 30  # seconds; the benchmark measures, this only guards
    assert inside(practice, "node1", "systemctl is-active site; cat /srv/marker") == "active\nkept"
    assert inside(practice, "node1", "systemctl --failed --no-legend") == ""
    same = inside(practice, "node1", "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub")
    assert same == identity
    assert "1 received" in inside(practice, "node1", "ping -c1 -W5 node2")
    assert "1 received" in inside(practice, "node2", "ping -c1 -W5 node1")


def test_stopped_and_removed_machines_come_back_in_their_state(
    practice: Lab, engine: Engine
) -> None:
    first, second = (practice.state.container(host) for host in practice.hosts)
    engine.run("stop", "--time", "20", first)
    engine.run("rm", "--force", second)
    lab.up(practice.directory)
    assert inside(practice, "node1", "cat /srv/marker") == "kept"
    assert inside(practice, "node2", "hostname") == "node2"


def test_a_third_machine_joins_and_all_know_it(practice: Lab) -> None:
    three = lab.up(practice.directory, hosts=3)
    assert three.hosts == ["node1", "node2", "node3"]
    assert "1 received" in inside(three, "node1", "ping -c1 -W5 node3")
    assert "1 received" in inside(three, "node3", "ping -c1 -W5 node1")


def test_a_port_taken_by_a_program_is_not_the_labs(engine: Engine, tmp_path: Path) -> None:
    import socket

    from localcloud.lab import ports

    with socket.socket() as program:
        start = next(port for port in range(ports.FIRST[80], 32000) if ports.is_free(port))
        program.bind(("127.0.0.1", start))
        program.listen()
        made = lab.up(tmp_path / "lab")
        try:
            assert made.machine().ports[80] != start
            made.machinery.engine.run("stop", "--time", "20", made.state.container("node1"))
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                thief.bind(("127.0.0.1", made.machine().ports[80]))
                thief.listen()
                with pytest.raises(LocalcloudError) as caught:
                    lab.up(tmp_path / "lab")
            assert str(made.machine().ports[80]) in caught.value.message
            lab.up(tmp_path / "lab")
        finally:
            lab.down(tmp_path / "lab")


def test_down_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    made = lab.up(tmp_path / "lab", hosts=2)
    made.save("one")
    made.rebuild(to="one")
    made.save("two")  # a state on top of another one
    made.save("two")
    assert of_this_test(engine, made)
    lab.down(tmp_path / "lab")
    assert of_this_test(engine, made) == []
    assert not (tmp_path / "lab").exists()
    images = engine.run("images", "-a", "-q", "--filter", f"label={engines.LABEL}={made.state.id}")
    assert images == ""
