"""From a failed step to a message and a remedy, by cause and not by Ansible's wording."""

import json

import pytest

from localcloud import failures
from localcloud.errors import LocalcloudError
from localcloud.problems import PROBLEMS
from tests.unit.run_cases import event


def explained(status="failed", user="ana", **result):
    return failures.from_event(event(status=status, result=result), user)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("OSError: [Errno 28] No space left on device: '/var/lib/x'", "no_space"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by 12", "apt_locked"),
        ("E: Failed to fetch http://deb.example.org/x  404 Not Found", "apt_failed"),
        ("No package matching 'jupyter' is available", "apt_failed"),
        ("ERROR: No matching distribution found for jupyterhub==99", "pip_failed"),
        ("error: Failed to fetch: `https://pypi.example.org/simple/x/`", "pip_failed"),
        ("npm ERR! code ENOTFOUND", "npm_failed"),
        ("Job for jupyterhub.service failed because the control process exited", "service_failed"),
        ("Unable to start service nginx: some words", "service_failed"),
        ("sudo: a password is required", "permission_denied"),
        ("Missing sudo password", "permission_denied"),
        ("Cannot allocate memory", "out_of_memory"),
        ("Request failed: <urlopen error [Errno 111] Connection refused>", "download_failed"),
        ("The checksum for /tmp/k3s did not match abc; it was def", "checksum_mismatch"),
        ("name: value\nsome stage: done", "task_failed"),
    ],
)
def test_causes(said, problem):
    told = {"invocation": {"module_args": {"url": "https://mirror.example.org/x"}}}
    for key in ("msg", "stderr", "module_stderr"):
        found = explained(**{key: said}, **told)
        assert found.problem == problem
        assert "node1" in found.message and "{" not in found.message
        assert "?" not in found.message and found.remedy


def test_a_download_of_who_knows_what_is_just_a_failed_step():
    assert explained(msg="Request failed: <urlopen error timed out>").problem == "task_failed"


def test_the_deeper_cause_wins():
    """apt complains about a package; what it said before tells why."""
    said = "dpkg: error processing archive: No space left on device\nE: Sub-process dpkg failed"
    assert explained(msg="apt failed", stderr=said).problem == "no_space"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        # stock, then Mitogen
        ("Host key verification failed.", "host_key_refused"),
        ("SSH reported an unrecognized or mismatching host key.", "host_key_refused"),
        ("ana@10.0.0.9: Permission denied (publickey).", "login_refused"),
        ("SSH authentication is incorrect", "login_refused"),
        ("ssh: connect to host 10.0.0.9 port 22: No route to host", "unreachable"),
        ("EOF on stream; last 100 lines received:", "unreachable"),
        ("anything else", "unreachable"),
    ],
)
def test_both_strategies_words_for_one_cause(said, problem):
    found = explained(status="unreachable", msg=said)
    assert (found.problem, found.unreachable) == (problem, True)
    assert "node1" in found.message and found.remedy


def test_a_second_look_tells_more():
    class Changed(LocalcloudError):
        problem_id = "host_key_changed"

    first = explained(status="unreachable", msg="Host key verification failed.")
    second = failures.seen_otherwise(first, Changed("Another key: A, not B.", "Pin it."))
    assert (second.problem, second.message) == ("host_key_changed", "Another key: A, not B.")
    assert (second.remedy, second.details, second.host) == ("Pin it.", "", "node1")


def test_a_roles_own_problem_with_its_data():
    named = {"localcloud_problem": "checksum_mismatch", "url": "https://m/x", "details": "sha…"}
    for result in (
        {"msg": json.dumps(named)},
        {"msg": named},
        {"msg": "One or more items failed", "results": [{"failed": True, "msg": named}]},
        {"msg": "Assertion failed: " + json.dumps(named)},
    ):
        found = explained(**result)
        assert found.problem == "checksum_mismatch"
        assert "https://m/x" in found.message and found.details == "sha…"


@pytest.mark.parametrize(
    ("said", "package"),
    [
        (
            "  ╰─▶ Because nunpy was not found in the package registry and you require nunpy, we "
            "can conclude that your requirements are unsatisfiable.",
            "nunpy",
        ),
        (
            "  ╰─▶ Because there is no version of numpy==99.1 and you require numpy==99.1, we can "
            "conclude that your requirements are unsatisfiable.",
            "numpy==99.1",
        ),
    ],
)
def test_a_mistyped_package_is_not_blamed_on_the_mirror(said, package):
    data = {"localcloud_problem": "packages_failed", "manager": "uv", "environment": "/opt/x"}
    found = explained(msg=json.dumps({**data, "details": said}))
    assert found.message == f"Host node1: the package index knows no Python package “{package}”."
    assert found.remedy.startswith("Correct hub_user_packages")
    assert found.details == said
    said = "error: Failed to fetch: http://mirror/simple/numpy/"
    found = explained(msg=json.dumps({**data, "details": said}))
    assert found.problem == "packages_failed" and "localcloud check" in found.remedy


def test_an_unknown_problem_id_shows_its_data():
    found = explained(msg=json.dumps({"localcloud_problem": "brand_new", "thing": "teapot"}))
    assert "teapot" in found.message and found.remedy
    assert "brand_new" not in PROBLEMS


def test_hidden_results_say_so():
    found = explained(censored="the output has been hidden due to …")
    assert found.details == "(hidden for secrecy: this step handles secrets)"
    assert "journalctl" in found.remedy and "above" not in found.remedy
    assert "Ensure it works" in found.message


def test_long_output_is_cut_to_its_end():
    found = explained(msg="non-zero return code", stderr="\n".join(f"line {n}" for n in range(99)))
    assert found.details.splitlines()[:2] == ["non-zero return code", "…"]
    assert found.details.splitlines()[-1] == "line 98"
    assert len(found.details.splitlines()) == 10


def test_the_cause_on_stderr_is_not_pushed_out_by_a_long_stdout():
    chatter = "\n".join(f"line {n}" for n in range(99))
    found = explained(msg="non-zero return code", stderr="teapot: too short", stdout=chatter)
    assert found.details == "non-zero return code\nteapot: too short"
    assert "its words above" in found.remedy and "localcloud logs" in found.remedy


def test_a_failed_step_that_says_nothing_shows_what_there_is():
    assert "teapot" in explained(exception="Traceback …\nTypeError: teapot").details
    assert "7" in explained(rc=7).details
    in_loop = {"failed": True, "msg": "non-zero return code", "stderr": "teapot: hot"}
    found = explained(msg="One or more items failed", results=[in_loop])
    assert found.details == "non-zero return code\nteapot: hot"


def test_a_step_that_took_too_long():
    assert explained(timedout={"frame": "x"}, msg="Timed out").problem == "task_timeout"


def test_what_a_rescue_mended_does_not_count():
    first, second = explained(msg="one"), explained(msg="two")
    counts = {"node1": {"failed": 1, "rescued": 1}}
    assert failures.standing([first, second], counts) == [second]
    assert failures.standing([first], {"node1": {"rescued": 1}}) == []


def test_the_same_failure_on_many_hosts_is_told_once():
    hosts = ["node2", "node1", "node3"]
    found = [failures.from_event(event(status="failed", host=h, result={})) for h in hosts]
    other = failures.from_event(event(status="failed", task="Ensure more"))
    ((_first, same), (_second, alone)) = failures.grouped([*found, other])
    assert same == ["node1", "node2", "node3"]
    assert alone == ["node1"]
