"""Moving house: what is announced, what the takeover does to a server, what goes and what stays."""

import json
import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud import i18n
from localcloud.preflight import findings, moving
from localcloud.preflight.facts import parse
from localcloud.preflight.needs import Hub, Needs, Part
from tests.unit.role_code import ROLES, load
from tests.unit.test_role_code import module_double, receipt

hub_takeover = load("hub/library/hub_takeover.py")
RECORDED = Path(__file__).parent / "facts"
HUBS = {
    "jupyterhub": Hub("jupyterhub", "server", frozenset({"jupyterhub-proxy.service"})),
    "tljh": Hub("tljh", "server", frozenset({"traefik.service"})),
    "z2jh": Hub("z2jh", "cluster"),
}
PEOPLE = {"accounts": 31, "admins": 2, "homes": 28, "servers": 3}


@pytest.fixture
def facts():
    known = parse((RECORDED / "debian12-fresh.txt").read_text())
    known["receipt"] = {"components": {"jupyterhub": {"people": {"accounts": "/x"}}}}
    known["people"] = {"jupyterhub": PEOPLE}
    return known


def needs(wanted="tljh"):
    part = Part(wanted, {"ports": [80]}, people=HUBS[wanted].people)
    return Needs((part,), hubs=HUBS)


def found(facts, wanted="tljh"):
    all_of_them = [
        *moving.of_host("h1", facts, needs(wanted)),
        *findings.of_host("h1", facts, needs(wanted)),
    ]
    return {one.problem_id: one for one in all_of_them}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["from JupyterHub to The Littlest JupyterHub", "with their passwords", "Nothing of"],
        ),
        ("es", ["de JupyterHub a The Littlest JupyterHub", "con sus contraseñas", "No se borra"]),
    ],
)
def test_a_move_is_announced_with_everything_that_changes(facts, language, words):
    i18n.activate(language)
    try:
        one = found(facts)["hub_move"]
    finally:
        i18n.activate("en")
    assert one.severity == "warning", "shown before an installation, too, and stops nothing"
    text = f"{one.message} {one.remedy}"
    for word in [*words, "h1", "31", "2", "28", "(3)", "localcloud install"]:
        assert word in text, text
    assert "component_left" not in found(facts)


def test_the_old_hubs_ports_are_not_in_the_way(facts):
    holder = {"address": "*", "process": "node", "pid": "9", "unit": "jupyterhub-proxy.service"}
    facts["ports"] = {80: [holder]}
    assert "port_taken" not in found(facts)
    facts["receipt"] = None
    assert "port_taken" in found(facts)


def test_after_the_move_the_old_hub_is_remembered(facts):
    facts["receipt"]["components"] = {
        "jupyterhub": {"people": {"accounts": "/x"}, "moved_to": "tljh"},
        "tljh": {"people": {"accounts": "/y"}},
    }
    facts["people"] = {"jupyterhub": {**PEOPLE, "accounts": None}, "tljh": PEOPLE}
    one = found(facts)["hub_left"]
    assert "localcloud reset --old-hub" in one.remedy
    assert "hub_move" not in found(facts)
    # The other way round: the group was put back.
    assert (
        "from The Littlest JupyterHub to JupyterHub"
        in found(facts, "jupyterhub")["hub_move"].message
    )
    (move,) = moving.moves("h1", facts, needs("jupyterhub"))
    assert (move.old, move.new, move.group) == ("tljh", "jupyterhub", "tljh")


def test_what_cannot_be_moved_stops_before_anything_is_changed(facts):
    one = found(facts, "z2jh")["hub_move_impossible"]
    assert one.severity == "blocking"
    assert "group jupyterhub" in one.remedy and "localcloud reset --limit h1" in one.remedy
    facts["receipt"]["components"]["jupyterhub"] = {}
    assert found(facts)["hub_move_unprepared"].severity == "blocking"


def test_a_host_without_another_hub_has_nothing_to_hear(facts):
    assert not {one for one in found(facts, "jupyterhub") if one.startswith("hub_")}
    facts["receipt"] = None
    assert not {one for one in found(facts) if one.startswith("hub_")}


# -- on the server ------------------------------------------------------------------------------


class Server:
    """A directory that plays the server: receipt, units, databases."""

    def __init__(self, root: Path) -> None:
        self.root, self.commands = root, []
        self.units = root / "units"
        self.units.mkdir()
        self.memory = root / "memory"

    def people(self, name: str) -> dict[str, str]:
        state = self.root / name
        return {
            "accounts": str(state / "jupyterhub.sqlite"),
            "cookie_secret": str(state / f"{name}_cookie"),
            "authority": str(state / "tls/ca.crt"),
            "authority_key": str(state / "tls/ca.key"),
        }

    def declare(self, name: str, packages=()) -> None:
        """As the role's first task does; the unit's name is the same for all hubs."""
        memory = receipt.Receipt(self.memory)
        wanted = {
            "component": name,
            "paths": [str(self.root / name), str(self.units / "jupyterhub.service")],
            "units": ["jupyterhub.service", f"{name}-proxy.service"],
            "groups": ["jupyterhub-users"],
            "user_group": "jupyterhub-users",
            "people": self.people(name),
        }
        receipt.declare(module_double(self.memory, **wanted), memory)
        memory.component(name)["facts"] = {"user_units": "jupyter-*.service"}
        memory.component(name).setdefault("packages", []).extend(packages)
        memory.save()

    def install(self, name: str, accounts=()) -> None:
        """What the rest of the role makes."""
        place = Path(self.people(name)["accounts"])
        (place.parent / "tls").mkdir(parents=True, exist_ok=True)
        (self.units / "jupyterhub.service").write_text(f"of {name}")
        with sqlite3.connect(place) as database:
            database.execute("CREATE TABLE IF NOT EXISTS users_info (username, password)")
            database.executemany("INSERT INTO users_info VALUES (?, ?)", accounts)
        for key in ("cookie_secret", "authority", "authority_key"):
            path = Path(self.people(name)[key])
            if not path.exists():
                path.write_text(f"{key} of {name}")

    def take_over(self, name: str) -> list[str]:
        store = hub_takeover.ReceiptFile(str(self.memory))
        others = hub_takeover.others_of(store, name)
        for old in others:
            hub_takeover.take_over(store, old, hub_takeover.Hub(store, name))
        return [hub.name for hub in others]

    def accounts(self, name: str) -> dict[str, str]:
        with sqlite3.connect(self.people(name)["accounts"]) as database:
            return dict(database.execute("SELECT * FROM users_info"))

    def entry(self, name: str) -> dict:
        return dict(receipt.Receipt(self.memory).content["components"][name])


@pytest.fixture
def server(tmp_path, monkeypatch):
    made = Server(tmp_path)
    monkeypatch.setattr(hub_takeover, "UNITS", f"{made.units}/")
    monkeypatch.setattr(hub_takeover, "systemctl", lambda *words: made.commands.append(words))
    monkeypatch.setattr(receipt, "run", lambda *_c: SimpleNamespace(stdout="", returncode=0))
    monkeypatch.setattr(receipt, "installed_packages", lambda: ["bash", "git"])
    made.declare("jupyterhub", packages=["git"])
    made.install("jupyterhub", [("ana", "hash-of-ana"), ("luz", "hash-of-luz")])
    return made


def test_people_come_along_with_passwords_sessions_and_trust(server):
    server.declare("tljh")
    assert server.take_over("tljh") == ["jupyterhub"]
    assert server.accounts("tljh") == {"ana": "hash-of-ana", "luz": "hash-of-luz"}
    new = server.people("tljh")
    assert Path(new["authority_key"]).read_text() == "authority_key of jupyterhub"
    assert Path(new["cookie_secret"]).read_text() == "cookie_secret of jupyterhub"
    for secret in ("accounts", "authority_key", "cookie_secret"):
        assert Path(new[secret]).stat().st_mode & 0o777 == 0o600
    assert ("stop", "jupyter-*.service") in server.commands
    assert ("stop", "jupyterhub-proxy.service") in server.commands
    assert server.take_over("tljh") == [], "and the next run has nothing to do"


def test_on_a_server_with_one_hub_nothing_is_touched(server):
    assert server.take_over("jupyterhub") == []
    assert server.commands == []


def test_nothing_of_the_old_hub_is_deleted_and_one_can_go_back(server):
    server.declare("tljh")
    server.take_over("tljh")
    server.install("tljh", [("eva", "came later")])
    assert (server.root / "jupyterhub").is_dir()
    assert server.take_over("jupyterhub") == ["tljh"]
    assert server.accounts("jupyterhub") == {
        "ana": "hash-of-ana",
        "luz": "hash-of-luz",
        "eva": "came later",
    }
    assert (server.units / "jupyterhub.service").read_text() == "of jupyterhub"
    assert server.entry("tljh")["moved_to"] == "jupyterhub"
    assert "moved_to" not in server.entry("jupyterhub")
    # And once more: TLJH's own unit, which only its installer writes, is there again.
    server.take_over("tljh")
    assert (server.units / "jupyterhub.service").read_text() == "of tljh"


def test_a_move_that_failed_before_it_began_costs_nobody_a_server(server):
    server.declare("tljh")  # and then a download failed
    assert server.take_over("jupyterhub") == ["tljh"]
    assert ("stop", "jupyter-*.service") not in server.commands
    assert ("stop", "jupyterhub.service") not in server.commands
    assert server.accounts("jupyterhub")["ana"] == "hash-of-ana"
    assert (server.units / "jupyterhub.service").read_text() == "of jupyterhub"


STEPS = ["bring_database", "bring_people", "save", "put_aside", "bring_back"]


@pytest.mark.parametrize("target", ["tljh", "jupyterhub"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_can_be_finished_or_taken_back(server, monkeypatch, step, target):
    server.declare("tljh")
    place = next(
        each
        for each in (hub_takeover, hub_takeover.ReceiptFile, hub_takeover.Hub)
        if hasattr(each, step)
    )

    def killed(*_anything, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(place, step, killed)
        with pytest.raises(KeyboardInterrupt):
            server.take_over("tljh")
    server.take_over(target)
    assert server.accounts(target) == {"ana": "hash-of-ana", "luz": "hash-of-luz"}
    if target == "jupyterhub":
        assert (server.units / "jupyterhub.service").read_text() == "of jupyterhub"
    assert server.take_over(target) == []


def test_a_database_that_cannot_be_read_ends_it_with_nothing_lost(server):
    place = Path(server.people("jupyterhub")["accounts"])
    place.write_bytes(b"no database at all" * 100)
    server.declare("tljh")
    with pytest.raises(hub_takeover.Wrong, match="not a database"):
        server.take_over("tljh")
    assert place.exists() and not Path(server.people("tljh")["accounts"]).exists()


def test_the_old_hub_goes_and_what_it_shares_stays_for_the_new_one(server, monkeypatch):
    server.declare("tljh")
    server.take_over("tljh")
    server.install("tljh")
    stopped, gone = [], []
    monkeypatch.setattr(receipt, "remove_packages", lambda names: gone.extend(names) or "")

    def run(*command):
        stopped.append(command)
        return SimpleNamespace(stdout="", returncode=0)

    monkeypatch.setattr(receipt, "run", run)
    memory = receipt.Receipt(server.memory)
    wanted = {"component": "jupyterhub", "keep_packages": False}
    receipt.remove(module_double(server.memory, **wanted), memory)
    assert not (server.root / "jupyterhub").exists()
    assert (server.units / "jupyterhub.service").read_text() == "of tljh"
    assert ("systemctl", "stop", "jupyterhub.service") not in stopped
    assert not [words for words in stopped if words[0] in ("userdel", "groupdel", "pkill")]
    assert gone == [], "packages that came with the old hub go with the new one"
    assert "git" in server.entry("tljh")["packages"]
    # The last of them takes the rest, as if there had been only one.
    memory = receipt.Receipt(server.memory)
    receipt.remove(module_double(server.memory, component="tljh", keep_packages=False), memory)
    assert not (server.units / "jupyterhub.service").exists()
    assert not server.memory.exists() and gone == ["git"]


def test_the_hubs_on_one_server_have_the_same_jupyterhub():
    """Their database is one and the same, and goes both ways."""
    pins = []
    for role in ("jupyterhub", "tljh"):
        text = (ROLES / role / "files/hub.txt").read_text()
        pins.append(re.findall(r"(?m)^(?:jupyterhub|jupyterhub-nativeauthenticator)==\S+", text))
    assert len(pins[0]) == 2 and pins[0] == pins[1]


def test_people_are_counted_on_the_server_itself(server, monkeypatch, capsys):
    from localcloud.preflight import probe

    text = probe._file("people.py")
    with sqlite3.connect(server.people("jupyterhub")["accounts"]) as database:
        database.execute("CREATE TABLE users (name, admin)")
        database.executemany("INSERT INTO users VALUES (?, ?)", [("ana", True), ("luz", False)])
    text = text.replace("/var/lib/localcloud/receipt.json", str(server.memory / "receipt.json"))
    server.declare("tljh")
    exec(compile(text, "people.py", "exec"), {"__name__": "people"})
    (line,) = capsys.readouterr().out.splitlines()
    counted = parse(f"probe=begin\n{line}\n")["people"]
    assert counted["jupyterhub"]["accounts"] == 2 and counted["jupyterhub"]["admins"] == 1
    assert counted["tljh"]["accounts"] is None, "nobody is with it yet"
    assert json.dumps(counted)
