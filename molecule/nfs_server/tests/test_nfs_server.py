"""What the sysadmin finds on the NFS server: exports, mount, limits, ports and units."""

import json
import time

HOMES = "/srv/localcloud/homes"


def test_the_disk_is_xfs_with_project_quotas(host):
    mount = host.mount_point(HOMES)
    assert mount.filesystem == "xfs"
    assert "prjquota" in mount.options and "nosuid" in mount.options


def test_nobody_but_the_nodes_may_mount(host):
    shown = host.check_output("exportfs -s")
    assert f"{HOMES}  10.0.2.0/24(" in shown
    assert "*(" not in shown and "no_root_squash" in shown


def test_only_version_four_is_served_and_rpcbind_is_silent(host):
    assert "-3" in host.file("/proc/fs/nfsd/versions").content_string.split()
    assert host.socket("tcp://0.0.0.0:2049").is_listening
    # Nor rpc.mountd, on ports that change.
    shown = host.check_output("ss -lntuH").splitlines()
    ports = {int(line.split()[4].rpartition(":")[2]) for line in shown}
    assert ports <= {22, 53, 68, 323, 546, 2049, 5353, 5355}, shown


def test_the_units_run_and_come_back_at_boot(host):
    for name in ("nfs-server", "localcloud-quotas.path", "localcloud-quotas.timer"):
        unit = host.service(name)
        assert unit.is_running and unit.is_enabled, host.run(f"journalctl -u {name} -n 20").stdout


def test_a_new_folder_gets_its_owner_and_its_limit(host):
    for name in ("hub-claim-ana", "hub-claim-teacher"):
        host.check_output(f"mkdir -p {HOMES}/{name}")
    wait(lambda: host.file(f"{HOMES}/hub-claim-ana").uid == 1000)
    assert host.file(f"{HOMES}/hub-claim-ana").gid == 100
    wait(lambda: limits(host)[f"{HOMES}/hub-claim-teacher"] == 50 << 20)
    assert limits(host)[f"{HOMES}/hub-claim-ana"] == 20 << 20


def test_the_byte_too_many_is_refused(host):
    write = "setpriv --reuid 1000 --regid 100 --clear-groups dd if=/dev/zero bs=1M count={} of={}"
    place = f"{HOMES}/hub-claim-ana/file"
    assert host.run(write.format(15, place) + " conv=fsync").rc == 0
    refused = host.run(write.format(25, place) + " conv=fsync")
    assert refused.rc != 0 and "No space left" in refused.stderr, refused.stderr


def limits(host) -> dict[str, int]:
    """Folder → bytes that the kernel says are its whole size: its limit."""
    found = {}
    for name in host.check_output(f"ls {HOMES}").split():
        size = host.check_output(f"stat -f -c '%b %S' {HOMES}/{name}").split()
        found[f"{HOMES}/{name}"] = int(size[0]) * int(size[1])
    return found


def wait(true, seconds: int = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(1)


def test_the_receipt_knows_it(host):
    receipt = json.loads(host.file("/var/lib/localcloud/receipt.json").content_string)
    facts = receipt["components"]["nfs_server"]["facts"]
    assert facts["path"] == HOMES and facts["disk"] == "/dev/vdb"
