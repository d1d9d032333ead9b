"""People of a hub on one server move to the cluster, with passwords, rights and homes.

On the real things of ``real_z2jh``. Once their server becomes the cluster itself, once one of its
nodes. The tests stand in the order of the move.
"""

import json

import pytest
import yaml
from conftest import Machine
from real_z2jh import MARKS, configure, kubectl, prepare, start_ingress, stop_ingress, url
from student import run_cell

pytestmark = MARKS
PASSWORD = "una-clave-larga-123"
# Names that each hub maps in its own way.
PEOPLE = ("ana", "20231234", "ana.perez", "estudiante-de-bioinformatica-2026")
ADMIN = "eva"  # made one by hand, in the old hub's pages


# What everybody leaves in the home.
WRITE = """
import os
os.makedirs("curso de R/.oculto")
open("tarea.txt", "w").write("tarea de " + os.environ["JUPYTERHUB_USER"])
open("curso de R/.oculto/ñandú", "w").write("plumas")
os.symlink("tarea.txt", "enlace")
"""
READ = """
print(open("tarea.txt").read(), open("curso de R/.oculto/ñandú").read(), os.readlink("enlace"))
print(os.stat("tarea.txt").st_uid == os.getuid(), open("nueva", "w").write("x"))
"""
BY_HAND = f"""
import sqlite3
with sqlite3.connect("/var/lib/jupyterhub/jupyterhub.sqlite", timeout=60) as database:
    assert database.execute("UPDATE users SET admin = 1 WHERE name = '{ADMIN}'").rowcount == 1
"""
DIGESTS = "cd /home && find jupyter-* -type f -exec sha256sum {} + | sort"


class Move:
    """The site, the machine of the old hub, and that of the new one."""

    def __init__(self, site, old: str, new: str) -> None:
        self.site = site
        self.old, self.new = Machine(site.lab, old), Machine(site.lab, new)
        self.hosts = site.directory / "hosts.yml"
        self.before = self.hosts.read_text()

    def cell(self, machine: Machine, name: str, code: str) -> str:
        """What somebody's notebook says on the hub of that machine."""
        place = "jupyterhub" if self.hosts.read_text() == self.before else "localcloud/z2jh"
        authority = self.site.directory / "ca.crt"
        authority.write_text(machine.run(f"cat /etc/{place}/tls/ca.crt"))
        return run_cell(url(self.site, machine.name), name, PASSWORD, code, ca_file=authority)

    def accounts(self, machine: Machine, component: str, **request: object) -> list[dict]:
        command = f"/opt/localcloud/{component}/bin/accounts"
        said = machine.run(f"{command} <<'END'\n{json.dumps(request)}\nEND")
        return list(json.loads(said)["users"])

    def grow(self) -> None:
        """In hosts.yml, the old hub's server becomes part of a cluster."""
        known = yaml.safe_load(self.before)
        groups = known["all"]["children"]
        mine = groups.pop("jupyterhub")
        groups["k3s_agent" if "k3s_server" in groups else "k3s_server"] = mine
        groups["z2jh"] = {"hosts": {self.new.name: None}}
        self.hosts.write_text(yaml.safe_dump(known))


@pytest.fixture(scope="module", params=["on the same server", "from another server"])
def move(request, make_site, tmp_path_factory):
    """A plain hub in which people have worked."""
    if request.param == "on the same server":
        site = make_site(groups=("jupyterhub=1",))
        move = Move(site, "node1", "node1")
    else:
        site = make_site(groups=("jupyterhub=1", "k3s_server=1"))
        old, new = (list(group["hosts"]) for group in groups_of(site, "jupyterhub", "k3s_server"))
        move = Move(site, old[0], new[0])
    site.set(hub_tls_mode="internal", hub_public_url=url(site, move.old.name))
    for name in site.lab.hosts if move.old.name != move.new.name else ():
        own = site.directory / "host_vars" / f"{name}.yml"
        own.write_text(f"hub_public_url: {url(site, name)}\n")
    site.localcloud("install", "--no-journey", "--limit", move.old.name).ended(0)
    people = [{"name": name, "password": PASSWORD} for name in (*PEOPLE, ADMIN)]
    move.accounts(move.old, "jupyterhub", action="ensure", users=people)
    for name in (*PEOPLE, ADMIN):
        move.cell(move.old, name, WRITE)
    move.old.run(f"systemctl stop jupyterhub; python3 - <<'END'\n{BY_HAND}END\n")
    move.old.run("systemctl start jupyterhub")
    for name in site.lab.hosts:
        prepare(Machine(site.lab, name))
    configure(site, tmp_path_factory.mktemp("outside"), move.new.name)
    return move


def groups_of(site, *names: str) -> list[dict]:
    children = yaml.safe_load((site.directory / "hosts.yml").read_text())["all"]["children"]
    return [children[name] for name in names]


def test_check_says_what_will_happen(move):
    move.grow()
    ended = move.site.localcloud("check").ended(0)
    ended.says("People move from JupyterHub", "Accounts (6", "administrators: 2", "into volumes")


def test_everybody_comes_to_their_files_with_their_password(move):
    homes = move.old.run(DIGESTS)
    start_ingress(move.new)
    ended = move.site.localcloud("install").ended(0)
    ended.says("People have moved from JupyterHub on host", "reset --old-hub")
    for name in (*PEOPLE, ADMIN):
        said = move.cell(move.new, name, "import os\n" + READ)
        assert said.split("\n")[:2] == [f"tarea de {name} plumas tarea.txt", "True 1"], said
    assert move.old.run(DIGESTS) == homes


def test_administrators_come_along_those_made_by_hand_too(move):
    exported = move.accounts(move.new, "z2jh", action="export")
    assert {one["name"] for one in exported if one["admin"]} == {"admin", ADMIN}


def test_browsers_go_on_trusting(move):
    old = move.old.run("cat /etc/jupyterhub/tls/ca.crt")
    assert move.new.run("cat /etc/localcloud/z2jh/tls/ca.crt") == old


def test_a_second_run_changes_nothing_and_no_pod_is_left(move):
    move.site.localcloud("install").ended(0).says("Nothing had to be changed")
    assert "localcloud-home" not in kubectl(move.new, "-n jupyterhub get pods -o name")


def test_the_old_hub_goes_when_somebody_says_so_and_the_homes_stay(move):
    move.site.localcloud("reset", "--old-hub", "--yes").ended(0).says("jupyterhub-proxy.service")
    assert move.old.run("ls -d /etc/jupyterhub /opt/localcloud/jupyterhub 2>/dev/null || :") == ""
    assert "tarea de ana" in move.old.run("cat /home/jupyter-ana/tarea.txt")
    assert "tarea de ana" in move.cell(move.new, "ana", "print(open('tarea.txt').read())")


def test_after_a_reset_the_old_hub_comes_back_with_accounts_and_homes(move):
    if move.old.name != move.new.name:
        pytest.skip("the same as on one server")
    stop_ingress(move.new)
    move.site.localcloud("reset", "--yes").ended(0)
    move.hosts.write_text(move.before)
    move.site.localcloud("install", "--no-journey").ended(0)
    assert "tarea de ana" in move.cell(move.old, "ana", "print(open('tarea.txt').read())")
