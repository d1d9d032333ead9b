"""What was recorded from real hosts, read as facts."""

from pathlib import Path

import pytest

from localcloud.preflight.facts import parse

RECORDED = Path(__file__).parent / "facts"


def facts_of(name):
    return parse((RECORDED / f"{name}.txt").read_text())


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("*.txt")))
def test_every_recorded_host_is_understood(name):
    facts = facts_of(name)
    assert facts["complete"]
    assert (facts["os_id"], facts["os_version"], facts["init"]) == ("debian", "12", "systemd")
    assert facts["cores"] == 2
    assert facts["memory_mib"] == 24105
    assert facts["disk"]["/"]["free_mib"] > 70_000
    assert facts["disk"]["/opt/x"]["mount"] == "/"
    assert 22 in facts["ports"]
    assert facts["macs"] == {"eth0": "22:69:1e:80:04:01"}
    assert facts["default_route"]
    assert {mirror["kind"] for mirror in facts["mirrors"]} == {
        "npm",
        "apt",
        "apt-own",
        "pip-default",
    }
    assert 1.7e9 < facts["time"][0] <= facts["time"][1] < 2.5e9


def test_who_holds_a_port_is_known_through_root_only():
    assert facts_of("debian12-fresh")["ports"][22][0] == {
        "address": "0.0.0.0",
        "process": "sshd",
        "pid": "51",
        "unit": "ssh.service",
    }
    assert facts_of("debian12-sudo-asks")["ports"][22][0]["process"] == ""


def test_without_ss_the_kernel_tables_tell_the_unit():
    held = facts_of("debian12-without-python")["ports"]
    assert held[22][0]["unit"] == "ssh.service"
    assert 80 in held


def test_python_and_its_absence():
    assert facts_of("debian12-fresh")["python"] == "3.11.2"
    assert facts_of("debian12-without-python")["python"] == ""


def test_a_receipt_is_read_and_a_broken_one_noticed():
    said = (RECORDED / "debian12-port-taken.txt").read_text()
    assert "jupyterhub" in parse(said)["receipt"]["components"]
    cut = said.replace('receipt={"version":1,', "receipt={")
    assert parse(cut.replace('"components"', '"parts"'))["receipt_broken"]
    torn = "\n".join(line for line in said.split("\n") if "user_units" not in line)
    assert parse(torn)["receipt"] is None
    assert parse(torn)["receipt_broken"]


def test_a_login_shell_that_talks_does_not_disturb():
    said = (RECORDED / "debian12-fresh.txt").read_text()
    assert parse("Welcome!\nos_id=fake\n" + said)["os_id"] == "debian"


def test_a_probe_that_was_cut_is_not_complete():
    said = (RECORDED / "debian12-fresh.txt").read_text()
    assert not parse(said[: len(said) // 2])["complete"]
    assert not parse("")["complete"]


def test_passwords_in_mirror_addresses_do_not_get_into_the_facts():
    line = "probe=begin\nmirror=pip ok 0.1 https://ana:secret@pip.example.edu/simple/\n"
    assert parse(line)["mirrors"][0]["url"] == "https://pip.example.edu/simple/"


def test_a_container_has_the_memory_its_limit_says():
    said = (RECORDED / "debian12-fresh.txt").read_text()
    limited = said.replace("memory_limit=9223372036854771712", "memory_limit=2147483648")
    assert parse(limited)["memory_mib"] == 2048


def test_a_mount_point_with_a_blank_keeps_its_name():
    assert parse("probe=begin\ndisk=/srv 2048000 1024000 /mnt/my disk\n")["disk"]["/srv"] == {
        "free_mib": 1000,
        "total_mib": 2000,
        "mount": "/mnt/my disk",
    }


def test_a_process_that_left_its_service_in_some_hierarchies_is_still_its():
    """As k3s does in a container with cgroup v1, since its kubelet moves it."""
    holder = 'ss=LISTEN 0 4096 127.0.0.1:6444 0.0.0.0:* users:(("k3s-server",pid=7,fd=9))'
    groups = ("/../../init.scope", "/k3s", "/system.slice/k3s.service", "/k3s")
    said = "\n".join(["probe=begin", holder, *(f"unit=7 {group}" for group in groups)])
    assert parse(said)["ports"][6444][0]["unit"] == "k3s.service"
