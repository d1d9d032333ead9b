"""The private directories of one Ansible run, and their end.

ansible-runner and Ansible write things there that were not redacted, so they are 0700, lie in the
site's ``.localcloud`` (where the next run finds what a killed one left) and never outlive a run.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PREFIX, _CONTROL_PREFIX = "work-", "localcloud-"


@dataclass(frozen=True)
class Workplace:
    """``private``: ansible-runner's directory; ``control``: for ssh's sockets (a short path)."""

    private: Path
    control: Path

    def settings(self, **settings: Any) -> None:
        """ansible-runner reads its settings from a file only, once it may write no others."""
        folder = self.private / "env"
        folder.mkdir(mode=0o700)
        (folder / "settings").write_text(json.dumps(settings))


def _short_root() -> str:
    # A socket's path has room for about 100 bytes and ssh adds 58: $TMPDIR can be too long.
    return "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()  # noqa: S108 (mkdtemp below)


@contextmanager
def make(run_dir: Path) -> Iterator[Workplace]:
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=run_dir))
    control = Path(tempfile.mkdtemp(prefix=_CONTROL_PREFIX, dir=_short_root()))
    (private / "control").symlink_to(control)
    try:
        yield Workplace(private, control)
    finally:
        shutil.rmtree(control, ignore_errors=True)
        shutil.rmtree(private, ignore_errors=True)


def left_controls(run_dir: Path) -> list[Path]:
    """The socket directories of killed runs. Call it with the site's lock in hand."""
    links = [left / "control" for left in run_dir.glob(f"{_PREFIX}*")]
    targets = [link.readlink() for link in links if link.is_symlink()]
    return [target for target in targets if target.name.startswith(_CONTROL_PREFIX)]


def sweep(run_dir: Path) -> None:
    """Remove what killed runs left. Call it with the site's lock in hand."""
    for control in left_controls(run_dir):
        shutil.rmtree(control, ignore_errors=True)
    for left in run_dir.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
