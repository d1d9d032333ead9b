"""Ansible's raw events, as localcloud understands them."""

import pytest

from localcloud.events import Reader
from localcloud.redaction import Redactor


def status(event: str, stdout: str = "", **data: object) -> str | None:
    raw = {"event": event, "stdout": stdout, "event_data": {"host": "a", "res": {}, **data}}
    (read,) = Reader(Redactor([])).read(raw)
    return read.status


@pytest.mark.parametrize(
    ("event", "stdout", "data", "expected"),
    [
        ("runner_on_failed", "fatal: [a]: FAILED!", {}, "failed"),
        ("runner_on_failed", "fatal: [a]: FAILED!", {"ignore_errors": True}, "ignored"),
        ("runner_on_unreachable", "fatal: [a]: UNREACHABLE! => {}", {}, "unreachable"),
        ("runner_on_unreachable", "fatal: [a]: UNREACHABLE! => {}\r\n...ignoring", {}, "ignored"),
        ("runner_on_unreachable", "UNREACHABLE!\n\x1b[0;36m...ignoring\x1b[0m", {}, "ignored"),
        ("runner_on_ok", "changed: [a]", {}, "changed"),
        ("runner_on_ok", "ok: [a]", {}, "ok"),
    ],
)
def test_what_a_role_minds_itself_is_no_failure(event, stdout, data, expected):
    assert status(event, stdout, **data) == expected
