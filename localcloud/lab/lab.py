"""A lab that is there: run commands in it, save it, rebuild it, take it down."""

import re
import shlex
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.lab import distributions, image, machines, networks, recipe, sitefiles
from localcloud.lab import state as states
from localcloud.lab.engine import LABEL, Engine
from localcloud.lab.state import BARE, LabState, Machine

Say = Callable[[str], None]


def silent(_text: str) -> None:
    """What the lab says when nobody listens."""


@dataclass
class Lab:
    """Machines of one site directory. Made by :func:`localcloud.lab.up` or ``find``."""

    directory: Path
    state: LabState
    engine: Engine
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
        lines = self.engine.run(
            *("images", "--filter", f"label={LABEL}={self.state.id}", "--format", "{{.Tag}}")
        )
        names = [line.partition("--")[2] for line in lines.splitlines()]
        whole = {name for name in names if name and names.count(name) >= len(self.hosts)}
        return sorted(whole)

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
        found = self.engine.states(self.state.id)
        return {name: found.get(self.state.container(name), "absent") for name in self.hosts}

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
            "engine": self.engine.kind,
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
        self.each(self.hosts, lambda machine: machines.stop(self.engine, self.state, machine))
        try:
            self.each(self.hosts, lambda machine: self._commit(machine, name))
        finally:
            self.each(self.hosts, lambda machine: machines.start(self.engine, self.state, machine))
        for machine in self.state.machines.values():
            machine.state = name
        states.save(self.directory, self.state)
        self.wait(self.hosts)

    def _commit(self, machine: Machine, name: str) -> None:
        tag = self.state.saved_image(machine.name, name)
        before = self.engine.call("image", "inspect", "--format", "{{.Id}}", tag).stdout.strip()
        self.engine.run(
            *("commit", "--change", f"LABEL {LABEL}={self.state.id}"),
            *(self.state.container(machine.name), tag),
            seconds=900,
        )
        if before:  # the same name again: the old state is of no more use
            self.engine.call("rmi", before)

    def rebuild(self, hosts: Sequence[str] = (), to: str = BARE) -> None:
        """Bring machines (all, unless named) back to ``bare`` or a saved state."""
        chosen = list(hosts) or self.hosts
        images = {}
        for host in chosen:
            images[host] = self.image_of(self.machine(host), to)
        for host in chosen:
            self.state.machines[host].state = to
        states.save(self.directory, self.state)  # an interrupted rebuild is finished by `up`
        names = [self.state.container(host) for host in chosen]
        machines.remove(self.engine, names)
        machines.write_files(self.directory, self.state)
        self.each(chosen, lambda machine: self.create(machine, images[machine.name]))
        self.wait(chosen)

    def create(self, machine: Machine, image_name: str) -> None:
        machines.create(self.engine, self.directory, self.state, machine, image_name)

    def image_of(self, machine: Machine, to: str) -> str:
        """The engine's image of a state; a lost bare one is made again."""
        if to != BARE:
            tag = self.state.saved_image(machine.name, to)
            if not self.engine.image_exists(tag):
                raise UsageError(
                    _("Host {host} has no saved state {name}.").format(host=machine.name, name=to),
                    _("There are: {names}.").format(names=", ".join([BARE, *self.saved])),
                )
            return tag
        if not self.engine.image_exists(self.state.image):
            chosen = distributions.choose(self.state.distribution)
            self.state.image = image.ensure(self.engine, recipe.build(chosen), self.say)
        return self.state.image

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
            lambda machine: machines.wait(self.engine, self.directory, self.state, machine),
        )

    def tell_neighbours(self, hosts: Sequence[str]) -> None:
        """Let running machines read the lab's list of names again."""
        self.each(
            hosts,
            lambda machine: self._restart_preparation(self.state.container(machine.name)),
        )

    def _restart_preparation(self, container: str) -> None:
        self.engine.run("exec", container, "systemctl", "restart", "localcloud-lab.service")

    def ensure_network(self) -> None:
        self.state.subnet = networks.ensure(self.engine, self.state.id, self.state.subnet)
