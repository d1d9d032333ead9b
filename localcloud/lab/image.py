"""The machines' base image: bootstrapped from the distribution's packages, cached, imported.

No registry and no ready-made image is needed. The root file system is kept as a tar in the cache
directory, so that an engine that lost its images gets them back without a download. Nothing
half-made is ever found under the final name: the tar is renamed into place when it is whole.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.lab.engine import Engine
from localcloud.lab.recipe import Recipe

Say = Callable[[str], None]
_WORK = f"localcloud-lab-{os.getuid()}-"


def cache_dir() -> Path:
    """``~/.cache/localcloud`` (XDG), private to the user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    directory = Path(base) / "localcloud"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Only one process at a time makes the same image; the others wait for it."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(engine: Engine, recipe: Recipe, say: Say) -> str:
    """Have the recipe's image in the engine; return its name."""
    if engine.image_exists(recipe.image):
        return recipe.image
    cache = cache_dir()
    with alone(cache / f"{recipe.distribution.name}.lock"):
        if engine.image_exists(recipe.image):
            return recipe.image
        tar = cache / f"lab-{recipe.name}.tar"
        if not tar.exists():
            say(
                _(
                    "Making the system {distribution} from its packages; this happens once "
                    "and takes about half a minute on a quick network."
                ).format(distribution=recipe.distribution.name)
            )
            bootstrap(recipe, tar)
            _forget_older(cache, recipe)
        say(_("Handing the system to {engine} …").format(engine=engine.kind))
        engine.run(
            *("import", "--change", 'CMD ["/sbin/init"]', str(tar), recipe.image),
            seconds=900,
        )
    return recipe.image


def command(recipe: Recipe, work: Path, tar: Path) -> list[str]:
    """The bootstrap's command line; what may hold a password stays in files of mode 0600."""
    line = ["mmdebstrap", "--variant=minbase", "--format=tar", "--quiet"]
    line += [f"--include={','.join(recipe.packages)}"]
    if recipe.early:
        line += [f"--essential-hook=tar-in {work / 'early.tar'} /"]
    if recipe.apt_options:
        line += [f"--aptopt={work / 'apt.conf'}"]
    line += [f"--customize-hook=tar-in {work / 'overlay.tar'} /"]
    line += ['--customize-hook=chroot "$1" /bin/sh /usr/lib/localcloud-lab/customize.sh']
    line += [recipe.distribution.codename, str(tar)]
    return line + ([str(work / "lab.sources")] if recipe.sources else [])


def bootstrap(recipe: Recipe, tar: Path) -> None:
    """Write the root file system to ``tar``, which appears only when it is complete."""
    if not shutil.which("mmdebstrap"):
        raise UsageError(
            _("mmdebstrap is missing, which makes the practice machines' system."),
            _("Install it: {command}").format(command="sudo apt install mmdebstrap"),
        )
    partial = tar.with_name(tar.name + ".partial")
    with workplace() as work:
        for name, content in (
            ("apt.conf", ("\n".join(recipe.apt_options) + "\n").encode()),
            ("lab.sources", recipe.sources.encode()),
            ("early.tar", recipe.early),
            ("overlay.tar", recipe.overlay),
        ):
            (work / name).touch(mode=0o600)
            (work / name).write_bytes(content)
            _give_to_bootstrap(work / name, recipe)
        try:
            partial.unlink(missing_ok=True)
            partial.touch(mode=0o600)
            # The words of perl and apt in one language: they are shown, and programs read them.
            environment = {**os.environ, "TMPDIR": str(work), "LC_ALL": "C.UTF-8"}
            _run(command(recipe, work, partial), environment)
            partial.replace(tar)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def workplace() -> Iterator[Path]:
    """A directory for a bootstrap's files, which is gone afterwards.

    Not in the cache: package tools of other users must be able to enter it without root.
    """
    temporary = Path("/var/tmp")  # noqa: S108 the names below are unpredictable and private
    for left in temporary.glob(f"{_WORK}*"):
        _remove_if_killed(left)
    work = Path(tempfile.mkdtemp(prefix=_WORK, dir=temporary))
    handle = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        work.chmod(0o755)
        yield work
    finally:
        os.close(handle)
        _remove(work)


def _remove_if_killed(work: Path) -> None:
    """Remove a bootstrap's directory that nobody holds the lock of; one just made is left alone."""
    with contextlib.suppress(OSError):
        old = time.time() - work.stat().st_mtime > 60
        handle = os.open(work, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if old:
                _remove(work)
        finally:
            os.close(handle)


def _give_to_bootstrap(path: Path, recipe: Recipe) -> None:
    """Without root, mmdebstrap reads its files both as this user and as root of a namespace.

    A file that may hold a password is given to the group of that root, in which nobody else is.
    """
    if os.getuid() == 0:
        return
    path.chmod(0o640 if recipe.has_secrets else 0o644)
    if not recipe.has_secrets:
        return
    # In this namespace, number 0 is the caller and 1 the first subordinate number.
    line = ["unshare", "--map-auto", "--map-root-user", "chown", "0:1", str(path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalcloudError(
            _("The password of a package mirror cannot be kept from other users of this computer."),
            _("Make the system once as root, or give this user subordinate numbers (subuid)."),
            done.stderr.strip(),
        )


def _run(line: list[str], environment: dict[str, str]) -> None:
    # An own process group: Ctrl-C reaches us alone, and we end it with all its children.
    process = subprocess.Popen(
        line,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        _out, words = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode != 0:
        raise LocalcloudError(
            _("The practice machines' system could not be made from the distribution's packages."),
            _(
                "See that this computer's own package sources answer ({command}), then run the "
                "command again."
            ).format(command="sudo apt update"),
            "\n".join(words.strip().splitlines()[-15:]),
        )


def _remove(directory: Path) -> None:
    """Remove a bootstrap's work, whose files may belong to subordinate users."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists() and shutil.which("unshare"):
        subprocess.run(
            ["unshare", "--map-auto", "--map-root-user", "rm", "-rf", str(directory)],
            check=False,
            capture_output=True,
        )


def _forget_older(cache: Path, recipe: Recipe) -> None:
    """Keep one tar per distribution; a new recipe makes the old one useless."""
    for old in cache.glob(f"lab-{recipe.distribution.name}-*.tar"):
        if old.name != f"lab-{recipe.name}.tar":
            old.unlink(missing_ok=True)


def forget(engine: Engine) -> list[str]:
    """Remove every cached system, here and in the engine; return the images removed."""
    for tar in cache_dir().glob("lab-*.tar*"):
        tar.unlink(missing_ok=True)
    lines = engine.run(
        *("images", "--format", "{{.Repository}}:{{.Tag}}"),
        *("--filter", "reference=localhost/localcloud-lab:*"),
    )
    removed = []
    for name in lines.splitlines():
        if engine.call("rmi", name).returncode == 0:
            removed.append(name)
    return removed
