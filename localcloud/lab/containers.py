"""Practice machines as containers of podman or docker, with systemd as their first process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.lab import distributions, image, networks, recipe
from localcloud.lab import engine as engines
from localcloud.lab.distributions import Distribution
from localcloud.lab.engine import LABEL, Engine, EngineError
from localcloud.lab.machinery import Machinery, Owned, Say, Silence
from localcloud.lab.machines import PortTaken, folder, no_such_state
from localcloud.lab.state import BARE, LabState, Machine

_SHUTDOWN = "SIGRTMIN+3"  # what systemd as PID 1 takes for "power off" (systemd(1))


@dataclass(frozen=True)
class Containers(Machinery):
    engine: Engine

    @property
    def kind(self) -> str:
        return self.engine.kind

    def refuse(self, distribution: Distribution) -> None:
        if distribution.needs_cgroup2 and self.engine.cgroups != "v2":
            raise UsageError(
                _(
                    "{distribution} does not start in a container on this computer: its systemd "
                    "needs cgroup v2, and here is the older hierarchy ({layout})."
                ).format(distribution=distribution.name, layout=self.engine.cgroups),
                _("Make virtual machines (--vm), or choose another one ({choice}).").format(
                    choice=f"--distribution {distributions.FALLBACK}"
                ),
            )

    def ends_at_logout(self) -> bool:
        return engines.ends_at_logout(self.engine)

    def ensure_system(self, distribution: Distribution, say: Say) -> str:
        return image.ensure(self.engine, recipe.build(distribution), say)

    def ensure_network(self, directory: Path, lab: LabState) -> str:
        return networks.ensure(self.engine, lab.id, lab.subnet)

    def statuses(self, directory: Path, lab: LabState) -> dict[str, str]:
        found = self.engine.states(lab.id)
        return {name: found.get(lab.container(name), "absent") for name in lab.machines}

    def require(
        self, directory: Path, lab: LabState, machine: Machine, state: str, say: Say
    ) -> None:
        if self.engine.image_exists(_image(lab, machine, state)):
            return
        if state != BARE:
            raise no_such_state(machine, state, self.saved(directory, lab))
        lab.image = self.ensure_system(distributions.choose(lab.distribution), say)

    def create(self, directory: Path, lab: LabState, machine: Machine, state: str) -> None:
        image_name = _image(lab, machine, state)
        done = self.engine.call(*arguments(self.engine, directory, lab, machine, image_name))
        if done.returncode != 0:
            self._remove([lab.container(machine.name)])
            self._refused(machine, done.stderr)

    def start(self, directory: Path, lab: LabState, machine: Machine) -> None:
        done = self.engine.call("start", lab.container(machine.name))
        if done.returncode != 0:
            self._refused(machine, done.stderr)

    def _refused(self, machine: Machine, words: str) -> None:
        if "address already in use" in words or "port is already allocated" in words:
            raise PortTaken.of(machine, words)
        raise EngineError(
            _("{engine} could not start host {host}.").format(engine=self.kind, host=machine.name),
            _(
                "Its own words are above; “localcloud lab up” goes on from here when that is "
                "mended."
            ),
            words.strip()[-2000:],
        )

    def stop(self, directory: Path, lab: LabState, machine: Machine) -> None:
        seconds = round(self.waiting)
        container = lab.container(machine.name)
        self.engine.run("stop", "--time", str(seconds), container, seconds=seconds + 60)

    def cut(self, directory: Path, lab: LabState, machine: Machine) -> None:
        self.engine.run("kill", lab.container(machine.name))

    def remove(self, directory: Path, lab: LabState, hosts: Sequence[str]) -> None:
        self._remove([lab.container(host) for host in hosts])

    def _remove(self, containers: list[str]) -> None:
        """Remove containers at once, running or not; absent ones are no error."""
        if not containers:
            return
        line = ["rm", "--force", "--volumes"]
        if self.kind == "podman":
            line += ["--time", "0", "--ignore"]
        done = self.engine.call(*line, *containers)
        if done.returncode != 0 and "no such container" not in done.stderr.lower():
            raise EngineError(
                _("{engine} could not remove {names}.").format(
                    engine=self.kind, names=", ".join(containers)
                ),
                _("Run the command again; if it fails again, restart the computer and repeat it."),
                done.stderr.strip()[-2000:],
            )

    def save(self, directory: Path, lab: LabState, machine: Machine, name: str) -> None:
        tag = lab.saved_image(machine.name, name)
        before = self.engine.call("image", "inspect", "--format", "{{.Id}}", tag).stdout.strip()
        self.engine.run(
            *("commit", "--change", f"LABEL {LABEL}={lab.id}"),
            *(lab.container(machine.name), tag),
            seconds=900,
        )
        if before:  # the same name again: the old state is of no more use
            self.engine.call("rmi", before)

    def saved(self, directory: Path, lab: LabState) -> list[str]:
        lines = self.engine.run(
            *("images", "--filter", f"label={LABEL}={lab.id}", "--format", "{{.Tag}}")
        )
        names = [line.partition("--")[2] for line in lines.splitlines()]
        return [name for name in names if name]

    def refresh(self, directory: Path, lab: LabState, machine: Machine) -> None:
        self.engine.run(
            *("exec", lab.container(machine.name)),
            *("systemctl", "restart", "localcloud-lab.service"),
        )

    def silence(self, directory: Path, lab: LabState, machine: Machine) -> Silence:
        container = lab.container(machine.name)
        state = self.engine.states(lab.id).get(container, "absent")
        words = self.engine.call("logs", "--tail", "15", container)
        look = f"{self.engine.program} exec -it {container} journalctl -b"
        return Silence(
            _("Look inside: {command}").format(command=look),
            f"{state}\n{words.stdout}{words.stderr}".strip(),
        )

    def labs(self) -> set[tuple[Path, str]]:
        # podman gives labels as a map, docker through a function.
        label = "index .Labels" if self.kind == "podman" else ".Label"
        template = f'{{{{{label} "localcloud.site"}}}}\t{{{{{label} "{LABEL}"}}}}'
        lines = self.engine.run("ps", "-a", "--filter", f"label={LABEL}", "--format", template)
        pairs = (line.partition("\t")[::2] for line in lines.splitlines())
        return {(Path(site), lab) for site, lab in pairs if site and lab}

    def owned(self, directory: Path, lab_id: str) -> Owned:
        return Owned(list(self.engine.states(lab_id)), len(self._images(lab_id)))

    def _images(self, lab_id: str) -> list[str]:
        label = f"label={LABEL}={lab_id}"
        listed = self.engine.run("images", "--quiet", "--all", "--filter", label)
        return list(dict.fromkeys(listed.split()))

    def clear(self, directory: Path, lab_id: str) -> None:
        self._remove(list(self.engine.states(lab_id)))
        networks.remove(self.engine, lab_id)
        # A state saved on top of another one goes first; the other one in the next round.
        while images := self._images(lab_id):
            self.engine.call("rmi", "--force", *images)
            if set(self._images(lab_id)) == set(images):
                self.engine.run("rmi", *images)  # nothing moves: let the engine say why

    def forget_systems(self) -> None:
        image.forget(self.engine)


def _image(lab: LabState, machine: Machine, state: str) -> str:
    return lab.image if state == BARE else lab.saved_image(machine.name, state)


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
