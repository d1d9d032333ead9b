"""The readable log of a run (``output.log``), in English: it is for experts and for bug reports."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

from localcloud.events import Event

_NOISE = {"changed", "failed", "_ansible_no_log", "exception", "ansible_facts", "invocation"}
_LAST = ("invocation", "exception")
# The reasons of the module written_files to show no content.
HIDDEN = {
    "secret": "{path}: new content, not shown since it holds secrets",
    "mode": "{path}: owner or mode",
}


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S")


def head(data: dict[str, Any]) -> str:
    day = datetime.fromtimestamp(data["started"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    facts = ("id", "hosts", "limit", "dry_run", "strategy", "versions", "flags")
    shown = "".join(f"  {name}: {_plain(data[name])}\n" for name in facts if data.get(name))
    return f"localcloud {data['verb']}, {day}\n{shown}"


def _plain(value: Any) -> str:
    """Lists and mappings as a person writes them."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def phase(event: Event) -> str:
    key = event.phase.key if event.phase else ""
    return f"{_clock(event.time)} == {key}\n"


def tail(data: dict[str, Any]) -> str:
    phases = "".join(f"  {seconds:8.1f} s  {key}\n" for key, seconds in data.get("phases", []))
    return f"{_clock(data['finished'])} == {data['status']} after {data['seconds']} s\n{phases}"


def lines(event: Event) -> str:
    """What the log says of an event; empty for those that say nothing to a reader."""
    if event.kind == "note":
        text = indent(str(event.result.get("msg", "")), "    | ")
        return f"{_clock(event.time)}   {event.status}\n{text}\n"
    if event.kind == "retry":
        tries = "/".join(
            str(event.result[key]) for key in ("attempts", "retries") if key in event.result
        )
        return f"{_clock(event.time)}   {event.host}  again: {event.task} ({tries})\n"
    if event.kind != "result" or event.status == "skipped":
        return ""
    took = f"  ({event.seconds:.1f} s)" if event.seconds and event.seconds >= 0.1 else ""
    status = str(event.status)
    bad = status in ("failed", "unreachable", "ignored")
    first = f"{_clock(event.time)}   {event.host}  {status.upper() if bad else status:8}  "
    text = f"{first}{event.task}{took}\n"
    if bad:
        return text + detail(event.result, "    | ")
    if event.result.get("diff"):
        return text + indent(diff_text(event.result["diff"]), "    | ")
    return text


def detail(result: dict[str, Any], margin: str = "") -> str:
    """A result in full, one ``key: value`` after another, long texts as blocks."""
    keys = [key for key in result if key not in _NOISE]
    keys += [key for key in _LAST if key in result]
    parts = []
    for key in keys:
        value = result[key]
        if key.endswith("_lines") and key.removesuffix("_lines") in result:
            continue  # Ansible gives stdout twice
        if value in (None, "", [], {}, "(traceback unavailable)"):
            continue
        if key == "invocation" and isinstance(value, dict):
            arguments = value.get("module_args") or value
            value = {name: item for name, item in arguments.items() if item is not None}
        text = value if isinstance(value, str) else _json(value)
        text = text.rstrip("\n")
        parts.append(f"{key}:\n{indent(text, '  ')}" if "\n" in text else f"{key}: {text}")
    return indent("\n".join(parts), margin) + "\n" if parts else ""


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


def diff_text(diff: Any, hidden: Mapping[str, str] = HIDDEN) -> str:
    """Ansible's before and after as a unified diff; empty if there is none to see.

    ``hidden``: what is said of a file whose content is not shown, by the reason.
    """
    from difflib import unified_diff

    shown = []
    for part in diff if isinstance(diff, list) else [diff]:
        if not isinstance(part, dict):
            continue
        if part.get("prepared"):
            shown.append(str(part["prepared"]).rstrip("\n") + "\n")
            continue
        if part.get("hidden"):
            shown.append(hidden[part["hidden"]].format(path=part.get("after_header")) + "\n")
            continue
        before, after = (_as_lines(part.get(side)) for side in ("before", "after"))
        old, new = part.get("before_header") or "before", part.get("after_header") or "after"
        shown.append("".join(unified_diff(before, after, str(old), str(new))))
    return "".join(shown)


def _as_lines(side: Any) -> list[str]:
    if side in (None, ""):
        return []
    text = side if isinstance(side, str) else json.dumps(side, indent=1, sort_keys=True)
    return [f"{line}\n" for line in text.splitlines()]
