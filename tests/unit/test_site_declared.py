"""What roles declare of their settings and hosts: refused before any host is touched."""

import shutil

import pytest
from site_cases import ROLES, load, said, write_site

from localcloud import components, paths

HUB = """\
all:
  children:
    jupyterhub:
      hosts:
        server1: {ansible_host: 10.0.0.5}
"""
CLUSTER = """\
all:
  children:
    k3s_server:
      hosts:
        server1: {ansible_host: 10.0.0.5}
    z2jh:
      hosts:
        server1:
"""
SETTINGS = "hub_domain: hub.uni.edu\nhub_admins: [ana]\n"


def test_the_plain_hub_refuses_a_kind_of_https_that_it_cannot_do(tmp_path):
    text = said(write_site(tmp_path, HUB, SETTINGS + "hub_tls_mode: acme\nhub_acme_email: a@b.c\n"))
    assert "hub_tls_mode: jupyterhub cannot do “acme” (host server1)." in text
    assert "It can do: internal, off." in text
    assert "group_vars/all/settings.yml:3" in text
    text = said(write_site(tmp_path, HUB, SETTINGS + "hub_tls_mode: acme\n"))
    assert "hub_acme_email" not in text, "of no use: it cannot be acme"


def test_a_value_can_ask_for_other_settings(tmp_path):
    text = said(write_site(tmp_path, CLUSTER, SETTINGS + "hub_tls_mode: own\n"))
    for name in ("hub_tls_certificate", "hub_tls_key"):
        assert f"{name} is required where hub_tls_mode is “own” (host server1)." in text
    assert "the file on this computer that holds the certificate" in text


def test_a_value_of_the_wrong_type_is_said_once(tmp_path):
    text = said(write_site(tmp_path, HUB, SETTINGS + "hub_tls_mode: off\n"))
    assert "cannot do" not in text


@pytest.mark.parametrize(
    ("inventory", "login"),
    [
        (HUB, "jupyterhub_config: {JupyterHub: {authenticator_class: ldapauthenticator.LDAP}}\n"),
        (HUB.replace("jupyterhub:", "tljh:"), "tljh_config: {auth: {type: oauthenticator.X}}\n"),
        (CLUSTER, "z2jh_values: {hub: {config: {JupyterHub: {authenticator_class: google}}}}\n"),
    ],
    ids=["jupyterhub", "tljh", "z2jh"],
)
def test_an_administrator_whom_the_hubs_own_login_refuses_is_named(tmp_path, inventory, login):
    settings = "hub_domain: hub.uni.edu\nhub_admins: [luz, ana@uni.edu]\n"
    settings += f"hub_tls_mode: internal\nz2jh_chart_sha256: {'a' * 64}\n" * ("z2jh" in inventory)
    text = said(write_site(tmp_path, inventory, settings))
    assert "hub_admins: ana@uni.edu does not fit: " in text
    assert "write ana." in text
    assert "another login than its own accounts" in text
    assert "group_vars/all/settings.yml:2" in text
    site = load(write_site(tmp_path / "other", inventory, settings + login))
    assert "server1" in site.hosts, "another login may know such names"


@pytest.fixture
def company(tmp_path, monkeypatch):
    """Roles of which one must stand beside another one's hosts, once."""
    roles = tmp_path / "roles"
    shutil.copytree(ROLES, roles)
    for name, meta in {"cluster": "group: cluster\n", "top": "group: top\n"}.items():
        shutil.copytree(ROLES / "common", roles / name)
        (roles / name / "meta" / "argument_specs.yml").unlink()
        (roles / name / "defaults" / "main.yml").unlink()
        (roles / name / "meta" / "localcloud.yml").write_text(meta)
    with (roles / "top/meta/localcloud.yml").open("a") as meta_file:
        meta_file.write("beside: cluster\nsingle: true\n")
    monkeypatch.setattr(paths, "roles_dir", lambda: roles)
    components._load.cache_clear()
    return tmp_path / "site"


def inventory(cluster: str, top: str) -> str:
    hosts = "{{hosts: {{{}}}}}"
    names = {"cluster": cluster, "top": top}
    lines = [f"    {name}: {hosts.format(text)}" for name, text in names.items()]
    return "all:\n  children:\n" + "\n".join(lines) + "\n"


def test_a_component_beside_another_one_shares_its_hosts(company):
    text = said(write_site(company, inventory("one: {}", "two: {}"), "{}\n"))
    assert "Host two is in the group top, but not in cluster." in text
    assert "Name under top in hosts.yml one of the hosts of cluster." in text


def test_a_component_that_is_single_has_one_host(company):
    text = said(write_site(company, inventory("one: {}, two: {}", "one: {}, two: {}"), "{}\n"))
    assert "The group top has 2 hosts; it can only have one." in text
    assert "Keep one of them there: one, two." in text


def test_company_that_is_right_passes(company):
    site = load(write_site(company, inventory("one: {}, two: {}", "one: {}"), "{}\n"))
    assert set(site.hosts) == {"one", "two"}
