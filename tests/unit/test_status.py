"""What runs where, from the receipt to the screen."""

import http.server
import json
import subprocess
import threading
import time

import click.testing
import pytest

import localcloud.site
from localcloud import status, status_probe
from localcloud.cli import status as cli_status
from localcloud.errors import ExitCode
from tests.doubles.site_double import HostDouble
from tests.unit.ssh_cases import served_site

HUB = {
    "version": "5.5.4",
    "installed_at": "2026-11-20T10:00:00Z",
    "since": "2026-11-21T10:00:00Z",
    "complete": True,
    "units": {"jupyterhub.service": {"active": "active", "enabled": "enabled", "since": ""}},
    "endpoint": "",
    "certificate": "",
    "certificate_ends": None,
    "users": 12,
    "servers": 3,
}


def answering(**hub):
    """A host that says this of its hub."""
    said = {
        "root": True,
        "receipt": "read",
        "components": {"jupyterhub": {**HUB, **hub}},
        "memory": {"total_mib": 4096, "available_mib": 1024},
        "disk": [{"path": "/", "total_mib": 20480, "free_mib": 10240, "device": 1}],
        "load": 0.5,
    }
    line = f"{status.MARK}{json.dumps(said)}\n"
    return lambda _command, _stdin: (0, f"Welcome!\n{line}".encode(), b"")


@pytest.fixture
def shown(monkeypatch):
    def run(site, *arguments):
        monkeypatch.setattr(localcloud.site, "load_site", lambda *_a, **_k: site)
        monkeypatch.setenv("COLUMNS", "200")
        runner = click.testing.CliRunner()
        return runner.invoke(cli_status.command, arguments, standalone_mode=False)

    return run


def test_a_living_hub_on_one_line(tmp_path, shown):
    site, server = served_site(tmp_path, answering())
    result = shown(site)
    assert result.return_value == ExitCode.DONE
    assert "5.5.4" in result.output
    assert "2026-11-21" in result.output
    assert "runs; 12 homes; 3 servers running" in result.output
    assert "1.0 of 4.0 GiB" in result.output
    assert "/: 10.0 of 20.0 GiB" in result.output
    assert server.connections == 1


def test_a_hub_that_people_left_is_neither_alive_nor_broken(tmp_path, shown):
    site, _server = served_site(tmp_path, answering(moved_to="tljh", complete=False, units={}))
    result = shown(site)
    assert (
        "stopped: people moved to tljh; `localcloud reset --old-hub` takes it out" in result.output
    )


def node(name, ready=True, takes_pods=True, part="agent"):
    words = {"name": name, "part": part, "version": "v1.36.4+k3s1"}
    return {**words, "ready": ready, "takes_pods": takes_pods}


def test_a_cluster_with_its_nodes(tmp_path, shown):
    nodes = [node("node1", part="server"), node("node2", takes_pods=False)]
    site, _server = served_site(tmp_path, answering(nodes=nodes))
    result = shown(site)
    assert result.return_value == ExitCode.DONE
    assert "runs; 2 nodes ready" in result.output
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert "node1 server v1.36.4+k3s1 ready" in lines
    assert "node2 agent v1.36.4+k3s1 ready; takes no new pods (cordoned)" in lines


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node("node1"), node("node2", ready=False)], "not ready: node2 (of 2 nodes)"),
        ([], "the cluster's API does not answer"),
    ],
)
def test_a_cluster_that_is_not_whole_is_no_success(tmp_path, shown, nodes, words):
    site, _server = served_site(tmp_path, answering(nodes=nodes))
    result = shown(site)
    assert result.return_value == ExitCode.FAILED
    assert words in result.output


def test_what_a_server_of_a_cluster_tells(monkeypatch):
    meta = {"name": "node1", "labels": {"node-role.kubernetes.io/etcd": "true"}}
    state = {
        "nodeInfo": {"kubeletVersion": "v1"},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    one = {"metadata": meta, "spec": {"unschedulable": True}, "status": state}
    monkeypatch.setattr(status_probe, "run", lambda *_words: json.dumps({"items": [one]}))
    (told,) = status_probe.nodes({"part": "server"})
    assert told == {**node("node1", takes_pods=False, part="server"), "version": "v1"}
    assert status_probe.nodes({"part": "agent"}) is None
    monkeypatch.setattr(status_probe, "run", lambda *_words: "")
    assert status_probe.nodes({"part": "server"}) == []


def test_a_service_that_is_down_says_where_to_look(tmp_path, shown):
    unit = {"active": "failed", "enabled": "enabled", "since": ""}
    site, _server = served_site(tmp_path, answering(units={"jupyterhub.service": unit}))
    result = shown(site)
    assert "does not run: jupyterhub.service" in result.output
    assert "journalctl -u jupyterhub.service" in result.output
    assert result.return_value == ExitCode.FAILED


def test_a_hub_that_ends_again_and_again_does_not_count_as_running(tmp_path, shown):
    unit = {"active": "active", "enabled": "enabled", "since": "", "restarts": "9"}
    site, _server = served_site(tmp_path, answering(units={"jupyterhub.service": unit}))
    result = shown(site)
    assert "starts and ends again and again: jupyterhub.service" in result.output
    assert "(9 times)" in result.output and "journalctl -u jupyterhub.service" in result.output
    assert result.return_value == ExitCode.FAILED


@pytest.mark.parametrize(
    ("count", "state", "up", "shown"),
    [
        (9, "running", 5, "9"),
        (9, "auto-restart", 0, "9"),
        (9, "running", 600, ""),
        (1, "dead", 5, ""),
    ],
)
def test_restarts_that_are_over_are_nobodys_concern(count, state, up, shown):
    since = int((time.monotonic() - up) * 1e6)
    pairs = {"NRestarts": str(count), "SubState": state, "ActiveEnterTimestampMonotonic": since}
    assert status_probe.restarts(pairs) == shown


def test_monitoring_sees_by_the_exit_code_what_does_not_answer(tmp_path, shown):
    site, _server = served_site(tmp_path, answering(endpoint="http://127.0.0.1:9/"))
    result = shown(site)
    assert "no answer at http://127.0.0.1:9/" in result.output
    assert result.return_value == ExitCode.FAILED
    site.hosts["h2"] = HostDouble("h2", port=1)
    assert shown(site).return_value == ExitCode.UNREACHABLE, "goes before"


def test_nobody_with_a_home_yet_is_not_called_no_users(tmp_path, shown):
    """Accounts are the hub's; Unix users and homes come with the first server."""
    site, _server = served_site(tmp_path, answering(users=0))
    output = shown(site).output
    assert "0 homes" in output and "user" not in output


def test_timers_that_are_off_and_idle_slices_are_not_down(tmp_path):
    units = {
        "a.timer": {"active": "inactive", "enabled": "disabled", "since": ""},
        "b.slice": {"active": "inactive", "enabled": "static", "since": ""},
        "c.timer": {"active": "inactive", "enabled": "enabled", "since": ""},
    }
    site, _server = served_site(tmp_path, answering(units=units))
    assert status.status(site)[0].components[0].down == ["c.timer"]


def test_certificates_warn_before_they_end(tmp_path, shown):
    site, _server = served_site(tmp_path, answering(certificate="/x", certificate_ends=1e9))
    assert "certificate ended on 2001-09-09" in shown(site).output
    soon = time.time() + 86400
    site, _server = served_site(tmp_path, answering(certificate="/x", certificate_ends=soon))
    assert "certificate until" in shown(site).output
    site, _server = served_site(tmp_path, answering(certificate="/x"))
    assert "certificate cannot be read" in shown(site).output


def test_a_host_without_receipt_and_one_without_python(tmp_path, shown):
    empty = f'{status.MARK}{{"receipt": "missing", "components": {{}}}}\n'.encode()
    site, _server = served_site(tmp_path, lambda *_: (0, empty, b""))
    assert "nothing installed by localcloud" in shown(site).output
    site, _server = served_site(tmp_path, lambda *_: (0, f"{status.MARK}\n".encode(), b""))
    assert "nothing installed by localcloud" in shown(site).output


def test_an_unfinished_installation_is_not_called_running(tmp_path, shown):
    site, _server = served_site(tmp_path, answering(complete=False))
    result = shown(site)
    assert "unfinished; `localcloud install` goes on" in result.output
    assert result.return_value == ExitCode.FAILED
    assert f"`localcloud install -i {tmp_path}`" in shown(site, "-i", str(tmp_path)).output


def test_a_host_that_is_down_is_a_row_and_an_exit_code(tmp_path, shown):
    site, _server = served_site(tmp_path, answering())
    site.hosts["h2"] = HostDouble("h2", port=1)
    result = shown(site)
    assert result.return_value == ExitCode.UNREACHABLE
    assert "12 homes" in result.output
    assert "unreachable" in result.output
    assert "h2" in result.output


def test_sudo_that_refuses_is_told(tmp_path, shown):
    refused = b"sudo: a password is required\n"
    site, _server = served_site(tmp_path, lambda *_: (1, b"", refused))
    result = shown(site)
    assert result.return_value == ExitCode.BLOCKED
    assert "may not become root on host h1" in result.output


def test_a_broken_receipt_is_told(tmp_path):
    said = f'{status.MARK}{{"receipt": "broken", "components": {{}}}}\n'.encode()
    site, _server = served_site(tmp_path, lambda *_: (0, said, b""))
    assert "receipt" in status.status(site)[0].error.message


def test_json_keys_are_stable(tmp_path, shown):
    site, _server = served_site(tmp_path, answering())
    site.hosts["h2"] = HostDouble("h2", port=1)
    hosts = json.loads(shown(site, "--json").stdout)["hosts"]
    assert set(hosts["h1"]) == {
        "reachable",
        "problem",
        "remedy",
        "components",
        "disk",
        "memory",
        "load",
    }
    assert set(hosts["h1"]["components"]["jupyterhub"]) == {
        "version",
        "since",
        "complete",
        "units",
        "endpoint",
        "answer",
        "certificate",
        "certificate_ends",
        "users",
        "servers",
        "moved_to",
        "nodes",
        "healthy",
    }
    assert hosts["h1"]["components"]["jupyterhub"]["healthy"] is True
    assert hosts["h2"]["reachable"] is False
    assert hosts["h2"]["problem"]


class _Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "http://no-such-host.invalid/")
        self.end_headers()

    def log_message(self, *_args):
        pass


def test_an_address_answers_or_says_why_not():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{server.server_port}"
    assert status.ask(f"{place}/302").alive  # the login page: not followed
    assert status.ask(f"{place}/200").alive
    assert not status.ask(f"{place}/503").alive
    assert not status.ask(f"{place}/404").alive
    server.shutdown()
    dead = status.ask("http://127.0.0.1:9/")
    assert not dead.alive
    assert "refused" in dead.reason


@pytest.fixture
def receipt(tmp_path, monkeypatch):
    """Write a receipt and run the host's half here; gives what it says."""

    def run(content):
        path = tmp_path / "receipt.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setattr(status_probe, "RECEIPT", str(path))
        said = []
        monkeypatch.setattr(status_probe.sys, "stdout", type("Out", (), {"write": said.append})())
        status_probe.main()
        return json.loads("".join(said).removeprefix(status.MARK))

    return run


def test_the_hosts_half_reads_receipt_and_certificate(receipt, tmp_path):
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=m"
    )
    made = [*command.split(), "-keyout", "key", "-out", "crt"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    facts = {"certificate": str(tmp_path / "crt"), "user_group": "root", "endpoint": "http://x"}
    entry = {"version": "1", "installed_at": "a", "settled_at": "b", "facts": facts, "units": []}
    known = receipt({"components": {"hub": entry, "half": {"packages_before": []}}})
    hub = known["components"]["hub"]
    assert abs(hub["certificate_ends"] - time.time() - 9 * 86400) < 120
    assert hub["users"] >= 1
    assert (hub["since"], hub["complete"]) == ("b", True)
    assert known["components"]["half"]["complete"] is False
    assert known["memory"]["total_mib"] > 100


def test_the_hosts_half_survives_a_broken_receipt(receipt):
    assert receipt("{ broken")["receipt"] == "broken"
    assert receipt('{"components": 3}')["receipt"] == "broken"
