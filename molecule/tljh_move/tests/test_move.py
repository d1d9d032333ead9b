"""Moving house: from the plain hub to TLJH and back, with people, homes and an admin by hand.

The tests stand in the order of that life and share one machine.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.journey.accounts import Login
from localcloud.journey.pages import Page
from localcloud.journey.recorder import Recorder
from localcloud.journey.steps import Student
from localcloud.site import load_site

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests/integration"))
from student import run_cell

testinfra_hosts = ["ansible://all"]

SITE = Path(os.environ["LOCALCLOUD_INVENTORY"])
PLAIN, TLJH = "/opt/localcloud/jupyterhub/bin/accounts", "/opt/localcloud/tljh/bin/accounts"
ANA = {"name": "ana.maria", "password": "una-clave-larga-123"}
LONG = {"name": "estudiante.con.nombre.muy.largo", "password": "otra-clave-larga-456"}
NUMBER = {"name": "20231234_b-1", "password": "la-tercera-clave-789"}
LUZ = {"name": "luz", "password": "la-clave-de-luz-1011"}
PEOPLE = [ANA, LONG, NUMBER]
READ = "import glob; print(open(glob.glob('tarea*')[0]).read(), "
READ += "len(open('curso/datos/a.csv').read()))"
# What no Unix user can be called: neither hub takes it, and its page says what a name is made of.
REFUSED = ["ana@uni.edu", "josé", "ana/maria", "-ana"]


@pytest.fixture(autouse=True)
def journal(host, request):
    """Print the journal when a test fails: what it says is what a sysadmin would look at."""
    yield
    if request.session.testsfailed:
        print(host.check_output("journalctl -u jupyterhub -u traefik -n 40 --no-pager"))


@pytest.fixture(scope="module")
def memory():
    """What one test tells the next one."""
    return {}


def endpoint():
    (one,) = load_site(SITE).endpoints()
    return one


def admin():
    one = endpoint()
    return {"name": one.admins[0], "password": one.admin_password}


def ensure(host, command, users):
    request = json.dumps({"action": "ensure", "users": users})
    host.check_output(f"{command} <<'END'\n{request}\nEND")


def cell(person, code):
    return run_cell(endpoint().url, **person, code=code)


def logged_in(person):
    """A browser in which this person has logged in."""
    student = Student(Login(**person), endpoint().url, Recorder())
    student.open_page()
    student.log_in()
    return student


def is_admin(person):
    """As the hub itself says it to them."""
    student = logged_in(person)
    return student.browser.api("GET", f"{student.hub_url}api/users/{person['name']}").json()[
        "admin"
    ]


def ended(code, *words, language="en"):
    """What a command says that ends with this code, in one line."""
    command = [sys.executable, "-m", "localcloud", "--lang", language, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def be(group):
    """Change the group in hosts.yml, as a sysadmin does."""
    path = SITE / "hosts.yml"
    text = path.read_text()
    changed = re.sub(r"(?m)^( *)(jupyterhub|tljh):", rf"\1{group}:", text)
    assert text != changed, text
    path.write_text(changed)


def homes(host):
    """Every file in people's homes: kind, mode, owner, size, content."""
    # What servers write by themselves as time goes by is left out.
    own = r"-name '.*' -prune -o -name 'localcloud-journey*' -o"
    looks = "find /home/jupyter-* -mindepth 1 %s -printf '%%p %%y %%m %%U:%%G %%s %%l\\n' | sort"
    sums = "find /home/jupyter-* -mindepth 1 %s -type f -exec sha256sum {} + | sort"
    rights = "stat -c '%n %a %u:%g' /home/jupyter-*; "
    return host.check_output(rights + looks % own + "; " + sums % own)


def test_people_work_on_the_plain_hub(host, localcloud, memory):
    ensure(host, PLAIN, [*PEOPLE, LUZ])
    for number, person in enumerate(PEOPLE):
        name = f"tarea {number} ñ.txt"
        code = f"open({name!r}, 'w').write('de ' + {person['name']!r}); import os; "
        code += "os.makedirs('curso/datos', exist_ok=True); "
        code += "open('curso/datos/a.csv', 'w').write('1,2\\n' * 999); print(os.getcwd())"
        assert "/home/jupyter-" in cell(person, code)
    memory["homes"] = homes(host)
    memory["users"] = host.check_output("getent passwd | grep ^jupyter-")
    assert "tarea 1 ñ.txt" in memory["homes"] and "jupyter-estudiante.con.nom-" in memory["homes"]
    # Made administrator by hand, as on the hub's admin page: no setting knows of it.
    logged_in(LUZ)  # the hub's list has only people who were there once
    student = logged_in(admin())
    answer = student.browser.api("PATCH", f"{student.hub_url}api/users/luz", {"admin": True})
    assert answer.status_code == 200, answer.text
    assert is_admin(LUZ) and not is_admin(ANA)


def refusals():
    """What the hub's sign-up page says to each of the names that cannot be."""
    student = Student(Login("nobody", ""), endpoint().url, Recorder())
    said = {}
    for name in REFUSED:
        page = student.browser.visit(f"{student.hub_url}signup")
        form = Page(page.text).login_form  # the one with a password
        filled = {
            "username": name,
            "signup_password": ANA["password"],
            "signup_password_confirmation": ANA["password"],
        }
        said[name] = Page(student.browser.submit(form, page.url, filled).text).error
    return said


def test_a_name_that_cannot_be_is_refused_with_the_reason():
    for name, said in refusals().items():
        assert "holds only a–z (no accents)" in said, (name, said)


def test_check_announces_the_move_in_both_languages():
    be("tljh")
    said = ended(0, "check")
    assert "People move from JupyterHub to The Littlest JupyterHub" in said
    assert "Accounts (5, of them administrators: 2)" in said and "Homes (3)" in said
    dicho = ended(0, "check", language="es")
    assert "de JupyterHub a The Littlest JupyterHub" in dicho


def test_a_dry_run_moves_nobody(host, localcloud, memory):
    localcloud("install", "--dry-run")
    assert host.service("jupyterhub-proxy").is_running
    assert homes(host) == memory["homes"]


@contextlib.contextmanager
def setting(text):
    """Another line of the site's settings, as long as it takes."""
    path = SITE / "group_vars/all/trial.yml"
    path.write_text(text)
    yield
    path.unlink()


def test_a_file_that_cannot_be_had_leaves_everybody_at_work(host, memory):
    with setting("tljh_traefik_url: https://traefik.invalid/not-there"):
        said = ended(1, "install")
    assert "put the host into the group jupyterhub again" in said
    assert host.service("jupyterhub-proxy").is_running and host.service("jupyterhub").is_running
    assert f"de {ANA['name']}" in cell(ANA, READ)


def test_a_new_hub_that_does_not_come_up_lets_everybody_go_back(host, localcloud, memory):
    with setting('tljh_extra_config: {broken: "raise RuntimeError(1)"}'):
        said = ended(1, "install")
        assert "put the host into the group jupyterhub again" in said
        be("jupyterhub")
        localcloud("install")
    assert homes(host) == memory["homes"]
    assert f"de {ANA['name']}" in cell(ANA, READ) and is_admin(LUZ)
    assert "Nothing had to be changed" in localcloud("install", "--no-journey")
    be("tljh")


def test_they_move_to_tljh(host, localcloud, memory):
    said = " ".join(localcloud("install").split())
    assert "People have moved from JupyterHub to The Littlest JupyterHub" in said
    assert homes(host) == memory["homes"]
    assert host.service("traefik").is_running
    assert not host.service("jupyterhub-proxy").is_running
    assert host.file("/opt/localcloud/jupyterhub/hub/bin/jupyterhub").exists


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person["name"])
def test_everybody_logs_in_with_the_old_password_and_finds_their_files(host, person, memory):
    assert f"de {person['name']} 3996" in cell(person, READ)
    assert host.check_output("getent passwd | grep ^jupyter-").count("jupyter-") >= 3


def test_tljh_refuses_the_same_names():
    for name, said in refusals().items():
        assert "holds only a–z (no accents)" in said, (name, said)


def test_who_was_administrator_still_is_one_and_nobody_else(host):
    assert is_admin(LUZ) and is_admin(admin()) and not is_admin(ANA)


def test_again_there_is_nothing_to_do(localcloud):
    said = localcloud("install")
    assert "Nothing had to be changed" in said
    assert "reset --old-hub" in " ".join(said.split()) or "reset --old-hub" in localcloud("check")


def test_status_knows_which_of_the_two_lives(localcloud):
    said = " ".join(localcloud("status").split())
    assert "people moved to tljh" in said and "does not run" not in said


def test_going_back_works_while_the_old_hub_is_still_there(host, localcloud, memory):
    ensure(host, TLJH, [{"name": "eva", "password": "vino-despues-1213"}])
    be("jupyterhub")
    assert "from The Littlest JupyterHub to JupyterHub" in " ".join(localcloud("check").split())
    localcloud("install")
    assert host.service("jupyterhub-proxy").is_running and not host.service("traefik").is_running
    assert homes(host) == memory["homes"]
    assert "de ana.maria" in cell(ANA, READ)
    assert is_admin(LUZ)
    logged_in({"name": "eva", "password": "vino-despues-1213"})
    assert "Nothing had to be changed" in localcloud("install", "--no-journey")


def test_and_to_tljh_once_more_after_which_the_plain_hub_may_go(host, localcloud, memory):
    be("tljh")
    localcloud("install")
    assert "Nothing had to be changed" in localcloud("install", "--no-journey")
    said = " ".join(localcloud("reset", "--old-hub", "--yes").split())
    assert "has only the hub that people are with" in said
    for path in ("/opt/localcloud/jupyterhub", "/etc/jupyterhub", "/var/lib/jupyterhub"):
        assert not host.file(path).exists, path
    assert host.package("git").is_installed and host.group("jupyterhub-users").exists
    assert host.service("jupyterhub").is_running and host.service("jupyterhub").is_enabled
    assert homes(host) == memory["homes"]
    assert "de ana.maria" in cell(ANA, READ)
    assert "Nothing had to be changed" in localcloud("install", "--no-journey")
    assert "Nothing stands in the way" in localcloud("check")


def test_from_tljh_alone_back_to_a_plain_hub_that_is_made_anew(host, localcloud, memory):
    be("jupyterhub")
    localcloud("install")
    assert homes(host) == memory["homes"]
    for person in PEOPLE:
        assert f"de {person['name']}" in cell(person, READ)
    assert is_admin(LUZ) and not is_admin(ANA)
    localcloud("reset", "--old-hub", "--yes")
    assert "Nothing had to be changed" in localcloud("install", "--no-journey")


def test_owners_are_the_same_people_as_on_the_first_day(host, memory):
    now = host.check_output("getent passwd | grep ^jupyter-").splitlines()
    assert set(memory["users"].splitlines()) <= set(now)


def test_after_all_of_it_a_reset_leaves_no_trace_but_the_homes(host, localcloud, memory):
    """What both hubs shared went from one receipt to the other, and goes with the last."""
    localcloud("reset", "--yes")
    for path in (
        *("/opt/tljh", "/opt/localcloud", "/etc/localcloud", "/etc/jupyterhub", "/srv/shared"),
        *("/var/lib/jupyterhub", "/var/lib/localcloud", "/usr/bin/tljh-config"),
        *("/etc/sudoers.d/jupyterhub-admins", "/etc/systemd/journald.conf.d/localcloud.conf"),
    ):
        assert not host.file(path).exists, path
    for group in ("jupyterhub-admins", "jupyterhub-users"):
        assert not host.group(group).exists, group
    for package in ("git", "build-essential"):
        assert not host.package(package).is_installed, package
    assert host.run("systemctl list-unit-files --no-legend 'jupyter*' 'traefik*'").stdout == ""
    assert homes(host).count("tarea") == memory["homes"].count("tarea")
