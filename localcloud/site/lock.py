"""One run at a time on a site: a lock the kernel releases, whatever happens to the run."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.site.vault import not_writable

_held: set[int] = set()


def _drop_in_child() -> None:
    """A forked child shares the open file, and with it the lock: close its copy at once."""
    for handle in _held:
        with contextlib.suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_drop_in_child)


@contextlib.contextmanager
def site_lock(run_dir: Path, verb: str) -> Iterator[None]:
    """Hold the site's lock; raises UsageError naming the run that holds it already.

    Python opens files close-on-exec, and forked children drop theirs, so the lock ends with
    this process even when it is killed.
    """
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(run_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise not_writable(run_dir.parent, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 4096, 0)
        os.close(handle)
        raise _busy(holder, run_dir) from None
    _held.add(handle)
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        os.ftruncate(handle, 0)
        os.pwrite(
            handle, json.dumps({"pid": os.getpid(), "verb": verb, "since": since}).encode(), 0
        )
        yield
    finally:
        if handle in _held:  # not in a forked child, which closed its copy long ago
            _held.discard(handle)
            os.close(handle)


def _busy(content: bytes, run_dir: Path) -> UsageError:
    remedy = _("Wait for it to end, or stop it with Ctrl-C where it runs.")
    try:
        holder = json.loads(content)
        message = _("“localcloud {verb}” is at work on this site since {since} (process {pid}).")
        return UsageError(message.format(**holder), remedy, str(run_dir.parent))
    except (ValueError, KeyError, TypeError):
        return UsageError(_("Another run is at work on this site."), remedy, str(run_dir.parent))
