"""A computer with a stand-in for the engine, where machines never have to answer."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud.lab import image, limits
from localcloud.lab.lab import Lab

DOUBLE = Path(__file__).parents[1] / "doubles/fake_engine.py"
MAPS = {"uidmap": [{"size": 1}, {"size": 65536}], "gidmap": [{"size": 1}, {"size": 65536}]}


def podman_info(runtime: str = "runc", rootless: bool = False, **host: object) -> dict[str, object]:
    """What ``podman info`` prints, as far as the lab reads it."""
    return {
        "host": {
            "ociRuntime": {"name": runtime},
            "security": {"rootless": rootless},
            "cgroupControllers": ["cpu", "memory", "pids"],
            "idMappings": MAPS,
            **host,
        }
    }


class Computer:
    """Its only programs are the stand-ins put into ``bin``; its cache is empty."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "bin"
        self.engine = home / "engine"
        self.bin.mkdir()
        self.engine.mkdir()

    def have(self, kind: str, info: object) -> None:
        script = self.bin / kind
        script.write_text(f"#!{sys.executable} -ISs\n" + DOUBLE.read_text())
        script.chmod(0o755)
        (self.engine / "info.json").write_text(json.dumps(info))

    def calls(self, verb: str) -> list[list[str]]:
        """Arguments of every call of a verb so far."""
        lines = (self.engine / "calls.jsonl").read_text().splitlines()
        return [words[2:] for words in map(json.loads, lines) if words[1] == verb]

    def all(self, what: str) -> list[str]:
        """Names of ``containers``, ``networks`` or ``images`` that the engine has."""
        return sorted(path.name.replace("%", "/") for path in (self.engine / what).glob("*"))


@contextmanager
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    made = Computer(tmp_path)
    monkeypatch.setenv("FAKE_ENGINE", str(made.engine))
    monkeypatch.setenv("PATH", f"{made.bin}{os.pathsep}/nonexistent")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(limits, "cgroups", lambda: "v2")
    monkeypatch.setattr(image, "ensure", lambda engine, recipe, say: recipe.image)
    monkeypatch.setattr(Lab, "wait", lambda self, hosts: None)
    yield made
