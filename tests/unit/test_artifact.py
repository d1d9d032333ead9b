"""Files from outside: downloaded from a real server that cuts, hangs, lies or lacks the file."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

MODULE = Path(__file__).resolve().parents[2] / "roles/artifact/library/artifact.py"
CONTENT = os.urandom(3 << 20)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked: list[tuple[str, str]]
    ways: dict[str, str]  # path → how to misbehave


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_words) -> None:
        pass

    def do_GET(self) -> None:
        way = self.server.ways.get(self.path, "")
        asked = self.headers.get("Range", "")
        self.server.asked.append((self.path, asked))
        if way == "absent":
            return self.send_error(404)
        if way == "hang":
            time.sleep(6)
            return None
        content = b"<html>Log in to the campus network</html>" if way == "page" else CONTENT
        if way == "damaged":
            content = CONTENT[:1000] + bytes([CONTENT[1000] ^ 1]) + CONTENT[1001:]
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and way != "whole" else 0
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if way in ("cut", "cut once"):
            end = start + 1_000_000
            self.server.ways[self.path] = "" if way == "cut once" else way
        self.wfile.write(content[start:end])
        if way == "stall":
            time.sleep(6)
        return None


@pytest.fixture
def server():
    made = Server(("127.0.0.1", 0), Handler)
    made.asked, made.ways = [], {}
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()


@pytest.fixture
def bring(tmp_path, server):
    """Run the module as Ansible does; gives its answer."""
    address = f"http://127.0.0.1:{server.server_port}"

    def call(sha256=SHA256, mode="0755", offered=None, path="/up/tool", **parameters) -> dict:
        wanted = {"name": "tool", "version": "v1+k1", "url": address + path, "sha256": sha256}
        wanted |= {"dest": str(tmp_path / "bin/tool"), "mode": mode}
        if offered:
            wanted["offered"] = offered
        if parameters.pop("mirror", False):
            parameters["mirror_url"] = address + "/mirror"
        arguments = {"files": [wanted], "timeout": 2, "directory": str(tmp_path / "stamps")}
        arguments |= {"environment": {"no_proxy": "127.0.0.1"}} | parameters
        done = subprocess.run(
            [sys.executable, MODULE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_remote_tmp": "/tmp"}}),
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        if answer.get("failed"):
            return json.loads(answer["msg"])
        return answer

    return call


def files_in(tmp_path):
    return sorted(path.name for path in (tmp_path / "bin").iterdir())


def test_a_file_comes_once_and_a_second_look_reads_nothing(bring, server, tmp_path):
    first = bring()
    dest = tmp_path / "bin/tool"
    assert first["changed"] and dest.read_bytes() == CONTENT
    assert dest.stat().st_mode & 0o777 == 0o755
    assert files_in(tmp_path) == ["tool"]
    accessed = dest.stat().st_atime_ns
    assert bring()["changed"] is False
    assert len(server.asked) == 1 and dest.stat().st_atime_ns == accessed


def test_a_file_of_the_right_content_without_a_stamp_is_taken_as_it_is(bring, server, tmp_path):
    bring()
    for stamp in (tmp_path / "stamps").iterdir():
        stamp.unlink()
    assert bring()["changed"] is False
    assert len(server.asked) == 1


def test_a_file_changed_behind_our_back_comes_again(bring, tmp_path):
    bring()
    (tmp_path / "bin/tool").write_bytes(CONTENT[:-1] + b"x")
    assert bring()["changed"] and (tmp_path / "bin/tool").read_bytes() == CONTENT


def test_a_cut_line_goes_on_where_it_stopped(bring, server, tmp_path):
    server.ways["/up/tool"] = "cut once"
    assert bring()["changed"]
    assert [asked for _path, asked in server.asked] == ["", "bytes=1000000-"]
    assert (tmp_path / "bin/tool").read_bytes() == CONTENT


def test_a_line_cut_each_time_is_told_and_the_next_run_finishes(bring, server, tmp_path):
    server.ways["/up/tool"] = "cut"
    # Four pieces are needed, and a run makes three attempts.
    assert bring()["localcloud_problem"] == "artifact_cut"
    assert not (tmp_path / "bin/tool").exists()
    assert bring()["changed"] and (tmp_path / "bin/tool").read_bytes() == CONTENT
    assert server.asked[3][1] == "bytes=3000000-"


def test_a_server_that_cannot_continue_is_asked_for_the_whole(bring, server, tmp_path):
    server.ways["/up/tool"] = "cut"
    bring()
    server.ways["/up/tool"] = "whole"
    assert bring()["changed"] and (tmp_path / "bin/tool").read_bytes() == CONTENT


def test_an_old_part_that_is_wrong_is_begun_anew(bring, server, tmp_path):
    server.ways["/up/tool"] = "cut"
    bring()
    (part,) = (tmp_path / "bin").glob(".tool.*.part")
    part.write_bytes(b"x" * 500)
    server.ways.clear()
    assert bring()["changed"] and (tmp_path / "bin/tool").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_already_too_long(bring, server, tmp_path, size):
    server.ways["/up/tool"] = "cut"
    bring()
    (part,) = (tmp_path / "bin").glob(".tool.*.part")
    part.write_bytes(b"x" * size)
    server.ways.clear()
    assert bring()["changed"] and (tmp_path / "bin/tool").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("way", "problem"),
    [
        ("absent", "artifact_not_there"),
        ("page", "artifact_wrong"),
        ("damaged", "artifact_wrong"),
        ("hang", "artifact_hangs"),
        ("stall", "artifact_hangs"),
    ],
)
def test_a_source_that_fails_is_named_and_nothing_half_installed(
    bring, server, tmp_path, way, problem
):
    server.ways["/up/tool"] = way
    if way == "stall":
        server.ways["/up/tool"] = "cut"
        bring()  # a part, which then stalls
        server.ways["/up/tool"] = "hang"
    began = time.monotonic()
    told = bring()
    assert time.monotonic() - began < 5
    assert told["localcloud_problem"] == problem and "/up/tool" in json.dumps(told)
    assert not (tmp_path / "bin/tool").exists()
    assert way == "stall" or files_in(tmp_path) == []
    server.ways.clear()
    assert bring()["changed"] and (tmp_path / "bin/tool").read_bytes() == CONTENT


def test_an_older_version_stays_until_the_new_one_is_whole(bring, server, tmp_path):
    bring()
    server.ways["/up/tool"] = "page"
    assert bring(sha256="0" * 64)["localcloud_problem"] == "artifact_wrong"
    assert (tmp_path / "bin/tool").read_bytes() == CONTENT


def test_the_mirror_is_asked_first_and_the_maker_after_it(bring, server, tmp_path):
    bring(mirror=True)
    assert [path for path, _range in server.asked] == ["/mirror/tool/v1%2Bk1/tool"]
    (tmp_path / "bin/tool").unlink()
    server.ways["/mirror/tool/v1%2Bk1/tool"] = "absent"
    assert bring(mirror=True)["changed"]
    assert server.asked[-1][0] == "/up/tool"


def test_offline_nobody_is_asked(bring, server):
    assert bring(online=False)["localcloud_problem"] == "artifact_no_source"
    assert server.asked == []


def test_a_host_without_the_server_is_told_so(bring):
    told = bring(environment={"http_proxy": "http://127.0.0.1:9", "no_proxy": ""})
    assert told["localcloud_problem"] == "artifact_unreachable"
    assert "refused" in told["details"]


def test_what_the_controller_has_is_waited_for_and_then_checked(bring, server, tmp_path):
    offered = {"path": "/site/files/tool", "size": len(CONTENT), "mtime": 1}
    (waiting,) = bring(offered=offered)["pending"]
    assert waiting["have"] == 0 and server.asked == []
    with Path(waiting["part"]).open("ab") as part:
        part.write(CONTENT[:2000])
    (waiting,) = bring(offered=offered)["pending"]
    assert waiting["have"] == 2000
    with Path(waiting["part"]).open("ab") as part:
        part.write(CONTENT[2000:])
    assert bring(offered=offered)["pending"] == []
    assert (tmp_path / "bin/tool").read_bytes() == CONTENT
    assert bring(offered=offered)["changed"] is False


def test_a_damaged_file_of_the_controller_is_thrown_away(bring, tmp_path):
    offered = {"path": "/site/files/tool", "size": len(CONTENT), "mtime": 1}
    (waiting,) = bring(offered=offered)["pending"]
    Path(waiting["part"]).write_bytes(b"x" * len(CONTENT))
    told = bring(offered=offered)
    assert told["localcloud_problem"] == "artifact_local_wrong" and told["url"] == offered["path"]
    assert files_in(tmp_path) == []


def test_a_full_disk_is_told_before_it_is_full(bring, tmp_path):
    offered = {"path": "/site/files/tool", "size": 1 << 60, "mtime": 1}
    told = bring(offered=offered)
    assert told["localcloud_problem"] == "artifact_no_space" and told["needs"].endswith("MiB")
    assert files_in(tmp_path) == []
