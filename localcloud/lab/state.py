"""What the lab remembers of itself: ``.localcloud/lab.json`` in its site directory."""

import hashlib
import json
import os
import re
import tempfile
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localcloud.errors import UsageError
from localcloud.i18n import _

VERSION = 1
BARE = "bare"
RUN_DIR = ".localcloud"


@dataclass
class Machine:
    """``ports``: port inside → port on 127.0.0.1. ``state``: ``bare`` or a saved state's name."""

    name: str
    groups: list[str]
    address: str
    ports: dict[int, int]
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = BARE

    @property
    def mac(self) -> str:
        """A fixed network address: with a new one after a rebuild, packets would go to the old
        machine until this computer and the neighbours notice, for half a minute and more."""
        octets = uuid.UUID(self.uuid).bytes[-5:]
        return ":".join(f"{octet:02x}" for octet in (2, *octets))  # 2: locally administered


@dataclass
class LabState:
    """``made_site``: the lab made the directory, so ``down`` may remove it."""

    id: str
    engine: str
    distribution: str
    image: str
    subnet: str = ""
    memory: str = ""
    cores: int = 0  # of virtual machines, as are disks
    disks: list[str] = field(default_factory=list)  # sizes of disks beyond the system's
    made_site: bool = True
    machines: dict[str, Machine] = field(default_factory=dict)

    def container(self, machine: str) -> str:
        return f"{self.id}-{machine}"

    def saved_image(self, machine: str, name: str) -> str:
        return f"localhost/localcloud-lab/{self.id}:{machine}--{name}"


def identity(directory: Path) -> str:
    """A name for the lab in this directory, which survives the directory's loss."""
    path = str(directory.resolve())
    words = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")[:20]
    return f"{words or 'lab'}-{hashlib.sha256(path.encode()).hexdigest()[:6]}"


def run_dir(directory: Path) -> Path:
    return directory / RUN_DIR


def path_of(directory: Path) -> Path:
    return run_dir(directory) / "lab.json"


def load(directory: Path) -> LabState | None:
    """The lab of a site directory, or None if there is none."""
    try:
        text = path_of(directory).read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = json.loads(text)
        return _from_json(data)
    except (ValueError, KeyError, TypeError) as wrong:
        raise UsageError(
            _("The lab's own record cannot be read: {path}").format(path=path_of(directory)),
            _("Remove the lab with “localcloud lab down {directory}” and make it anew.").format(
                directory=directory
            ),
            f"{type(wrong).__name__}: {wrong}",
        ) from wrong


def _from_json(data: dict[str, Any]) -> LabState:
    if data.pop("version") != VERSION:
        raise ValueError("version")
    machines = {
        name: Machine(**{**entry, "ports": {int(k): int(v) for k, v in entry["ports"].items()}})
        for name, entry in data.pop("machines").items()
    }
    return LabState(**data, machines=machines)


def save(directory: Path, lab: LabState) -> None:
    """Write the record whole or not at all."""
    data = {"version": VERSION, **asdict(lab)}
    write_private(path_of(directory), json.dumps(data, indent=2) + "\n")


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file atomically with a mode it has from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        os.replace(name, path)  # noqa: PTH105 a plain string name
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
