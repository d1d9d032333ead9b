"""What role tljh keeps before an upgrade, and how it goes back; in a folder instead of a host."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.unit.role_code import load

earlier = load("tljh/files/lib/earlier.py")


class Host:
    def __init__(self, root: Path) -> None:
        self.prefix, self.etc, self.unit = root / "tljh", root / "etc", root / "jupyterhub.service"
        for name in ("hub/bin", "user/conda-meta", "user/lib", "state", "config"):
            (self.prefix / name).mkdir(parents=True)
        self.etc.mkdir()
        self.write("2.0.0")
        (self.prefix / "user/conda-meta/history").write_text("made\n")
        with sqlite3.connect(self.database) as database:
            database.execute("CREATE TABLE users (name)")
        self.add_user("ana")
        self.receipt = root / "receipt.json"
        self.settle("2.0.0")
        self.calls: list[tuple[str, ...]] = []

    @property
    def database(self) -> Path:
        return self.prefix / "state/jupyterhub.sqlite"

    def files(self) -> dict[str, str]:
        places = "hub/bin/tljh", "user/lib/jupyterhub.py", "config/config.yaml", ".localcloud-x"
        found = {name: (self.prefix / name).read_text() for name in places}
        return {**found, "etc": (self.etc / "site.json").read_text(), "u": self.unit.read_text()}

    def write(self, version: str) -> None:
        """As package managers do: a new file under the old name."""
        for name in ("hub/bin/tljh", "user/lib/jupyterhub.py", "config/config.yaml"):
            draft = self.prefix / (name + ".new")
            draft.write_text(version)
            draft.replace(self.prefix / name)
        # These are written in place.
        for path in (self.prefix / ".localcloud-x", self.etc / "site.json", self.unit):
            path.write_text(version)

    def upgrade(self) -> None:
        self.write("2.0.1")
        (self.prefix / "new-folder").mkdir()
        with (self.prefix / "user/conda-meta/history").open("a") as stream:
            stream.write("upgraded\n")
        self.add_user("eva")

    def add_user(self, name: str) -> None:
        with sqlite3.connect(self.database) as database:
            database.execute("INSERT INTO users VALUES (?)", (name,))

    def users(self) -> list[str]:
        with sqlite3.connect(self.database) as database:
            return [name for (name,) in database.execute("SELECT name FROM users")]

    def settle(self, version: str) -> None:
        entry = {"version": version, "facts": {"endpoint": f"https://{version}"}, "units": ["x"]}
        self.receipt.write_text(json.dumps({"version": 1, "components": {"tljh": entry}}))

    def version(self) -> str:
        return json.loads(self.receipt.read_text())["components"]["tljh"]["version"]


@pytest.fixture
def host(tmp_path, monkeypatch):
    host = Host(tmp_path)
    monkeypatch.setattr(earlier, "PREFIX", host.prefix)
    monkeypatch.setattr(earlier, "KEPT", host.prefix / ".localcloud-earlier")
    monkeypatch.setattr(earlier, "OTHERS", (host.etc, host.unit, tmp_path / "never-there"))
    monkeypatch.setattr(earlier, "RECEIPT", host.receipt)
    monkeypatch.setattr(earlier, "SPARE", 0)
    monkeypatch.setattr(earlier, "answers", lambda: True)
    real = earlier.call

    def call(*command):
        if command[0] == "systemctl":
            host.calls.append(command[1:])
        else:
            real(*command)

    monkeypatch.setattr(earlier, "call", call)
    return host


def test_after_an_upgrade_that_failed_everything_is_as_before(host):
    before = host.files()
    assert earlier.keep("2.0.1", "run-1") == {"changed": True}
    host.upgrade()
    host.settle("2.0.1")
    assert earlier.back("run-1") == {"old": "2.0.0", "new": "2.0.1", "answers": True}
    assert host.files() == before
    assert host.users() == ["ana"]
    assert host.version() == "2.0.0"
    assert not (host.prefix / "new-folder").exists() and not earlier.KEPT.exists()
    assert (host.prefix / "user/conda-meta/history").read_text() == "made\n"
    assert host.calls[0][0] == "stop" and host.calls[-1] == ("start", *earlier.UNITS)


def test_a_hub_that_is_at_work_is_kept_whole(host):
    with sqlite3.connect(host.database) as busy:
        busy.execute("PRAGMA journal_mode=WAL")
        busy.execute("INSERT INTO users VALUES ('luz')")
        busy.commit()
        earlier.keep("2.0.1", "run-1")
    kept = earlier.KEPT / "inside/state"
    assert [path.name for path in kept.iterdir()] == ["jupyterhub.sqlite"]
    with sqlite3.connect(kept / "jupyterhub.sqlite") as copy:
        assert copy.execute("SELECT count(*) FROM users").fetchone() == (2,)
    assert earlier.KEPT.stat().st_mode & 0o777 == 0o700


def test_a_run_that_upgraded_nothing_goes_back_to_nothing(host):
    assert earlier.keep("2.0.0", "run-1") == {"changed": False}
    assert earlier.back("run-1") == {}
    earlier.keep("2.0.1", "run-2")
    host.upgrade()
    host.settle("2.0.1")
    # Weeks later a journey fails for another reason.
    assert earlier.keep("2.0.1", "run-3") == {"changed": False}
    assert earlier.back("run-3") == {}
    assert host.files()["hub/bin/tljh"] == "2.0.1" and host.calls == []


def test_a_hub_that_people_left_is_nothing_to_go_back_to(host):
    """They come back to a newer release; meanwhile their accounts were with another hub."""
    content = json.loads(host.receipt.read_text())
    content["components"]["tljh"]["moved_to"] = "jupyterhub"
    host.receipt.write_text(json.dumps(content))
    host.database.rename(f"{host.database}.moved")
    assert earlier.keep("2.0.1", "run-1") == {"changed": False}
    host.database.touch()
    assert earlier.back("run-1") == {}
    assert host.database.exists(), "the accounts that came along are not put aside for old ones"


def test_an_upgrade_that_was_killed_goes_on_with_what_was_kept_before_it(host):
    before = host.files()
    earlier.keep("2.0.1", "run-1")
    host.upgrade()  # and killed: the receipt was not closed
    assert earlier.keep("2.0.1", "run-2") == {"changed": False}
    assert earlier.back("run-2")["old"] == "2.0.0"
    assert host.files() == before


def test_the_receipt_is_closed_again_with_the_packages_that_came_meanwhile(host, monkeypatch):
    earlier.keep("2.0.1", "run-1")
    content = json.loads(host.receipt.read_text())
    entry = content["components"]["tljh"]
    entry.update(packages=["git"], packages_before=["git", "vim"])  # as an installation begins
    host.receipt.write_text(json.dumps(content))
    monkeypatch.setattr(earlier, "installed_packages", lambda: ["git", "vim", "r-base-core"])
    earlier.back("run-1")
    entry = json.loads(host.receipt.read_text())["components"]["tljh"]
    assert entry["packages"] == ["git", "r-base-core"] and "packages_before" not in entry


def test_the_next_run_may_stop_before_it_comes_to_the_upgrade(host):
    earlier.keep("2.0.1", "run-1")
    host.upgrade()
    assert earlier.back("run-2")["old"] == "2.0.0"


def test_going_back_can_be_killed_and_begun_again(host, monkeypatch):
    before = host.files()
    earlier.keep("2.0.1", "run-1")
    host.upgrade()
    monkeypatch.setattr(earlier, "remember", lambda _kept: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        earlier.back("run-1")
    monkeypatch.undo()
    for name, value in (("PREFIX", host.prefix), ("KEPT", host.prefix / ".localcloud-earlier")):
        monkeypatch.setattr(earlier, name, value)
    earlier.put_back(earlier.manifest())
    assert host.files() == before


def test_a_release_that_is_older_is_refused(host, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["earlier.py", "keep", "1.9.9", "run-1"])
    earlier.main()
    said = json.loads(capsys.readouterr().out)
    assert (said["localcloud_problem"], said["old"]) == ("tljh_version_down", "2.0.0")
    assert not earlier.KEPT.exists()


def test_a_disk_without_room_for_it_is_refused_before_anything_is_copied(host, monkeypatch):
    monkeypatch.setattr(earlier, "SPARE", 1 << 60)
    with pytest.raises(earlier.Problem) as refused:
        earlier.keep("2.0.1", "run-1")
    assert refused.value.data["localcloud_problem"] == "tljh_no_room"
    assert sorted(path.name for path in host.prefix.iterdir() if "earlier" in path.name) == []
