"""``lab down``: everything that belongs to a lab, and its removal."""

from dataclasses import dataclass, field
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.lab import image, kinds, ports, sitefiles
from localcloud.lab import state as states
from localcloud.lab.machinery import Machinery
from localcloud.lab.state import LabState
from localcloud.site.lock import site_lock


@dataclass
class Belongings:
    """What a lab owns; everything here goes with ``down``. ``saved``: number of saved states."""

    directory: Path
    id: str
    kinds: list[Machinery]
    machines: list[str] = field(default_factory=list)
    saved: int = 0
    made_site: bool = False
    has_site: bool = False

    @property
    def empty(self) -> bool:
        return not (self.machines or self.saved or self.has_site)


def _remembered(directory: Path) -> LabState | None:
    """The lab's record, also if nothing can be made of it any more."""
    try:
        return states.load(directory)
    except UsageError:
        return None


def belongings(directory: Path | str) -> Belongings:
    """Everything that ``down`` would remove, found by labels, so also without the site."""
    directory = Path(directory).absolute()
    known = _remembered(directory)
    recorded = [kinds.choose(known.engine)] if known else []
    owned = Belongings(
        directory,
        known.id if known else states.identity(directory),
        recorded or kinds.working() or [kinds.choose()],
        made_site=bool(known and known.made_site),
        has_site=states.path_of(directory).exists(),
    )
    for machinery in owned.kinds:
        found = machinery.owned(directory, owned.id)
        owned.machines += found.machines
        owned.saved += found.saved
    return owned


def down(directory: Path | str, *, everything: bool = False) -> list[str]:
    """Remove machines, saved states, network, and the site the lab made.

    ``everything`` also removes the cached systems, which other labs may use. Returns the names
    of files that stay in the directory because the lab did not make them. Harmless if there is
    nothing (left) to remove.
    """
    owned = belongings(directory)
    directory = owned.directory
    if directory.is_dir() and owned.has_site:
        with site_lock(states.run_dir(directory), "lab down"):
            _clear(owned)
            left = sitefiles.remove(directory, owned.made_site)
    else:
        _clear(owned)
        left = []
    ports.release(image.cache_dir(), states.path_of(directory))
    if everything:
        for machinery in owned.kinds:
            machinery.forget_systems()
    return left


def _clear(owned: Belongings) -> None:
    for machinery in owned.kinds:
        machinery.clear(owned.directory, owned.id)
