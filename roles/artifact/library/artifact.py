#!/usr/bin/python
"""Ansible module: files from outside (binaries, image archives), checked and never half-written.

Each file is brought into a part beside its destination, which a later run continues, and renamed
when its hash is right. A stamp with size, time and hash makes a re-run cost one look, and no hash
of a hundred megabytes. What lies on the controller comes by the action plugin of the same name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: artifact
short_description: Keep files from outside on a host, with their hash checked
description:
  - Sources in order are a directory on the controller, the campus's mirror, the file's own URL.
author: The localcloud authors
options:
  files:
    description:
      - What shall be there. C(name), C(version) and C(sha256) say which file it is, C(url) where
        its maker offers it, C(dest) and C(mode) where and how it lies on the host.
      - C(local) is a path on the controller, then the only source; it needs no hash.
    type: list
    elements: dict
    required: true
  local_dir:
    description: Directory on the controller, C(<name>/<version>/<file>) or C(<file>) in it.
    type: path
    default: ""
  mirror_url:
    description: Address of a mirror with C(<name>/<version>/<file>).
    type: str
    default: ""
  online:
    description: Whether the file's own URL may be asked.
    type: bool
    default: true
  timeout:
    description: Seconds without data after which a server counts as hanging.
    type: int
    default: 30
  environment:
    description: Proxy settings.
    type: dict
    default: {}
  directory:
    description: Where the stamps are kept.
    type: path
    default: /var/lib/localcloud/artifacts
"""

ATTEMPTS = 3  # at one address, of which each goes on where the last one stopped
BLOCK = 1 << 20
FEWEST = 4096  # bytes that must come within the timeout: a trickle counts as hanging, too


class Failed(Exception):
    """A source did not give the file: the problem's id and its data."""

    def __init__(self, problem: str, **data: str) -> None:
        super().__init__(problem)
        self.problem, self.data = problem, data


class Artifact:
    """One file: where it shall lie, its part, and its stamp."""

    def __init__(self, wanted: dict, directory: str) -> None:
        self.wanted = wanted
        self.dest = Path(wanted["dest"])
        self.sha256 = wanted.get("sha256") or ""
        # What makes it another file: its hash, or size and time of its source on the controller.
        self.identity = self.sha256 or "{size}-{mtime}".format(**wanted["offered"])
        tail = hashlib.sha256(self.identity.encode()).hexdigest()[:12]
        self.part = self.dest.with_name(f".{self.dest.name}.{tail}.part")
        key = hashlib.sha256(str(self.dest).encode()).hexdigest()[:16]
        self.stamp = Path(directory) / f"{key}.json"

    def look(self) -> dict:
        found = self.dest.stat()
        size, mtime = found.st_size, found.st_mtime_ns
        return {"path": str(self.dest), "identity": self.identity, "size": size, "mtime": mtime}

    def is_current(self) -> bool:
        if self.dest.is_symlink() or not self.dest.is_file():
            return False
        try:
            if json.loads(self.stamp.read_text()) == self.look():
                return True
        except (OSError, ValueError):
            pass
        # Without a stamp (a run killed after the rename, a copy made by hand) the hash decides.
        if self.sha256 and digest(self.dest) == self.sha256:
            self.write_stamp()
            return True
        return False

    def write_stamp(self) -> None:
        with contextlib.suppress(OSError):  # a full disk costs the next run a hash, no more
            self.stamp.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self.stamp.with_suffix(".new")
            draft.write_text(json.dumps(self.look()))
            draft.replace(self.stamp)

    def prepare(self) -> None:
        """The directory, and no parts of other versions."""
        self.dest.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        for other in self.dest.parent.glob(f".{self.dest.name}.*.part"):
            if other != self.part:
                other.unlink()

    def finish(self, source: str, problem: str, expected: str = "") -> None:
        """Check the whole part, then put it in its place; a wrong one is thrown away."""
        expected = expected or self.sha256
        found = digest(self.part)
        if found != expected:
            self.part.unlink()
            raise Failed(problem, url=source, expected=expected, found=found)
        self.part.chmod(int(self.wanted.get("mode") or "0644", 8))
        with self.part.open("rb") as stream:
            os.fsync(stream.fileno())
        self.part.replace(self.dest)
        self.write_stamp()


def digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(BLOCK), b""):
            sha.update(block)
    return sha.hexdigest()


def addresses(wanted: dict, mirror: str, online: bool) -> list[str]:
    """Where to ask on the network, in order."""
    url = wanted.get("url") or ""
    file = url.rpartition("/")[2]
    found = []
    if mirror and file:
        version = str(wanted.get("version") or "").replace("+", "%2B")
        found.append("/".join([mirror.rstrip("/"), wanted["name"], version, file]))
    return found + ([url] if url and online else [])


def open_at(url: str, start: int, timeout: int) -> tuple[http.client.HTTPResponse, int]:
    """An answer, and the byte at which it begins. Raises Failed."""
    request = urllib.request.Request(url, headers={"User-Agent": "localcloud"})  # noqa: S310
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:
            raise Failed("artifact_part_odd", url=url) from error
        problem = "artifact_not_there" if error.code in (404, 410) else "artifact_refused"
        raise Failed(problem, url=url, status=str(error.code), details=str(error)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = "timed out" in str(error)
        problem = "artifact_hangs" if late else "artifact_unreachable"
        raise Failed(problem, url=url, seconds=str(timeout), details=str(error)) from error
    if answer.status != 206:
        return answer, 0
    begun = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    if not begun or int(begun[1]) != start:
        raise Failed("artifact_part_odd", url=url)
    return answer, start


def room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        mib = 1 << 20
        raise Failed(
            "artifact_no_space",
            path=str(part.parent),
            needs=f"{needed // mib + 1} MiB",
            has=f"{free // mib} MiB",
        )


def read(answer: http.client.HTTPResponse, stream, url: str, timeout: int) -> None:
    """Copy an answer; Failed where too little comes in the given time, or the line is cut."""
    since, count, total = time.monotonic(), 0, 0
    # Not `length` as it goes on: older Pythons' read1 does not count it down.
    length = answer.length
    while length is None or total < length:
        try:
            block = answer.read1(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            problem = "artifact_hangs" if "timed out" in str(error) else "artifact_cut"
            raise Failed(problem, url=url, seconds=str(timeout), details=str(error)) from error
        if not block:
            break
        stream.write(block)
        count += len(block)
        total += len(block)
        if time.monotonic() - since > timeout:
            if count < FEWEST:
                raise Failed("artifact_hangs", url=url, seconds=str(timeout))
            since, count = time.monotonic(), 0
    # read1 takes an early end for the end; the length that was promised tells them apart.
    if length is not None and total < length:
        raise Failed("artifact_cut", url=url, details=f"{total} of {length} bytes came")


def fetch(artifact: Artifact, url: str, timeout: int) -> None:
    """Bring the part's missing bytes, in a few attempts, and finish. Raises Failed."""
    part = artifact.part
    for attempt in range(ATTEMPTS):
        start = part.stat().st_size if part.exists() else 0
        try:
            answer, begin = open_at(url, start, timeout)
            with answer, part.open("ab" if begin else "wb") as stream:
                part.chmod(0o600)
                room(part, answer.length or 0)
                read(answer, stream, url, timeout)
            artifact.finish(url, "artifact_wrong")
        except Failed as failed:
            last = attempt == ATTEMPTS - 1
            if failed.problem == "artifact_part_odd":
                # Longer than the file, or from a server that counts otherwise: begin anew.
                part.unlink(missing_ok=True)
            elif failed.problem == "artifact_wrong" and start and not last:
                continue  # the older part may be what is wrong; it is gone now
            elif failed.problem != "artifact_cut" or last:
                raise
            if last:
                raise
        else:
            return


def from_network(artifact: Artifact, places: list[str], timeout: int) -> str:
    """Try the addresses in order; gives the one that served. Raises Failed of the most telling."""
    failures = []
    for url in places:
        try:
            fetch(artifact, url, timeout)
        except Failed as failed:
            if failed.problem == "artifact_no_space":
                raise
            failures.append(failed)
        else:
            return url
    if not failures:
        raise Failed("artifact_no_source")
    # What a mirror lacks says less than what another place did wrong.
    telling = [failed for failed in failures if failed.problem != "artifact_not_there"]
    chosen = (telling or failures)[0]
    tried = [f"{one.data.get('url')}: {one.data.get('details') or one.problem}" for one in failures]
    chosen.data["details"] = "\n".join(tried)
    chosen.data["places"] = ", ".join(places)
    raise chosen


def bring(artifact: Artifact, parameters: dict) -> str:
    """Make one file be there. Gives its source, or "" if the controller must send it first."""
    wanted = artifact.wanted
    artifact.prepare()
    offered = wanted.get("offered")
    if not offered:
        places = addresses(wanted, parameters["mirror_url"], parameters["online"])
        return from_network(artifact, places, parameters["timeout"])
    size = int(offered["size"])
    have = artifact.part.stat().st_size if artifact.part.exists() else 0
    if have > size:
        artifact.part.unlink()
        have = 0
    if have < size or not (artifact.sha256 or wanted.get("sent_sha256")):
        room(artifact.part, size - have)
        artifact.part.touch(mode=0o600)
        return ""
    artifact.finish(offered["path"], "artifact_local_wrong", wanted.get("sent_sha256", ""))
    return str(offered["path"])


def fail(module: AnsibleModule, wanted: dict, failed: Failed) -> None:
    file = (wanted.get("url") or wanted.get("dest", "")).rpartition("/")[2]
    data = {
        "file": file.replace("%2B", "+"),
        "name": wanted["name"],
        "version": str(wanted.get("version") or ""),
        **failed.data,
    }
    data["localcloud_problem"] = failed.problem
    module.fail_json(msg=json.dumps(data))


def written(error: OSError, artifact: Artifact) -> Failed:
    """A disk that refuses: full, read-only, or worse. A part that fills it goes."""
    path = str(artifact.dest.parent)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            artifact.part.unlink(missing_ok=True)
        return Failed("artifact_no_space", path=path, needs="?", has="0 MiB", details=str(error))
    return Failed("artifact_unwritable", path=path, details=str(error))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True},
            "local_dir": {"type": "str", "default": ""},
            "mirror_url": {"type": "str", "default": ""},
            "online": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 30},
            "environment": {"type": "dict", "default": {}},
            "directory": {"type": "str", "default": "/var/lib/localcloud/artifacts"},
        },
        supports_check_mode=True,
    )
    os.environ.update({key: str(value) for key, value in module.params["environment"].items()})
    sources: dict[str, str] = {}
    pending = []
    for wanted in module.params["files"]:
        artifact = Artifact(wanted, module.params["directory"])
        try:
            if artifact.is_current():
                continue
            sources[wanted["dest"]] = ""
            if module.check_mode:
                continue
            sources[wanted["dest"]] = bring(artifact, module.params)
        except Failed as failed:
            fail(module, wanted, failed)
        except OSError as error:
            fail(module, wanted, written(error, artifact))
        if not sources[wanted["dest"]]:
            have = artifact.part.stat().st_size
            pending.append({"dest": wanted["dest"], "part": str(artifact.part), "have": have})
    module.exit_json(changed=bool(sources), sources=sources, pending=pending)


if __name__ == "__main__":
    main()
