"""The journey, as a sysadmin runs it."""

import subprocess
import sys


def test_localcloud_verify_passes():
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "--lang", "en", "verify"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
