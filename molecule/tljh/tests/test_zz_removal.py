"""Last of all: `localcloud reset` takes TLJH out again. (Whole listings: tests/integration.)"""

testinfra_hosts = ["ansible://tljh"]


def test_reset_leaves_no_trace(host, localcloud):
    localcloud("reset", "--yes")
    for path in (
        "/opt/tljh",
        "/opt/localcloud",
        "/etc/localcloud",
        "/usr/bin/tljh-config",
        "/etc/sudoers.d/jupyterhub-admins",
        "/var/lib/localcloud",
    ):
        assert not host.file(path).exists, path
    for group in ("jupyterhub-admins", "jupyterhub-users"):
        assert not host.group(group).exists
    units = host.run("systemctl list-unit-files --no-legend 'jupyter*' traefik.service").stdout
    assert units == ""
    assert not host.socket("tcp://0.0.0.0:80").is_listening
