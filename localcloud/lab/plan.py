"""How many machines a lab has, and which groups each of them is in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.errors import UsageError
from localcloud.i18n import _

DEFAULT_GROUP = "jupyterhub"
MOST = 50  # machines; beyond that the answer is a bigger computer


def groups_of_machines(hosts: int | None, groups: Sequence[str]) -> list[list[str]]:
    """One list of groups per machine.

    ``name=N`` asks for N machines of that group alone; plain names together make up ``hosts``
    machines (1 unless given) that are in all of them. A group whose hosts are those of another
    one (``beside`` in its role) gets no machines of its own, but the first N of that one.
    """
    counted: list[list[str]] = []
    plain: list[str] = []
    guests: list[tuple[str, str, int]] = []
    for word in groups:
        name, equals, number = word.partition("=")
        _check_name(name)
        if not equals:
            plain.append(name)
        elif number.isdigit() and 1 <= int(number) <= MOST:
            beside = _beside(name)
            if beside and f"{beside}=" in " ".join(groups):
                guests.append((name, beside, int(number)))
            else:
                counted += [[name] for _machine in range(int(number))]
        else:
            raise UsageError(
                _("“{text}” asks for no number of machines.").format(text=word),
                _("Write it as in --group {group}=3.").format(group=name),
            )
    if not counted and not plain:
        plain = [DEFAULT_GROUP]
    if hosts is not None and not plain:
        raise UsageError(
            _("--hosts and --group name=N both say how many machines there are."),
            _("Leave --hosts out."),
        )
    wanted = [list(plain)] * (hosts or 1) if plain else []
    if not 1 <= len(wanted + counted) <= MOST:
        raise UsageError(
            _("A lab has 1 to {most} machines.").format(most=MOST),
            _("Ask for fewer with --hosts."),
        )
    for name, beside, wished in guests:
        for machine in [one for one in counted if beside in one][:wished]:
            machine.append(name)
    return wanted + counted


@dataclass(frozen=True)
class Hardware:
    """One machine's; empty and 0 mean the kind's own default. Sizes such as ``2g``."""

    memory: str = ""
    cores: int = 0
    disks: tuple[str, ...] = ()


def hardware(engine: str, memory: str | None, cores: int | None, disks: Sequence[str]) -> Hardware:
    """What was asked for; UsageError for a size that is none, or what a container cannot have."""
    for size in [memory, *disks]:
        if size is not None:
            mebibytes(size)
    if engine != "qemu" and (cores or disks):
        raise UsageError(
            _("Only virtual machines have cores and disks of their own."),
            _("Add --vm, or leave --cores and --disk out."),
        )
    return Hardware(memory or "", cores or 0, tuple(disks))


def mebibytes(size: str) -> int:
    """``512m``, ``2g`` or ``1t`` as MiB; UsageError for anything else."""
    found = re.fullmatch(r"([1-9][0-9]{0,6})([mgt])(?:i?b)?", size.strip().lower())
    if not found:
        raise UsageError(
            _("“{text}” is no size.").format(text=size), _("Write it as in 512m, 2g or 1t.")
        )
    return int(found[1]) * {"m": 1, "g": 1024, "t": 1024 * 1024}[found[2]]


def _beside(group: str) -> str:
    """The group that hosts of this one are in as well, if its role says so."""
    from localcloud.components import load_components

    found = (part for part in load_components().values() if group in part.groups)
    return next((str(part.meta.get("beside") or "") for part in found), "")


def _check_name(group: str) -> None:
    from difflib import get_close_matches

    from localcloud.components import groups, load_components

    known = sorted(groups(load_components()))
    if group in known or (not known and re.fullmatch(r"[a-z][a-z0-9_]*", group)):
        return
    near = get_close_matches(group, known, n=1)
    remedy = _("Did you mean {name}?").format(name=near[0]) if near else ""
    raise UsageError(
        _("No component has the group {group}.").format(group=group),
        remedy or _("There are: {names}.").format(names=", ".join(known)),
    )
