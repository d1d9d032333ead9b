"""What the scenarios' tests share."""

import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def localcloud() -> Callable[..., str]:
    """Run the command as a sysadmin does; fail with its words if it fails."""

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "localcloud", "--lang", "en", *words],
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def for_root_alone(host) -> Callable[..., None]:
    """Fail unless all paths belong to root and have this mode."""

    def look(mode: int, *paths: str) -> None:
        for path in paths:
            file = host.file(path)
            assert (file.user, file.group, file.mode) == ("root", "root", mode), path

    return look
