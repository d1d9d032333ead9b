"""The private directories of one Ansible run, and their end.

ansible-runner and Ansible write things there that were not redacted, so they are 0700, lie in the
site's ``.localcloud`` (where the next run finds what a killed one left) and never outlive a run.
"""

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PREFIX, _OUTSIDE_PREFIX = "work-", "localcloud-"
_LINKS = ("control", "scratch")  # in a private directory, to what lies outside of it


@dataclass(frozen=True)
class Workplace:
    """``private``: ansible-runner's directory; ``control``: for ssh's sockets (a short path)."""

    private: Path
    control: Path
    scratch: Path

    def settings(self, **settings: Any) -> None:
        """ansible-runner reads its settings from a file only, once it may write no others."""
        folder = self.private / "env"
        folder.mkdir(mode=0o700)
        (folder / "settings").write_text(json.dumps(settings))


def _short_root() -> str:
    # A socket's path has room for about 100 bytes and ssh adds 58: $TMPDIR can be too long.
    return "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()  # noqa: S108 (mkdtemp below)


def scratch_name() -> Path:
    """Where a run's modules keep their files, on the hosts and here; nobody can guess it before.

    A module that is killed leaves its folder behind. Inside one of the run's own, it goes with the
    run: on a host the holder of its lock makes and removes it, even if this computer is gone.
    """
    return Path(_short_root(), f"{_OUTSIDE_PREFIX}tasks-{secrets.token_hex(8)}")


@contextmanager
def make(run_dir: Path, scratch: Path) -> Iterator[Workplace]:
    private = temporary(run_dir)
    control = Path(tempfile.mkdtemp(prefix=_OUTSIDE_PREFIX, dir=_short_root()))
    for name, target in zip(_LINKS, (control, scratch), strict=True):
        (private / name).symlink_to(target)
    with suppress(FileExistsError):  # a host of the site that is this computer, entered over SSH
        scratch.mkdir(mode=0o700)
    try:
        yield Workplace(private, control, scratch)
    finally:
        for folder in (control, scratch, private):
            shutil.rmtree(folder, ignore_errors=True)


def left_controls(run_dir: Path) -> list[Path]:
    """The socket directories of killed runs. Call it with the site's lock in hand."""
    return _left(run_dir, _LINKS[:1])


def _left(run_dir: Path, names: Sequence[str]) -> list[Path]:
    links = [left / name for left in run_dir.glob(f"{_PREFIX}*") for name in names]
    targets = [link.readlink() for link in links if link.is_symlink()]
    return [target for target in targets if target.name.startswith(_OUTSIDE_PREFIX)]


def temporary(run_dir: Path) -> Path:
    """A directory (0700) that the next run removes if its maker was killed."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=run_dir))


def sweep(run_dir: Path) -> None:
    """Remove what killed runs left. Call it with the site's lock in hand."""
    for outside in _left(run_dir, _LINKS):
        shutil.rmtree(outside, ignore_errors=True)
    for left in run_dir.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
