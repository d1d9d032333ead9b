"""A limit for a person's files: what the kernel is told, and what happens where it keeps none."""

import errno
import struct
from types import SimpleNamespace

import pytest

from tests.unit.role_code import load

home_quota = load("tljh/files/lib/home_quota.py")
servers = load("jupyterhub/files/lib/servers.py")
unix_users = load("jupyterhub/files/lib/unix_users.py")
people = load("tljh/files/lib/people.py")  # finds the three others by their bare names


def test_the_kernel_gets_a_hard_limit_in_blocks_and_nothing_else(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(home_quota, "call", lambda _handle, *words: told.append(words) or 0)
    home_quota.limit(tmp_path, 1234, "1.5G")
    ((uid, limits),) = told
    assert uid == 1234 and len(limits) == 72, "struct if_dqblk"
    hard, *others, valid = struct.unpack("=8QI4x", limits)
    assert hard * 1024 == 3 << 29 and not any(others) and valid == 1


def test_without_quotas_a_server_does_not_start_as_if_there_were_one(tmp_path, monkeypatch):
    monkeypatch.setattr(home_quota, "call", lambda *_words: errno.ESRCH)
    with pytest.raises(OSError, match="no quota for user 1234"):
        home_quota.limit(tmp_path, 1234, "10G")


@pytest.mark.parametrize("admin", [False, True])
def test_a_persons_server_has_its_fences_and_its_limit(monkeypatch, admin):
    """An administrator of TLJH has root: what stands in the way of sudo is left out."""
    user = SimpleNamespace(pw_name="jupyter-ana", pw_dir="/home/jupyter-ana", pw_uid=1234)
    limits = []
    monkeypatch.setattr(unix_users, "ensure_user", lambda _name: user)
    monkeypatch.setattr(servers, "show_shared_data", lambda _user, _path: None)
    monkeypatch.setattr(home_quota, "limit", lambda *words: limits.append(words[1:]))
    spawner = SimpleNamespace(
        user=SimpleNamespace(name="ana", admin=admin),
        environment={"LANG": "C.UTF-8"},
        unit_extra_properties={},
    )
    people.hook("/srv/shared", "10G")(spawner)
    assert limits == [(1234, "10G")]
    assert spawner.environment["JUPYTER_RUNTIME_DIR"] == "/run/jupyter-ana"
    assert spawner.unit_extra_properties["ProtectProc"] == "invisible"
    assert ("CapabilityBoundingSet" in spawner.unit_extra_properties) is not admin
    people.hook("/srv/shared")(spawner)
    assert len(limits) == 1
