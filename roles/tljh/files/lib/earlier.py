"""Keeps what is needed to go back to an earlier release of TLJH, and goes back. JSON out.

    earlier.py keep NEW RUN   before an upgrade → {"changed": true} | {"localcloud_problem": …}
    earlier.py back RUN       after it failed → {"old": "2.0.0", "new": "2.0.1", "answers": true},
                              or {} if this run upgraded nothing

For root only, and run by the distribution's Python: the hub's own may be what an upgrade broke. The
hub works on while its state is copied. People's environment is kept as links: package managers
write new files and take the old names away, they do not write into old files.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PREFIX = Path("/opt/tljh")
KEPT = PREFIX / ".localcloud-earlier"
OTHERS = (
    Path("/etc/localcloud/tljh"),
    Path("/opt/localcloud/tljh/lib"),
    Path("/opt/localcloud/tljh/bin"),
    Path("/etc/systemd/system/jupyterhub.service"),
    Path("/etc/systemd/system/jupyterhub.service.d"),
    Path("/etc/systemd/system/traefik.service"),
)
RECEIPT = Path("/var/lib/localcloud/receipt.json")
UNITS = ("traefik.service", "jupyterhub.service")  # in their order of start
HEALTH = "http://127.0.0.1:15001/hub/health"  # a constant of TLJH
PATIENCE = 90  # seconds for the hub to answer
SPARE = 200 << 20  # bytes that stay free beside the copy


class Problem(Exception):
    def __init__(self, name: str, **data: str) -> None:
        super().__init__(name)
        self.data = {"localcloud_problem": name, **data}


def call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def copied(source: Path, target: Path, *options: str) -> None:
    """A copy with owners, modes and times; one that shares its blocks where it can."""
    call("cp", "-a", "--reflink=auto", *options, "--", str(source), str(target))


def removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def receipt() -> dict:
    return json.loads(RECEIPT.read_text()) if RECEIPT.exists() else {"components": {}}


def entry_of(content: dict) -> dict:
    return dict(content["components"].get("tljh", {}))


def manifest() -> dict:
    """What is kept: {} if nothing is."""
    path = KEPT / "manifest.json"
    return json.loads(path.read_text()) if path.exists() else {}


def numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def inside() -> list[Path]:
    """What TLJH's own folder holds, but what is kept and what a killed run left."""
    skip = (KEPT.name, ".scratch-")
    return sorted(path for path in PREFIX.iterdir() if not path.name.startswith(skip))


# -- before an upgrade


def size(path: Path) -> int:
    said = subprocess.run(["du", "-sk", str(path)], capture_output=True, text=True, check=False)
    return int((said.stdout.split() or ["0"])[0]) << 10


def make_room() -> None:
    """Raises ``Problem`` where the copy would fill the disk."""
    needed = SPARE + sum(size(path) for path in inside() if path.name != "user")
    free = shutil.disk_usage(PREFIX).free
    if free < needed:
        words = {"needed": f"{needed >> 20}", "free": f"{free >> 20}"}
        raise Problem("tljh_no_room", path=str(PREFIX), **words)


def keep_environment(source: Path, target: Path) -> None:
    try:
        copied(source, target, "--link")
    except subprocess.CalledProcessError:  # it lies on a disk of its own
        shutil.rmtree(target, ignore_errors=True)
        copied(source, target)
        return
    history = Path("conda-meta/history")  # conda adds lines to it
    if (source / history).exists():
        (target / history).unlink()
        copied(source / history, target / history)


def keep_state(source: Path, target: Path) -> None:
    copied(source, target)
    database = "jupyterhub.sqlite"
    if not (source / database).exists():
        return
    for draft in target.glob(f"{database}*"):
        if draft.name in (database, f"{database}-wal", f"{database}-shm", f"{database}-journal"):
            draft.unlink()
    # The hub is at work: a copy of the file alone could be half of a change.
    there = sqlite3.connect(f"file:{source / database}?mode=ro", uri=True, timeout=60)
    here = sqlite3.connect(target / database)
    with contextlib.closing(there), contextlib.closing(here):
        there.backup(here)
    (target / database).chmod(0o600)


def write_manifest(folder: Path, content: dict) -> None:
    draft = folder / "manifest.new"
    draft.write_text(json.dumps(content, indent=1) + "\n")
    draft.replace(folder / "manifest.json")


def keep(new: str, run: str) -> dict:
    """Keep what runs now. An upgrade that was killed goes on with what was kept before it."""
    entry = entry_of(receipt())
    old = str(entry.get("version") or "")
    if not old or old == new:
        return {"changed": False}
    if numbers(new) < numbers(old):
        raise Problem("tljh_version_down", node=os.uname().nodename, old=old, new=new)
    if "moved_to" in entry:  # its people are with another hub, which is what one goes back to
        removed(KEPT)
        return {"changed": False}
    kept = manifest()
    if (kept.get("old"), kept.get("new")) == (old, new):
        write_manifest(KEPT, {**kept, "run": run})
        return {"changed": False}
    draft = KEPT.with_name(KEPT.name + ".new")
    removed(draft)
    removed(KEPT)
    make_room()
    (draft / "inside").mkdir(mode=0o700, parents=True)
    (draft / "others").mkdir()
    draft.chmod(0o700)
    special = {"user": keep_environment, "state": keep_state}
    for path in inside():
        special.get(path.name, copied)(path, draft / "inside" / path.name)
    others = {str(number): str(path) for number, path in enumerate(OTHERS) if path.exists()}
    for number, name in others.items():
        copied(Path(name), draft / "others" / number)
    words = {"old": old, "new": new, "run": run, "facts": entry.get("facts", {})}
    names = [path.name for path in inside()]
    write_manifest(draft, {**words, "inside": names, "others": others})
    draft.rename(KEPT)
    return {"changed": True}


# -- after it failed


def put_back(kept: dict) -> None:
    """Everything into its place. Killed in between, it can be begun again."""
    for path in inside():
        if path.name not in kept["inside"]:
            removed(path)
    for name in kept["inside"]:
        source = KEPT / "inside" / name
        if os.path.lexists(source):
            removed(PREFIX / name)
            source.rename(PREFIX / name)
    for number, name in kept["others"].items():
        removed(Path(name))
        copied(KEPT / "others" / number, Path(name))


def installed_packages() -> list[str]:
    words = ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [line.split()[-1] for line in shown.splitlines() if line.startswith("ii ")]


def remember(kept: dict) -> None:
    """The receipt says what runs, which `status` and the next run read."""
    content = receipt()
    entry = content["components"].get("tljh")
    if entry is None:
        return
    entry.update(version=kept["old"], facts=kept["facts"])
    # Open since the upgrade began: packages of the distribution that it brought stay on the host.
    if (before := entry.pop("packages_before", None)) is not None:
        came = set(installed_packages()) - set(before)
        entry["packages"] = sorted(came | set(entry.get("packages", [])))
    draft = RECEIPT.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(json.dumps(content, indent=1, sort_keys=True) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(RECEIPT)


def answers() -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with opener.open(HEALTH, timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.5)
    return False


def back(run: str) -> dict:
    """Go back if this run upgraded TLJH, or went on with an upgrade that never came to its end."""
    kept = manifest()
    unfinished = kept and entry_of(receipt()).get("version") == kept["old"]
    if not kept or not (kept["run"] == run or unfinished):
        return {}
    call("systemctl", "stop", *reversed(UNITS))
    put_back(kept)
    remember(kept)
    call("systemctl", "daemon-reload")
    call("systemctl", "reset-failed", *UNITS)
    call("systemctl", "start", *UNITS)
    shutil.rmtree(KEPT)
    return {"old": kept["old"], "new": kept["new"], "answers": answers()}


def main() -> None:
    os.umask(0o077)
    action, *words = sys.argv[1:]
    try:
        answer = {"keep": keep, "back": back}[action](*words)
    except Problem as problem:
        answer = problem.data
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
