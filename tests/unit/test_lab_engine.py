"""Finding the engine, and the command lines it gets on different computers."""

import os
import socket
from pathlib import Path

import pytest
from lab_cases import Computer, computer, podman_info

from localcloud.errors import LocalcloudError, UsageError
from localcloud.lab import containers, limits, ports
from localcloud.lab import engine as engines
from localcloud.lab.engine import Engine
from localcloud.lab.state import LabState, Machine

V1 = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"
HYBRID = V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"


def test_the_cgroup_hierarchy_is_told_from_the_mounts() -> None:
    assert limits.cgroups(V1) == "v1"
    assert limits.cgroups(HYBRID) == "hybrid"
    assert limits.cgroups(V2) == "v2"


def test_the_right_to_raise_limits_is_read_from_the_capabilities() -> None:
    assert limits.may_raise_limits("CapPrm:\t0\nCapEff:\t000001ffffffffff\n")
    assert not limits.may_raise_limits("CapEff:\t000001fffeffffff\n")


def test_ulimits_stay_below_the_callers_and_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    hard = {limits.resource.RLIMIT_NOFILE: 20000, limits.resource.RLIMIT_NPROC: 10**9}
    monkeypatch.setattr(limits.resource, "getrlimit", lambda which: (1024, hard[which]))
    found = limits.ulimits()
    assert found["nofile"] == 20000
    assert found["nproc"] == int(Path("/proc/sys/kernel/pid_max").read_text())


def test_the_network_follows_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "wan0").mkdir()
    (tmp_path / "wan0/mtu").write_text("1400\n")
    routes = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU\n"
    assert limits.mtu_of_default_route(routes, tmp_path) == 1500
    routes += "lan0 0002000A 0 1 0 0 0 00FFFFFF 0\nwan0 00000000 0102000A 3 0 0 0 00000000 0\n"
    assert limits.mtu_of_default_route(routes, tmp_path) == 1400


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    with computer(tmp_path, monkeypatch) as made:
        yield made


def test_no_engine_is_answered_with_the_packages_to_install(here: Computer) -> None:
    with pytest.raises(UsageError) as caught:
        engines.detect()
    assert "apt install podman" in caught.value.remedy
    assert "mmdebstrap" in caught.value.remedy


def test_podman_comes_before_docker_unless_docker_is_asked_for(here: Computer) -> None:
    here.have("docker", {"CgroupVersion": "2", "SecurityOptions": []})
    assert engines.detect().kind == "docker"
    here.have("podman", podman_info())
    assert engines.detect().kind == "podman"
    assert engines.detect("podman").ulimits == engines.detect().ulimits


def test_an_engine_that_does_not_answer_shows_its_own_words(here: Computer) -> None:
    broken = here.bin / "docker"
    broken.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(UsageError) as caught:
        engines.detect()
    assert "Cannot connect to the Docker daemon" in caught.value.details


def test_crun_gives_way_to_runc_on_the_hybrid_hierarchy(
    here: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.have("podman", podman_info("crun"))
    monkeypatch.setattr(limits, "cgroups", lambda: "v2")
    assert engines.detect().flags == ()
    monkeypatch.setattr(limits, "cgroups", lambda: "hybrid")
    monkeypatch.setattr(engines, "RUNC_PATHS", str(here.bin))
    with pytest.raises(UsageError) as caught:
        engines.detect()
    assert "apt install runc" in caught.value.remedy
    (here.bin / "runc").write_text("")
    (here.bin / "runc").chmod(0o755)
    assert engines.detect().flags == ("--runtime", "runc")


@pytest.mark.parametrize(
    ("layout", "host", "remedy"),
    [
        ("hybrid", {}, "as root"),
        ("v2", {"idMappings": {"uidmap": [{"size": 1}], "gidmap": []}}, "--add-subuids"),
        ("v2", {"cgroupControllers": ["pids"]}, "delegate.conf"),
    ],
)
def test_rootless_podman_is_refused_with_the_way_out(
    here: Computer, monkeypatch: pytest.MonkeyPatch, layout: str, host: object, remedy: str
) -> None:
    monkeypatch.setattr(limits, "cgroups", lambda: layout)
    here.have("podman", podman_info(rootless=True, **host))
    with pytest.raises(UsageError) as caught:
        engines.detect()
    assert remedy in caught.value.remedy
    here.have("podman", podman_info(rootless=True))
    if layout == "v2":
        assert engines.detect().rootless


def example() -> tuple[LabState, Machine]:
    machine = Machine("node1", ["jupyterhub"], "10.99.0.10", {22: 22001, 80: 28001, 443: 24431})
    lab = LabState("lab-1a2b3c", "podman", "debian12", "localhost/localcloud-lab:x", memory="2g")
    lab.machines["node1"] = machine
    return lab, machine


def test_podman_without_the_right_to_raise_limits_asks_for_no_more_than_it_has() -> None:
    lab, machine = example()
    own = Engine("podman", "podman", False, "hybrid", (), {"nofile": 20000, "nproc": 32768})
    line = containers.arguments(own, Path("/srv/lab"), lab, machine, lab.image)
    assert "--ulimit=nofile=20000:20000" in line
    assert "--ulimit=nproc=32768:32768" in line
    assert {"--systemd=always", "--cgroupns=private", "--no-hosts", "--privileged"} <= set(line)
    assert line[-1] == lab.image
    free = Engine("podman", "podman", False, "v2")
    assert not any(
        "ulimit" in word for word in containers.arguments(free, Path("/"), lab, machine, "")
    )


def test_docker_gets_what_podman_does_for_systemd_by_itself() -> None:
    lab, machine = example()
    line = containers.arguments(
        Engine("docker", "docker", False, "v2"), Path("/"), lab, machine, "i"
    )
    assert {"--tmpfs=/run", "--tmpfs=/run/lock", "--stop-signal=SIGRTMIN+3"} <= set(line)
    assert "--env=container=docker" in line
    assert not {"--systemd=always", "--no-hosts"} & set(line)


def test_ports_are_published_on_this_computer_only() -> None:
    lab, machine = example()
    line = containers.arguments(
        Engine("podman", "podman", False, "v2"), Path("/"), lab, machine, "i"
    )
    published = [line[at + 1] for at, word in enumerate(line) if word == "--publish"]
    assert published == ["127.0.0.1:22001:22", "127.0.0.1:28001:80", "127.0.0.1:24431:443"]


def test_a_machine_keeps_its_network_address_and_no_two_share_one() -> None:
    first, second = example()[1], example()[1]
    assert first.mac == first.mac
    assert first.mac != second.mac
    assert first.mac.startswith("02:")


def test_no_port_is_promised_twice_nor_taken_from_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        assert not ports.is_free(busy)
    monkeypatch.setattr(ports, "is_free", lambda _port: True)  # of a lab beside these tests
    owners = [tmp_path / name for name in ("one.json", "two.json")]
    for owner in owners:
        owner.touch()
    first, second = (ports.choose(tmp_path, owner, (22, 80)) for owner in owners)
    again = ports.choose(tmp_path, owners[0], (22, 80))
    everything = [*first.values(), *second.values(), *again.values()]
    assert len(set(everything)) == 6
    assert all(port > 1024 for port in everything)
    ports.release(tmp_path, owners[0])
    assert ports.choose(tmp_path, owners[1], (22,))[22] == first[22]


def test_ports_of_labs_that_vanished_are_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _port: True)  # of a lab beside these tests
    owner = tmp_path / "lab.json"
    owner.touch()
    before = ports.choose(tmp_path, owner, (80,))
    owner.unlink()
    other = tmp_path / "other.json"
    other.touch()
    assert ports.choose(tmp_path, other, (80,)) == before


def test_no_free_port_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _port: False)
    with pytest.raises(LocalcloudError) as caught:
        ports.choose(tmp_path, tmp_path / "lab.json", (22,))
    assert caught.value.remedy


def test_podman_goes_on_after_a_logout_ended_its_helper(here: Computer) -> None:
    here.have("podman", podman_info())
    real = (here.bin / "podman").rename(here.bin / "real")
    stale = here.home / "stale"
    stale.touch()
    (here.bin / "podman").write_text(
        f'#!/bin/sh\nif [ "$1" = system ]; then exec /bin/rm "{stale}"; fi\n'
        f'if [ -e "{stale}" ]; then echo "try \\"podman system migrate\\"" >&2; exit 125; fi\n'
        f'exec "{real}" "$@"\n'
    )
    (here.bin / "podman").chmod(0o755)
    assert engines.detect().kind == "podman"


def test_machines_of_a_user_end_at_logout_unless_that_user_lingers(tmp_path: Path) -> None:
    import pwd

    rootless = Engine("podman", "podman", True, "v2")
    assert not engines.ends_at_logout(Engine("podman", "podman", False, "v2"), tmp_path)
    if Path("/run/systemd/system").is_dir():
        assert engines.ends_at_logout(rootless, tmp_path)
    (tmp_path / pwd.getpwuid(os.getuid()).pw_name).touch()
    assert not engines.ends_at_logout(rootless, tmp_path)
