"""Sites that are not in order: what holds for all of them, before any host is touched."""

import pytest
from site_cases import HOSTS, ROLES, load, said, write_site

from localcloud.errors import UsageError
from localcloud.site import load_site


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


def test_no_site(tmp_path):
    text = said(tmp_path / "nowhere")
    assert f"There is no site {tmp_path}/nowhere." in text
    assert f"make one: `localcloud init {tmp_path}/nowhere`" in text
    assert "is not a site: it has no hosts.yml" in said(tmp_path)


def test_an_inventory_of_another_name_is_pointed_out(tmp_path):
    (tmp_path / "hosts.ini").write_text("[web]\nserver1\n")
    assert "Rename hosts.ini to hosts.yml, and write it as YAML." in said(tmp_path)


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
