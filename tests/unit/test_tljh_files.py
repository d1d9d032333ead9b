"""What role tljh brings to a server: config.yaml, certificates, what comes of the settings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.role_code import ROLES, load

configuration = load("tljh/files/lib/configuration.py")

# As far as it matters here, as TLJH 2.0.0 has it (tljh/config_schema.py).
LIMITS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"memory": {"type": "string"}, "cpu": {"type": "integer"}},
}
SCHEMA = {"properties": {"additionalProperties": False, "limits": LIMITS, "users": {}}}


def test_what_was_set_by_hand_stays_beside_what_the_site_says():
    there = {"limits": {"memory": "1G", "cpu": 2}, "services": {"cull": {"concurrency": 9}}}
    result = configuration.merged(there, {"limits": {"memory": "4G"}}, {"limits": {"memory": "1G"}})
    assert result["limits"] == {"memory": "4G", "cpu": 2}
    assert result["services"] == {"cull": {"concurrency": 9}}


def test_a_key_that_the_site_no_longer_names_goes():
    there = {"https": {"enabled": True, "tls": {"cert": "/a", "key": "/b"}}}
    result = configuration.merged(there, {"https": {"enabled": False}}, there)
    assert result == {"https": {"enabled": False}}


def test_an_administrator_made_by_hand_stays_one_and_a_former_one_of_the_site_goes():
    there = {"users": {"admin": ["ana", "luz", "by-hand"]}}
    wanted, before = {"users": {"admin": ["ana", "new"]}}, {"users": {"admin": ["ana", "luz"]}}
    result = configuration.merged(there, wanted, before)
    assert result["users"]["admin"] == ["ana", "new", "by-hand"]


def test_the_same_again_changes_nothing():
    wanted = {"users": {"admin": ["ana"]}, "limits": {"memory": "1G"}}
    first = configuration.merged({}, wanted, {})
    assert first == wanted
    assert configuration.merged(first, wanted, wanted) == first


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        ({"limits": {"memry": "1G"}}, "limits", "memry"),
        ({"limits": {"cpu": "two"}}, "limits.cpu", "integer"),
        ({"limit": {}}, "limit", "limits"),
        ({"auth": {"allow_all": True}}, "auth.allow_all", "class"),
    ],
)
def test_what_tljh_would_refuse_or_overlook_is_refused_by_its_place(wrong, place, words):
    with pytest.raises(configuration.Refused, match=words) as refused:
        configuration.check(wrong, SCHEMA)
    assert refused.value.place == place


def test_what_tljh_knows_passes():
    good = {"limits": {"memory": "1G"}, "auth": {"type": "dummy", "Dummy": {"password": "x"}}}
    configuration.check(good, SCHEMA)


# -- from the settings to the words of TLJH

LDAP = "ldapauthenticator.LDAPAuthenticator"
SITE = {
    "hub_domain": "hub.uni.edu",
    "hub_admins": ["ana", "luz"],
    "hub_admin_password": "with:colon",
    "hub_service_token": "b2" * 32,
}
CASES = {
    "plain": {},
    "off": {"hub_tls_mode": "off", "hub_http_port": 8080},
    "own": {"hub_tls_mode": "own", "hub_tls_certificate": "a.crt", "hub_tls_key": "a.key"},
    "acme": {"hub_tls_mode": "acme", "hub_acme_email": "it@uni.edu"},
    "lab": {"hub_public_url": "https://localhost:40443"},
    "much": {
        "hub_signup": "closed",
        "hub_default_interface": "notebook",
        "hub_memory_limit": "2G",
        "hub_cpu_limit": 0.5,
        "hub_cull_max_age": 28800,
        "tljh_config": {
            "auth": {"type": "ldapauthenticator.LDAPAuthenticator"},
            "users": {"banned": ["x"]},
        },
        "tljh_extra_config": {"mine": "c.Spawner.debug = True"},
        "tljh_conda_mirror": "https://me:secret@mirror.uni.edu/conda",
    },
}
PLAY = """\
- hosts: cases
  gather_facts: false
  vars_files: [{roles}/base/vars/main.yml, {roles}/tljh/vars/main.yml]
  vars: {{role_path: {roles}/tljh, localcloud_run: {{site: {work}}}}}
  tasks:
    - name: Write what the role makes of its settings
      ansible.builtin.copy:
        content: "{{{{ {{'config': __tljh_config, 'site': __tljh_site, 'files': __tljh_files,
          'secrets': __tljh_secrets, 'user': __tljh_user_files, 'gone': __tljh_user_absent,
          'wanted': __tljh_wanted, 'paths': __tljh_paths,
          'artifacts': __tljh_artifacts}} | to_json }}}}"
        dest: "{work}/{{{{ inventory_hostname }}}}.json"
        mode: "0600"
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    work = tmp_path_factory.mktemp("tljh")
    defaults = {}
    for role in ("base", "artifact", "hub", "tljh"):
        defaults |= yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()) or {}
    for file in ("a.crt", "a.key"):
        (work / file).write_text(f"text of {file}\n")
    hosts = {case: {**SITE, **settings} for case, settings in CASES.items()}
    site = {"all": {"vars": defaults, "children": {"cases": {"hosts": hosts}}}}
    (work / "hosts.yml").write_text(yaml.safe_dump(site, sort_keys=False))
    (work / "play.yml").write_text(PLAY.format(roles=ROLES, work=work))
    python = f"ansible_python_interpreter={sys.executable}"
    ansible = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [ansible, "-c", "local", "-i", "hosts.yml", "-e", python, "play.yml"],
        cwd=work,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {case: json.loads((work / f"{case}.json").read_text()) for case in CASES}


def test_the_hubs_settings_in_tljhs_words(rendered):
    config = rendered["plain"]["config"]
    assert config["auth"]["type"] == "nativeauthenticator.NativeAuthenticator"
    assert config["users"]["admin"] == ["ana", "luz"]
    assert config["limits"] == {"memory": "1G", "cpu": 1}
    assert config["http"] == {"port": 80}
    assert config["user_environment"] == {"default_app": "jupyterlab"}
    assert config["services"]["cull"]["timeout"] == 3600


def test_half_a_core_goes_where_tljh_takes_it(rendered):
    """TLJH 2.0's schema knows whole cores only, and tljh-config would refuse every change."""
    assert rendered["much"]["config"]["limits"] == {"memory": "2G"}
    assert rendered["much"]["site"]["cpu_limit"] == 0.5
    assert rendered["plain"]["site"]["cpu_limit"] is None


def test_https_as_each_mode_wants_it(rendered):
    https = {case: rendered[case]["config"]["https"] for case in CASES}
    assert https["off"] == {"enabled": False, "port": 443}
    assert https["acme"]["letsencrypt"] == {"email": "it@uni.edu", "domains": ["hub.uni.edu"]}
    for case in ("plain", "own"):
        assert https[case]["enabled"] and https[case]["tls"]["cert"].endswith("/tls/server.crt")
    own = {f["path"]: f["content"] for f in rendered["own"]["secrets"] if "tls/" in f["path"]}
    assert [*own.values()] == ["text of a.crt\n", "text of a.key\n"]
    assert not [f for f in rendered["plain"]["secrets"] if "tls/" in f["path"]]


def test_what_the_site_passes_through_joins_and_wins(rendered):
    much = rendered["much"]
    assert much["config"]["auth"]["type"] == LDAP
    assert much["config"]["users"] == {"admin": ["ana", "luz"], "banned": ["x"]}
    name = "/jupyterhub_config.d/50-localcloud-mine.py"
    extra = [f for f in much["secrets"] if f["path"].endswith(name)]
    assert [f["content"] for f in extra] == ["c.Spawner.debug = True"]


def test_traefik_gets_more_words_only_where_tljh_has_none(rendered):
    def has_extra(case: str) -> bool:
        return any(f["path"].endswith(".toml") for f in rendered[case]["secrets"])

    assert {case: has_extra(case) for case in CASES} == {
        **dict.fromkeys(CASES, False),
        "acme": True,  # the authority's address
        "lab": True,  # the port that people see, for the redirect
    }


def test_no_password_and_no_token_outside_files_for_root(rendered):
    for found in rendered.values():
        text = json.dumps([found["files"], found["config"], found["wanted"]])
        assert "with:colon" not in text and "b2" * 32 not in text


def test_people_are_told_of_condas_mirror_without_its_password(rendered):
    (told,) = [
        f for f in rendered["much"]["user"] if f["path"].endswith("condarc.d/localcloud.yml")
    ]
    assert told["content"] == "channel_alias: https://mirror.uni.edu/conda\n"
    assert rendered["much"]["wanted"]["conda_mirror"].startswith("https://me:secret@")
    assert rendered["plain"]["gone"] == [told["path"]] and rendered["much"]["gone"] == []


def test_files_from_outside_have_a_hash_each(rendered):
    for file in rendered["plain"]["artifacts"]:
        assert len(file["sha256"]) == 64 and file["version"] in file["url"]
