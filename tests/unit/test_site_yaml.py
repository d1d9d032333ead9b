"""Files of a site that are no proper YAML: where, what, and how to mend it."""

import pytest
from site_cases import HOSTS, ROLES, SETTINGS, load, said, with_setting, write_site

from localcloud import i18n


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


def test_yaml_error_shows_file_line_column_and_the_line(tmp_path):
    write_site(tmp_path, settings="web_name: hub: uni.edu\n")
    text = said(tmp_path)
    assert "This is not valid YAML: mapping values are not allowed in this context." in text
    assert "group_vars/all/settings.yml:1:14\nweb_name: hub: uni.edu\n" + " " * 13 + "^" in text
    assert "needs quotes" in text


def test_all_broken_files_are_reported_at_once(tmp_path):
    write_site(tmp_path, settings="a: [1\n", group_vars__web="b: 'x\n", host_vars__server1="- 1\n")
    text = said(tmp_path)
    assert "has 3 problems" in text
    assert "group_vars/all/settings.yml:2:1" in text
    assert "group_vars/web:" in text
    assert "host_vars/server1:1: This file must hold “name: value” lines." in text


def test_broken_hosts_file(tmp_path):
    write_site(tmp_path, hosts="all:\n  children:\n   web:\n  hosts: [\n")
    assert "hosts.yml:5:1" in said(tmp_path)


def test_tabs_are_made_visible_and_explained(tmp_path):
    write_site(tmp_path, settings="web_limits:\n\tmemory: 1G\n")
    text = said(tmp_path)
    assert "settings.yml:2:1\n⇥memory: 1G" in text
    assert "replace each tab (⇥)" in text


def test_duplicate_keys_are_refused_with_both_lines(tmp_path):
    text = with_setting(tmp_path, "web_port: 1\nweb_name: other.edu")
    assert "“web_name” stands twice: here and in line 1." in text
    assert "group_vars/all/settings.yml:4:1" in text
    write_site(tmp_path, hosts=HOSTS + "        server1:\n")
    assert "“server1” stands twice: here and in line 5." in said(tmp_path)


def test_a_merge_key_may_repeat_what_it_overrides(tmp_path):
    extra = "site_x: &x {a: 1, b: 2}\nweb_extra:\n  <<: *x\n  a: 3\n"
    write_site(tmp_path, settings=SETTINGS + extra)
    assert load(tmp_path).value("server1", "web_extra") == {"a": 3, "b": 2}


def test_braces_without_quotes_are_explained(tmp_path):
    text = with_setting(tmp_path, "web_mail: {{ site_mail }}")
    assert "settings.yml:3" in text
    assert 'in quotes: name: "{{ other }}"' in text


def test_unknown_tags_and_bytes_that_are_no_text(tmp_path):
    assert "Of Ansible's tags only !vault and !unsafe" in with_setting(
        tmp_path, "web_mail: !secret x"
    )
    write_site(tmp_path)
    (tmp_path / "group_vars/all/settings.yml").write_bytes(b"web_name: caf\xe9\n")
    assert "Save it as UTF-8 text" in said(tmp_path)
    text = with_setting(tmp_path, "site_day: 2024-99-99")
    assert "values that YAML does not allow: month must be in 1..12" in text


def test_the_parsers_words_are_spanish_for_who_reads_spanish(tmp_path):
    i18n.activate("es")
    text = with_setting(tmp_path, "web_admins: [ana, eva\nweb_port: 80")
    assert "no es YAML válido: en una lista entre corchetes, falta «,» o «]»." in text
