"""The check as a whole: several hosts at once over SSH, one report, exit codes."""

import json
import re
import time
from pathlib import Path

import click.testing
import pytest

import localcloud.site
from localcloud import preflight
from localcloud.cli import check as cli_check
from localcloud.errors import ExitCode, UsageError
from localcloud.preflight import defaults
from localcloud.preflight.report import Finding, Report
from tests.doubles.site_double import HostDouble
from tests.unit.ssh_cases import served_site, write_key

RECORDED = Path(__file__).parent / "facts"


def recorded(name, mirrors=True):
    """Answers every command with what a real host said, as if it said so now."""
    text = (RECORDED / f"{name}.txt").read_text()
    if not mirrors:
        text = re.sub(r"(?m)^mirror=.*\n", "", text)

    def answer(_command, _stdin):
        now = f"{time.time():.6f}"
        return 0, re.sub(r"(?m)^(time_\w+)=.*$", rf"\1={now}", text).encode(), b""

    return answer


def ids(report, host, severity=None):
    return {
        one.problem_id for one in report.of(host) if severity is None or one.severity == severity
    }


def test_a_host_that_is_down_hides_nothing_of_the_others(tmp_path):
    site, server = served_site(tmp_path, recorded("debian12-port-taken"))
    server.user = site.hosts["h1"].user = "ana"
    site.hosts["down"] = HostDouble("down", port=1, key_file=tmp_path / "key")
    site.hosts["locked"] = HostDouble(
        "locked", port=server.port, user="ana", key_file=tmp_path / "other"
    )
    write_key(tmp_path / "other")
    requirements = {"ports": ["{{ http_port }}"], "memory_mib": 90000, "systemd": True}
    site.parts = {"h1": [("jupyterhub", {"requirements": requirements})]}
    site.values = {"http_port": 80}
    report = preflight.check(site)
    assert {"port_taken_process", "memory_low"} <= ids(report, "h1", "blocking")
    (taken,) = [one for one in report.of("h1") if one.problem_id == "port_taken_process"]
    assert taken.remedy.startswith("Choose another port in http_port, or stop")
    assert ids(report, "down") == {"unreachable_refused"}
    assert ids(report, "locked") == {"auth_failed"}
    assert report.unreachable == ["down"]
    assert cli_check.exit_code(report) == ExitCode.UNREACHABLE


def test_a_good_host_gets_a_line_of_its_own(tmp_path):
    site, _server = served_site(tmp_path, recorded("debian12-fresh", mirrors=False))
    report = preflight.check(site)
    (one,) = report.findings
    assert one.severity == "ok"
    assert one.message.startswith("Debian GNU/Linux 12 (bookworm), 2 cores, 23.5 GiB")
    assert cli_check.exit_code(report) == ExitCode.DONE
    assert report.without_python == []


def test_a_host_without_python_is_told_to_the_runner(tmp_path):
    site, _server = served_site(tmp_path, recorded("debian12-without-python"))
    assert preflight.check(site).without_python == ["h1"]


def test_one_connection_per_host(tmp_path):
    site, server = served_site(tmp_path, recorded("debian12-fresh"))
    preflight.check(site)
    assert server.connections == 1


def test_the_real_probe_over_ssh_says_what_this_computer_is(tmp_path):
    site, _server = served_site(tmp_path)  # a local shell answers
    facts = preflight.check(site, "reset").facts["h1"]
    assert facts["kernel"]
    assert abs(facts["clock"][0]) < 30
    assert facts["mirrors"] == []


def test_a_shell_that_fails_is_explained_with_its_words(tmp_path):
    site, _server = served_site(tmp_path, lambda *_: (1, b"", b"This account is closed.\n"))
    (one,) = preflight.check(site).findings
    assert one.problem_id == "probe_failed"
    assert "This account is closed." in one.details


def test_only_building_verbs_ask_for_room_and_mirrors(tmp_path):
    site, _server = served_site(tmp_path, recorded("debian12-port-taken"))
    site.parts = {"h1": [("jupyterhub", {"requirements": {"ports": [80]}})]}
    assert "port_taken_process" in ids(preflight.check(site, "install"), "h1")
    assert "port_taken_process" not in ids(preflight.check(site, "reset"), "h1")


def asked(tmp_path, values, **requirements):
    """What the check sends to a host whose role has these requirements."""
    sent = []

    def note(_command, stdin):
        sent.append(stdin.decode())
        return recorded("debian12-fresh")(_command, stdin)

    site, _server = served_site(tmp_path, note)
    site.parts = {"h1": [("base", {"requirements": requirements})]}
    site.values = values
    preflight.check(site)
    return sent[0]


def test_mirrors_named_by_the_site_are_what_is_tried(tmp_path):
    text = asked(
        tmp_path,
        {
            "apt_here": "http://apt.example.edu/debian/",
            "pip_here": "https://pip.example.edu/simple",
        },
        mirrors={"apt": ["apt_here", "security_here"], "pip": "pip_here"},
    )
    assert "apt http://apt.example.edu/debian/" in text
    assert "pip https://pip.example.edu/simple/pip/" in text
    assert "LC_OWN_APT=''" in text


def test_without_them_the_hosts_own_and_the_clients_defaults_are(tmp_path, monkeypatch):
    monkeypatch.setattr(defaults, "index_of", lambda kind: f"https://{kind}.example.edu/")
    text = asked(tmp_path, {}, mirrors={"apt": "a", "pip": "p", "npm": "n"})
    assert "LC_OWN_APT=1" in text
    assert "pip-default https://pip.example.edu/pip/" in text
    assert "npm-default https://npm.example.edu/" in text


def test_proxy_and_campus_authority_travel_with_the_questions(tmp_path):
    (tmp_path / "campus.crt").write_text(
        "note\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    text = asked(
        tmp_path,
        {"proxy_here": "http://proxy:3128", "not_these": ["localhost"], "trust": ["campus.crt"]},
        proxy={"http": "proxy_here", "https": "proxy_here", "exceptions": "not_these"},
        certificates="trust",
    )
    assert "LC_HTTPS_PROXY=http://proxy:3128" in text
    assert "LC_NO_PROXY=localhost" in text
    assert "LC_CA='-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'" in text


def test_a_certificate_file_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError) as caught:
        asked(tmp_path, {"trust": ["missing.crt"]}, certificates="trust")
    assert "missing.crt" in caught.value.message


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Run the verb with a report made by the test; gives its result."""

    def run(report, *arguments):
        monkeypatch.setattr(localcloud.site, "load_site", lambda *_a, **_k: None)
        monkeypatch.setattr(preflight, "check", lambda _site: report)
        runner = click.testing.CliRunner()
        return runner.invoke(cli_check.command, arguments, standalone_mode=False)

    return run


def test_the_table_shows_host_finding_and_remedy(shown):
    stop = Finding("h1", "port_taken", "blocking", "Port 80 is taken.", "Stop it.")
    note = Finding("", "hostname_twins", "warning", "Twins.", "Rename.")
    result = shown(Report([note, stop], {}, [], ["h1"]))
    assert result.return_value == ExitCode.BLOCKED
    assert "Port 80 is taken. → Stop it." in result.output
    assert "1 finding must be settled" in result.output


def test_the_same_finding_of_many_hosts_is_one_row_and_the_worst_comes_first(shown):
    names = [f"h{number}" for number in range(1, 6)]
    fine = [Finding(name, "host_ok", "ok", "Debian 12.", "") for name in names]
    stop = Finding("h6", "port_taken", "blocking", "Port 80 is taken.", "Stop it.")
    output = shown(Report([*fine, stop], {}, [], [*names, "h6"])).output
    assert output.count("Debian 12.") == 1
    assert "h1 … h5 (5 hosts)" in output
    assert output.index("Port 80") < output.index("Debian 12.")


def test_json_has_stable_keys(shown):
    stop = Finding("h1", "port_taken", "blocking", "Port 80 is taken.", "Stop it.")
    result = shown(Report([stop], {}, ["h2"], ["h1", "h2"]), "--json")
    assert result.return_value == ExitCode.UNREACHABLE
    said = json.loads(result.stdout)
    assert said["hosts"]["h2"]["reachable"] is False
    assert said["findings"][0]["id"] == "port_taken"
    assert set(said["findings"][0]) == {"host", "id", "severity", "message", "remedy"}
