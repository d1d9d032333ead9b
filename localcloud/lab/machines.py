"""What every practice machine has, of whatever kind: its files, its keys, and that it answers."""

import base64
import logging
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from paramiko import Ed25519Key, SSHException, Transport

from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.lab import keys
from localcloud.lab.machinery import Machinery
from localcloud.lab.state import BARE, LabState, Machine, run_dir, write_private

USER = "admin"
HOST_KEY = "ssh_host_ed25519_key"


class PortTaken(LocalcloudError):
    """A published port was taken between choosing it and starting the machine."""

    @classmethod
    def of(cls, machine: Machine, words: str) -> "PortTaken":
        return cls(
            _("Another program took a port of host {host} on this computer ({ports}).").format(
                host=machine.name, ports=", ".join(map(str, machine.ports.values()))
            ),
            _("End that program, or make the lab anew: “localcloud lab down”, then “lab up”."),
            words.strip()[-1000:],
        )


def folder(directory: Path, machine: str) -> Path:
    """What the machine gets mounted read-only as /etc/localcloud-lab."""
    return run_dir(directory) / "machines" / machine


def login_key(directory: Path) -> Path:
    return run_dir(directory) / "lab_key"


def write_files(directory: Path, lab: LabState) -> None:
    """Keys and neighbours of every machine; keys that are there stay."""
    authorized = keys.ensure(login_key(directory), f"localcloud-lab-{lab.id}")
    neighbours = "".join(f"{each.address}\t{each.name}\n" for each in lab.machines.values())
    for machine in lab.machines.values():
        place = folder(directory, machine.name)
        place.mkdir(parents=True, exist_ok=True)
        keys.ensure(place / HOST_KEY, machine.name)
        for name, text in (("authorized_keys", f"{authorized}\n"), ("hosts", neighbours)):
            if not (place / name).exists() or (place / name).read_text() != text:
                write_private(place / name, text, 0o644)


def known_hosts(directory: Path, machines: Iterable[Machine]) -> str:
    """Lines of known_hosts for the machines as seen from this computer."""
    lines = []
    for machine in machines:
        public = (folder(directory, machine.name) / f"{HOST_KEY}.pub").read_text().split()
        lines.append(f"[127.0.0.1]:{machine.ports[22]} {public[0]} {public[1]}")
    return "\n".join(lines) + "\n"


def no_such_state(machine: Machine, state: str, saved: Sequence[str]) -> UsageError:
    """The error for a saved state that a machine does not have."""
    names = [BARE, *sorted(set(saved))]
    return UsageError(
        _("Host {host} has no saved state {name}.").format(host=machine.name, name=state),
        _("There are: {names}.").format(names=", ".join(names)),
    )


def wait(machinery: Machinery, directory: Path, lab: LabState, machine: Machine) -> None:
    """Wait until SSH answers with the machine's own host key and lets the lab's user in."""
    deadline = time.monotonic() + machinery.patience
    # A forwarder may take a connection long before the machine does and then hold it: give up soon
    # and try again; but a busy machine needs its time to greet, so wait longer each time.
    patience = 1.0
    while True:
        try:
            with socket.create_connection(("127.0.0.1", machine.ports[22]), timeout=5) as found:
                found.settimeout(patience)
                _greeting(found)
                _log_in(found, directory, machine).close()
                return
        except (OSError, EOFError, SSHException) as error:
            in_vain = machinery.has_died(directory, lab, machine)
            if in_vain or time.monotonic() > deadline:
                last = f"{type(error).__name__}: {error}"
                raise _silent(machinery, directory, lab, machine, last) from error
            if isinstance(error, TimeoutError):
                patience = min(15, patience * 1.3)
            time.sleep(0.1)


def over_ssh(directory: Path, machine: Machine, command: str) -> None:
    """Run a command on a machine that answers; LocalcloudError if it fails."""
    try:
        with socket.create_connection(("127.0.0.1", machine.ports[22]), timeout=30) as connection:
            transport = _log_in(connection, directory, machine)
            try:
                channel = transport.open_session(timeout=30)
                channel.exec_command(command)
                code, words = channel.recv_exit_status(), ""
            finally:
                transport.close()
    except (OSError, EOFError, SSHException) as error:
        code, words = -1, f"{type(error).__name__}: {error}"
    if code != 0:
        raise LocalcloudError(
            _("“{command}” failed on host {host}.").format(command=command, host=machine.name),
            _("Look there: {command}").format(
                command=f"localcloud lab ssh {machine.name} -- journalctl -b"
            ),
            words,
        )


def _greeting(connection: socket.socket) -> None:
    """Wait for sshd's first word and leave it unread; OSError if there is none.

    A port forwarder takes connections before sshd is there, and drops them again.
    """
    if connection.recv(4, socket.MSG_PEEK) != b"SSH-":
        raise ConnectionError("no SSH server yet")


def _log_in(connection: socket.socket, directory: Path, machine: Machine) -> Transport:
    """Check the host key and log in; SSHException while the machine still boots."""
    public = (folder(directory, machine.name) / f"{HOST_KEY}.pub").read_text().split()[1]
    login = Ed25519Key.from_private_key_file(str(login_key(directory)))
    # What goes wrong is tried again or becomes an error of ours: paramiko need not print it.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    transport = Transport(connection)
    try:
        transport.start_client(timeout=30)
        if transport.get_remote_server_key().asbytes() != base64.b64decode(public):
            raise _stranger(machine)
        transport.auth_publickey(USER, login)
    except BaseException:
        transport.close()
        raise
    return transport


def _stranger(machine: Machine) -> LocalcloudError:
    return LocalcloudError(
        _("Another SSH server than host {host} answers on port {port}.").format(
            host=machine.name, port=machine.ports[22]
        ),
        _("End the program that listens there, then run “localcloud lab up” again."),
    )


def _silent(
    machinery: Machinery, directory: Path, lab: LabState, machine: Machine, last: str
) -> LocalcloudError:
    found = machinery.silence(directory, lab, machine)
    return LocalcloudError(
        _("Host {host} did not answer over SSH.").format(host=machine.name),
        found.remedy,
        f"{last}\n{found.words}"[-2000:],
    )
