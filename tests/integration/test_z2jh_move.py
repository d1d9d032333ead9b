"""People of a hub on one server move to the cluster, with passwords, rights and homes.

On the real things of ``real_z2jh``, and from TLJH on those of ``tljh_cases``. Their server becomes
the cluster itself, or one of its nodes. The tests stand in the order of the move.
"""

import json
import signal
from dataclasses import dataclass

import pytest
import tljh_cases
import yaml
from conftest import Machine
from lives import begin, wait_for
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
with sqlite3.connect("DATABASE", timeout=60) as database:
    assert database.execute("UPDATE users SET admin = 1 WHERE name = '{ADMIN}'").rowcount == 1
"""
# Takes long enough to be copied that a run can be killed meanwhile.
LARGE = "/home/jupyter-ana/datos.bin"
DIGESTS = "cd /home && find jupyter-* -type f -exec sha256sum {} + | sort"


@dataclass(frozen=True)
class Hub:
    """Where a hub on one server keeps what a test looks at."""

    component: str
    name: str  # as people know it
    etc: str
    database: str
    unit: str  # of its proxy

    @property
    def places(self) -> str:
        return f"{self.etc} /opt/localcloud/{self.component} {self.database}"


PLAIN = Hub(
    component="jupyterhub",
    name="JupyterHub",
    etc="/etc/jupyterhub",
    database="/var/lib/jupyterhub/jupyterhub.sqlite",
    unit="jupyterhub-proxy.service",
)
TLJH = Hub(
    component="tljh",
    name="The Littlest JupyterHub",
    etc="/etc/localcloud/tljh",
    database="/opt/tljh/state/jupyterhub.sqlite",
    unit="traefik.service",
)
NO_TLJH = f"NOT RUN: no real {', '.join(tljh_cases.MISSING)}"
# The hub, and whether it is on another server than the cluster's first.
FROM = [
    pytest.param((PLAIN, False), id="on the same server"),
    pytest.param((PLAIN, True), id="from another server"),
    pytest.param(
        (TLJH, False),
        id="from TLJH on the same server",
        marks=pytest.mark.skipif(bool(tljh_cases.MISSING), reason=NO_TLJH),
    ),
]


class Move:
    """The site, the machine of the old hub, and that of the new one."""

    def __init__(self, site, hub: Hub, old: str, new: str) -> None:
        self.site, self.hub = site, hub
        self.old, self.new = Machine(site.lab, old), Machine(site.lab, new)
        self.hosts = site.directory / "hosts.yml"
        self.before = self.hosts.read_text()

    def cell(self, machine: Machine, name: str, code: str) -> str:
        """What somebody's notebook says on the hub of that machine."""
        here = self.hosts.read_text() == self.before
        place = self.hub.etc if here else "/etc/localcloud/z2jh"
        authority = self.site.directory / "ca.crt"
        authority.write_text(machine.run(f"cat {place}/tls/ca.crt"))
        return run_cell(url(self.site, machine.name), name, PASSWORD, code, ca_file=authority)

    def accounts(self, machine: Machine, component: str, **request: object) -> list[dict]:
        command = f"/opt/localcloud/{component}/bin/accounts"
        said = machine.run(f"{command} <<'END'\n{json.dumps(request)}\nEND")
        return list(json.loads(said)["users"])

    def grow(self) -> None:
        """In hosts.yml, the old hub's server becomes part of a cluster."""
        known = yaml.safe_load(self.before)
        groups = known["all"]["children"]
        mine = groups.pop(self.hub.component)
        groups["k3s_agent" if "k3s_server" in groups else "k3s_server"] = mine
        groups["z2jh"] = {"hosts": {self.new.name: None}}
        self.hosts.write_text(yaml.safe_dump(known))


@pytest.fixture(scope="module", params=FROM)
def move(request, make_site, tmp_path_factory):
    """A hub on one server, in which people have worked."""
    hub, elsewhere = request.param
    outside = tmp_path_factory.mktemp("outside")
    if elsewhere:
        site = make_site(groups=(f"{hub.component}=1", "k3s_server=1"))
        old, new = (list(group["hosts"]) for group in groups_of(site, hub.component, "k3s_server"))
        move = Move(site, hub, old[0], new[0])
    else:
        site = make_site(groups=(f"{hub.component}=1",))
        move = Move(site, hub, "node1", "node1")
    if hub is TLJH:
        tljh_cases.prepared(site, outside)
    site.set(hub_tls_mode="internal", hub_public_url=url(site, move.old.name))
    for name in site.lab.hosts if elsewhere else ():
        own = site.directory / "host_vars" / f"{name}.yml"
        own.write_text(f"hub_public_url: {url(site, name)}\n")
    site.localcloud("install", "--no-journey", "--limit", move.old.name).ended(0)
    people = [{"name": name, "password": PASSWORD} for name in (*PEOPLE, ADMIN)]
    move.accounts(move.old, hub.component, action="ensure", users=people)
    for name in (*PEOPLE, ADMIN):
        move.cell(move.old, name, WRITE)
    by_hand = BY_HAND.replace("DATABASE", hub.database)
    move.old.run(f"systemctl stop jupyterhub; python3 - <<'END'\n{by_hand}END\n")
    move.old.run("systemctl start jupyterhub")
    move.old.run(
        f"head -c 400M /dev/urandom > {LARGE}; chown --reference $(dirname {LARGE}) {LARGE}"
    )
    for name in site.lab.hosts:
        prepare(Machine(site.lab, name))
    configure(site, outside, move.new.name)
    return move


def groups_of(site, *names: str) -> list[dict]:
    children = yaml.safe_load((site.directory / "hosts.yml").read_text())["all"]["children"]
    return [children[name] for name in names]


def test_check_says_what_will_happen(move):
    move.grow()
    ended = move.site.localcloud("check").ended(0)
    ended.says(
        f"People move from {move.hub.name}", "Accounts (6", "administrators: 2", "into volumes"
    )


def test_an_install_that_is_killed_while_homes_are_copied_harms_none(move):
    homes = move.old.run(DIGESTS)
    start_ingress(move.new)
    process = begin(move.site)
    try:
        wait_for(move.site, "Copies one person", process, seconds=500)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert move.old.run(DIGESTS) == homes


def test_the_next_brings_everybody_to_their_files_with_their_password(move):
    homes = move.old.run(DIGESTS)
    ended = move.site.localcloud("install").ended(0)
    ended.says(f"People have moved from {move.hub.name} on host", "reset --old-hub")
    for name in (*PEOPLE, ADMIN):
        said = move.cell(move.new, name, "import os\n" + READ)
        assert said.split("\n")[:2] == [f"tarea de {name} plumas tarea.txt", "True 1"], said
    assert move.old.run(DIGESTS) == homes


def test_administrators_come_along_those_made_by_hand_too(move):
    exported = move.accounts(move.new, "z2jh", action="export")
    assert {one["name"] for one in exported if one["admin"]} == {"admin", ADMIN}


def test_browsers_go_on_trusting(move):
    old = move.old.run(f"cat {move.hub.etc}/tls/ca.crt")
    assert move.new.run("cat /etc/localcloud/z2jh/tls/ca.crt") == old


def test_a_second_run_changes_nothing_and_no_pod_is_left(move):
    move.site.localcloud("install").ended(0).says("Nothing had to be changed")
    assert "localcloud-home" not in kubectl(move.new, "-n jupyterhub get pods -o name")


def test_the_old_hub_goes_when_somebody_says_so_and_the_homes_stay(move):
    move.site.localcloud("reset", "--old-hub", "--yes").ended(0).says(move.hub.unit)
    assert move.old.run(f"ls -d {move.hub.places} 2>/dev/null || :") == ""
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
