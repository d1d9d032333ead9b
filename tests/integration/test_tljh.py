"""The life of a server with The Littlest JupyterHub: installed, again, wrong input, reset.

Needs what no package registry has, as paths in the environment, and skips loudly without:
    LOCALCLOUD_TEST_TLJH       archive of TLJH's sources, or a wheel of it
    LOCALCLOUD_TEST_TRAEFIK    the traefik program
    LOCALCLOUD_TEST_MINIFORGE  Miniforge's installer; else a stand-in (tests/doubles)

The tests stand in the order of that life and share one machine.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lives import changes, secret_places
from student import run_cell

DOUBLES = Path(__file__).resolve().parents[1] / "doubles"
NEEDED = ("LOCALCLOUD_TEST_TLJH", "LOCALCLOUD_TEST_TRAEFIK")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN: no real {', '.join(MISSING)}"),
]
ANA = {"name": "ana.maria", "password": "una-clave-larga-123"}
LONG = {"name": "estudiante.con.nombre.muy.largo", "password": "otra-clave-larga-456"}
ACCOUNTS = "/opt/localcloud/tljh/bin/accounts"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_from_outside() -> dict[str, Path]:
    stand_in = DOUBLES / "miniforge/Miniforge3.sh"
    return {
        "tljh": Path(os.environ["LOCALCLOUD_TEST_TLJH"]),
        "traefik": Path(os.environ["LOCALCLOUD_TEST_TRAEFIK"]),
        "miniforge": Path(os.environ.get("LOCALCLOUD_TEST_MINIFORGE") or stand_in),
    }


@pytest.fixture(scope="module")
def hub(make_site, tmp_path_factory):
    """A machine whose site names the files; nothing is installed yet."""
    site = make_site(groups=("tljh",))
    outside = tmp_path_factory.mktemp("outside")
    found = files_from_outside()
    for path in found.values():
        shutil.copy(path, outside / path.name)
    said = subprocess.run([found["traefik"], "version"], capture_output=True, text=True).stdout
    site.set(
        base_remove_packages="true",
        artifact_local_dir=str(outside),
        artifact_online="false",
        tljh_url=f"https://tljh.invalid/{found['tljh'].name}",
        tljh_sha256=sha256(found["tljh"]),
        tljh_traefik_url=f"https://traefik.invalid/{found['traefik'].name}",
        tljh_traefik_version=re.search(r"Version:\s+(\S+)", said)[1],
        tljh_traefik_sha256=json.dumps({"amd64": sha256(found["traefik"])}),
        tljh_miniforge_url=f"https://miniforge.invalid/{found['miniforge'].name}",
        tljh_miniforge_sha256=json.dumps({"amd64": sha256(found["miniforge"])}),
    )
    return site


@pytest.fixture(scope="module")
def before(hub):
    """The machine as it was found."""
    return hub.machine.listing()


def accounts(site, request: dict) -> str:
    return site.machine.run(f"{ACCOUNTS} <<'END'\n{json.dumps(request)}\nEND")


def test_a_key_that_tljh_does_not_know_stops_before_any_server_is_touched(hub, before):
    hub.set(tljh_config="{user: {banned: [x]}}")
    hub.localcloud("install").ended(2).says("tljh_config", "users")
    hub.set(tljh_config="{}")
    assert changes(before, hub.machine.listing()) == []


def test_a_dry_run_on_a_fresh_host_changes_nothing(hub, before):
    hub.localcloud("install", "--dry-run").ended(0)
    assert changes(before, hub.machine.listing()) == []


def test_install_ends_with_a_proved_hub(hub, before):
    ended = hub.localcloud("install").ended(0)
    ended.says("Walking through the hub as a student … done", "Admin: admin")
    secrets = hub.secrets()
    assert not [name for name, value in secrets.items() if value in ended.text]
    assert not secret_places(hub, secrets)
    shown = hub.machine.processes() + hub.machine.run("journalctl --no-pager -o cat")
    assert not [name for name, value in secrets.items() if value in shown]


@pytest.mark.parametrize("strategy", ["mitogen", "stock"])
def test_a_second_install_changes_nothing(hub, strategy):
    ended = hub.localcloud("install", LOCALCLOUD_STRATEGY=strategy).ended(0)
    ended.says("Nothing had to be changed")


def test_status_tells_what_runs(hub):
    text = hub.localcloud("status", "--json").ended(0).text
    assert "2.0.0" in text and "traefik.service" in text


def test_people_work_in_homes_that_follow_tljhs_rule(hub):
    accounts(hub, {"action": "ensure", "users": [ANA, LONG]})
    code = "open('tarea.txt', 'w').write('hecho'); import os; print(os.getcwd())"
    assert "/home/jupyter-ana.maria" in run_cell(hub.lab.url(), **ANA, code=code)
    home = run_cell(hub.lab.url(), **LONG, code=code)
    assert re.search(r"/home/jupyter-estudiante\.con\.nom-[0-9a-f]{5}\b", home)
    assert "drwx------" in hub.machine.run("ls -ld /home/jupyter-ana.maria")


def test_settings_by_hand_stay_and_those_of_the_site_come_back(hub):
    hub.machine.run("tljh-config add-item users.admin luz; tljh-config set limits.memory 3G")
    hub.machine.run("tljh-config set services.cull.concurrency 7; tljh-config reload")
    hub.localcloud("install").ended(0)
    shown = hub.machine.run("tljh-config show")
    assert "luz" in shown and "concurrency: 7" in shown and "memory: 1G" in shown


def test_an_administrator_has_root_as_tljh_means_it(hub):
    admin = {"name": "admin", "password": hub.secrets()["hub_admin_password"]}
    said = run_cell(hub.lab.url(), **admin, code="!sudo -n id -u")
    assert said.split()[-1] == "0"


def test_a_package_and_half_a_core_reach_people(hub):
    hub.set(hub_user_packages="[cowsay]", hub_cpu_limit="0.5")
    hub.localcloud("install").ended(0)
    assert "ok" in run_cell(hub.lab.url(), **ANA, code="import cowsay; print('ok')")


def test_a_certificate_that_does_not_fit_changes_nothing(hub, tmp_path):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other"]
    command += ["-addext", "subjectAltName=DNS:other.uni.edu", "-days", "9"]
    command += ["-keyout", tmp_path / "a.key", "-out", tmp_path / "a.crt"]
    subprocess.run(command, check=True, capture_output=True)
    mode = hub.settings.read_text()
    hub.set(hub_tls_mode="own", hub_domain="hub.uni.edu")
    hub.set(hub_tls_certificate=str(tmp_path / "a.crt"), hub_tls_key=str(tmp_path / "a.key"))
    hub.localcloud("install").ended(1).says("cannot serve hub.uni.edu", "not for hub.uni.edu")
    hub.settings.write_text(mode)
    hub.localcloud("install").ended(0).says("Nothing had to be changed")


def test_another_traefik_than_the_site_says_is_refused(hub):
    good = hub.settings.read_text()
    found = files_from_outside()["traefik"]
    other = hub.directory / "traefik-other"
    other.write_text(f"#!/bin/sh\necho 'Version: 0.0.1'  # instead of {found.name}\n")
    hub.set(
        artifact_local_dir=str(other.parent),
        tljh_traefik_url=f"https://traefik.invalid/{other.name}",
        tljh_traefik_sha256=json.dumps({"amd64": sha256(other)}),
    )
    hub.localcloud("install").ended(1).says("is not Traefik", "0.0.1")
    hub.settings.write_text(good)
    hub.localcloud("install").ended(0)


def test_reset_gives_the_host_back_and_keeps_homes(hub, before):
    hub.localcloud("reset", "--yes").ended(0)
    assert changes(before, hub.machine.listing()) == []
    assert "hecho" in hub.machine.run("cat /home/jupyter-ana.maria/tarea.txt")


def test_people_come_back_to_their_homes_and_passwords(hub):
    hub.localcloud("install").ended(0)
    assert "hecho" in run_cell(hub.lab.url(), **ANA, code="print(open('tarea.txt').read())")
    hub.localcloud("reset", "--yes-delete-data").ended(0)
    assert hub.machine.run("ls /home").split() == ["admin"]
