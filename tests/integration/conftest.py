"""Real machines for the tests: one lab each module, taken down at its end."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from localcloud import lab as labs
from localcloud.lab import engine as engines
from localcloud.site.vault import VAULT_FILE, Vault

LOCALCLOUD = [sys.executable, "-m", "localcloud"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.fspath).parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def engine() -> engines.Engine:
    """A container engine that works; without one the test skips and says what it lacks."""
    try:
        return engines.detect(None)
    except Exception as error:
        pytest.skip(f"NOT RUN: no container engine for practice machines: {error}")


@dataclass
class Ended:
    """What a command printed, and how it ended."""

    code: int
    text: str

    def says(self, *words: str) -> "Ended":
        """Fail with the whole output unless all of the words are in it."""
        flat = " ".join(self.text.split())
        for word in words:
            assert word in flat, f"{word!r} is not in:\n{self.text}"
        return self

    def ended(self, code: int) -> "Ended":
        assert self.code == code, f"exit code {self.code} instead of {code}:\n{self.text}"
        return self


def run_localcloud(*words: str | Path, seconds: float = 900, **environment: str) -> Ended:
    """Run the command as a person would, in English and off a terminal."""
    done = subprocess.run(
        [*LOCALCLOUD, *map(str, words)],
        env={**os.environ, "LOCALCLOUD_LANG": "en", "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return Ended(done.returncode, done.stdout + done.stderr)


class Machine:
    """One practice machine, and what a test asks of it."""

    def __init__(self, lab: labs.Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def run(self, command: str, seconds: float = 120) -> str:
        """Run a shell command as root over SSH; fail with its words if it fails."""
        done = subprocess.run(
            self.lab.ssh_command(self.name, ["sudo", "sh", "-c", command]),
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def listing(self) -> list[str]:
        """Everything that a reset must give back: see ``listing.sh``."""
        return self.run((Path(__file__).parent / "listing.sh").read_text()).splitlines()

    def processes(self) -> str:
        return self.run("ps -eo args")


@dataclass
class Site:
    """A lab's site and its first machine."""

    lab: labs.Lab

    @property
    def directory(self) -> Path:
        return self.lab.directory

    @property
    def machine(self) -> Machine:
        return Machine(self.lab, self.lab.hosts[0])

    @property
    def settings(self) -> Path:
        return self.directory / "group_vars" / "all" / "settings.yml"

    def localcloud(self, verb: str, *words: str, **environment: str) -> Ended:
        return run_localcloud(verb, "-i", self.directory, *words, **environment)

    def set(self, **values: str) -> None:
        """Write settings (values are YAML) over what the file has."""
        text = self.settings.read_text()
        for name, value in values.items():
            text = re.sub(rf"(?m)^{name}:.*\n", "", text) + f"{name}: {value}\n"
        self.settings.write_text(text)

    def secrets(self) -> dict[str, str]:
        """The site's generated secrets, in clear."""
        program = Path(sys.executable).with_name("ansible-vault")
        key, file = self.directory / "secrets.key", self.directory / VAULT_FILE
        view = [program, "view", "--vault-password-file", key, file]
        shown = subprocess.run(view, capture_output=True, text=True, check=True).stdout
        found: dict[str, str] = yaml.safe_load(shown)
        return found

    def bring_secrets(self, **values: str) -> None:
        """Secrets that somebody chose, before the others are generated."""
        vault = Vault(self.directory)
        vault.make_key()
        (self.directory / VAULT_FILE).write_bytes(vault.seal(yaml.safe_dump(values).encode()))


Maker = Callable[..., Site]


@pytest.fixture(scope="module")
def make_site(engine: engines.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """``make_site(hosts=1)``: a lab of the module's own; all of them go at the module's end."""
    made: list[Path] = []

    def make(**wanted: object) -> Site:
        directory = tmp_path_factory.mktemp("lab") / "site"
        made.append(directory)
        return Site(labs.up(directory, **wanted))  # type: ignore[arg-type]

    yield make
    for directory in made:
        labs.down(directory)
        shutil.rmtree(directory.parent, ignore_errors=True)


@pytest.fixture(scope="module")
def site(make_site: Maker) -> Site:
    return make_site()
