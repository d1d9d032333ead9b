"""Why a task failed: from Ansible's result to a message and a remedy.

A role names its problem itself (``fail`` with ``{"localcloud_problem": "<id>", …}``). Anything else
is classified by its cause (:mod:`localcloud.causes`).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from localcloud import causes, hints, recordlog
from localcloud.errors import LocalcloudError
from localcloud.events import Event
from localcloud.i18n import _
from localcloud.phases import Phase
from localcloud.problems import explain

if TYPE_CHECKING:
    from localcloud.site import Site

_MARK = "localcloud_problem"
_OUTPUT = ("stderr", "module_stderr", "stdout", "module_stdout")


@dataclass(frozen=True)
class Failure:
    """One failed step.

    ``problem``: the catalogue's id; ``message`` and ``remedy``: sentences in the user's language;
    ``details``: what the program said, verbatim and short. No host: the run as a whole failed.
    """

    host: str
    role: str | None
    task: str | None
    phase: Phase | None
    problem: str
    message: str
    remedy: str
    details: str
    unreachable: bool = False


def from_event(event: Event, user: str = "") -> Failure:
    """Explain a failed or unreachable result; ``user`` is the host's login name."""
    host, task = event.host or "?", event.task or "?"
    task = task.partition(" : ")[2] or task
    named = _named(event.result)
    if named is not None:
        details = str(named.pop("details", ""))
    else:
        details = _said(event.result)
        problem, more = causes.classify(event.result) or (_unclassified(event), {})
        named = {_MARK: problem, **more}
    problem, more = causes.sharper(str(named.pop(_MARK)), details)
    named |= more
    message, remedy = _words(problem, {"user": user, **named, "host": host, "task": task})
    unreachable = event.status == "unreachable"
    return Failure(
        host, event.role, task, event.phase, problem, message, remedy, details, unreachable
    )


def _unclassified(event: Event) -> str:
    if event.status == "unreachable":
        return "unreachable"
    return "task_failed_hidden" if "censored" in event.result else "task_failed"


def _words(problem: str, data: dict[str, Any]) -> tuple[str, str]:
    if problem in causes.PLAIN:
        message, remedy = causes.PLAIN[problem]
        return _(message).format_map(data), hints.complete(_(remedy).format_map(data))
    words = explain(problem, data)
    return words.message, words.remedy


def seen_otherwise(failure: Failure, error: LocalcloudError) -> Failure:
    """The same failure in the words of what a second look at the host found."""
    problem = str(getattr(error, "problem_id", failure.problem))
    details = error.details or ("" if failure.problem in causes.PLAIN else failure.details)
    return replace(
        failure, problem=problem, message=error.message, remedy=error.remedy, details=details
    )


def of_playbook(notes: Iterable[str]) -> Failure:
    """A run that ended before or outside any task (a broken playbook, a wrong vault key)."""
    text = "\n".join(notes).strip()
    if re.search(r"vault|decrypt", text, re.IGNORECASE):
        message = _("The site's secrets cannot be decrypted.")
        remedy = _("Put back the secrets.key that fits them; a copy may be in your backup.")
    else:
        message = _("Ansible could not carry out the run.")
        remedy = hints.complete(
            _("Mend what it names above; everything it said: `localcloud logs --full`.")
        )
    return Failure("", None, None, None, "playbook_failed", message, remedy, shorten(text))


def grouped(failures: Iterable[Failure]) -> list[tuple[Failure, list[str]]]:
    """Failures that differ in the host alone, as one: the first of them and all their hosts."""
    groups: dict[tuple[str, str | None, str | None], list[Failure]] = {}
    for failure in failures:
        groups.setdefault((failure.problem, failure.role, failure.task), []).append(failure)
    return [(group[0], sorted(one.host for one in group)) for group in groups.values()]


def standing(failures: list[Failure], counts: dict[str, dict[str, int]]) -> list[Failure]:
    """Drop what a ``rescue`` mended: Ansible's counts say how many failures of a host stood."""
    kept: list[Failure] = []
    for host in dict.fromkeys(failure.host for failure in failures):
        mine = [failure for failure in failures if failure.host == host]
        count = counts.get(host, {})
        stood = count.get("failed", 0) + count.get("unreachable", 0)
        kept += mine[-stood:] if stood else []
    return kept


def _named(result: dict[str, Any]) -> dict[str, Any] | None:
    """The problem that a role named, in the result or in an item of its loop."""
    for part in causes.parts(result):
        for value in (part.get("msg"), part):
            if found := _problem(value):
                return found
    return None


def _problem(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and _MARK in value:
        try:
            value = json.loads(value[value.index("{") : value.rindex("}") + 1])
        except ValueError:
            return None
    if isinstance(value, dict) and isinstance(value.get(_MARK), str):
        return {str(key): item for key, item in value.items()}
    return None


def _said(result: dict[str, Any]) -> str:
    """What the failed program said, short enough for a screen; the log has all of it."""
    if "censored" in result:
        return _("(hidden for secrecy: this step handles secrets)")
    messages: list[str] = []
    output = ""
    for part in list(causes.parts(result))[:3]:
        if text := _text(part, "msg") or _text(part, "reason"):
            messages.append(text)
        output = next(filter(None, (_text(part, key) for key in _OUTPUT)), output)
    if not messages and not output:
        if trace := _text(result, "exception"):
            return shorten(trace)
        kept = {key: value for key, value in result.items() if key != "invocation"}
        return shorten(recordlog.detail(kept))
    said = "\n".join(dict.fromkeys(messages))
    if not output or output in said:
        return shorten(said)
    # Ansible's own sentence is often "non-zero return code": the program's words matter more.
    head = messages[-1].splitlines()[0][:300] if messages else ""
    return shorten(output) if head in output else f"{head}\n{shorten(output)}"


def _text(result: dict[str, Any], key: str) -> str:
    text = result.get(key)
    return text.strip() if isinstance(text, str) else ""


def shorten(text: str, lines: int = 8, width: int = 300) -> str:
    """The end of a long text: programs tell the cause last."""
    kept = [line[:width] for line in text.strip().splitlines() if line.strip()]
    return "\n".join((["…"] if len(kept) > lines else []) + kept[-lines:])


def second_look(site: "Site", failure: Failure) -> Failure:
    """ssh's own words differ between strategies: ask the host again and tell what is there."""
    from localcloud.hostlock import is_remote
    from localcloud.ssh import connect

    host = site.hosts.get(failure.host)
    if failure.problem not in causes.CONNECTION or host is None or not is_remote(host):
        return failure
    try:
        connect(site, host).close()
    except LocalcloudError as error:
        return seen_otherwise(failure, error)
    return failure
