"""SSH connections with pinned host keys, for everything that is not an Ansible run.

Only keys in the site's own ``known_hosts`` count; an unknown or changed key is refused before
anything is sent. paramiko is imported on first use: it costs more than the rest of the CLI.
"""

import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from errno import EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

from localcloud.errors import LocalcloudError
from localcloud.ssh_command import Completed, converse
from localcloud.ssh_errors import (
    AuthenticationFailed,
    CommandTimeout,
    HostKeyChanged,
    HostKeyUnknown,
    SshError,
    Unreachable,
)

if TYPE_CHECKING:
    from paramiko import Transport

    from localcloud.site import Host, Site

CONNECT_TIMEOUT = 8.0  # seconds, for the TCP connection and again for SSH's own greeting
AUTH_TIMEOUT = 20.0  # PAM and a reverse DNS lookup on the host can be slow
_NO_ROUTE = {EHOSTUNREACH, EHOSTDOWN, ENETUNREACH, ENETDOWN}
# Families of host keys, best first. RSA is offered under the names of its signature schemes.
_FAMILIES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)

__all__ = [
    "AuthenticationFailed",
    "CommandTimeout",
    "Completed",
    "Connection",
    "Connections",
    "HostKeyChanged",
    "HostKeyUnknown",
    "SshError",
    "Unreachable",
    "connect",
    "known_hosts_name",
    "on_all",
    "open_transport",
    "scan_host_keys",
]

Result = TypeVar("Result")

# paramiko's threads log tracebacks for what we report in words; without a handler they are printed.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Connection:
    """One authenticated connection; usable as a context manager."""

    def __init__(self, host: "Host", user: str, transport: "Transport") -> None:
        self.host = host
        self.user = user
        self._transport = transport

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._transport.is_active()

    def close(self) -> None:
        self._transport.close()

    def run(
        self, command: str, stdin: bytes = b"", timeout: float = 60, sudo: bool = False
    ) -> Completed:
        """Run a shell command. ``sudo`` makes all of it root's, never asking for a password.

        Output that is not UTF-8 is shown with replacement signs. ``timeout`` is in seconds.
        Raises CommandTimeout, or Unreachable when the connection breaks.
        """
        if sudo and self.user != "root":
            command = f"sudo -n -- sh -c {quote(command)}"
        return self._run(command, stdin, timeout)

    def _run(self, command: str, stdin: bytes, timeout: float) -> Completed:
        from paramiko import SSHException

        try:
            channel = self._transport.open_session(timeout=CONNECT_TIMEOUT)
            with channel:
                channel.exec_command(command)
                answer = converse(channel, stdin, timeout)
                if answer is None:
                    raise CommandTimeout("command_timeout", self.host.name, seconds=f"{timeout:g}")
                return answer
        except (SSHException, EOFError, OSError) as error:
            raise Unreachable("unreachable_lost", self.host.name, str(error)) from error


class Connections:
    """What one part of a command leaves open for the next: one login less on every host.

    A context manager that closes what nobody took.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Connection] = {}

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_exception: object) -> None:
        for connection in list(self._kept.values()):
            connection.close()

    def keep(self, connection: Connection) -> None:
        self._kept[connection.host.name] = connection

    def take(self, host: str) -> Connection | None:
        """The connection to a host, for the caller to close; None if there is none that lives."""
        connection = self._kept.pop(host, None)
        if connection is None or connection.alive:
            return connection
        connection.close()
        return None


def connect(site: "Site", host: "Host") -> Connection:
    """Enter a host. Raises Unreachable, HostKeyUnknown, HostKeyChanged, AuthenticationFailed."""
    from localcloud import ssh_local, ssh_login

    if host.variables.get("ansible_connection") == "local":
        return ssh_local.LocalConnection(host)
    user = ssh_login.user_of(host)
    try:
        transport = open_transport(host.name, host.address, host.port, user)
    except Unreachable as error:
        raise _stopped_machine(site, host) or error from error
    try:
        ssh_login.greet(site, host, transport)
        ssh_login.authenticate(host, user, transport)
    except BaseException:
        transport.close()
        raise
    return Connection(host, user, transport)


def _stopped_machine(site: "Site", host: "Host") -> Unreachable | None:
    """Of a lab's site: the machine is not running, and that is easily mended."""
    from localcloud.lab.state import path_of

    if host.address != "127.0.0.1" or not path_of(site.directory).is_file():
        return None
    return Unreachable("unreachable_lab", host.name, site=quote(str(site.directory)))


def open_transport(name: str, address: str, port: int, user: str) -> "Transport":
    """A TCP connection dressed for SSH, nothing exchanged yet. Raises Unreachable."""
    from paramiko import SSHException, Transport

    where: dict[str, Any] = {"address": address, "port": port, "user": user}
    try:
        tcp = socket.create_connection((address, port), timeout=CONNECT_TIMEOUT)
    except TimeoutError as error:
        raise Unreachable(
            "unreachable_timeout", name, seconds=f"{CONNECT_TIMEOUT:g}", **where
        ) from error
    except ConnectionRefusedError as error:
        raise Unreachable("unreachable_refused", name, **where) from error
    except (socket.gaierror, UnicodeError) as error:
        raise Unreachable("unreachable_name", name, str(error), **where) from error
    except OSError as error:
        known = "unreachable_route" if error.errno in _NO_ROUTE else "unreachable"
        raise Unreachable(known, name, str(error), reason=error.strerror, **where) from error
    try:
        transport = Transport(tcp)
    except SSHException as error:
        tcp.close()
        raise Unreachable("unreachable_not_ssh", name, str(error), **where) from error
    transport.banner_timeout = CONNECT_TIMEOUT
    transport.auth_timeout = AUTH_TIMEOUT
    return transport


def scan_host_keys(address: str, port: int) -> list[tuple[str, str, str]]:
    """The host keys a server offers, without logging in: (type, ``SHA256:…``, known_hosts line).

    Best type first. Raises Unreachable (naming the address) if no SSH server answers.
    """

    def scan(family: tuple[str, ...]) -> tuple[str, str, str] | LocalcloudError | None:
        try:
            return _scan(address, port, family)
        except LocalcloudError as error:
            return error

    with ThreadPoolExecutor(len(_FAMILIES)) as pool:
        answers = list(pool.map(scan, _FAMILIES))
    found = [answer for answer in answers if isinstance(answer, tuple)]
    if not found:
        for answer in answers:
            if isinstance(answer, LocalcloudError):
                raise answer
        raise Unreachable("unreachable_not_ssh", address, address=address, port=port)
    return found


def _scan(address: str, port: int, family: tuple[str, ...]) -> tuple[str, str, str] | None:
    """The key of one family, None if the server has none."""
    from paramiko import SSHException
    from paramiko.ssh_exception import IncompatiblePeer

    transport = open_transport(address, address, port, "")
    try:
        transport.get_security_options().key_types = family
        transport.start_client(timeout=CONNECT_TIMEOUT)
        key = transport.get_remote_server_key()
    except IncompatiblePeer:
        return None
    except (SSHException, EOFError, OSError) as error:
        raise Unreachable(
            "unreachable_not_ssh", address, str(error), address=address, port=port
        ) from error
    finally:
        transport.close()
    line = f"{known_hosts_name(address, port)} {key.get_name()} {key.get_base64()}"
    return key.get_name(), key.fingerprint, line


def known_hosts_name(address: str, port: int) -> str:
    """How OpenSSH names a server in known_hosts: ``address``, or ``[address]:port``."""
    address = address.lower()
    return address if port == 22 else f"[{address}]:{port}"


def on_all(
    site: "Site",
    hosts: "list[Host]",
    function: Callable[[Connection], Result],
    kept: Connections | None = None,
) -> dict[str, Result | LocalcloudError]:
    """Enter all hosts at once and call the function with each connection.

    Gives host name → its result, or the error that host ended in; one host never hides another.
    A connection is closed afterwards; if all went well and the host is one of those that were
    asked for (``--limit``), it is handed to ``kept``.
    """

    def visit(host: "Host") -> Result | LocalcloudError:
        try:
            connection = connect(site, host)
        except LocalcloudError as error:
            return error
        with ExitStack() as stack:
            stack.push(connection)
            try:
                result = function(connection)
            except LocalcloudError as error:
                return error
            if kept is not None and host.name in site.hosts:
                stack.pop_all()
                kept.keep(connection)
        return result

    if not hosts:
        return {}
    with ThreadPoolExecutor(min(32, len(hosts))) as pool:
        return dict(zip([host.name for host in hosts], pool.map(visit, hosts), strict=True))
