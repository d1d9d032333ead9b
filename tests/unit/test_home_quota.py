"""A limit for a person's files: what the kernel is told, and what happens where it keeps none."""

import errno
import struct

import pytest

from tests.unit.role_code import load

home_quota = load("tljh/files/lib/home_quota.py")


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
