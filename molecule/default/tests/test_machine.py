"""The practice machine through testinfra, as the other scenarios see theirs."""

from testinfra.host import Host

testinfra_hosts = ["ansible://all"]


def test_ssh_is_up_and_nothing_failed(host: Host) -> None:
    ssh = host.service("ssh")
    assert ssh.is_running, host.run("journalctl -b -n 50 --no-pager").stdout
    assert host.run("systemctl --failed --no-legend").stdout == ""
    assert host.socket("tcp://0.0.0.0:22").is_listening


def test_the_machine_is_bare(host: Host) -> None:
    assert not host.package("python3-apt").is_installed
    assert host.run("id -u").stdout.strip() == "0"
