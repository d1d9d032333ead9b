"""Last of all: `localcloud reset` takes the hub out again. (Whole listings: tests/integration.)"""

import subprocess
import sys

testinfra_hosts = ["ansible://jupyterhub"]


def test_reset_leaves_no_trace(host):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "--lang", "en", "reset", "--yes"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (
        "/opt/localcloud",
        "/etc/jupyterhub",
        "/var/lib/jupyterhub",
        "/var/lib/localcloud",
    ):
        assert not host.file(path).exists
    assert not host.file("/var/lib/localcloud").exists
    assert not host.group("jupyterhub-users").exists
    assert host.run("systemctl list-unit-files --no-legend 'jupyter*'").stdout == ""
    assert not host.socket("tcp://0.0.0.0:80").is_listening
