"""``lab up``: from nothing, or from whatever is there, to machines that answer."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.lab import distributions, image, kinds, machines, networks, plan, ports, sitefiles
from localcloud.lab import state as states
from localcloud.lab.lab import Lab, silent
from localcloud.lab.machinery import Machinery, Say
from localcloud.lab.plan import Hardware
from localcloud.lab.state import LabState, Machine
from localcloud.site.lock import site_lock

_choosing = Lock()
_ATTEMPTS = 5  # ports chosen anew when a foreign program was quicker


def up(
    directory: Path | str,
    *,
    hosts: int | None = None,
    groups: Sequence[str] = (),
    distribution: str | None = None,
    engine: str | None = None,
    memory: str | None = None,
    cores: int | None = None,
    disks: Sequence[str] = (),
    say: Say = silent,
) -> Lab:
    """Make the lab in ``directory``, or start what is stopped and add what is missing.

    ``hosts`` and ``groups`` as in :func:`localcloud.lab.plan.groups_of_machines`. ``engine`` is
    ``podman``, ``docker`` or ``qemu``. ``memory``, ``cores`` and ``disks`` (sizes such as ``2g``)
    are one machine's; cores and disks are for virtual ones. Options left out mean: what the lab
    has, or the defaults for a new one. Returns when every machine answers over SSH.
    """
    directory = Path(directory).absolute()
    known = states.load(directory)
    _refuse_foreign(directory, known)
    found = kinds.choose(engine or (known.engine if known else None))
    hardware = plan.hardware(found.kind, memory, cores, disks)
    made_site = not directory.exists() or {p.name for p in directory.iterdir()} <= {states.RUN_DIR}
    if known is None:
        wanted = plan.groups_of_machines(hosts, groups)
        lab = Lab(directory, _new(directory, found, distribution, hardware, made_site, say), found)
    else:
        _refuse_change(known, found, distribution, hardware)
        asked = hosts is not None or bool(groups)
        wanted = plan.groups_of_machines(hosts, groups) if asked else []
        lab = Lab(directory, known, found)
    lab.say = say
    with site_lock(states.run_dir(directory), "lab up"):
        states.run_dir(directory).chmod(0o700)
        states.save(directory, lab.state)  # from here on, `down` and the port registry find it
        fresh = _add_machines(lab, wanted)
        _bring_up(lab, fresh)
    if found.ends_at_logout():
        say(
            _("These machines stop when you log out. To keep them running: {command}").format(
                command="sudo loginctl enable-linger $USER"
            )
        )
    return lab


def _refuse_foreign(directory: Path, known: LabState | None) -> None:
    if directory.exists() and not directory.is_dir():
        raise UsageError(
            _("{path} is no directory.").format(path=directory), _("Choose another one.")
        )
    if known is None and (directory / "hosts.yml").exists():
        raise UsageError(
            _("{path} is a site already, with hosts that are no practice machines.").format(
                path=directory
            ),
            _("Choose another directory for the lab, for example: `localcloud lab up practice`"),
        )


def _new(
    directory: Path,
    machinery: Machinery,
    distribution: str | None,
    hardware: Hardware,
    made_site: bool,
    say: Say,
) -> LabState:
    chosen = distributions.choose(distribution)
    machinery.refuse(chosen)
    return LabState(
        states.identity(directory),
        machinery.kind,
        chosen.name,
        machinery.ensure_system(chosen, say),
        memory=hardware.memory,
        cores=hardware.cores,
        disks=list(hardware.disks),
        made_site=made_site,
    )


def _refuse_change(
    known: LabState, machinery: Machinery, distribution: str | None, hardware: Hardware
) -> None:
    pairs: list[tuple[str, object, object]] = [
        ("--engine", known.engine, machinery.kind),
        ("--distribution", known.distribution, distribution or known.distribution),
        ("--memory", known.memory or "-", hardware.memory or known.memory or "-"),
        ("--cores", known.cores, hardware.cores or known.cores),
        ("--disk", ",".join(known.disks), ",".join(hardware.disks or known.disks)),
    ]
    for option, have, want in pairs:
        if have != want:
            raise UsageError(
                _("This lab was made with {option} {value}.").format(option=option, value=have),
                _("To change it, take the lab down first: `localcloud lab down`"),
            )


def _add_machines(lab: Lab, wanted: list[list[str]]) -> set[str]:
    """Give names, addresses and ports to machines the lab does not have yet; return their names."""
    lab.ensure_network()
    state = lab.state
    before = set(state.machines)
    if wanted and len(wanted) < len(before):
        lab.say(_("The lab has more machines than asked for; all of them are kept."))
    for number, groups in enumerate(wanted[len(before) :], len(before) + 1):
        taken = [each.address for each in state.machines.values()]
        name, address = f"node{number}", networks.address(state.subnet, taken)
        state.machines[name] = Machine(name, groups, address, _ports(lab, groups))
    states.save(lab.directory, state)
    machines.write_files(lab.directory, state)
    sitefiles.write(lab.directory, state, lab.machinery.loopback)
    return set(state.machines) - before


def _ports(lab: Lab, groups: Sequence[str]) -> dict[int, int]:
    avoid = [port for each in lab.state.machines.values() for port in each.ports.values()]
    owner = states.path_of(lab.directory)
    return ports.choose(image.cache_dir(), owner, ports.published(groups), avoid)


def _bring_up(lab: Lab, fresh: set[str]) -> None:
    """Create what is absent, start what is stopped, wait for all of it."""
    statuses = lab.statuses()
    absent = [host for host, status in statuses.items() if status == "absent"]
    stopped = [host for host, status in statuses.items() if status not in ("absent", "running")]
    for host in absent:
        lab.require(lab.machine(host), lab.machine(host).state)
    if absent or stopped:
        lab.say(_("Starting {hosts} …").format(hosts=", ".join([*absent, *stopped])))
    lab.each(absent, lambda machine: _create(lab, machine, machine.name in fresh))
    lab.start(stopped)
    lab.wait(lab.hosts)
    if fresh and len(fresh) < len(lab.hosts):
        lab.tell_neighbours([host for host in lab.hosts if host not in {*absent, *stopped}])


def _create(lab: Lab, machine: Machine, fresh: bool) -> None:
    """Create a machine.

    When a foreign program was quicker to take one of a new machine's ports, others are chosen; the
    ports of a machine that people know already do not change behind their backs.
    """
    for attempt in range(_ATTEMPTS):
        try:
            lab.create(machine)
            return
        except machines.PortTaken:
            if not fresh or attempt + 1 == _ATTEMPTS:
                raise
            with _choosing:
                before, machine.ports = sitefiles.url(machine), _ports(lab, machine.groups)
                states.save(lab.directory, lab.state)
                sitefiles.write(lab.directory, lab.state, lab.machinery.loopback)
                sitefiles.replace_url(lab.directory, machine, before)
