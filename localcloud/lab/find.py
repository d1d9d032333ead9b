"""Finding labs: by their directory, or by what the engines of this computer know of them."""

from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.lab import engine as engines
from localcloud.lab import state as states
from localcloud.lab.engine import LABEL, Engine
from localcloud.lab.lab import Lab


def find(directory: Path | str) -> Lab:
    """The lab of a directory; UsageError if there is none."""
    directory = Path(directory).absolute()
    known = states.load(directory)
    if known is None:
        raise UsageError(
            _("There is no lab in {path}.").format(path=directory),
            _("Make one: localcloud lab up"),
        )
    return Lab(directory, known, engines.detect(known.engine))


def working_engines() -> list[Engine]:
    """Every engine of this computer that answers."""
    found = []
    for kind in ("podman", "docker"):
        try:
            found.append(engines.detect(kind))
        except UsageError:
            continue
    return found


def all_labs(here: Path | str) -> tuple[list[Lab], list[Path]]:
    """Every lab of this computer, and the directories of labs whose record is gone.

    The lab in ``here`` is among them even when the engine lost all its machines.
    """
    found: dict[Path, Lab] = {}
    lost: set[Path] = set()
    for engine in working_engines():
        for directory, lab_id in _in_engine(engine):
            known = _readable(directory)
            if known is None or known.id != lab_id:
                lost.add(directory)
            else:
                found[directory] = Lab(directory, known, engine)
    here = Path(here).resolve()
    if here not in found and states.path_of(here).exists():
        found[here] = find(here)
    return [found[directory] for directory in sorted(found)], sorted(lost)


def _readable(directory: Path) -> states.LabState | None:
    try:
        return states.load(directory)
    except UsageError:
        return None


def _in_engine(engine: Engine) -> set[tuple[Path, str]]:
    """Site directory and id of each lab that has a container."""
    # podman gives labels as a map, docker through a function.
    label = "index .Labels" if engine.kind == "podman" else ".Label"
    template = f'{{{{{label} "localcloud.site"}}}}\t{{{{{label} "{LABEL}"}}}}'
    lines = engine.run("ps", "-a", "--filter", f"label={LABEL}", "--format", template)
    pairs = (line.partition("\t")[::2] for line in lines.splitlines())
    return {(Path(site), lab) for site, lab in pairs if site and lab}
