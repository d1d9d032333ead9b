"""A site that is in order: what load_site makes of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from site_cases import ROLES, SETTINGS, load, said, write_site

from localcloud import i18n
from localcloud.errors import UsageError
from localcloud.site import load_site


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)
    yield
    i18n.activate("en")


BUSY_HOSTS = """\
all:
  vars: {site_a: inline all, site_b: inline all, ansible_user: root}
  hosts:
    loose: {site_f: 1}
  children:
    web:
      vars: {site_a: inline web, site_c: inline web, site_p: web}
      hosts:
        node[01:03]:
          site_d: inline host
        "odd:2222": {}
        "[v6.example.org]:2200":
    campus:
      children:
        web:
        box: {hosts: {store: {ansible_port: 2022}}}
      vars: {site_c: inline campus, site_e: campus}
    alpha:
      vars: {site_p: alpha, ansible_group_priority: 5}
      hosts: {node01: , node02: }
    zeta:
      hosts: {node01: , "node[a:c]": }
      vars: {site_p: zeta}
    single:
      hosts: store
"""


def ansible_inventory(site: Path) -> dict:
    tool = Path(sys.executable).parent / "ansible-inventory"
    done = subprocess.run(
        [tool, "-i", site / "hosts.yml", "--list"],
        env={"PATH": os.environ["PATH"], "HOME": str(site), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_hosts_groups_and_precedence_are_ansibles(tmp_path, monkeypatch):
    """The merged variables and the groups of a winding site equal those of the real tool."""
    write_site(
        tmp_path,
        BUSY_HOSTS,
        SETTINGS + "site_a: file all\nsite_g: all settings\nsite_t: 0777\nsite_n: ~\n",
        group_vars__all__zz="site_g: all zz\nsite_h: {x: 1}\n",
        group_vars__all__more__deep_yml="",
        group_vars__web="---\nsite_h: {y: 2}\nsite_c: file web\n",
        **{
            "group_vars/all/sub/deep.yaml": "site_deep: 1\n",
            "group_vars/all/x.cfg": "not: [read",
            "group_vars/campus.yaml": "site_c: file campus\nsite_i: campus\n",
            "group_vars/zeta.json": '{"site_j": "json", "site_p2": "zeta"}',
            "group_vars/alpha.yml": "site_p2: alpha\nsite_u: !unsafe '{{ no }}'\n",
            "group_vars/ungrouped.yml": "site_q: ungrouped\n",
            "host_vars/node01.yml": "site_d: file host\nsite_k: {a: [1, yes, 1.5]}\n",
            "host_vars/store/b.yml": "site_l: b\nsite_m: 1\n",
            "host_vars/store/a.yml": "site_l: a\n",
        },
    )
    # Not every host of this site has a part to play; here only the merge is looked at.
    monkeypatch.setattr("localcloud.site.validate.Check.run", lambda _check: None)
    site = load(tmp_path)
    real = ansible_inventory(tmp_path)
    expected = {name: dict(values) for name, values in real["_meta"]["hostvars"].items()}
    for values in expected.values():
        values.update({key: v["__ansible_unsafe"] for key, v in values.items()
                       if isinstance(v, dict) and "__ansible_unsafe" in v})  # fmt: skip
    assert set(site.hosts) == {
        *("loose", "node01", "node02", "node03", "nodea", "nodeb", "nodec"),
        *("odd", "v6.example.org", "store"),
    }
    assert {name: host.variables for name, host in site.hosts.items()} == expected
    for group in ("web", "campus", "alpha", "zeta", "single", "box", "ungrouped"):
        direct = set(real[group].get("hosts", []))
        for child in real[group].get("children", []):
            direct |= set(real[child].get("hosts", []))
        assert {host.name for host in site.hosts_in(group)} == direct, group
    assert site.hosts["odd"].port == 2222
    assert site.hosts["store"].port == 2022
    assert site.hosts["node01"].user == "root"


def test_values_come_from_host_then_group_then_role_default(tmp_path):
    write_site(tmp_path, settings=SETTINGS + "web_port: 8443\n")
    site = load(tmp_path)
    assert site.value("server1", "web_name") == "hub.uni.edu"
    assert site.value("server1", "web_url") == "https://hub.uni.edu:8443"
    assert site.value("server1", "web_ratio") == 0.5
    assert site.value("server1", "web_mail") is None


def test_templates_keep_types_and_know_the_inventory(tmp_path):
    write_site(
        tmp_path,
        settings=SETTINGS
        + """\
site_names: [a, b]
site_port: 4430
web_port: "{{ site_port }}"
web_version: "{{ 5 }}"
web_extra: {names: "{{ site_names }}", both: "{{ site_port }}0", raw: !unsafe "{{ x }}"}
web_folder: "{{ inventory_dir }}/{{ inventory_hostname }}"
web_mail: "it@{{ hostvars[groups.web[0]].ansible_host }}"
web_open: "{{ 'yes' | bool }}"
""".replace('web_version: "{{ 5 }}"\n', ""),
    )
    site = load(tmp_path)
    assert site.value("server1", "web_port") == 4430
    assert site.value("server1", "web_extra") == {
        "names": ["a", "b"],
        "both": "44300",
        "raw": "{{ x }}",
    }
    assert site.value("server1", "web_folder") == f"{tmp_path}/server1"
    assert site.value("server1", "web_mail") == "it@10.0.0.5"
    assert site.value("server1", "web_open") is True


def test_what_plain_jinja_cannot_do_is_left_to_ansible(tmp_path):
    write_site(
        tmp_path,
        settings=SETTINGS
        + "web_mail: \"{{ 'a-b' | regex_replace('-', '.') }}@uni.edu\"\n"
        + "web_version: \"{{ ansible_facts['kernel'] }}\"\n",
    )
    site = load(tmp_path)
    assert site.value("server1", "web_mail") == "a.b@uni.edu"
    with pytest.raises(UsageError, match="web_version for host server1 cannot be worked out"):
        site.value("server1", "web_version")


def test_endpoints_say_where_people_reach_the_hub(tmp_path):
    write_site(tmp_path, settings=SETTINGS + 'web_mode: "off"\nweb_port: 8000\n')
    (found,) = load_site(tmp_path).endpoints()
    assert (found.component, found.host) == ("web", "server1")
    assert found.url == "http://hub.uni.edu:8000"
    assert found.admins == ("ana",)
    assert found.accounts == "/opt/web/accounts"
    assert found.ca_certificate is None
    assert found.admin_password and found.admin_password not in repr(found)
    write_site(tmp_path, settings=SETTINGS)
    (found,) = load_site(tmp_path).endpoints()
    assert found.url == "https://hub.uni.edu:443"
    assert found.ca_certificate == "/etc/web/ca.crt"


def test_components_of_hosts_and_limit(tmp_path):
    hosts = "all:\n  children:\n    web: {hosts: {w1: , w2: }}\n    box: {hosts: {b1: }}\n"
    write_site(tmp_path, hosts)
    site = load(tmp_path)
    assert [part.name for part in site.components_of(site.hosts["w1"])] == ["common", "web"]
    assert {part.name for part in site.components} == {"common", "web", "box"}
    assert list(load(tmp_path, limit="w1").hosts) == ["w1"]
    assert [part.name for part in load(tmp_path, limit="box").components] == ["box"]
    assert list(load(tmp_path, limit="all,!w1").hosts) == ["w2", "b1"]
    assert list(load(tmp_path, limit="web,&*2").hosts) == ["w2"]
    assert "no host or group called w11" in said(tmp_path, limit="w11")
    assert "Did you mean w1?" in said(tmp_path, limit="w11")
    assert "The site has these hosts: w1, w2, b1." in said(tmp_path, limit="all,!all")


def test_the_sites_language_is_followed(tmp_path, monkeypatch):
    chosen = []
    monkeypatch.setattr("localcloud.site.load.site_language", chosen.append)
    write_site(tmp_path, settings=SETTINGS + "web_language: es\n")
    load(tmp_path)
    write_site(tmp_path)
    load(tmp_path)
    assert chosen == ["es", "en"]


def test_loading_is_quick_and_writes_nothing_without_secrets(tmp_path):
    write_site(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code = (
        "import sys, time; start = time.perf_counter()\n"
        "from pathlib import Path; from localcloud.site import load_site\n"
        f"import localcloud.paths; localcloud.paths.roles_dir = lambda: Path({str(ROLES)!r})\n"
        f"load_site(Path({str(tmp_path)!r}), need_secrets=False)\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'ansible']\n"
        "print(time.perf_counter() - start)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _number in range(3)
    ]
    assert min(runs) < 0.4
    assert sorted(tmp_path.rglob("*")) == before


def test_run_folder_is_private(tmp_path):
    write_site(tmp_path)
    site = load_site(tmp_path)
    assert site.run_dir.stat().st_mode & 0o777 == 0o700


def test_a_big_site_loads_quickly(tmp_path):
    hosts = "all:\n  children:\n    web:\n      hosts:\n        node[001:300]: {}\n"
    write_site(tmp_path, hosts, SETTINGS + 'web_mail: "it@{{ inventory_hostname }}.uni.edu"\n')
    start = time.perf_counter()
    assert len(load(tmp_path).hosts) == 300
    assert time.perf_counter() - start < 3
