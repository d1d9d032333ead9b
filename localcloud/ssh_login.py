"""The two questions at a host's door: is it the host we know, and does it know us."""

import getpass
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud import ssh
from localcloud.errors import ExitCode
from localcloud.problems import ProblemError

if TYPE_CHECKING:
    from paramiko import PKey, Transport

    from localcloud.site import Host, Site

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")  # what OpenSSH tries without being told


def user_of(host: "Host") -> str:
    return host.user or getpass.getuser()


def pinned_keys(site: "Site", host: "Host") -> "dict[str, PKey]":
    """The keys pinned for a host: type → key. Raises ProblemError if the file is broken."""
    from paramiko.hostkeys import HostKeys, InvalidHostKey

    if not site.known_hosts.is_file():
        return {}
    try:
        known = HostKeys(str(site.known_hosts))
    except (InvalidHostKey, OSError, UnicodeDecodeError) as error:
        raise ProblemError(
            "known_hosts_broken",
            {"known_hosts": site.known_hosts, "site": site.directory},
            str(error),
            ExitCode.USAGE,
        ) from error
    return dict(known.lookup(ssh.known_hosts_name(host.address, host.port)) or {})


def _algorithms(key_type: str) -> list[str]:
    return ["rsa-sha2-512", "rsa-sha2-256"] if key_type == "ssh-rsa" else [key_type]


def greet(site: "Site", host: "Host", transport: "Transport") -> None:
    """Exchange keys, accepting pinned ones only: a key of another type is not asked for."""
    from paramiko import SSHException
    from paramiko.ssh_exception import IncompatiblePeer

    pinned = pinned_keys(site, host)
    if not pinned:
        raise ssh.HostKeyUnknown(
            "host_key_unknown", host.name, address=host.address, site=site.directory
        )
    options = transport.get_security_options()
    wanted = [name for key_type in pinned for name in _algorithms(key_type)]
    try:
        options.key_types = tuple(name for name in options.key_types if name in wanted)
        transport.start_client(timeout=ssh.CONNECT_TIMEOUT)
        shown = transport.get_remote_server_key()
    except IncompatiblePeer as error:
        _refuse_other_type(site, host, pinned, error)
    except (SSHException, EOFError, OSError) as error:
        raise ssh.Unreachable(
            "unreachable_not_ssh",
            host.name,
            str(error),
            address=host.address,
            port=host.port,
        ) from error
    else:
        known = pinned.get(shown.get_name())
        if known is None or known != shown:
            _refuse(site, host, pinned, f"{shown.get_name()} {shown.fingerprint}")


def _refuse_other_type(
    site: "Site", host: "Host", pinned: "dict[str, PKey]", error: Exception
) -> None:
    """Nothing in common: the host's keys are of other types now, or it is no SSH we can speak."""
    offered = ssh.scan_host_keys(host.address, host.port)
    if any(key_type in pinned for key_type, _print, _line in offered):
        raise ssh.Unreachable(
            "unreachable_not_ssh", host.name, str(error), address=host.address, port=host.port
        )
    _refuse(site, host, pinned, f"{offered[0][0]} {offered[0][1]}")


def _refuse(site: "Site", host: "Host", pinned: "dict[str, PKey]", new: str) -> None:
    key_type = new.partition(" ")[0]
    old = pinned.get(key_type) or next(iter(pinned.values()))
    raise ssh.HostKeyChanged(
        "host_key_changed",
        host.name,
        address=host.address,
        old=f"{old.get_name()} {old.fingerprint}",
        new=new,
        target=ssh.known_hosts_name(host.address, host.port),
        known_hosts=site.known_hosts,
        site=site.directory,
    )


def load_key(host: "Host", path: Path) -> "PKey | None":
    """The private key in a file; None if only a passphrase opens it."""
    from paramiko import PasswordRequiredException, PKey
    from paramiko.pkey import UnknownKeyType
    from paramiko.ssh_exception import SSHException

    if not path.is_file():
        raise ssh.AuthenticationFailed("key_missing", host.name, key_file=path)
    try:
        key = PKey.from_path(path)
    except (PasswordRequiredException, TypeError):  # cryptography says TypeError when locked
        key = None
    except (SSHException, UnknownKeyType, ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ssh.AuthenticationFailed(
            "key_unreadable", host.name, key_file=path, reason=reason
        ) from error
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ssh.AuthenticationFailed("key_too_open", host.name, key_file=path, mode=f"{mode:04o}")
    return key


def _candidates(host: "Host", locked: list[Path]) -> "Iterator[tuple[str, PKey]]":
    """Keys to try, in OpenSSH's order: the file named by the site, the agent, the usual files."""
    from paramiko import Agent, SSHException

    named = Path(host.key_file).expanduser() if host.key_file else None
    if named is not None:
        key = load_key(host, named)
        if key is not None:
            yield str(named), key
        else:
            locked.append(named)
    with suppress(SSHException, OSError):  # a dead agent is no agent
        yield from (("ssh-agent", key) for key in Agent().get_keys())
    if named is None:
        for path in (Path.home() / ".ssh" / name for name in _DEFAULT_KEYS):
            try:
                key = load_key(host, path)
            except ssh.AuthenticationFailed:
                continue
            if key is not None:
                yield str(path), key
            else:
                locked.append(path)


def authenticate(host: "Host", user: str, transport: "Transport") -> None:
    """Log in with the first key the host accepts. Raises AuthenticationFailed."""
    from paramiko import AuthenticationException, SSHException

    tried: list[str] = []
    locked: list[Path] = []
    where = {"user": user, "port": host.port, "address": host.address}
    said = ""
    for name, key in _candidates(host, locked):
        if name not in tried:
            tried.append(name)
        try:
            if not transport.auth_publickey(user, key):
                return
        except AuthenticationException as error:
            said = str(error)
        except (SSHException, EOFError, OSError) as error:
            said = str(error)  # sshd hangs up after too many keys
        if not transport.is_active():
            break
    if locked and not set(tried) - {"ssh-agent"}:
        raise ssh.AuthenticationFailed("key_encrypted", host.name, said, key_file=locked[0])
    if not tried:
        raise ssh.AuthenticationFailed("auth_no_key", host.name, said, **where)
    key_option = f"-i {shlex.quote(str(host.key_file))} " if host.key_file else ""
    raise ssh.AuthenticationFailed(
        "auth_failed", host.name, said, tried=tried, key_option=key_option, **where
    )
