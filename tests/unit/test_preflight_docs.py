"""The page on clusters says what the roles ask for."""

import re
from pathlib import Path

import pytest
import yaml
from site_cases import load, write_site

from localcloud.components import load_components
from localcloud.preflight.needs import gather

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / f"docs/{language}/cluster.md" for language in ("en", "es")]


@pytest.fixture(params=PAGES, ids=lambda path: path.parts[-2])
def page(request):
    return request.param.read_text()


@pytest.fixture
def site(page, tmp_path):
    blocks = re.findall(r"```yaml\n(# \S+\n.*?)```", page, re.DOTALL)
    files = {block.split()[1]: block for block in blocks}
    more = {name.replace("/", "__"): text for name, text in files.items() if name != "hosts.yml"}
    return load(write_site(tmp_path, files["hosts.yml"], **more))


def test_the_sample_is_a_site(site):
    assert set(site.hosts) == {"server1", "node1", "node2", "storage1"}


def test_every_port_between_hosts_is_named(page, site):
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    for host in site.hosts.values():
        for part in gather(site, host)[0].peers():
            for rule in part.requirements["peers"]["ports"]:
                for protocol in ("tcp", "udp"):
                    for port in filter(None, rule.get(protocol) or ()):
                        assert re.search(rf"\b{port}\b[^|]*/{protocol}", rows), port


@pytest.mark.parametrize(
    ("host", "group"),
    [("server1", "k3s_server"), ("node1", "k3s_agent"), ("storage1", "nfs_server")],
)
def test_the_memory_is_what_check_asks_for(page, site, host, group):
    role = "nfs_server" if group == "nfs_server" else "k3s"
    (part,) = [part for part in gather(site, site.hosts[host])[0].parts if part.name == role]
    least, good = (part.requirements[f"memory_{kind}mib"] / 1024 for kind in ("", "recommended_"))
    (row,) = [
        line for line in page.splitlines() if line.startswith(f"| `{group}`") and "GiB /" in line
    ]
    shown = [float(number.replace(",", ".")) for number in re.findall(r"([\d.,]+) GiB", row)]
    assert shown[:2] == [least, good]


def test_every_setting_named_is_one(page):
    known = {name for part in load_components().values() for name in part.settings}
    named = set(re.findall(r"\b(?:k3s|storage|nfs_server|z2jh|hub|artifact|base)_[a-z0-9_]+", page))
    groups = {"k3s_server", "k3s_agent"}
    assert named - known - groups == set()


def test_known_releases_are_those_of_the_role(page):
    pins = yaml.safe_load((ROOT / "roles/k3s/vars/main/artifacts.yml").read_text())["__k3s_pins"]
    for release in pins:
        assert release in page
