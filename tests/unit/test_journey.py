"""The whole journey: accounts, clean up, interrupts, and what the report says."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.errors import LocalcloudError
from localcloud.journey import JourneyReport, Step, journey, load
from localcloud.journey.accounts import Accounts, Login, local, new_logins, over_ssh
from localcloud.journey.failure import StepFailed
from localcloud.journey.recorder import Recorder
from localcloud.journey.report import LABELS, WAITED, summarise
from localcloud.problems.journey import PROBLEMS

ENDPOINT = SimpleNamespace(
    url="http://127.0.0.1:9/", host="s1", accounts="/x", ca_certificate=None, admins=[]
)


class Command:
    """The accounts command in memory; keeps the questions it was asked."""

    def __init__(self, there: tuple[str, ...] = ()) -> None:
        self.there = set(there)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, question: bytes) -> tuple[int, str, str]:
        asked = json.loads(question)
        self.asked.append(asked)
        names = [user["name"] for user in asked["users"]]
        if asked["action"] == "ensure":
            self.there |= set(names)
        elif asked["action"] == "remove":
            self.there -= set(names)
        else:
            names = sorted(self.there)
        users = [{"name": n, "unix_name": f"jupyter-{n}", "home": f"/home/{n}"} for n in names]
        return 0, json.dumps({"changed": True, "users": users}), ""


def test_leftovers_go_first_and_own_accounts_at_the_end_even_after_failure() -> None:
    command = Command(("lcj-00aa11-1", "lcj-ana", "lcj-00aa11-x"))
    report = journey(ENDPOINT, None, users=2, accounts=Accounts(command, "s1"))
    assert command.there == {"lcj-ana", "lcj-00aa11-x"}  # people, not leftovers
    assert not report.ok
    assert [step.name for step in report.steps] == ["accounts", "page", "page", "cleanup"]
    assert {step.problem_id for step in report.failures} == {"journey_unreachable"}
    assert "lcj-00aa11-1" in report.steps[0].info


def test_interrupt_removes_the_accounts_and_goes_on_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_actions: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "at_once", interrupted)
    command = Command()
    with pytest.raises(KeyboardInterrupt):
        journey(ENDPOINT, None, accounts=Accounts(command, "s1"))
    assert command.there == set()
    assert [question["action"] for question in command.asked] == ["list", "ensure", "remove"]


def test_accounts_that_cannot_be_removed_are_named() -> None:
    command = Command()

    def call(question: bytes) -> tuple[int, str, str]:
        if b'"remove"' in question:
            return 1, "", "userdel: user lcj-1 is currently used"
        return command(question)

    report = journey(ENDPOINT, None, users=1, accounts=Accounts(call, "s1"))
    last = report.steps[-1]
    assert last.problem_id == "journey_cleanup_failed"
    assert "s1" in last.message and "currently used" in last.details


def test_failing_accounts_command_ends_the_journey_without_a_password_in_it() -> None:
    secret: list[str] = []

    def call(question: bytes) -> tuple[int, str, str]:
        users = json.loads(question)["users"]
        secret.extend(user["password"] for user in users if "password" in user)
        return 3, "", f"useradd: cannot lock /etc/passwd ({' '.join(secret)})"

    with pytest.raises(StepFailed) as failure:
        Accounts(call, "s1").ensure(new_logins(1))
    assert "cannot lock /etc/passwd" in failure.value.details
    assert secret and secret[0] not in failure.value.details


def test_unreadable_answer_of_the_accounts_command() -> None:
    with pytest.raises(StepFailed) as failure:
        Accounts(lambda _question: (0, "Traceback", ""), "s1").leftovers()
    assert "unreadable answer: Traceback" in failure.value.details


def test_passwords_travel_on_standard_input_only(tmp_path: Path) -> None:
    script = tmp_path / "accounts.py"
    script.write_text(
        "import json, sys\nq = json.load(sys.stdin)\nassert len(sys.argv) == 1\n"
        "print(json.dumps({'changed': True, 'users': [dict(name=u['name'], unix_name='x',"
        " home='/h') for u in q['users']]}))"
    )
    login = Login("lcj-000000-1", "s3cret")
    assert local([sys.executable, str(script)]).ensure([login])[login.name].home == "/h"
    assert "s3cret" not in repr(login)


def test_accounts_over_ssh_become_root_and_quote_the_command() -> None:
    said: dict[str, Any] = {}

    class Connection:
        def run(self, command: str, **options: Any) -> Any:
            said.update(command=command, **options)
            return SimpleNamespace(code=0, stdout='{"users": []}', stderr="")

    over_ssh(Connection(), "/opt/a b/accounts", "s1").leftovers()
    assert said["command"] == "'/opt/a b/accounts'"
    assert said["sudo"] is True
    assert json.loads(said["stdin"])["action"] == "list"


def test_names_and_passwords_of_a_journey() -> None:
    first, second = new_logins(2)
    assert re.fullmatch(r"lcj-[0-9a-f]{6}-1", first.name)
    assert second.name == first.name[:-1] + "2"
    assert len(first.password) >= 20 and first.password != second.password


def filled(users: int, **changed: Step) -> JourneyReport:
    report = JourneyReport("https://hub.example/", users, seconds=3.0)
    for number in range(1, users + 1):
        report.steps += [Step(n, LABELS[n], f"u{number}", float(number), True) for n in WAITED]
    report.steps += changed.values()
    return report


def test_report_of_two_users_lists_steps_with_the_slower_time() -> None:
    text = filled(2).render()
    assert "https://hub.example/ with 2 users: passed after 3.0 s" in text
    assert re.search(r"✓  Run a cell +2\.00 s", text)


def test_report_of_many_users_gives_median_and_p95() -> None:
    report = filled(20)
    assert report.times()["spawn"].median == 10.5
    assert report.times()["spawn"].p95 == 19
    assert re.search(r"Start the server +20/20 +10\.50 s +19\.00 s +20\.00 s", report.render())
    assert report.whole().median == 73.5  # seven steps of 10.5 seconds


def test_equal_failures_are_told_once_with_their_number() -> None:
    report = filled(3)
    for user in ("u4", "u5", "u6"):
        report.steps.append(
            Step("spawn", "Start the server", user, 9, False, "journey_spawn_failed", "It broke.",
                 "Mend it.", "hub: no memory")
        )  # fmt: skip
    report.users = 6
    text = report.render()
    assert text.count("It broke.") == 1
    assert "    hub: no memory" in text
    assert "What to do: Mend it." in text
    assert "The same happened to 2 other users." in text
    assert "✗  Start the server" in text and "3/6" in text
    assert not report.ok


def test_a_user_who_never_arrived_is_a_failure_even_without_a_failed_step() -> None:
    report = filled(2)
    report.users = 3
    assert not report.ok


def test_report_as_json_is_plain_data() -> None:
    told = json.loads(json.dumps(filled(2).as_dict()))
    assert told["ok"] is True
    assert told["times"]["cell"] == {
        "count": 2, "failed": 0, "median": 1.5, "p95": 2.0, "slowest": 2.0,
    }  # fmt: skip
    assert told["steps"][0]["name"] == "page"


def test_summary_counts_what_has_no_time_as_failed() -> None:
    assert summarise([], 3).failed == 3
    assert summarise([2.0, 1.0], 3).failed == 1


def test_defect_in_a_step_becomes_a_finding_with_its_place() -> None:
    told: list[Step] = []
    recorder = Recorder(told.append)

    def broken() -> None:
        raise ValueError("unforeseen")

    assert not recorder.attempt("cell", "u1", broken)
    assert told[0].problem_id == "journey_unexpected"
    assert "ValueError: unforeseen" in told[0].details and "test_journey.py" in told[0].details


def test_after_a_cancel_nothing_more_is_begun() -> None:
    recorder = Recorder()
    recorder.cancelled.set()
    begun: list[int] = []
    assert not recorder.attempt("cell", "u1", lambda: begun.append(1))
    assert not begun and not recorder.steps


def test_every_problem_a_step_raises_is_in_the_catalogue() -> None:
    sources = Path(load.__file__).parent.glob("*.py")
    raised = set(re.findall(r'"(journey_[a-z_]+)"', "".join(p.read_text() for p in sources)))
    assert raised == set(PROBLEMS)


def test_a_hub_without_an_accounts_command_is_refused_before_any_connection() -> None:
    endpoint = SimpleNamespace(**{**vars(ENDPOINT), "accounts": None})
    with pytest.raises(LocalcloudError) as refusal:
        journey(endpoint, None)
    assert "s1" in refusal.value.message and refusal.value.remedy
