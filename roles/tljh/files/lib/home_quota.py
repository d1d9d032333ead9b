"""How much a person's files may take on the disk of the homes: the kernel's own user quota.

Not a project quota: a person could give their files to another project.
"""

import ctypes
import os
import re
import struct
from pathlib import Path

QUOTACTL_FD = 443  # the same number on every processor; Linux 5.14
SET_USER = 0x800008 << 8  # QCMD(Q_SETQUOTA, USRQUOTA)
BLOCK = 1024
# struct if_dqblk: hard and soft limit in blocks, then what is left alone; which of it counts.
LIMITS = struct.Struct("=8QI4x")
ONLY_BLOCKS = 1  # QIF_BLIMITS
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text: str) -> int:
    """``10G`` → bytes; ValueError for anything else."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGT])", text)
    if not found:
        raise ValueError(text)
    return int(float(found[1]) * UNITS[found[2]])


def record(limit: int) -> bytes:
    return LIMITS.pack(limit // BLOCK, 0, 0, 0, 0, 0, 0, 0, ONLY_BLOCKS)


def call(handle: int, uid: int, limit: bytes) -> int:
    """The system call; 0, or the number of an error."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.syscall(QUOTACTL_FD, handle, SET_USER, uid, ctypes.c_char_p(limit))
    return ctypes.get_errno() if done else 0


def limit(home: Path, uid: int, text: str) -> None:
    """Let a user's files take as much as ``text`` says. OSError where no quota is kept."""
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fault = call(handle, uid, record(size(text)))
    finally:
        os.close(handle)
    if fault:
        raise OSError(fault, f"no quota for user {uid}: {os.strerror(fault)}", str(home))
