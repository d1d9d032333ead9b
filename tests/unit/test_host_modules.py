"""The modules that bring a host to what is wished, run as Ansible runs them, on real files."""

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from test_role_code import load

from localcloud import recordlog

LIBRARY = Path(__file__).resolve().parents[2] / "roles/base/library"

answering = load("base/library/answering.py")
system_packages = load("base/library/system_packages.py")
locked_packages = load("base/library/locked_packages.py")


def run_module(name: str, *, check: bool = False, **arguments) -> dict:
    """What the module answers; its whole output under ``said``."""
    given = {**arguments, "_ansible_check_mode": check, "_ansible_remote_tmp": "/tmp"}
    done = subprocess.run(
        [sys.executable, LIBRARY / f"{name}.py"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "said": done.stdout + done.stderr}


@pytest.fixture
def wished(tmp_path):
    """A directory, a file in it and a secret, owned by whoever runs the tests."""
    import grp
    import pwd

    mine = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
    return {
        "directories": [{"path": str(tmp_path / "etc/hub"), **mine}],
        "files": [{"path": str(tmp_path / "etc/hub/unit"), "content": "ExecStart=1\n", **mine}],
        "secrets": [{"path": str(tmp_path / "etc/hub/key"), "content": "s3cr3t-words", **mine}],
    }


def test_files_are_written_once_with_their_modes(wished, tmp_path):
    first = run_module("written_files", **wished)
    assert first["changed"] and len(first["written"]) == 3
    unit, key = tmp_path / "etc/hub/unit", tmp_path / "etc/hub/key"
    assert (unit.read_text(), key.read_text()) == ("ExecStart=1\n", "s3cr3t-words")
    assert (unit.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o644, 0o600)
    assert sorted(entry.name for entry in unit.parent.iterdir()) == ["key", "unit"]
    again = run_module("written_files", **wished)
    assert not again["changed"] and again["written"] == []


def test_a_dry_run_writes_nothing_and_shows_the_difference_but_no_secret(wished, tmp_path):
    run_module("written_files", **wished)
    wished["files"][0]["content"] = "ExecStart=2\n"
    wished["secrets"][0]["content"] = "other-words"
    answer = run_module("written_files", check=True, **wished)
    assert answer["changed"] and len(answer["written"]) == 2
    assert answer["diff"][0]["before"] == "ExecStart=1\n"
    assert answer["diff"][0]["after"] == "ExecStart=2\n"
    assert "s3cr3t-words" not in answer["said"] and "other-words" not in answer["said"]
    shown = recordlog.diff_text(answer["diff"])
    assert "+ExecStart=2" in shown
    assert f"{tmp_path}/etc/hub/key: new content, not shown since it holds secrets" in shown
    assert (tmp_path / "etc/hub/unit").read_text() == "ExecStart=1\n"


def test_a_loosened_mode_is_mended(wished, tmp_path):
    run_module("written_files", **wished)
    key = tmp_path / "etc/hub/key"
    key.chmod(0o666)
    assert run_module("written_files", **wished)["written"] == [str(key)]
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_link_is_replaced_and_what_it_led_to_stays(wished, tmp_path):
    other = tmp_path / "somebody-elses"
    other.write_text("theirs")
    (tmp_path / "etc/hub").mkdir(parents=True)
    (tmp_path / "etc/hub/key").symlink_to(other)
    run_module("written_files", **wished)
    assert other.read_text() == "theirs"
    assert not (tmp_path / "etc/hub/key").is_symlink()


def test_a_file_that_people_may_change_stays_theirs(wished, tmp_path):
    run_module("written_files", **wished)
    (tmp_path / "etc/hub/unit").write_text("changed by hand\n")
    wished["files"][0]["force"] = False
    assert not run_module("written_files", **wished)["changed"]
    assert (tmp_path / "etc/hub/unit").read_text() == "changed by hand\n"


def test_what_is_to_be_absent_goes_but_never_a_whole_directory(wished, tmp_path):
    run_module("written_files", **wished)
    assert run_module("written_files", absent=[str(tmp_path / "etc/hub/key")])["changed"]
    assert not (tmp_path / "etc/hub/key").exists()
    refused = run_module("written_files", absent=[str(tmp_path / "etc")])
    assert refused["failed"] and "is a directory" in refused["msg"]
    assert (tmp_path / "etc/hub/unit").exists()


def test_an_unknown_owner_is_named(wished):
    wished["files"][0]["owner"] = "nobody-here"
    answer = run_module("written_files", **wished)
    assert answer["failed"] and "nobody-here" in answer["msg"]


PACKAGES = [
    ["installed", "git", "git", "1:2.39.5-0", ""],
    ["installed", "libc6:amd64", "libc6", "2.36-9", ""],
    ["installed", "exim4-daemon-light", "exim4-daemon-light", "4.96", "default-mta, mail (= 1)"],
    ["config-files", "nano", "nano", "7.2", ""],
]


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        (["git", "libc6", "libc6:amd64"], []),
        (["nano", "vim"], ["nano", "vim"]),  # removed, its settings left; never there
        (["mail", "default-mta"], []),  # names that another package provides
        (["git=1:2.39.5-0"], []),
        (["git=1:2.45"], ["git=1:2.45"]),
    ],
)
def test_which_packages_are_missing(names, lacking):
    assert system_packages.missing(names, PACKAGES) == lacking


class _Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_words) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked += 1
        late = self.server.asked < 3
        self.send_response(302 if self.path == "/moved" else 503 if late else 200)
        self.send_header("Location", "/")
        self.end_headers()


@pytest.fixture
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.asked = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_service_that_answers_late_is_waited_for(address):
    answer = run_module("answering", url=f"{address}/health", problem="hub_silent")
    assert answer["changed"] is False and not answer.get("failed")


@pytest.mark.parametrize(("path", "status"), [("/moved", "302"), ("", "refused")])
def test_a_service_that_does_not_answer_becomes_a_problem(address, path, status):
    url = address + path if path else "http://127.0.0.1:9"
    answer = run_module("answering", url=url, seconds=1, problem="hub_silent")
    said = json.loads(answer["msg"])
    assert said["localcloud_problem"] == "hub_silent"
    assert status in said["status"]


SYSTEMCTL = """#!/bin/sh
# Says of the hub that it was started three times since the last look; the proxy is well.
echo SubState=running
case "$*" in
*hub) echo x >>{0}/looks; echo NRestarts=$((3 * $(wc -l <{0}/looks)));;
*) echo NRestarts=0;;
esac
"""


def test_a_service_that_cannot_stay_up_is_not_waited_for(tmp_path, monkeypatch):
    """Its own last words are shown, and not those of the proxy that asks for it in vain."""
    (tmp_path / "systemctl").write_text(SYSTEMCTL.replace("{0}", str(tmp_path)))
    (tmp_path / "journalctl").write_text('#!/bin/sh\necho "words of $*"\n')
    for command in ("systemctl", "journalctl"):
        (tmp_path / command).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    units = {"units": ["hub", "proxy"], "seconds": 50}
    problems = {"problem": "hub_silent", "restarting": "hub_restarting"}
    answer = run_module("answering", url="http://127.0.0.1:9", **units, **problems)
    said = json.loads(answer["msg"])
    assert (said["localcloud_problem"], said["unit"]) == ("hub_restarting", "hub")
    assert "-u hub" in said["details"] and "proxy" not in said["details"]


@pytest.mark.parametrize(
    ("before", "after", "hope"),
    [
        (("running", 0), ("running", 0), True),
        (("start", 2), ("running", 2), True),
        (("running", 0), ("running", 1), False),
        (("running", 0), ("failed", 0), False),
        (("auto-restart", 5), ("auto-restart", 5), False),
    ],
)
def test_a_slow_start_is_waited_for_and_a_failed_one_is_not(before, after, hope):
    proxy = {"proxy": ("running", 0)}
    assert answering.on_their_way({"hub": before, **proxy}, {"hub": after, **proxy}) is hope
    assert not answering.on_their_way({}, {}), "of nothing known there is no hope"


def test_environments_are_made_after_the_one_their_tool_is_in(tmp_path, monkeypatch):
    order: list[str] = []

    def install(parameters, _scratch, environment):
        if parameters["tool"]:
            assert Path(parameters["tool"]).exists(), "its tool was not there yet"
        assert environment["UV_DEFAULT_INDEX"] == "https://me:pw@mirror/simple"
        for path in ("bin/uv", "bin/npm"):
            (Path(parameters["path"]) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(parameters["path"]) / path).touch()
        order.append(Path(parameters["path"]).name)

    monkeypatch.setitem(locked_packages.INSTALL, "uv", install)
    common = {"indexes": {"python": "https://me:pw@mirror/simple"}, "environment": {}}
    rest = {"lock": "a==1", "manifest": "", "extra": [], "build_lock": ""}
    rest |= {"manager": "uv", "system_site_packages": False}
    wanted = [
        {"path": str(tmp_path / "uv"), "tool": "", **rest},
        {"path": str(tmp_path / "hub"), "tool": str(tmp_path / "uv/bin/uv"), **rest},
        {"path": str(tmp_path / "user"), "tool": str(tmp_path / "uv/bin/uv"), **rest},
        {"path": str(tmp_path / "proxy"), "tool": str(tmp_path / "hub/bin/npm"), **rest},
    ]
    locked_packages.make_all(wanted, common)
    assert order[0] == "uv" and order.index("hub") < order.index("proxy")
    assert all(locked_packages.is_complete(one) for one in wanted)
    assert not list(tmp_path.glob(".scratch-*"))


def test_what_an_environment_waits_for_is_what_failed(tmp_path, monkeypatch):
    def install(parameters, _scratch, _environment):
        raise locked_packages.Failed(["pip"], "hash mismatch")

    monkeypatch.setitem(locked_packages.INSTALL, "pip", install)
    rest = {"lock": "a==1", "manifest": "", "extra": [], "build_lock": ""}
    rest |= {"system_site_packages": False}
    wanted = [
        {"path": str(tmp_path / "uv"), "tool": "", "manager": "pip", **rest},
        {"path": str(tmp_path / "hub"), "tool": f"{tmp_path}/uv/bin/uv", "manager": "uv", **rest},
    ]
    with pytest.raises(locked_packages.Failed) as caught:
        locked_packages.make_all(wanted, {"indexes": {}, "environment": {}})
    assert caught.value.data == {"manager": "pip", "environment": str(tmp_path / "uv")}
    assert not (tmp_path / "hub").exists()
