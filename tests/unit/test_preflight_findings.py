"""From facts and requirements to findings, as a sysadmin reads them."""

import time
from pathlib import Path

import pytest

from localcloud.preflight import between, findings, mirror_findings
from localcloud.preflight.facts import parse
from localcloud.preflight.needs import Needs, Part

RECORDED = Path(__file__).parent / "facts"
HUB = {
    "memory_mib": 1024,
    "memory_recommended_mib": 2048,
    "cores": 1,
    "disk": {"/": 3072},
    "systems": {"debian": ["12", "13"], "ubuntu": ["24.04"]},
    "systems_untried": {"ubuntu": ["24.04"]},
    "systemd": True,
    "ports": [80, 443, 443],
    "unit_of_port": ["jupyterhub-proxy.service"],
}


@pytest.fixture
def facts():
    known = parse((RECORDED / "debian12-fresh.txt").read_text())
    known["mirrors"] = []
    known["clock"] = [-0.1, 0.1]
    return known


def found(facts, settings=None, certificates="", **requirements):
    parts = (Part("jupyterhub", {**HUB, **requirements}),)
    needs = Needs(parts, settings or {}, certificates=certificates)
    return {
        one.problem_id: one
        for one in [
            *findings.of_host("h1", facts, needs),
            *mirror_findings.mirrors("h1", facts, needs),
        ]
    }


def test_a_fresh_host_has_nothing_to_complain_about(facts):
    assert found(facts) == {}


def test_an_unsupported_system_stops_and_lists_the_supported_ones(facts):
    facts.update(os_id="fedora", os_version="41", os_name="Fedora Linux 41")
    one = found(facts)["system_unsupported"]
    assert one.severity == "blocking"
    assert "Fedora Linux 41" in one.message
    assert "Debian 12, 13" in one.remedy
    facts.update(os_id="debian", os_version="11")
    assert "system_unsupported" in found(facts)


def test_a_system_nobody_tried_is_a_note(facts):
    facts.update(os_id="ubuntu", os_version="24.04", os_name="Ubuntu 24.04")
    assert found(facts)["system_untried"].severity == "note"


def test_another_init_stops_and_failed_units_do_not(facts):
    facts["systemd_state"] = "degraded"
    assert found(facts)["systemd_degraded"].severity == "note"
    facts["init"] = "sh"
    assert found(facts)["not_systemd"].severity == "blocking"


def test_sudo_in_its_four_kinds(facts):
    asks = parse((RECORDED / "debian12-sudo-asks.txt").read_text())
    stranger = parse((RECORDED / "debian12-no-sudo-rights.txt").read_text())
    one = found(asks)["sudo_password"]
    assert one.severity == "blocking"
    assert "/etc/sudoers.d/asks" in one.remedy
    assert "sudo_not_allowed" in found(stranger)
    facts["sudo"] = "missing"
    assert "apt-get install sudo" in found(facts)["sudo_missing"].remedy
    facts.update(sudo="refused", sudo_says="sudo: you must have a tty to run sudo")
    assert "must have a tty" in found(facts)["sudo_refused"].message
    facts["sudo"] = "root"
    assert not found(facts)


def test_memory_has_a_floor_and_a_recommendation(facts):
    facts["memory_mib"] = 970  # what a machine of 1 GiB shows
    assert found(facts)["memory_modest"].severity == "warning"
    facts["memory_mib"] = 500
    one = found(facts)["memory_low"]
    assert one.severity == "blocking"
    assert "500 MiB" in one.message
    assert "1.0 GiB" in one.message


def test_too_few_cores_stop(facts):
    assert found(facts, cores=4)["cores_low"].severity == "blocking"


def test_disk_sums_up_what_shares_a_file_system(facts):
    facts["disk"] = {
        "/": {"free_mib": 4000, "total_mib": 9000, "mount": "/"},
        "/var/x": {"free_mib": 4000, "total_mib": 9000, "mount": "/"},
    }
    assert "disk_low" not in found(facts)
    one = found(facts, disk={"/": 3072, "/var/x": 2048})["disk_low"]
    assert one.severity == "blocking"
    assert "5.0 GiB" in one.message


def test_an_installed_host_need_not_have_the_space_a_second_time(facts):
    facts["disk"]["/"]["free_mib"] = 1000
    assert found(facts)["disk_low"].severity == "blocking"
    facts["receipt"] = {"components": {"jupyterhub": {}}}
    assert "disk_low" not in found(facts)
    facts["disk"]["/"]["free_mib"] = 100
    assert found(facts)["disk_low"].severity == "warning"


def test_a_taken_port_names_its_holder(facts):
    facts["ports"][80] = [
        {"address": "*", "process": "apache2", "pid": "7", "unit": "apache2.service"}
    ]
    one = found(facts)["port_taken"]
    assert one.severity == "blocking"
    assert one.message == "Port 80 is taken by apache2 (apache2.service)."
    assert "systemctl disable --now apache2.service" in one.remedy
    assert "another port in the site's settings" in one.remedy


def test_the_setting_that_chose_a_taken_port_comes_first(facts):
    facts["ports"][22] = [{"address": "*", "process": "sshd", "pid": "46", "unit": "ssh.service"}]
    needs = Needs((Part("jupyterhub", {"ports": [22]}),), ports={22: "hub_http_port"})
    (one,) = findings.ports("h1", facts, needs)
    assert one.message == "Port 22 is taken by sshd (process 46)."
    assert one.remedy.startswith("Choose another port in hub_http_port, or stop that program")


@pytest.mark.parametrize("unit", ["ssh.service", "session-4.scope", "user@1000.service", ""])
def test_nobody_is_told_to_stop_the_ssh_server(facts, unit):
    facts["ports"][80] = [{"address": "*", "process": "perl", "pid": "2655", "unit": unit}]
    one = found(facts)["port_taken_process"]
    assert one.severity == "blocking"
    assert "perl (process 2655)" in one.message
    assert "systemctl" not in one.remedy


def test_our_own_service_on_its_port_is_no_finding(facts):
    facts["ports"][80] = [
        {"address": "*", "process": "node", "pid": "7", "unit": "jupyterhub-proxy.service"}
    ]
    assert "port_taken" not in found(facts)


def test_without_root_an_unknown_holder_only_warns(facts):
    facts["ports"][80] = [{"address": "*", "process": "", "pid": "", "unit": ""}]
    assert found(facts)["port_taken_unknown"].severity == "blocking"
    facts["root_eyes"] = False
    assert found(facts)["port_taken_unknown"].severity == "warning"


def test_python_missing_is_a_note_and_an_old_one_stops(facts):
    facts["python"] = ""
    assert found(facts)["python_missing"].severity == "note"
    facts["python"] = "3.6.8"
    assert found(facts)["python_old"].severity == "blocking"


def test_packages_being_installed_and_left_half_installed(facts):
    facts["dpkg_broken"] = ["vim"]
    assert found(facts)["dpkg_interrupted"].severity == "note"
    facts["dpkg_lock"] = "812 unattended-upgr"
    assert "unattended-upgr" in found(facts)["apt_busy"].message


def test_what_an_earlier_installation_left_is_told(facts):
    facts["receipt"] = {"components": {"tljh": {}}}
    facts["orphan_homes"] = ["/home/jupyter-ana", "/home/jupyter-beto"]
    assert "localcloud reset --limit h1" in found(facts)["component_left"].remedy
    assert "2 (/home/jupyter-ana" in found(facts)["homes_kept"].message


def test_swap_matters_only_to_who_says_so(facts):
    facts["swap_mib"] = 2048
    assert "swap_on" not in found(facts)
    assert found(facts, swap=False)["swap_on"].severity == "warning"


def test_a_clock_is_judged_by_what_no_delay_explains(facts):
    facts["clock"] = [-40, 5]
    assert not found(facts)
    facts["clock"] = [95, 100]
    assert "95 seconds ahead" in found(facts)["clock_ahead"].message
    facts["clock"] = [-100, -95]
    assert "95 seconds behind" in found(facts)["clock_behind"].message


def answer(kind, result, url="https://m.example.edu/x", detail=""):
    return {"kind": kind, "result": result, "seconds": 1.0, "url": url, "detail": detail}


@pytest.mark.parametrize("result", ["dns", "refused", "timeout", "tls", "proxy", "route", "http"])
def test_a_mirror_that_does_not_answer_stops_and_names_itself(facts, result):
    facts["mirrors"] = [answer("pip", result, detail="500 Broken")]
    (one,) = found(facts, settings={"pip": "base_pip_index_url"}).values()
    assert one.severity == "blocking"
    assert "https://m.example.edu/x" in one.message
    assert one.remedy


def test_the_remedy_names_the_setting_of_the_mirror(facts):
    facts["mirrors"] = [answer("npm-default", "timeout")]
    (one,) = found(facts, settings={"npm": "base_npm_registry"}).values()
    assert "`base_npm_registry`" in one.remedy


@pytest.mark.parametrize("kind", ["pip-default", "npm", "apt-own"])
def test_a_certificate_nobody_trusts_names_the_setting_for_the_campus_authority(facts, kind):
    facts["mirrors"] = [answer(kind, "tls", detail="self-signed certificate in chain")]
    one = found(facts, certificates="base_ca_certificates")["mirror_tls"]
    assert "`base_ca_certificates: [files/campus-ca.pem]`" in one.remedy
    assert "self-signed certificate" in one.message


def test_a_registry_without_front_page_answers_all_the_same(facts):
    facts["mirrors"] = [answer("npm", "http", detail="404 Not Found")]
    assert found(facts) == {}
    facts["mirrors"] = [answer("npm", "http", detail="403 Forbidden")]
    assert "mirror_http" in found(facts)


def test_only_the_distributions_own_source_stops(facts):
    own = "http://apt.example.edu/debian/dists/bookworm-updates/InRelease"
    foreign = "http://other.example.edu/apt/dists/stable/InRelease"
    facts["mirrors"] = [answer("apt-own", "timeout", own)]
    assert found(facts)["mirror_timeout"].severity == "blocking"
    facts["mirrors"] = [answer("apt-own", "timeout", foreign)]
    assert found(facts)["mirror_timeout"].severity == "warning"


def test_no_package_source_at_all_stops(facts):
    one = found(facts, settings={"apt": "base_apt_mirror"})["apt_sources_missing"]
    assert one.severity == "blocking"
    assert "base_apt_mirror" in one.remedy


def test_cloned_machines_are_found_among_several(facts):
    other = {**facts, "hostname": "lab2", "machine_id": "b" * 32, "macs": {"eth0": "02:00:00:1"}}
    assert list(between.hosts({"h1": facts, "h2": other})) == []
    ids = {one.problem_id: one for one in between.hosts({"h1": facts, "h2": facts, "h3": other})}
    assert set(ids) == {"machine_id_twins", "hostname_twins", "mac_twins"}
    assert "h1, h2." in ids["machine_id_twins"].message


def test_clocks_of_hosts_that_disagree(facts):
    sure = {**facts, "machine_id": "", "hostname": "", "macs": {}}
    clocks = {"h1": [0.0, 0.3], "h2": [-0.2, 0.1], "h3": [7.0, 7.2], "h4": [-6.0, 8.0]}
    seen = list(between.hosts({name: {**sure, "clock": clock} for name, clock in clocks.items()}))
    assert [(one.host, one.problem_id) for one in seen] == [("h3", "clock_apart")]
    assert "differ by 7 seconds" in seen[0].message


class _Endpoint:
    host = "h1"

    def __init__(self, url):
        self.url = url


def test_a_name_that_leads_nowhere_or_elsewhere(facts):
    def of(url, address):
        facts_by_host = {"h1": {**facts, "addresses": ["10.0.0.7"]}}
        return [one.problem_id for one in between.names([_Endpoint(url)], facts_by_host, address)]

    assert of("https://hub.invalid/", {"h1": "10.0.0.7"}) == ["dns_missing"]
    assert of("http://localhost:8000", {"h1": "10.0.0.7"}) == []
    assert of("http://10.9.9.9", {"h1": "10.0.0.7"}) == []


def test_a_resolver_that_hangs_does_not_hold_us(facts, monkeypatch):
    monkeypatch.setattr(between, "_PATIENCE", 0.1)
    monkeypatch.setattr(between.socket, "getaddrinfo", lambda *_: time.sleep(3) or [])
    begin = time.monotonic()
    (one,) = between.names([_Endpoint("https://hub.example.edu")], {"h1": facts}, {})
    assert one.problem_id == "dns_missing"
    assert time.monotonic() - begin < 2


def test_a_name_of_another_machine_is_a_note(facts, monkeypatch):
    monkeypatch.setattr(between, "_resolve", lambda name: {"192.0.2.9"} if "hub" in name else set())
    facts_by_host = {"h1": {**facts, "addresses": ["10.0.0.7"]}}
    (one,) = between.names([_Endpoint("https://hub.example.edu")], facts_by_host, {})
    assert (one.problem_id, one.severity) == ("dns_elsewhere", "note")
    assert "192.0.2.9" in one.message
