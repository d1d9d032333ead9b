"""The life of a server with The Littlest JupyterHub: installed, again, wrong input, reset.

What it needs stands in ``tljh_cases``; it skips loudly without. The tests stand in the order of
that life and share one machine.
"""

import json
import re
import signal
import ssl
import subprocess
import time

import pytest
import requests
from lives import accounts, begin, changes, shown_secrets, wait_for
from student import filled, run_cell
from tljh_cases import ANA, MARKS, from_outside, prepared, sha256

pytestmark = MARKS
PASSWORD = "una-clave-larga-456"
WITH_COLONS = "dos:puntos:y:ñandú-789"  # TLJH's own `--admin name:password` breaks on the first
BLOCKED = 3


@pytest.fixture(scope="module")
def hub(make_site, tmp_path_factory):
    """A machine whose site names the files; nothing is installed yet."""
    site = prepared(make_site(groups=("tljh",)), tmp_path_factory.mktemp("outside"))
    site.bring_secrets(hub_admin_password=WITH_COLONS)
    return site


@pytest.fixture(scope="module")
def before(hub):
    """The machine as it was found."""
    return hub.machine.listing()


@pytest.fixture
def settings(hub):
    """What a test changes in the site's settings is as before afterwards."""
    text = hub.settings.read_text()
    yield
    hub.settings.write_text(text)


# -- nothing is there yet


def test_a_key_that_tljh_does_not_know_stops_before_any_server_is_touched(hub, before, settings):
    hub.set(tljh_config="{user: {banned: [x]}}")
    hub.localcloud("install").ended(2).says("tljh_config", "users")
    assert changes(before, hub.machine.listing()) == []


def test_a_port_that_another_has_stops_before_anything_is_changed(hub, before):
    hub.machine.run("systemd-run -q --unit=other python3 -m http.server 15001; sleep 1")
    try:
        hub.localcloud("install").ended(BLOCKED).says("15001", "other")
    finally:
        hub.machine.run("systemctl stop other")
    assert changes(before, hub.machine.listing()) == []


def test_a_limit_for_homes_that_the_file_system_cannot_keep_is_refused(hub, before, settings):
    hub.set(hub_home_quota="10G")
    hub.localcloud("install").ended(BLOCKED).says("keeps no user quotas", "hub_home_quota")
    assert changes(before, hub.machine.listing()) == []


def authority(folder, name: str, by: str = "", names: str = "") -> None:
    """A certificate and its key in a folder: an authority's, or with ``names`` a server's."""
    key = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key"]
    key += ["-subj", f"/CN={name}"]
    more = f"subjectAltName={names}" if names else "basicConstraints=critical,CA:TRUE"
    signer = ["-CA", folder / f"{by}.crt", "-CAkey", folder / f"{by}.key"] if by else []
    key += ["-x509", "-days", "9", "-addext", more, *signer, "-out", folder / f"{name}.crt"]
    subprocess.run(key, check=True, capture_output=True)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """root → between → the hub's; and one of another name."""
    folder = tmp_path_factory.mktemp("tls")
    authority(folder, "root")
    authority(folder, "between", by="root")
    authority(folder, "hub", by="between", names="DNS:localhost")
    authority(folder, "other", names="DNS:other.uni.edu")
    text = {name: (folder / f"{name}.crt").read_text() for name in ("hub", "between", "root")}
    (folder / "chain.crt").write_text(text["hub"] + text["between"] + text["root"])
    return folder


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("other", "other", "it is for another name"),
        ("chain", "other", "do not belong together"),
        ("hub", "hub", "authority that signed it is missing: CN=between"),
    ],
)
def test_a_certificate_that_cannot_serve_stops_before_anything_is_changed(
    hub, before, settings, tls, certificate, key, words
):
    hub.set(hub_tls_mode="own")
    hub.set(
        hub_tls_certificate=str(tls / f"{certificate}.crt"), hub_tls_key=str(tls / f"{key}.key")
    )
    hub.localcloud("install").ended(BLOCKED).says("cannot serve localhost", words)
    assert changes(before, hub.machine.listing()) == []


def test_a_dry_run_on_a_fresh_host_changes_nothing(hub, before):
    hub.localcloud("install", "--dry-run").ended(0)
    assert changes(before, hub.machine.listing()) == []


# -- installed


def test_an_install_that_was_killed_in_tljhs_installer_is_finished_by_the_next(hub, before):
    process = begin(hub)
    try:
        wait_for(hub, "artifacts/miniforge.sh", process, seconds=500)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    ended = hub.localcloud("install").ended(0)
    ended.says("Walking through the hub as a student … done", "Admin: admin")
    shown = hub.machine.processes() + hub.machine.run("journalctl --no-pager -o cat")
    assert shown_secrets(hub, ended.text, shown) == []


@pytest.mark.parametrize("strategy", ["mitogen", "stock"])
def test_a_second_install_changes_nothing(hub, strategy):
    ended = hub.localcloud("install", LOCALCLOUD_STRATEGY=strategy).ended(0)
    ended.says("Nothing had to be changed")


def test_status_tells_what_runs(hub):
    text = hub.localcloud("status", "--json").ended(0).text
    assert "2.0.0" in text and "traefik.service" in text


# -- people

NAMES = [
    ("ana.maria", r"/home/jupyter-ana\.maria$"),
    ("20231234", r"/home/jupyter-20231234$"),
    ("seventeen.letters", r"/home/jupyter-seventeen\.letters$"),
    ("eighteen.letters.x", r"/home/jupyter-eighteen\.letters\.x-[0-9a-f]{5}$"),
    ("estudiante.con.nombre.muy.largo", r"/home/jupyter-estudiante\.con\.nom-[0-9a-f]{5}$"),
    ("luz_maria", r"/home/jupyter-luz_maria$"),
]


@pytest.mark.parametrize(("name", "home"), NAMES)
def test_people_work_in_homes_that_follow_tljhs_rule(hub, name, home):
    user = {"name": name, "password": ANA["password"]}
    accounts(hub, "tljh", action="ensure", users=[user])
    code = "open('tarea.txt', 'w').write('hecho'); import os; print(os.getcwd())"
    said = run_cell(hub.lab.url(), **user, code=code).strip()
    assert re.search(home, said), said
    assert hub.machine.run(f"stat -c %a {said}").strip() == "700"


def test_capitals_are_the_same_person_as_small_letters(hub):
    words = {"username": "Luz_Maria", "password": ANA["password"]}
    shown = filled(hub.lab.url(), "/hub/login?next=/hub/home", **words)
    assert shown.url.endswith("/hub/home") and "luz_maria" in shown.text


@pytest.mark.parametrize("name", ["ana@uni.edu", "josé.núñez", ".ana", "ana maria"])
def test_a_name_that_can_have_no_home_is_refused_with_the_rule(hub, name):
    words = {"signup_password": PASSWORD, "signup_password_confirmation": PASSWORD}
    said = filled(hub.lab.url(), "/hub/signup", username=name, **words).content.decode()
    assert "a–z (no accents), 0–9" in said
    users = accounts(hub, "tljh", action="list", prefix="")["users"]
    assert name not in [user["name"] for user in users]


# -- what TLJH's own integration tests try


def tljh_config(hub, *words: str) -> None:
    """Set something by hand and reload; the hub needs a moment to come back."""
    hub.machine.run(" && ".join(f"tljh-config {one}" for one in (*words, "reload")))
    health, deadline = hub.lab.url() + "/hub/health", time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(1)
        if requests.get(health, timeout=20).status_code == 200:
            return
    raise AssertionError("the hub did not come back")


def test_a_limit_set_by_hand_is_in_force_after_a_reload(hub):
    tljh_config(hub, "set limits.memory 777M")
    code = "!systemctl show -p MemoryMax --value jupyter-ana.maria.service; echo $MEM_LIMIT"
    stop(hub, "ana.maria")
    assert run_cell(hub.lab.url(), **ANA, code=code).split() == [str(777 << 20)] * 2


def test_settings_by_hand_stay_and_those_of_the_site_come_back(hub):
    by_hand = "add-item users.admin luz_maria", "set limits.memory 3G"
    tljh_config(hub, *by_hand, "set services.cull.concurrency 7")
    hub.localcloud("install").ended(0)
    shown = hub.machine.run("tljh-config show")
    assert "luz_maria" in shown and "concurrency: 7" in shown and "memory: 1G" in shown


def stop(hub, name: str) -> None:
    """End a person's server, so that the next one has the new settings."""
    hub.machine.run(f"systemctl stop jupyter-{name}.service; sleep 1")


def unmark(hub, name: str) -> None:
    """What an administrator does on the page /hub/admin: the hub remembers who was one."""
    session, url = requests.Session(), hub.lab.url()
    words = {"username": "admin", "password": hub.secrets()["hub_admin_password"]}
    form = session.get(f"{url}/hub/login", timeout=20).content.decode()
    words["_xsrf"] = re.search(r'name="_xsrf"\s+value="([^"]+)"', form)[1]
    page = session.post(f"{url}/hub/login?next=/hub/admin", data=words, timeout=60)
    assert page.url.endswith("/hub/admin")
    token = re.search(r'xsrf_token: "([^"]+)"', page.text)[1]
    asked = {"json": {"admin": False}, "params": {"_xsrf": token}, "headers": {"Referer": page.url}}
    done = session.patch(f"{url}/hub/api/users/{name}", timeout=20, **asked)
    assert done.ok and done.json()["admin"] is False, done.text


def test_who_is_made_an_administrator_has_root_and_who_is_no_longer_one_has_not(hub):
    luz = {"name": "luz_maria", "password": ANA["password"]}
    stop(hub, "luz_maria")
    assert run_cell(hub.lab.url(), **luz, code="!sudo -n id -u").split()[-1] == "0"
    tljh_config(hub, "remove-item users.admin luz_maria")
    unmark(hub, "luz_maria")
    stop(hub, "luz_maria")
    said = run_cell(hub.lab.url(), **luz, code="!sudo -n id -u 2>&1")
    assert "0" not in said.split()


def test_the_administrator_of_the_site_has_root_as_tljh_means_it(hub):
    admin = {"name": "admin", "password": WITH_COLONS}
    assert run_cell(hub.lab.url(), **admin, code="!sudo -n id -u").split()[-1] == "0"


def test_nothing_of_the_installation_is_for_people_to_change(hub):
    find = "find /opt/tljh ! -type l -writable -print 2>/dev/null"
    assert hub.machine.run(f"runuser -u jupyter-ana.maria -- {find} || true") == ""
    look = "cat /opt/tljh/state/* /opt/tljh/config/* /opt/tljh/installer.log 2>/dev/null"
    assert hub.machine.run(f"runuser -u jupyter-ana.maria -- sh -c '{look}' || true") == ""


def test_a_package_and_half_a_core_reach_people(hub):
    hub.set(hub_user_packages="[cowsay]", hub_cpu_limit="0.5")
    hub.localcloud("install").ended(0)
    assert "ok" in run_cell(hub.lab.url(), **ANA, code="import cowsay; print('ok')")


# -- Traefik


def test_another_traefik_than_the_site_says_is_refused(hub, settings):
    other = hub.directory / "traefik-other"
    found = from_outside()["traefik"].name
    other.write_text(f"#!/bin/sh\necho 'Version: 0.0.1'  # instead of {found}\n")
    hub.set(
        artifact_local_dir=str(other.parent),
        tljh_traefik_url=f"https://traefik.invalid/{other.name}",
        tljh_traefik_sha256=json.dumps({"amd64": sha256(other)}),
    )
    hub.localcloud("install").ended(1).says("is not Traefik", "0.0.1")
    assert requests.get(hub.lab.url() + "/hub/health", timeout=20).status_code == 200


def test_the_sites_own_certificate_is_served(hub, settings, tls):
    port = hub.lab.machine().ports[443]
    hub.set(
        hub_tls_mode="own",
        hub_tls_certificate=str(tls / "chain.crt"),
        hub_tls_key=str(tls / "hub.key"),
        hub_public_url=f'"https://localhost:{port}"',
    )
    hub.localcloud("install", "--no-journey").ended(0)
    served = ssl.get_server_certificate(("localhost", port))
    assert served.split() == (tls / "hub.crt").read_text().split()
    url, root = f"https://localhost:{port}", tls / "root.crt"
    assert "42" in run_cell(url, **ANA, code="print(6 * 7)", ca_file=root)
    plain = requests.get(hub.lab.url() + "/hub/login", timeout=20, allow_redirects=False)
    assert plain.headers["location"].startswith(f"https://127.0.0.1:{port}/")


# -- away again


def test_reset_gives_the_host_back_and_keeps_homes(hub, before):
    hub.localcloud("install").ended(0)
    hub.localcloud("reset", "--yes").ended(0)
    assert changes(before, hub.machine.listing()) == []
    assert "hecho" in hub.machine.run("cat /home/jupyter-ana.maria/tarea.txt")


def test_people_come_back_to_their_homes_and_passwords(hub):
    hub.localcloud("install").ended(0)
    assert "hecho" in run_cell(hub.lab.url(), **ANA, code="print(open('tarea.txt').read())")
    hub.localcloud("reset", "--yes-delete-data").ended(0)
    assert hub.machine.run("ls /home").split() == ["admin"]
