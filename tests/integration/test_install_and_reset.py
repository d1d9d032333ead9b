"""The life of a server: fresh, installed, installed again, reset, and back with the old homes.

The tests stand in the order of that life and share one machine.
"""

import re

import pytest
from lives import accounts, changes, shown_secrets
from student import run_cell

ANA = {"name": "ana.maria", "password": "una-clave-larga-123"}
EMAIL_LONG = {"name": "estudiante.con.nombre.muy.largo", "password": "otra-clave-larga-456"}


@pytest.fixture(scope="module")
def before(site):
    """The machine as it was found."""
    # Reset takes the packages out again, so that the whole listing can be compared.
    site.set(base_remove_packages="true", hub_admins="[admin, luz]")
    return site.machine.listing()


def test_dry_run_on_a_fresh_host_changes_nothing(site, before):
    ended = site.localcloud("install", "--dry-run", "-v").ended(0)
    assert changes(before, site.machine.listing()) == []
    assert not shown_secrets(site, ended.text)


def test_install_ends_with_a_proved_hub(site, before):
    ended = site.localcloud("install").ended(0)
    ended.says("Walking through the hub as a student … done", site.lab.url(), "Admin: admin")
    assert len(site.secrets()["hub_admin_password"]) >= 20
    assert not shown_secrets(site, ended.text)


def test_secrets_on_the_host_are_for_root_alone(site):
    readable = site.machine.run(
        "su -s /bin/sh nobody -c 'cat /etc/jupyterhub/secrets.env /etc/jupyterhub/site.json "
        "/var/lib/localcloud/receipt.json /var/lib/jupyterhub/*' 2>/dev/null || true"
    )
    assert readable == ""
    shown = site.machine.processes() + site.machine.run("systemctl show jupyterhub -p Environment")
    shown += site.machine.run("journalctl --no-pager -o cat")  # Ansible logs there, too
    assert not shown_secrets(site, shown)


@pytest.mark.parametrize("strategy", ["mitogen", "stock"])
def test_a_second_install_changes_nothing(site, strategy):
    ended = site.localcloud("install", LOCALCLOUD_STRATEGY=strategy).ended(0)
    ended.says("Nothing had to be changed", "Walking through the hub as a student … done")


def test_dry_run_on_an_installed_host_has_nothing_to_do(site):
    site.localcloud("install", "--dry-run").ended(0).says("nothing would be changed")


def test_dry_run_shows_which_file_would_change_and_what_would_restart(site):
    settings = site.settings.read_text()
    site.set(hub_memory_limit="777M")
    shown = site.localcloud("install", "--dry-run", "-v").ended(0)
    shown.says("Dry run: nothing is changed", "/etc/jupyterhub/site.json: new content")
    shown.says("restart jupyterhub.service")
    site.settings.write_text(settings)


def test_status_tells_what_runs(site):
    import json

    status = json.loads(site.localcloud("status", "--json").ended(0).text)
    text = json.dumps(status)
    assert "5.5.4" in text and site.lab.url() in text and "jupyterhub.service" in text


def test_a_student_works_in_a_home_of_their_own(site):
    accounts(site, "jupyterhub", action="ensure", users=[ANA, EMAIL_LONG])
    code = "open('tarea.txt', 'w').write('hecho'); import os; print(os.getcwd())"
    assert "/home/jupyter-ana.maria" in run_cell(site.lab.url(), **ANA, code=code)
    # The rule of The Littlest JupyterHub: 26 characters, a dash, five digits of the SHA-256.
    home = run_cell(site.lab.url(), **EMAIL_LONG, code=code)
    assert re.search(r"/home/jupyter-estudiante\.con\.nom-[0-9a-f]{5}\b", home)
    assert "drwx------" in site.machine.run("ls -ld /home/jupyter-ana.maria")


def test_no_admin_name_is_free_for_the_first_who_signs_up(site):
    there = accounts(site, "jupyterhub", action="list", prefix="")["users"]
    assert {"admin", "luz"} <= {user["name"] for user in there}


def test_reset_gives_the_host_back_and_keeps_homes(site, before):
    site.localcloud("reset", "--yes").ended(0)
    after = site.machine.listing()
    assert changes(before, after) == []
    assert "hecho" in site.machine.run("cat /home/jupyter-ana.maria/tarea.txt")


def test_people_come_back_to_their_homes_and_passwords(site):
    site.localcloud("install").ended(0)
    assert "hecho" in run_cell(site.lab.url(), **ANA, code="print(open('tarea.txt').read())")


def test_reset_with_data_leaves_no_home(site, before):
    site.localcloud("reset", "--yes").ended(0)
    site.localcloud("install", "--no-journey").ended(0)
    run_cell(site.lab.url(), **ANA, code="1")
    site.localcloud("reset", "--yes-delete-data").ended(0)
    assert site.machine.run("ls /home").split() == ["admin"]
    assert changes(before, site.machine.listing()) == []


def test_data_that_a_reset_left_can_be_deleted_later(site, before):
    site.localcloud("install", "--no-journey").ended(0)
    site.machine.run("mkdir -p /home/jupyter-eva; chown 54321 /home/jupyter-eva")  # user is gone
    site.localcloud("reset", "--yes").ended(0)
    assert "jupyter-eva" in site.machine.run("ls /home")
    site.localcloud("reset", "--yes-delete-data").ended(0).says("/home/jupyter-*")
    assert site.machine.run("ls /home").split() == ["admin"]
    assert not list((site.directory / ".localcloud/kept").glob("*"))
