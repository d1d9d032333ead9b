"""From what a failed program said to the problem behind it, for steps that no role explains itself.

The words looked for are those of errno, ssh, sudo, systemd and the package managers; Ansible's own
sentences change with its release and with the strategy.
"""

import re
from collections.abc import Iterator
from typing import Any

from localcloud.i18n import N_

# Problems of the connection, in words that do not need what only a look at the host can tell
# (`localcloud.runner` has that look and replaces them where it succeeds): id → message, remedy.
PLAIN = {
    "host_key_refused": (
        N_("The host key of {host} is not the pinned one: nothing was sent to it."),
        N_("Run `localcloud check`, which shows both keys and what to do about them."),
    ),
    "login_refused": (
        N_("Host {host} does not let user {user} in."),
        N_("Run `localcloud check`, which tells which keys were tried and what is missing."),
    ),
}
CONNECTION = frozenset({*PLAIN, "unreachable", "unreachable_name"})

# The first that fits counts: the deeper cause stands before what follows from it.
_CAUSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (problem, re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for problem, pattern in (
        (
            "host_key_refused",
            r"remote host identification has changed|host key verification failed"
            r"|host key .{0,80}changed|host key (is invalid|mismatch)|mismatching host key",
        ),
        (
            "permission_denied",
            r"a password is required|missing sudo password|a terminal is required to"
            r"|is not in the sudoers|may not run sudo|sudo password is required"
            r"|incorrect sudo password|is not allowed to execute|sudo: no tty present",
        ),
        (
            "login_refused",
            r"permission denied \((publickey|password|keyboard)|too many authentication failures"
            r"|ssh authentication is incorrect",
        ),
        ("unreachable_name", r"could not resolve hostname"),
        (
            "unreachable",
            r"^ssh: connect to host|connection (closed|reset) by \S+ port|kex_exchange_ident"
            r"|banner exchange|mitogen was disconnected|eof on stream; last \d+ lines"
            r"|shared connection to \S+ closed",
        ),
        ("no_space", r"no space left on device|enospc|enough free space|disk quota exceeded"),
        ("out_of_memory", r"cannot allocate memory|^MemoryError|out of memory|oom-kill"),
        (
            "apt_locked",
            r"could not get lock|unable to acquire the dpkg frontend lock|unable to lock directory"
            r"|is locked by another process|failed to lock apt",
        ),
        (
            "pip_failed",
            r"no matching distribution found|could not find a version that satisfies"
            r"|no solution found when resolving|failed to (fetch|download).{0,40}/simple/"
            r"|(?-i:ERROR: Could not install packages)",
        ),
        ("npm_failed", r"^npm (err!|error)"),
        (
            "apt_failed",
            r"(?-i:^E: )|failed to fetch|unable to locate package|no package matching"
            r"|unmet dependencies|dpkg was interrupted|failed to update apt cache"
            r"|apt cache update failed",
        ),
        ("checksum_mismatch", r"checksum .{0,40}did not match|hash mismatch"),
        (
            "download_failed",
            r"request failed|urlopen error|http error \d{3}|certificate_verify_failed",
        ),
        ("service_failed", r"job for \S+ failed|unable to (re)?start service"),
    )
)


# How uv says that a package, or the version asked for, does not exist.
_NO_SUCH_PACKAGE = re.compile(
    r"(?:Because |and |^|\s)(\S+) was not found in the package registry"
    r"|there (?:is|are) no versions? of (\S+?)(?=[,.]?\s|$)"
)


def sharper(problem: str, details: str) -> tuple[str, dict[str, str]]:
    """A problem that a role named, told apart by what the program said; else the same one."""
    if problem == "packages_failed" and (found := _NO_SUCH_PACKAGE.search(details)):
        return "package_unknown", {"package": found.group(1) or found.group(2)}
    return problem, {}


def parts(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A result and the failed items of its loop."""
    yield result
    for item in result.get("results") or []:
        if isinstance(item, dict) and item.get("failed"):
            yield item


def classify(result: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Problem id and the data its sentence needs; None if nothing known is behind it."""
    if "timedout" in result:
        return "task_timeout", {}
    text = "\n".join(_texts(result))
    for problem, pattern in _CAUSES:
        if found := pattern.search(text):
            data = _data(problem, _line(text, found), result)
            if "" not in data.values():  # else the sentence would have a hole: go on looking
                return problem, data
    return None


def _texts(result: dict[str, Any]) -> Iterator[str]:
    for part in parts(result):
        for key in ("msg", "stderr", "stdout", "module_stderr", "module_stdout", "reason"):
            if isinstance(part.get(key), str):
                yield part[key]
        if isinstance(part.get("exception"), str):
            yield part["exception"].strip().rpartition("\n")[2]


def _line(text: str, found: "re.Match[str]") -> str:
    start, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.end())
    return text[start : end if end >= 0 else None].strip()[:300]


def _data(problem: str, line: str, result: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"reason": line}
    if problem == "no_space":
        path = re.search(r"(/[\w./-]+)", line)
        data["path"] = path.group(1) if path else "/"
    elif problem in ("download_failed", "checksum_mismatch"):
        url = re.search(r"https?://[^\s'\"<>]+", line)
        arguments = (result.get("invocation") or {}).get("module_args") or {}
        named = result.get("url") or arguments.get("url") or arguments.get("src") or ""
        data["url"] = url.group(0) if url else named
    elif problem == "service_failed":
        unit = re.search(r"job for (\S+) failed|service (\S+?):", line, re.IGNORECASE)
        data["unit"] = (unit.group(1) or unit.group(2)) if unit else ""
    return data
