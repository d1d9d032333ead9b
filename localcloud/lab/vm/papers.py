"""What the lab decides for a machine, as a tar on a small read-only disk that it reads at boot.

The same files that containers see under /etc/localcloud-lab. Rewritten in place, so that a running
machine can read them again.
"""

import io
import tarfile
from pathlib import Path

from localcloud.lab.machines import HOST_KEY, folder
from localcloud.lab.state import Machine
from localcloud.lab.vm import router

NAME = "localcloud-lab"  # the disk's serial; prepare.sh looks for it
FILE = "papers.tar"
_SIZE = 256 * 1024  # bytes; fixed, as a disk's size does not change while it is in use

_NETWORK = """[Match]
MACAddress={mac}
[Network]
Address={address}/{bits}
Gateway={gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


def write(directory: Path, machine: Machine, place: Path) -> None:
    """Write the machine's tar into its folder ``place``."""
    files = {
        path.name: path.read_bytes()
        for path in (folder(directory, machine.name) / name for name in _shared())
    }
    network = _NETWORK.format(
        mac=machine.mac,
        address=machine.address,
        bits=router.SUBNET.partition("/")[2],
        gateway=router.GATEWAY,
    )
    files["10-localcloud-lab.network"] = network.encode()
    files["resolv.conf"] = f"nameserver {router.RESOLVER}\n".encode()
    files["hostname"] = f"{machine.name}\n".encode()
    content = _tar(files).ljust(_SIZE, b"\0")
    path = place / FILE
    path.touch(mode=0o600)
    with path.open("r+b") as disk:
        disk.write(content)


def _shared() -> tuple[str, ...]:
    return (HOST_KEY, f"{HOST_KEY}.pub", "authorized_keys", "hosts")


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
