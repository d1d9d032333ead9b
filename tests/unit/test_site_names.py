"""Names in a site that mean nothing: settings, groups, hosts, files."""

import pytest
from site_cases import HOSTS, ROLES, SETTINGS, load, said, with_setting, write_site


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


def test_unknown_setting_with_suggestion_and_line(tmp_path):
    text = with_setting(tmp_path, "web_nmae: x")
    assert "No role knows a setting “web_nmae”." in text
    assert "group_vars/all/settings.yml:3" in text
    assert "Did you mean web_name" in text
    assert "Did you mean web_port?" in with_setting(tmp_path, "web_prot: 80"), "and no other one"
    assert "Did you mean web_ratio" in with_setting(tmp_path, "web-ratio: 1.0")
    assert "for example site_colour" in with_setting(tmp_path, "colour: red")


def test_unknown_names_inline_and_localcloud_run_are_refused(tmp_path):
    write_site(tmp_path, hosts=HOSTS + "          web_prot: 80\n")
    text = said(tmp_path)
    assert "hosts.yml:8" in text and "Did you mean web_port" in text
    assert "“localcloud_run”" in with_setting(tmp_path, "localcloud_run: {}")


def test_own_and_ansible_names_are_fine(tmp_path):
    write_site(tmp_path, settings=SETTINGS + "site_x: 1\nansible_become: true\n")
    assert load(tmp_path).value("server1", "site_x") == 1


def test_group_that_nearly_matches(tmp_path):
    for name in ("Web", "webs"):
        write_site(tmp_path, hosts=HOSTS.replace("    web:", f"    {name}:"))
        text = said(tmp_path)
        assert text.startswith(f"No component has a group “{name}”.")
        assert "hosts.yml:3" in text and "Did you mean web?" in text


def test_a_group_around_a_component_group_may_have_a_similar_name(tmp_path):
    write_site(
        tmp_path, "all:\n  children:\n    webs:\n      children:\n        web: {hosts: {a: }}\n"
    )
    assert list(load(tmp_path).hosts) == ["a"]


def test_group_and_hosts_without_a_part(tmp_path):
    write_site(
        tmp_path, hosts=HOSTS + "    printers:\n      hosts: {p1: , p2: }\n  hosts:\n    p3:\n"
    )
    text = said(tmp_path)
    assert "hosts.yml:8: The group “printers” gives its hosts no part to play: p1, p2." in text
    assert "hosts.yml:11: Host p3 is in no group that gives it a part to play." in text
    assert "Put it below one of: box, web." in text


def test_a_foreign_group_of_busy_hosts_is_fine(tmp_path):
    write_site(tmp_path, hosts=HOSTS + "    campus:\n      hosts: {server1: }\n")
    assert load(tmp_path).hosts["server1"].groups == ("campus", "web")


def test_no_host_at_all(tmp_path):
    write_site(tmp_path, hosts="all:\n  children:\n    web:\n")
    assert "The site has no host." in said(tmp_path)


def test_hosts_file_mistakes(tmp_path):
    wrong = """\
all:
  host: {a: }
  children:
    web:
      hosts: [server1]
    box:
      hosts: {12: , "n[1:": , b: 5}
      children: {all: }
"""
    write_site(tmp_path, hosts=wrong)
    text = said(tmp_path)
    assert "hosts.yml:2: “host” in group all means nothing to Ansible" in text
    assert "Did you mean “hosts:”?" in text
    assert "hosts.yml:5: “hosts:” of group web must hold one “name:” a line, no list." in text
    assert "The host name 12 reads as a number; put it in quotes." in text
    assert "Below host b must stand “name: value” lines" in text
    assert "Group all is its own child" in text
    write_site(tmp_path, hosts="plugin: aws_ec2\n")
    assert "This is no inventory" in said(tmp_path)
    write_site(tmp_path, hosts="a: {children: {b: }}\nb: {children: {a: }}\nweb: {hosts: {s: }}\n")
    assert "is its own child" in said(tmp_path)


def test_orphan_and_ignored_variable_files(tmp_path):
    write_site(
        tmp_path,
        group_vars__wbe="site_x: 1\n",
        **{
            "host_vars/server2.yml": "site_x: 1\n",
            "host_vars/server1.ylm": "site_x: 1\n",
            "group_vars/all.yml": "site_x: 1\n",
            "group_vars/web.yml": "site_x: 1\n",
            "group_vars/web.yaml": "site_x: 1\n",
            "group_vars/web.yml.bak": "",
            "group_vars/.web.yml.swp": "",
            "group_vars/README.md": "",
        },
    )
    text = said(tmp_path)
    assert "has 5 problems" in text
    assert "belongs to a group “wbe” that hosts.yml does not have." in text
    assert "Did you mean “web”? Then rename it." in text
    assert "belongs to a host “server2” that hosts.yml does not have." in text
    assert "host_vars/server1.ylm: Ansible ignores this file, because its name" in text
    assert "group_vars/all.yml: Ansible ignores this file, because all is there too." in text
    assert f"Move it into that folder: {tmp_path}/group_vars/all/settings.yml" in text
    assert "group_vars/web.yaml: Ansible ignores this file, because web.yml is there too." in text
