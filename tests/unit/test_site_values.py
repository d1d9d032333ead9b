"""Values of settings that do not fit: type, form, missing."""

import pytest
from site_cases import ROLES, load, said, with_setting, write_site


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("web_port: eighty", "web_port must be a whole number, but “eighty” is text.", ""),
        ('web_port: "80"', "web_port must be a whole number, but “80” is text.", "web_port: 80"),
        ("web_port: true", "must be a whole number, but “true” is true or false.", ""),
        ("web_ratio: half", "web_ratio must be a number, but “half” is text.", ""),
        ('web_open: "yes"', "web_open must be true or false, but “yes” is text.", "web_open: true"),
        ("web_open: 1", "web_open must be true or false, but “1” is a whole number.", ""),
        ("web_version: 5.10", "web_version must be text, but “5.1” is a number.", ""),
        ("web_extra: [1]", "web_extra must be a block of “key: value” lines", ""),
        ("web_mode: on", "web_mode must be text, but “true” is true or false.", ""),
        ("web_mode: off", "web_mode must be text, but “false” is", 'web_mode: "off"'),
        ("web_mode: intern", "web_mode cannot be “intern”; it is one of: internal, off.",
         "Did you mean internal?"),
        ("web_limits: {memroy: 1G, cores: 1}", "web_limits has no key “memroy”.", "mean memory?"),
        ("web_limits: {memory: 1G}", "web_limits lacks its key “cores”.", ""),
        ("web_limits: {cores: two}", "web_limits.cores must be a whole number", ""),
        ("web_limits: {cores: 1, mode: sft}", "web_limits.mode cannot be “sft”", "mean soft?"),
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
        ("web_port: \"{{ 'x' }}\"", "web_port must be a whole number, but “x” is text.", ""),
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
    assert "web_admins[2] must be text, but “7” is a whole number." in text
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
