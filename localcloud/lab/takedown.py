"""``lab down``: everything that belongs to a lab, and its removal."""

from dataclasses import dataclass, field
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.lab import engine as engines
from localcloud.lab import image, machines, networks, ports, sitefiles
from localcloud.lab import state as states
from localcloud.lab.engine import LABEL, Engine
from localcloud.lab.find import working_engines
from localcloud.lab.state import LabState
from localcloud.site.lock import site_lock


@dataclass
class Belongings:
    """What a lab owns; everything here goes with ``down``."""

    directory: Path
    id: str
    engines: list[Engine]
    containers: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    made_site: bool = False
    has_site: bool = False

    @property
    def empty(self) -> bool:
        return not (self.containers or self.images or self.has_site)


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
    recorded = [engines.detect(known.engine)] if known else []
    owned = Belongings(
        directory,
        known.id if known else states.identity(directory),
        recorded or working_engines() or [engines.detect()],
        made_site=bool(known and known.made_site),
        has_site=states.path_of(directory).exists(),
    )
    for engine in owned.engines:
        owned.containers += list(engine.states(owned.id))
        owned.images += _images(engine, owned.id)
    return owned


def _images(engine: Engine, lab: str) -> list[str]:
    listed = engine.run("images", "--quiet", "--all", "--filter", f"label={LABEL}={lab}")
    return list(dict.fromkeys(listed.split()))


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
            _remove_from_engines(owned)
            left = sitefiles.remove(directory, owned.made_site)
    else:
        _remove_from_engines(owned)
        left = []
    ports.release(image.cache_dir(), states.path_of(directory))
    if everything:
        for engine in owned.engines:
            image.forget(engine)
    return left


def _remove_from_engines(owned: Belongings) -> None:
    for engine in owned.engines:
        machines.remove(engine, list(engine.states(owned.id)))
        networks.remove(engine, owned.id)
        # A state saved on top of another one goes first; the other one in the next round.
        while images := _images(engine, owned.id):
            engine.call("rmi", "--force", *images)
            if set(_images(engine, owned.id)) == set(images):
                engine.run("rmi", *images)  # nothing moves: let the engine say why
