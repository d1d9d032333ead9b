"""A student's server while it runs: its Unix user, home and limits, seen from the host."""

import os
from pathlib import Path

import pytest

from localcloud.journey.accounts import Login
from localcloud.journey.failure import StepFailed
from localcloud.journey.recorder import Recorder
from localcloud.journey.steps import Student
from localcloud.site import load_site

testinfra_hosts = ["ansible://jupyterhub"]
PASSWORD = "clave-de-prueba-larga"


@pytest.fixture(scope="module")
def site():
    return load_site(Path(os.environ["LOCALCLOUD_INVENTORY"]))


@pytest.fixture(scope="module")
def student(site, request):
    """A student with a running server; gone afterwards."""
    import testinfra

    (endpoint,) = site.endpoints()
    host = testinfra.get_host(
        f"ansible://{endpoint.host}?sudo=True",
        ansible_inventory=str(site.directory / "hosts.yml"),
    )
    user = f'{{"name": "zoe", "password": "{PASSWORD}"}}'
    command = f'{endpoint.accounts} <<\'END\'\n{{"action": "%s", "users": [{user}]}}\nEND'
    host.check_output(command % "ensure")
    student = Student(Login("zoe", PASSWORD), endpoint.url, Recorder())
    assert student.begin(), student._recorder.steps
    yield student
    student.end()
    host.check_output(command % "remove")


def test_the_server_is_a_unit_of_a_real_user(host, student):
    assert host.service("jupyter-zoe").is_running
    user = host.user("jupyter-zoe")
    assert user.home == "/home/jupyter-zoe"
    assert "sudo" not in user.groups and "jupyterhub-users" in user.groups
    assert host.check_output("systemctl show -p User --value jupyter-zoe") == str(user.uid)


def test_the_home_is_private(host, student):
    assert host.file("/home/jupyter-zoe").mode == 0o700
    assert host.file("/home/jupyter-zoe").user == "jupyter-zoe"


def test_limits_are_in_force(host, student, site):
    """In the kernel's own words, not only in the unit's settings."""
    name = site.hosts_in("jupyterhub")[0].name
    size = site.value(name, "hub_memory_limit")
    wanted = int(size[:-1]) * 1024 ** {"M": 2, "G": 3}[size[-1]]
    group = host.check_output("systemctl show -p ControlGroup --value jupyter-zoe")
    memory = host.check_output(
        f"cat /sys/fs/cgroup{group}/memory.max /sys/fs/cgroup/memory{group}/memory.limit_in_bytes"
        " 2>/dev/null || true"
    )
    assert memory.split() == [str(wanted)]
    quota = host.check_output("systemctl show -p CPUQuotaPerSecUSec --value jupyter-zoe")
    cores = float(site.value(name, "hub_cpu_limit"))
    assert quota == ("1s" if cores == 1 else f"{int(cores * 1000)}ms")


def test_no_road_to_root(student):
    result = student.kernel.execute("!sudo -n true; grep NoNewPrivs /proc/self/status")
    assert "NoNewPrivs:\t1" in result.text


def test_a_cell_cannot_take_more_memory_than_allowed(student):
    """Last: the kernel is killed for it, as a student would see."""
    code = "print('took', len(bytearray(b'x') * (3 * 1024 ** 3)))"
    with pytest.raises(StepFailed) as failure:
        assert "took" not in student.kernel.execute(code, timeout=60).text
    assert failure.value.problem_id == "journey_kernel_died"
