"""What the tests of connections share: a server double, a key, and a site that knows both."""

from pathlib import Path

import paramiko

from tests.doubles.site_double import HostDouble, SiteDouble
from tests.doubles.ssh_server import Handler, SshServerDouble, local_shell

USER = "root"  # so that sudo=True needs no sudo here


def write_key(path: Path, password: str | None = None) -> paramiko.PKey:
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(path), password=password)
    path.chmod(0o600)
    return key


def served_site(
    tmp_path: Path, handler: Handler = local_shell, name: str = "h1"
) -> tuple[SiteDouble, SshServerDouble]:
    """A site of one host that is served by a double and pinned."""
    key = write_key(tmp_path / "key")
    server = SshServerDouble(USER, key, handler)
    host = HostDouble(name, port=server.port, user=USER, key_file=tmp_path / "key")
    site = SiteDouble(tmp_path, {name: host})
    server.pin(site.known_hosts)
    return site, server
