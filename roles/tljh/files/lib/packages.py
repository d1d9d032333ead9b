"""People's packages in TLJH's environment of conda: the lock first, then what the site adds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from tljh import config

USER = Path(config.USER_ENV_PREFIX)
STAMP = Path(config.INSTALL_PREFIX, ".localcloud-packages")
WANTED = ("user_lock", "user_packages", "conda_packages", "conda_channels")


class Failed(Exception):
    """A package manager's own words."""


def call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed((done.stderr or done.stdout)[-3000:])


def ensure(wanted: dict) -> bool:
    """Install what is wanted; True if anything was done. Raises ``Failed``.

    Nothing is taken out: conda's own packages lie in the same environment.
    """
    words = hashlib.sha256(json.dumps([wanted[key] for key in WANTED]).encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == words:
        return False
    STAMP.unlink(missing_ok=True)
    from tljh import conda

    if wanted["conda_packages"]:
        with_conda(wanted)
    with tempfile.TemporaryDirectory(dir=config.INSTALL_PREFIX) as scratch:
        with_uv(wanted, Path(scratch))
    # uv's own lock file, which everybody on the host could hold (mode 0666).
    (USER / ".lock").unlink(missing_ok=True)
    conda.fix_permissions(str(USER))
    STAMP.write_text(words)
    return True


def with_conda(wanted: dict) -> None:
    program = USER / "bin/mamba"
    if wanted["conda_mirror"]:  # not as an argument: it may hold a password
        os.environ["CONDA_CHANNEL_ALIAS"] = wanted["conda_mirror"]
    channels = [word for name in wanted["conda_channels"] for word in ("-c", name)]
    call(
        str(program),
        "install",
        "--yes",
        *channels,
        "--prefix",
        str(USER),
        *wanted["conda_packages"],
    )


def with_uv(wanted: dict, scratch: Path) -> None:
    def write(name: str, text: str) -> str:
        (scratch / name).write_text(text + "\n")
        return str(scratch / name)

    lock = write("lock.txt", wanted["user_lock"])
    pins = [line for line in wanted["user_lock"].splitlines() if line and line[0] not in "# "]
    bounds = write("bounds.txt", "\n".join(pin.rstrip(" \\") for pin in pins))
    build = write("build.txt", wanted["user_build_lock"])
    os.environ["UV_CACHE_DIR"] = str(scratch / "cache")
    common = [wanted["uv"], "pip", "install", "--quiet", "--python", str(USER / "bin/python")]
    common += ["--build-constraint", build, "--compile-bytecode"]
    call(*common, "--require-hashes", "-r", lock)
    if wanted["user_packages"]:
        extra = write("extra.txt", "\n".join(wanted["user_packages"]))
        call(*common, "--constraint", bounds, "-r", extra)
