"""Sites that are not in order: what a person reads, before any host is touched."""

import pytest
from site_cases import HOSTS, ROLES, SETTINGS, load, said, write_site

from localcloud.errors import UsageError
from localcloud.site import load_site


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


def with_setting(site, line: str) -> str:
    write_site(site, settings=SETTINGS + line + "\n")
    return said(site)


def test_no_site(tmp_path):
    text = said(tmp_path / "nowhere")
    assert f"There is no site {tmp_path}/nowhere." in text
    assert f"make one: localcloud init {tmp_path}/nowhere" in text
    assert "is not a site: it has no hosts.yml" in said(tmp_path)


def test_an_inventory_of_another_name_is_pointed_out(tmp_path):
    (tmp_path / "hosts.ini").write_text("[web]\nserver1\n")
    assert "Rename hosts.ini to hosts.yml, and write it as YAML." in said(tmp_path)


# YAML


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


# Names


def test_unknown_setting_with_suggestion_and_line(tmp_path):
    text = with_setting(tmp_path, "web_nmae: x")
    assert "No role knows a setting “web_nmae”." in text
    assert "group_vars/all/settings.yml:3" in text
    assert "Did you mean web_name" in text
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


# Values


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("web_port: eighty", "web_port must be a whole number, but eighty is text.", ""),
        ('web_port: "80"', "web_port must be a whole number, but 80 is text.", "web_port: 80"),
        ("web_port: true", "must be a whole number, but true is true or false.", ""),
        ("web_ratio: half", "web_ratio must be a number, but half is text.", ""),
        ('web_open: "yes"', "web_open must be true or false, but yes is text.", "web_open: true"),
        ("web_open: 1", "web_open must be true or false, but 1 is a whole number.", ""),
        ("web_version: 5.10", "web_version must be text, but 5.1 is a number.", ""),
        ("web_extra: [1]", "web_extra must be a block of “key: value” lines", ""),
        ("web_mode: on", "web_mode must be text, but true is true or false.", ""),
        ("web_mode: off", "web_mode must be text, but false is", 'web_mode: "off"'),
        ("web_mode: intern", "web_mode cannot be intern; it is one of: internal, off.",
         "Did you mean internal?"),
        ("web_limits: {memroy: 1G, cores: 1}", "web_limits has no key “memroy”.", "mean memory?"),
        ("web_limits: {memory: 1G}", "web_limits lacks its key “cores”.", ""),
        ("web_limits: {cores: two}", "web_limits.cores must be a whole number", ""),
        ("web_limits: {cores: 1, mode: sft}", "web_limits.mode cannot be sft", "mean soft?"),
        ("web_limits: {cores: 1, memory: 1 GB}", "web_limits.memory: “1 GB” does not fit", ""),
        ("web_mirrors: [{}]", "web_mirrors[1] lacks its key “url”.", ""),
        ("web_mirrors: [{url: ftp://x}]", "must begin with https:// or http://", ""),
        ("web_port: 70000", "a port is a number from 1 to 65535", ""),
        ("web_folder: srv", "a path on the host begins with “/”", ""),
        ("web_range: 10.1.2.3/16", "write 10.1.0.0/16", ""),
        ("web_mail: ana", "an address looks like name@example.edu", ""),
        ("common_certificates: [ca.pem]", "there is no such file: ", ""),
        ("web_port:", "web_port has no value.", "remove the line to get the default"),
        ("web_password: 12345678", "web_password must be text, but the value given is", ""),
        ("web_port: \"{{ 'x' }}\"", "web_port must be a whole number, but x is text.", ""),
        ("web_mail: \"{{ site_m }}\"", "uses “site_m”, which nothing defines.", ""),
        ("web_mail: \"{{ web_nam }}\"", "uses “web_nam”, which nothing defines.", "mean web_name"),
        ("web_mail: \"{{ web_mail }}\"", "web_mail needs its own value", ""),
        ("web_mail: \"{{ web_name \"", "The template in web_mail has an error", ""),
    ],
)  # fmt: skip
def test_wrong_values(tmp_path, line, message, remedy):
    text = with_setting(tmp_path, line)
    assert message in text
    assert remedy in text
    assert "group_vars/all/settings.yml:3" in text
    assert "12345678" not in text


@pytest.mark.parametrize("line", ["web_admins: 5", "web_admins: ana", "web_admins: {ana: }"])
def test_what_is_no_list_is_refused(tmp_path, line):
    write_site(tmp_path, settings=f"web_name: hub.uni.edu\n{line}\n")
    text = said(tmp_path)
    assert "web_admins must be a list, but" in text
    if "{" not in line:
        assert f"Write: web_admins: [{line.split()[-1]}]" in text


def test_elements_of_lists_are_checked_at_their_own_line(tmp_path):
    write_site(tmp_path, settings="web_name: hub.uni.edu\nweb_admins:\n  - ana\n  - 7\n  - Eva\n")
    text = said(tmp_path)
    assert "web_admins[2] must be text, but 7 is a whole number." in text
    assert "settings.yml:4" in text
    write_site(tmp_path, settings="web_name: hub.uni.edu\nweb_admins:\n  - ana\n  - Eva\n")
    assert "settings.yml:4" in said(tmp_path)
    assert "“Eva” does not fit: the hub keeps user names in lower case: eva." in said(tmp_path)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("https://hub.uni.edu/x", "write the name only, without https://: hub.uni.edu"),
        ("hub.uni.edu:8000", "write the name without the port: hub.uni.edu"),
        ("hub_1.uni.edu", "the sign “_” is not allowed"),
        ("hub.uni.edu/hub", "no path"),
        ("hub..uni.edu", "a dot too many"),
        ("-hub.uni.edu", "the part “-hub” must be letters"),
        ("10.0.0.256", "that is no IP address"),
        ("ana@hub.uni.edu", "no user"),
        ("hub uni.edu", "no space"),
        ("universität.de", "xn--"),
        (f"{'a' * 64}.edu", "longer than 63"),
    ],
)
def test_bad_domains(tmp_path, name, fault):
    write_site(tmp_path, settings=f"web_name: {name}\nweb_admins: [ana]\n")
    text = said(tmp_path)
    assert f"web_name: “{name[:37]}" in text and "does not fit: " in text
    assert fault in text and "settings.yml:1" in text


@pytest.mark.parametrize("name", ["localhost", "10.0.0.5", '"::1"', "hub.uni.edu", "Hub-1"])
def test_good_domains(tmp_path, name):
    write_site(tmp_path, settings=f"web_name: {name}\nweb_admins: [ana]\n")
    load(tmp_path)


def test_missing_and_empty_required_settings(tmp_path):
    write_site(tmp_path, settings="---\n")
    text = said(tmp_path)
    assert "web_name is required and has no value (host server1)." in text
    assert "web_admins is required" in text
    assert "Set it in group_vars/all/settings.yml. Who administers it." in text
    assert "web_password" not in text  # generated
    write_site(tmp_path, settings="web_name: hub.uni.edu\nweb_admins: []\n")
    text = said(tmp_path)
    assert "web_admins is required and has no value (host server1)." in text
    assert "settings.yml:2" in text
    write_site(tmp_path, settings="web_name:\nweb_admins: [a]\n")
    assert said(tmp_path).startswith("web_name has no value.")


def test_settings_of_parts_nobody_plays_are_not_required(tmp_path):
    write_site(tmp_path, "all:\n  children:\n    box: {hosts: {b: }}\n", settings="---\n")
    assert [part.name for part in load(tmp_path).components] == ["box"]


def test_everything_wrong_is_said_at_once_and_nothing_is_written(tmp_path):
    write_site(
        tmp_path,
        hosts=HOSTS + "    webz: {hosts: {s2: }}\n",
        settings="web_nmae: x\nweb_port: high\n",
        group_vars__nobody="site_x: 1\n",
    )
    before = sorted(tmp_path.rglob("*"))
    text = said(tmp_path, need_secrets=True)
    for part in ("webz", "web_nmae", "web_port must be", "nobody", "web_name is required"):
        assert part in text
    assert "Correct them in the files named; no host was touched." in text
    assert sorted(tmp_path.rglob("*")) == before


def test_connection_mistakes(tmp_path):
    hosts = HOSTS.replace("ansible_host: 10.0.0.5", "ansible_host: ssh://10.0.0.5")
    hosts += "          ansible_port: ssh\n          ansible_ssh_private_key_file: id_x\n"
    write_site(tmp_path, hosts=hosts)
    text = said(tmp_path)
    assert "ansible_host of host server1: write the name only, without ssh://: 10.0.0.5." in text
    assert "ansible_port of host server1: a port is a number from 1 to 65535." in text
    assert "must not depend on where you are; write {{ inventory_dir }}/id_x." in text
    write_site(tmp_path, hosts=hosts.replace("id_x", '"{{ inventory_dir }}/id_x"'))
    assert f"there is no such file: {tmp_path}/id_x." in said(tmp_path)


def test_a_second_run_at_once_names_the_first(tmp_path):
    write_site(tmp_path)
    first, second = load(tmp_path), load(tmp_path)
    with first.lock("install"):
        with pytest.raises(UsageError) as caught, second.lock("reset"):
            pass
        assert caught.value.exit_code == 2
    assert "“localcloud install” is at work on this site since 20" in caught.value.message
    with second.lock("reset"):
        pass


def test_wrong_input_writes_no_secret(tmp_path):
    write_site(tmp_path, settings="web_name: x y\nweb_admins: [ana]\n")
    with pytest.raises(UsageError):
        load_site(tmp_path)
    assert not (tmp_path / "secrets.key").exists()


# Host keys


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("ansible_ssh_args: -C", "ansible_ssh_args would replace", "go into ansible_ssh_common"),
        ("ansible_host_key_checking: false", "ansible_host_key_checking would", "localcloud init"),
        ("ansible_ssh_host_key_checking: no", "ansible_ssh_host_key_checking would", "Remove the"),
        (
            "ansible_ssh_common_args: -C -o stricthostkeychecking=no",
            "ansible_ssh_common_args sets stricthostkeychecking",
            "Take stricthostkeychecking out",
        ),
        (
            "ansible_ssh_extra_args: -oUserKnownHostsFile=/dev/null",
            "ansible_ssh_extra_args sets UserKnownHostsFile",
            "localcloud init",
        ),
        (
            "site_x: -o GlobalKnownHostsFile=/k\nansible_ssh_extra_args: '{{ site_x }}'",
            "ansible_ssh_extra_args sets GlobalKnownHostsFile",
            "Take GlobalKnownHostsFile out",
        ),
    ],
)
def test_host_keys_cannot_be_waved_through(tmp_path, line, message, remedy):
    text = with_setting(tmp_path, line)
    assert message in text and remedy in text
    assert f"group_vars/all/settings.yml:{3 + line.count(chr(10))}" in text
    assert "problems" not in text, "told once"


def test_other_options_for_ssh_are_a_persons_own(tmp_path):
    write_site(tmp_path, settings=SETTINGS + "ansible_ssh_common_args: -C\n")
    assert list(load(tmp_path).hosts) == ["server1"]
