"""Finding labs: by their directory, or by what runs on this computer."""

from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.lab import kinds
from localcloud.lab import state as states
from localcloud.lab.lab import Lab


def find(directory: Path | str) -> Lab:
    """The lab of a directory; UsageError if there is none."""
    directory = Path(directory).absolute()
    known = states.load(directory)
    if known is None:
        raise UsageError(
            _("There is no lab in {path}.").format(path=directory),
            _("Make one: `localcloud lab up`"),
        )
    return Lab(directory, known, kinds.choose(known.engine))


def all_labs(here: Path | str) -> tuple[list[Lab], list[Path]]:
    """Every lab of this computer, and the directories of labs whose record is gone.

    The lab in ``here`` is among them even when all its machines are lost.
    """
    found: dict[Path, Lab] = {}
    lost: set[Path] = set()
    for machinery in kinds.working():
        for directory, lab_id in machinery.labs():
            known = _readable(directory)
            if known is None or known.id != lab_id:
                lost.add(directory)
            else:
                found[directory] = Lab(directory, known, machinery)
    here = Path(here).resolve()
    if here not in found and states.path_of(here).exists():
        found[here] = find(here)
    return [found[directory] for directory in sorted(found)], sorted(lost)


def _readable(directory: Path) -> states.LabState | None:
    try:
        return states.load(directory)
    except UsageError:
        return None
