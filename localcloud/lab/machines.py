"""One practice machine: its files, its command line, its start, and waiting until it answers."""

import base64
import logging
import socket
import time
from collections.abc import Iterable
from pathlib import Path

from paramiko import Ed25519Key, SSHException, Transport

from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.lab import keys
from localcloud.lab.engine import LABEL, Engine, EngineError
from localcloud.lab.state import LabState, Machine, run_dir, write_private

USER = "admin"
HOST_KEY = "ssh_host_ed25519_key"
_SHUTDOWN = "SIGRTMIN+3"  # what systemd as PID 1 takes for "power off" (systemd(1))


class PortTaken(LocalcloudError):
    """A published port was taken between choosing it and starting the machine."""


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


def arguments(
    engine: Engine, directory: Path, lab: LabState, machine: Machine, image: str
) -> list[str]:
    """The engine's ``run`` arguments for a machine with systemd as its first process.

    Privileged, as systemd's own sandboxes, and later container runtimes, need to mount. A private
    cgroup namespace, as systemd enforces memory limits on cgroup v1 only within one.
    """
    line = ["run", "--detach", "--name", lab.container(machine.name)]
    line += ["--hostname", machine.name, "--label", f"{LABEL}={lab.id}"]
    line += ["--label", f"localcloud.host={machine.name}"]
    line += ["--label", f"localcloud.site={directory.resolve()}"]
    line += ["--privileged", "--cgroupns=private", f"--stop-signal={_SHUTDOWN}"]
    line += [f"--env=container_uuid={machine.uuid}", f"--env=container={engine.kind}"]
    line += ["--network", lab.id, "--ip", machine.address, "--mac-address", machine.mac]
    for inside, outside in sorted(machine.ports.items()):
        line += ["--publish", f"127.0.0.1:{outside}:{inside}"]
    mount = folder(directory.resolve(), machine.name)
    line += ["--volume", f"{mount}:/etc/localcloud-lab:ro"]
    if lab.memory:
        line += ["--memory", lab.memory]
    line += [f"--ulimit={name}={value}:{value}" for name, value in sorted(engine.ulimits.items())]
    # No limit on processes but the kernel's: thirty notebooks have more than the default 2048.
    line += ["--pids-limit=-1"]
    if engine.kind == "podman":
        # Without --no-hosts the machine would see this computer's own /etc/hosts.
        line += ["--systemd=always", "--no-hosts"]
    else:
        line += ["--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec,mode=1777"]
    return [*line, image]


def create(engine: Engine, directory: Path, lab: LabState, machine: Machine, image: str) -> None:
    """Make and start a machine; PortTaken if one of its ports is in use."""
    done = engine.call(*arguments(engine, directory, lab, machine, image))
    if done.returncode != 0:
        remove(engine, [lab.container(machine.name)])
        _refused(engine, machine, done.stderr)


def start(engine: Engine, lab: LabState, machine: Machine) -> None:
    """Start a machine that was stopped."""
    done = engine.call("start", lab.container(machine.name))
    if done.returncode != 0:
        _refused(engine, machine, done.stderr)


def _refused(engine: Engine, machine: Machine, words: str) -> None:
    if "address already in use" in words or "port is already allocated" in words:
        raise PortTaken(
            _("Another program took a port of host {host} on this computer ({ports}).").format(
                host=machine.name, ports=", ".join(map(str, machine.ports.values()))
            ),
            _("End that program, or make the lab anew: “localcloud lab down”, then “lab up”."),
            words.strip()[-1000:],
        )
    raise EngineError(
        _("{engine} could not start host {host}.").format(engine=engine.kind, host=machine.name),
        _("Its own words are above; “localcloud lab up” goes on from here when that is mended."),
        words.strip()[-2000:],
    )


def stop(engine: Engine, lab: LabState, machine: Machine, seconds: int = 60) -> None:
    """Shut a machine down in order, as its power button would."""
    engine.run("stop", "--time", str(seconds), lab.container(machine.name), seconds=seconds + 60)


def remove(engine: Engine, containers: list[str]) -> None:
    """Remove containers at once, running or not; absent ones are no error."""
    if not containers:
        return
    line = ["rm", "--force", "--volumes"]
    if engine.kind == "podman":
        line += ["--time", "0", "--ignore"]
    done = engine.call(*line, *containers)
    if done.returncode != 0 and "no such container" not in done.stderr.lower():
        raise EngineError(
            _("{engine} could not remove {names}.").format(
                engine=engine.kind, names=", ".join(containers)
            ),
            _("Run the command again; if it fails again, restart the computer and repeat it."),
            done.stderr.strip()[-2000:],
        )


def wait(
    engine: Engine, directory: Path, lab: LabState, machine: Machine, seconds: float = 90
) -> None:
    """Wait until SSH answers with the machine's own host key and lets the lab's user in."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", machine.ports[22]), timeout=5) as found:
                _greeting(found)
                _log_in(found, directory, machine)
                return
        except (OSError, EOFError, SSHException) as error:
            if time.monotonic() > deadline:
                last = f"{type(error).__name__}: {error}"
                raise _silent(engine, lab, machine, last) from error
            time.sleep(0.1)


def _greeting(connection: socket.socket) -> None:
    """Wait for sshd's first word and leave it unread; OSError if there is none.

    A port forwarder takes connections before sshd is there, and drops them again.
    """
    if connection.recv(4, socket.MSG_PEEK) != b"SSH-":
        raise ConnectionError("no SSH server yet")


def _log_in(connection: socket.socket, directory: Path, machine: Machine) -> None:
    """Check the host key and the lab's login; SSHException while the machine still boots."""
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
    finally:
        transport.close()


def _stranger(machine: Machine) -> LocalcloudError:
    return LocalcloudError(
        _("Another SSH server than host {host} answers on port {port}.").format(
            host=machine.name, port=machine.ports[22]
        ),
        _("End the program that listens there, then run “localcloud lab up” again."),
    )


def _silent(engine: Engine, lab: LabState, machine: Machine, last: str) -> LocalcloudError:
    container = lab.container(machine.name)
    state = engine.states(lab.id).get(container, "absent")
    words = engine.call("logs", "--tail", "15", container)
    return LocalcloudError(
        _("Host {host} did not answer over SSH.").format(host=machine.name),
        _("Look inside: {command}").format(
            command=f"{engine.program} exec -it {container} journalctl -b"
        ),
        f"{state}; {last}\n{words.stdout}{words.stderr}".strip()[-2000:],
    )
