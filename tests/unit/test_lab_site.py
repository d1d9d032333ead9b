"""The lab's life with a stand-in for the engine: its site, its ports, its end."""

import json
import shlex
from pathlib import Path

import pytest
import yaml
from lab_cases import Computer, computer, podman_info

from localcloud import lab
from localcloud.errors import UsageError
from localcloud.lab import inherit, plan
from localcloud.lab import state as states
from localcloud.site import load_site


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    with computer(tmp_path, monkeypatch) as made:
        made.have("podman", podman_info())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(inherit, "ca_certificates", lambda: [])
        monkeypatch.setattr(inherit, "settings", lambda loopback="": {})
        yield made


def settings(directory: Path) -> dict[str, object]:
    found = yaml.safe_load((directory / "group_vars/all/settings.yml").read_text())
    assert isinstance(found, dict)
    return found


def test_the_lab_is_a_valid_site(here: Computer) -> None:
    made = lab.up("lab")
    site = load_site(Path("lab"))
    (host,) = site.hosts.values()
    machine = made.machine()
    assert (host.name, host.user, host.address) == ("node1", "admin", "127.0.0.1")
    assert host.port == machine.ports[22]
    assert host.key_file == Path("lab").absolute() / ".localcloud/lab_key"
    assert site.value("node1", "hub_public_url") == f"http://127.0.0.1:{machine.ports[80]}"
    assert site.value("node1", "hub_tls_mode") == "off"
    assert site.known_hosts.read_text().startswith(f"[127.0.0.1]:{host.port} ssh-ed25519 ")


def test_secrets_of_the_lab_are_private_and_stay_out_of_git(here: Computer) -> None:
    lab.up("lab")
    run = Path("lab/.localcloud")
    assert run.stat().st_mode & 0o777 == 0o700
    for secret in (run / "lab_key", run / "lab.json", *run.glob("machines/*/*_key")):
        assert secret.stat().st_mode & 0o777 == 0o600, secret
    assert {".localcloud/", "secrets.key"} <= set(Path("lab/.gitignore").read_text().split())


def test_up_again_keeps_machines_ports_keys_and_edited_settings(here: Computer) -> None:
    lab.up("lab")
    before = {path: path.read_bytes() for path in Path("lab").rglob("*") if path.is_file()}
    edited = Path("lab/group_vars/all/settings.yml")
    edited.write_text(edited.read_text() + "hub_language: es\n")
    lab.up("lab")
    assert len(here.calls("run")) == 1
    changed = {path for path, content in before.items() if path.read_bytes() != content}
    assert changed <= {edited, Path("lab/.localcloud/lock")}
    assert settings(Path("lab"))["hub_language"] == "es"


def test_up_starts_what_is_stopped_and_makes_again_what_is_gone(here: Computer) -> None:
    made = lab.up("lab", hosts=3)
    (here.engine / "containers" / made.state.container("node1")).write_text("exited")
    (here.engine / "containers" / made.state.container("node2")).unlink()
    again = lab.up("lab")
    assert again.statuses() == dict.fromkeys(["node1", "node2", "node3"], "running")
    assert len(here.calls("run")) == 4
    assert here.calls("start") == [[made.state.container("node1")]]


def test_several_hosts_have_their_own_addresses_and_know_each_other(here: Computer) -> None:
    made = lab.up("lab", hosts=2)
    site = load_site(Path("lab"))
    urls = {site.value(name, "hub_public_url") for name in made.hosts}
    assert urls == {made.url("node1"), made.url("node2")}
    assert "hub_public_url" not in settings(Path("lab"))
    neighbours = Path("lab/.localcloud/machines/node1/hosts").read_text()
    assert neighbours == "10.99.0.10\tnode1\n10.99.0.11\tnode2\n"


def test_more_hosts_join_and_the_first_one_keeps_its_own(here: Computer) -> None:
    first = lab.up("lab").machine()
    both = lab.up("lab", hosts=2)
    assert both.machine("node1") == first
    assert len(Path("lab/known_hosts").read_text().splitlines()) == 2
    assert [words[-1] for words in here.calls("exec")] == ["localcloud-lab.service"]
    assert lab.up("lab", hosts=1).hosts == ["node1", "node2"]


def test_a_port_taken_in_between_is_replaced_everywhere(here: Computer) -> None:
    probe = lab.up("probe")
    lost = probe.machine().ports[80]
    lab.down("probe")
    (here.engine / "taken").write_text(str(lost))
    made = lab.up("lab")
    assert made.machine().ports[80] != lost
    assert settings(Path("lab"))["hub_public_url"] == made.url()
    assert f"127.0.0.1:{made.machine().ports[22]}" not in str(here.calls("run")[1])
    assert made.inventory.read_text().count(str(made.machine().ports[22])) == 1
    record = json.loads(states.path_of(Path("lab").absolute()).read_text())
    assert record["machines"]["node1"]["ports"]["80"] == made.machine().ports[80]


def test_known_ports_are_never_changed_behind_a_persons_back(here: Computer) -> None:
    made = lab.up("lab")
    (here.engine / "containers" / made.state.container("node1")).unlink()
    (here.engine / "taken").write_text(str(made.machine().ports[80]))
    with pytest.raises(lab.machines.PortTaken) as caught:
        lab.up("lab")
    assert str(made.machine().ports[80]) in caught.value.message
    lab.up("lab")  # the other program ended


def test_two_labs_share_nothing(here: Computer) -> None:
    one, two = lab.up("one/lab"), lab.up("two/lab")
    assert one.state.id != two.state.id
    assert not set(one.machine().ports.values()) & set(two.machine().ports.values())
    lab.down("one/lab")
    assert here.all("containers") == [two.state.container("node1")]
    assert here.all("networks") == [two.state.id]


def test_save_stops_in_order_and_rebuild_takes_the_saved_image(here: Computer) -> None:
    made = lab.up("lab", hosts=2)
    made.save("installed")
    verbs = [json.loads(line)[1] for line in (here.engine / "calls.jsonl").read_text().splitlines()]
    order = [verb for verb in verbs if verb in ("stop", "commit", "start")]
    assert order == ["stop"] * 2 + ["commit"] * 2 + ["start"] * 2
    made.rebuild(["node2"], to="installed")
    assert here.calls("run")[-1][-1] == made.state.saved_image("node2", "installed")
    assert made.saved == ["installed"]
    made.rebuild()
    assert {words[-1] for words in here.calls("run")[-2:]} == {made.state.image}


def test_an_interrupted_rebuild_is_finished_by_up(here: Computer) -> None:
    made = lab.up("lab")
    made.save("installed")
    made.rebuild()
    made.machine().state = "installed"
    states.save(made.directory, made.state)
    (here.engine / "containers" / made.state.container("node1")).unlink()
    lab.up("lab")
    assert here.calls("run")[-1][-1] == made.state.saved_image("node1", "installed")


def test_a_state_that_was_never_saved_is_refused_before_a_machine_is_lost(here: Computer) -> None:
    made = lab.up("lab")
    made.save("installed")
    with pytest.raises(UsageError) as caught:
        made.rebuild(to="instaled")
    assert "bare, installed" in caught.value.remedy
    assert made.statuses() == {"node1": "running"}


@pytest.mark.parametrize("name", ["bare", "Two Words", "a--b", "../x", "", "-x"])
def test_names_that_an_engine_would_refuse_are_refused_first(here: Computer, name: str) -> None:
    made = lab.up("lab")
    with pytest.raises(UsageError):
        made.save(name)
    assert not here.calls("exec")
    assert made.statuses() == {"node1": "running"}


def test_down_leaves_nothing(here: Computer) -> None:
    made = lab.up("lab", hosts=2)
    made.save("installed")
    load_site(Path("lab"))  # makes secrets
    assert lab.down("lab") == []
    assert not Path("lab").exists()
    for what in ("containers", "networks", "images"):
        assert here.all(what) == []
    assert json.loads((here.home / "cache/localcloud/ports.json").read_text()) == {}
    assert lab.down("lab") == []


def test_down_finds_the_machines_when_the_directory_was_lost(here: Computer) -> None:
    lab.up("lab")
    import shutil

    shutil.rmtree("lab")
    assert lab.belongings("lab").machines
    lab.down("lab")
    assert here.all("containers") == here.all("networks") == []


def test_down_keeps_what_the_lab_did_not_make(here: Computer) -> None:
    lab.up("lab")
    Path("lab/notes.txt").write_text("mine")
    assert lab.down("lab") == ["notes.txt"]
    Path("mine/group_vars/all").mkdir(parents=True)
    Path("mine/group_vars/all/settings.yml").write_text("hub_domain: localhost\n")
    lab.up("mine")
    assert Path("mine/group_vars/all/settings.yml").read_text() == "hub_domain: localhost\n"
    assert "group_vars" in lab.down("mine")
    assert not Path("mine/.localcloud").exists()


def test_a_real_site_is_never_taken_for_a_lab(here: Computer) -> None:
    Path("site").mkdir()
    Path("site/hosts.yml").write_text("jupyterhub:\n  hosts:\n    server1:\n")
    with pytest.raises(UsageError, match="is a site already"):
        lab.up("site")
    assert sorted(path.name for path in Path("site").iterdir()) == ["hosts.yml"]
    assert lab.belongings("site").empty


def test_options_that_a_lab_cannot_change_are_refused(here: Computer) -> None:
    lab.up("lab", memory="1g")
    for options in ({"memory": "2g"}, {"distribution": "debian13"}):
        with pytest.raises(UsageError, match="was made with"):
            lab.up("lab", **options)  # type: ignore[arg-type]


def test_a_system_that_needs_cgroup2_is_refused_where_it_is_not(
    here: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.limits, "cgroups", lambda: "hybrid")
    with pytest.raises(UsageError) as caught:
        lab.up("lab", distribution="debian13")
    assert "cgroup v2" in caught.value.message
    assert "debian12" in caught.value.remedy
    assert not Path("lab").exists()


def test_docker_asks_for_a_fixed_subnet(here: Computer) -> None:
    here.have("docker", {"CgroupVersion": "2", "SecurityOptions": []})
    made = lab.up("lab", engine="docker")
    assert here.calls("network")[-2][1:] != []
    assert any("--subnet" in words for words in here.calls("network"))
    assert made.machine().address == "10.99.0.10"


def test_ssh_trusts_the_pinned_key_only_and_keeps_words_apart(here: Computer) -> None:
    made = lab.up("lab")
    line = made.ssh_command("node1", ["sh", "-c", "echo 'a b'"])
    assert "StrictHostKeyChecking=yes" in line
    assert shlex.split(line[-1]) == ["sh", "-c", "echo 'a b'"]
    assert made.ssh_command(None, ["uptime | wc"])[-1] == "uptime | wc"
    with pytest.raises(UsageError, match="node9"):
        made.ssh_command("node9")


def test_mirrors_proxies_and_authorities_of_this_computer_are_settings(
    here: Computer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "campus.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    monkeypatch.setattr(inherit, "ca_certificates", lambda: [tmp_path / "campus.crt"])
    secret = "http://me:pass@proxy.uni.example:3128"
    found = {"base_http_proxy": secret, "base_no_proxy": "localhost, .uni.example"}
    monkeypatch.setattr(inherit, "settings", lambda loopback: found)
    lab.up("lab")
    written = settings(Path("lab"))
    assert written["base_ca_certificates"] == ["files/ca/campus.crt"]
    assert Path("lab/files/ca/campus.crt").is_file()
    assert written["base_no_proxy"] == ["localhost", ".uni.example"]
    assert Path("lab/group_vars/all/settings.yml").stat().st_mode & 0o777 == 0o600
    load_site(Path("lab"))


def test_groups_make_clusters() -> None:
    assert plan.groups_of_machines(None, []) == [["jupyterhub"]]
    assert plan.groups_of_machines(2, ["jupyterhub"]) == [["jupyterhub"]] * 2
    assert plan.groups_of_machines(None, ["jupyterhub=3"]) == [["jupyterhub"]] * 3
    cluster = ["z2jh=1", "k3s_server=3", "k3s_agent=1"]
    hub, *others = plan.groups_of_machines(None, cluster)
    assert hub == ["k3s_server", "z2jh"], "the hub's host is one of the cluster's servers"
    assert others == [["k3s_server"], ["k3s_server"], ["k3s_agent"]]
    with pytest.raises(UsageError) as caught:
        plan.groups_of_machines(None, ["jupiterhub"])
    assert "jupyterhub" in caught.value.remedy
    for wrong in (["jupyterhub=0"], ["jupyterhub=many"]):
        with pytest.raises(UsageError):
            plan.groups_of_machines(None, wrong)
    with pytest.raises(UsageError, match="--hosts"):
        plan.groups_of_machines(2, ["jupyterhub=1"])


def test_a_broken_record_says_how_to_go_on_and_down_still_works(here: Computer) -> None:
    lab.up("lab")
    Path("lab/.localcloud/lab.json").write_text("{")
    with pytest.raises(UsageError) as caught:
        lab.up("lab")
    assert "lab down" in caught.value.remedy
    lab.down("lab")
    assert here.all("containers") == []
