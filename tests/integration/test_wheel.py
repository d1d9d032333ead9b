"""The wheel alone, in an empty directory: no repository beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What pipx does: an environment of its own with the wheel, and only the command on PATH."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", place, ROOT], check=True)
    wheel = next(place.glob("localcloud_kit-*.whl"))
    environment = {
        **os.environ,
        "PIPX_HOME": str(place / "pipx"),
        "PIPX_BIN_DIR": str(place / "bin"),
        "PIPX_MAN_DIR": str(place / "man"),
    }
    pipx = [sys.executable, "-m", "pipx"]
    subprocess.run(
        [*pipx, "install", "--python", sys.executable, wheel], env=environment, check=True
    )
    return place / "bin" / "localcloud"


def test_lab_and_install_work_without_the_repository(engine, installed, tmp_path):
    environment = {
        # Only what a login shell has: the pipx environment's own programs are not on PATH.
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.environ["HOME"],
        "LOCALCLOUD_LANG": "en",
    }

    def localcloud(*words: str) -> str:
        done = subprocess.run(
            [installed, *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        localcloud("lab", "up")
        shown = localcloud("install", "-i", "lab")
        assert "Walking through the hub as a student" in shown
    finally:
        localcloud("lab", "down", "--yes")
    assert list(tmp_path.iterdir()) == []


def test_spanish_is_in_the_wheel(installed):
    shown = subprocess.run(
        [installed, "--lang", "es", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "Verbos" in shown and "Convierta" in shown
