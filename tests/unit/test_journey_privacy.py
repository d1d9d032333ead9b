"""Probes run here as they run in a kernel; judgements over what they saw."""

import contextlib
import http.server
import io
import json
import os
import pwd
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.journey import privacy, probes
from localcloud.journey.accounts import Account
from localcloud.journey.failure import StepFailed


def in_a_cell(probe: Any, *arguments: object) -> Any:
    """Run the very text that goes to a kernel, in a fresh namespace."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(probes.cell(probe, *arguments), {"__name__": "__main__"})
    return json.loads(printed.getvalue())


def test_reach_files_tells_what_can_be_listed_read_and_written(tmp_path: Path) -> None:
    open_file = tmp_path / "notes.txt"
    open_file.write_text("x")
    missing = str(tmp_path / "none" / "of.txt")
    seen = in_a_cell(probes.reach_files, str(tmp_path), [str(open_file), missing])
    assert seen == [f"list {tmp_path}", f"read {open_file}", f"write {open_file}"]
    assert in_a_cell(probes.reach_files, "/nonexistent", [missing]) == []
    assert open_file.read_text() == "x"


def test_tokens_of_readable_processes_are_found() -> None:
    assert in_a_cell(probes.read_tokens, "nobody-of-this-name") == []


def test_ports_and_their_answers() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_arguments: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    port = server.server_address[1]
    mute = socket.create_server(("127.0.0.1", 0))
    try:
        mine = in_a_cell(probes.ports_of, pwd.getpwuid(os.getuid()).pw_name)
        assert {port, mute.getsockname()[1]} <= set(mine)
        asked = in_a_cell(probes.ask_ports, [port], ["/", "/nothing-here"])
        assert asked == [[port, "/", 200], [port, "/nothing-here", 404]]
        assert in_a_cell(probes.ask_ports, [mute.getsockname()[1]], ["/"]) == []
    finally:
        mute.close()
        server.shutdown()
        server.server_close()
    assert in_a_cell(probes.ports_of, "no-such-unix-user") == []


def test_folder_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    assert in_a_cell(probes.try_folder, str(tmp_path)) == [True, True]
    assert list(tmp_path.iterdir()) == []
    assert in_a_cell(probes.try_folder, str(tmp_path / "none")) == [False, False]


def test_limits_probe_answers_on_this_machine() -> None:
    seen = in_a_cell(probes.limits)
    assert seen["memory"] is None or seen["memory"] > 2**20
    assert set(seen) == {"memory", "MEM_LIMIT", "CPU_LIMIT"}


def people(answers: dict[str, Any]) -> tuple[Any, Any]:
    """Two students whose kernels answer each probe as told."""

    def run(code: str) -> str:
        name = code.split("def ", 1)[1].split("(", 1)[0] if "def " in code else ""
        return json.dumps(answers.get(name))

    one = SimpleNamespace(name="a", run=run, file_path="/home/a/localcloud-journey.txt")
    other = SimpleNamespace(
        name="b",
        run=run,
        file_path="/home/b/localcloud-journey.txt",
        server_url="http://hub/user/b/",
        secret="0" * 8,
        browser=SimpleNamespace(timeout=1),
    )
    return one, other


BEA = Account("b", "jupyter-b", "/home/b")


def judged(check: Any, answers: dict[str, Any], *arguments: Any) -> StepFailed:
    one, other = people(answers)
    with pytest.raises(StepFailed) as failure:
        check(one, other, *arguments)
    return failure.value


def test_a_readable_home_is_a_finding_with_its_path() -> None:
    failure = judged(privacy.check_home, {"reach_files": ["list /home/b"]}, BEA)
    assert failure.problem_id == "journey_home_open"
    assert failure.data == {"user": "a", "other": "b", "path": "list /home/b"}


def test_a_readable_token_is_a_finding() -> None:
    failure = judged(privacy.check_home, {"reach_files": [], "read_tokens": [7]}, BEA)
    assert failure.problem_id == "journey_token_open"


def test_closed_homes_pass() -> None:
    one, other = people({"reach_files": [], "read_tokens": []})
    privacy.check_home(one, other, BEA)


def test_a_port_that_gives_data_is_a_finding() -> None:
    answers = {"ports_of": [4000], "ask_ports": [[4000, "/user/b/api/contents", 200]]}
    failure = judged(privacy.check_ports, answers, BEA)
    assert failure.problem_id == "journey_port_open"
    assert failure.data["port"] == 4000


def test_an_output_that_can_be_overheard_is_a_finding() -> None:
    answers = {"ports_of": [4000, 4001], "ask_ports": [[4000, "/", 403]], "overhear": [4001]}
    failure = judged(privacy.check_ports, answers, BEA)
    assert failure.problem_id == "journey_output_open"
    assert failure.data["port"] == "4001"


def test_ports_that_are_closed_or_unseen_pass_with_a_remark() -> None:
    answers = {"ports_of": [4000], "ask_ports": [[4000, "/", 302]], "overhear": []}
    one, other = people(answers)
    assert "4000" in privacy.check_ports(one, other, BEA)
    one, other = people({"ports_of": []})
    assert "No port" in privacy.check_ports(one, other, BEA)


IN_A_POD = Account("b", "", "")


def in_pods(answers: dict[str, Any]) -> tuple[Any, Any]:
    """Two students of a cluster: the same paths for both, and no Unix names."""
    one, other = people(answers)
    one.file_path = other.file_path = "/home/jovyan/localcloud-journey.txt"
    return one, other


def test_the_same_path_in_two_pods_is_no_finding_unless_it_is_the_same_file() -> None:
    privacy.check_home(*in_pods({"read_file": "my own secret"}), IN_A_POD)
    with pytest.raises(StepFailed) as failure:
        privacy.check_home(*in_pods({"read_file": "0" * 8}), IN_A_POD)
    assert failure.value.problem_id == "journey_home_open"


def test_another_pod_is_asked_at_its_own_address() -> None:
    seen: dict[str, Any] = {"own_addresses": [["10.42.0.9"], 8888]}
    open_pod = [[8888, "/user/b/api/contents", 200]]
    with pytest.raises(StepFailed) as failure:
        privacy.check_ports(*in_pods({**seen, "ask_ports": open_pod}), IN_A_POD)
    assert failure.value.problem_id == "journey_port_open"
    asks = [[8888, "/user/b/api/contents", 403]]
    assert "login" in privacy.check_ports(*in_pods({**seen, "ask_ports": asks}), IN_A_POD)
    assert "cannot" in privacy.check_ports(*in_pods({**seen, "ask_ports": []}), IN_A_POD)


def test_own_addresses_and_files_are_told(tmp_path: Path) -> None:
    addresses, port = in_a_cell(probes.own_addresses)
    assert addresses and port == 8888
    (tmp_path / "a").write_text("words")
    assert in_a_cell(probes.read_file, str(tmp_path / "a")) == "words"
    assert in_a_cell(probes.read_file, str(tmp_path / "none")) == ""


@pytest.mark.parametrize(
    ("seen", "problem_id"),
    [([False, False], "journey_shared_unreadable"), ([True, True], "journey_shared_writable")],
)
def test_shared_folder_must_be_read_only(seen: list[bool], problem_id: str) -> None:
    one, _other = people({"try_folder": seen})
    with pytest.raises(StepFailed) as failure:
        privacy.check_shared(one, "/srv/data")
    assert failure.value.problem_id == problem_id


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"memory": 512 * 2**20, "MEM_LIMIT": "", "CPU_LIMIT": "0.5"}, "512 MiB. CPU limit: 0.5"),
        ({"memory": None, "MEM_LIMIT": "1", "CPU_LIMIT": ""}, "announces"),
        ({"memory": None, "MEM_LIMIT": "", "CPU_LIMIT": ""}, "No memory limit"),
    ],
)
def test_limits_are_told(seen: dict[str, Any], words: str) -> None:
    one, _other = people({"limits": seen})
    assert words in privacy.tell_limits(one)
