"""A lab that is there: run commands in it, save it, rebuild it, take it down."""

import re
import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.lab import machines, sitefiles
from localcloud.lab import state as states
from localcloud.lab.machinery import Machinery, Say
from localcloud.lab.state import BARE, LabState, Machine


def silent(_text: str) -> None:
    """What the lab says when nobody listens."""


@dataclass
class Lab:
    """Machines of one site directory. Made by :func:`localcloud.lab.up` or ``find``."""

    directory: Path
    state: LabState
    machinery: Machinery
    say: Say = silent

    @property
    def hosts(self) -> list[str]:
        return list(self.state.machines)

    @property
    def inventory(self) -> Path:
        return self.directory / "hosts.yml"

    @property
    def saved(self) -> list[str]:
        """Names of saved states that every machine has."""
        names = self.machinery.saved(self.directory, self.state)
        return sorted({name for name in names if names.count(name) >= len(self.hosts)})

    def machine(self, name: str | None = None) -> Machine:
        """A machine by name, the first one without; UsageError if there is none such."""
        if name is None:
            return next(iter(self.state.machines.values()))
        if name not in self.state.machines:
            raise UsageError(
                _("The lab has no host {host}.").format(host=name),
                _("It has: {names}.").format(names=", ".join(self.hosts)),
            )
        return self.state.machines[name]

    def url(self, host: str | None = None) -> str:
        return sitefiles.url(self.machine(host))

    def statuses(self) -> dict[str, str]:
        """Host → ``running``, ``exited``, … or ``absent``."""
        return self.machinery.statuses(self.directory, self.state)

    def described(self) -> dict[str, object]:
        """The lab as plain data, for other programs."""
        statuses = self.statuses()
        hosts = [
            {
                "name": machine.name,
                "groups": machine.groups,
                "status": statuses[machine.name],
                "address": machine.address,
                "ports": machine.ports,
                "url": self.url(machine.name),
                "state": machine.state,
            }
            for machine in self.state.machines.values()
        ]
        return {
            "directory": str(self.directory),
            "engine": self.machinery.kind,
            "distribution": self.state.distribution,
            "saved": self.saved,
            "hosts": hosts,
        }

    def ssh_command(self, host: str | None = None, command: Sequence[str] = ()) -> list[str]:
        """An ssh command line that trusts the pinned key and nothing else.

        One word of ``command`` is a line for the remote shell, as ssh takes it; several words
        arrive as they are.
        """
        machine = self.machine(host)
        line = ["ssh", "-F", "none", "-i", str(machines.login_key(self.directory))]
        for option in (
            *("IdentitiesOnly=yes", "StrictHostKeyChecking=yes", "LogLevel=ERROR"),
            f'UserKnownHostsFile="{(self.directory / "known_hosts").resolve()}"',
            "GlobalKnownHostsFile=/dev/null",
        ):
            line += ["-o", option]
        line += ["-p", str(machine.ports[22]), f"{machines.USER}@127.0.0.1"]
        if not command:
            return line
        return [*line, "--", command[0] if len(command) == 1 else shlex.join(command)]

    def save(self, name: str) -> None:
        """Keep the state of every machine under a name.

        Machines are shut down in order and started again. A state that many rebuilds begin with
        must not begin with repairs of a database or with half-written files, which is what a copy
        of a running machine amounts to; an orderly stop takes about a second.
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,40}", name) or "--" in name or name == BARE:
            raise UsageError(
                _("“{name}” cannot be the name of a saved state.").format(name=name),
                _("Use small letters, digits and single hyphens; “bare” is taken."),
            )
        try:
            self.stop()
            self.each(
                self.hosts,
                lambda machine: self.machinery.save(self.directory, self.state, machine, name),
            )
            for machine in self.state.machines.values():
                machine.state = name
        finally:
            self.start([host for host, status in self.statuses().items() if status != "running"])
        states.save(self.directory, self.state)
        self.wait(self.hosts)

    def stop(self, hosts: Sequence[str] = (), *, cut: bool = False) -> None:
        """Shut machines (all, unless named) down in order; ``up`` starts them again.

        ``cut``: without a warning, as in a power cut.
        """
        end = self.machinery.cut if cut else self.machinery.stop
        running = [name for name, status in self.statuses().items() if status == "running"]
        chosen = [self.machine(host).name for host in hosts] or self.hosts
        self.each(
            [host for host in chosen if host in running],
            lambda machine: end(self.directory, self.state, machine),
        )

    def start(self, hosts: Sequence[str]) -> None:
        """Start machines that are stopped; :meth:`wait` tells when they answer."""
        self.each(hosts, lambda machine: self.machinery.start(self.directory, self.state, machine))

    def rebuild(self, hosts: Sequence[str] = (), to: str = BARE) -> None:
        """Bring machines (all, unless named) back to ``bare`` or a saved state."""
        chosen = list(hosts) or self.hosts
        for host in chosen:
            self.require(self.machine(host), to)
        for host in chosen:
            self.state.machines[host].state = to
        states.save(self.directory, self.state)  # an interrupted rebuild is finished by `up`
        self.machinery.remove(self.directory, self.state, chosen)
        machines.write_files(self.directory, self.state)
        self.each(chosen, self.create)
        self.wait(chosen)

    def require(self, machine: Machine, state: str) -> None:
        """See that the machine can be made from a state; UsageError if not."""
        self.machinery.require(self.directory, self.state, machine, state, self.say)

    def create(self, machine: Machine) -> None:
        """Make the machine from its state."""
        self.machinery.create(self.directory, self.state, machine, machine.state)

    def each(self, hosts: Sequence[str], work: Callable[[Machine], None]) -> None:
        """Do the work on all hosts at once; the first error is raised when all have ended."""
        errors: list[LocalcloudError] = []

        def safe(host: str) -> None:
            try:
                work(self.state.machines[host])
            except LocalcloudError as error:
                errors.append(error)

        with ThreadPoolExecutor(max_workers=min(16, max(1, len(hosts)))) as pool:
            list(pool.map(safe, hosts))
        if errors:
            raise errors[0]

    def wait(self, hosts: Sequence[str]) -> None:
        """Until SSH of each host answers with its own key."""
        self.each(
            hosts,
            lambda machine: machines.wait(self.machinery, self.directory, self.state, machine),
        )

    def tell_neighbours(self, hosts: Sequence[str]) -> None:
        """Let running machines read the lab's list of names again."""
        self.each(
            hosts, lambda machine: self.machinery.refresh(self.directory, self.state, machine)
        )

    def ensure_network(self) -> None:
        self.state.subnet = self.machinery.ensure_network(self.directory, self.state)
