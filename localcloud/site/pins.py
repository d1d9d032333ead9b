"""Host keys: pinned in the site's ``known_hosts``, never without a person's word."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from localcloud import ssh, ssh_login
from localcloud.errors import LocalcloudError
from localcloud.site.model import Host, Site
from localcloud.site.vault import write_atomically


@dataclass(frozen=True)
class Scan:
    """What a host showed: keys as (type, fingerprint, known_hosts line), or why there are none."""

    host: Host
    keys: tuple[tuple[str, str, str], ...] = ()
    error: LocalcloudError | None = None


def unpinned(site: Site) -> list[Host]:
    """The hosts of the site without a pinned key."""
    return [host for host in site.hosts.values() if not ssh_login.pinned_keys(site, host)]


def scan(hosts: list[Host]) -> list[Scan]:
    """Ask all hosts at once for their keys, without logging in."""

    def one(host: Host) -> Scan:
        try:
            return Scan(host, tuple(ssh.scan_host_keys(host.address, host.port)))
        except LocalcloudError as error:
            return Scan(host, error=error)

    if not hosts:
        return []
    with ThreadPoolExecutor(min(32, len(hosts))) as pool:
        return list(pool.map(one, hosts))


def pin(site: Site, scanned: Scan) -> None:
    """Add a host's keys to what is pinned; lines that are there stay."""
    text = site.known_hosts.read_text() if site.known_hosts.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    lines = [line for _type, _fingerprint, line in scanned.keys if line not in text.splitlines()]
    write_atomically(
        site.known_hosts, (text + "".join(f"{line}\n" for line in lines)).encode(), 0o644
    )
