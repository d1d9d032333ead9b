"""Last of all: `localcloud reset` takes the hub out again. (Whole listings: tests/integration.)"""

testinfra_hosts = ["ansible://jupyterhub"]


def test_reset_leaves_no_trace(host, localcloud):
    localcloud("reset", "--yes")
    for path in (
        "/opt/localcloud",
        "/etc/jupyterhub",
        "/var/lib/jupyterhub",
        "/var/lib/localcloud",
    ):
        assert not host.file(path).exists
    assert not host.group("jupyterhub-users").exists
    assert host.run("systemctl list-unit-files --no-legend 'jupyter*'").stdout == ""
    assert not host.socket("tcp://0.0.0.0:80").is_listening
