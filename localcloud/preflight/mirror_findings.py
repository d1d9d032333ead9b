"""Which package sources do not answer a host, and what to set so that they do."""

from collections.abc import Iterator
from typing import Any

from localcloud.preflight.facts import Facts
from localcloud.preflight.needs import Needs
from localcloud.preflight.report import Finding, finding

_RESULTS = {"dns", "refused", "timeout", "tls", "http", "proxy", "other"}
# Registries answer an anonymous request for their front page as they like; these mean "go away".
_LOCKED_OUT = ("401", "403", "407")


def mirrors(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Blocking where the distribution, pip or npm cannot be reached; others' sources only warn."""
    asked = {answer["kind"].partition("-")[0] for answer in facts["mirrors"]}
    for answer in facts["mirrors"]:
        kind, _dash, origin = answer["kind"].partition("-")
        if answer["result"] == "untested":
            yield finding(host, "note", "mirror_untested", url=answer["url"], kind=kind)
        elif not _answers(kind, answer):
            severity = (
                "warning" if origin == "own" and _foreign(kind, answer, facts) else "blocking"
            )
            yield _silent(host, severity, kind, answer, needs)
    for kind in sorted(set(needs.settings) - asked):
        if kind == "apt":
            yield finding(host, "blocking", "apt_sources_missing", setting=needs.settings[kind])
        elif kind in needs.unknown:
            yield finding(host, "note", "mirror_unknown", kind=kind, setting=needs.settings[kind])


def _answers(kind: str, answer: dict[str, Any]) -> bool:
    if answer["result"] == "ok":
        return True
    code = answer["detail"].partition(" ")[0]
    return (
        kind == "npm"
        and answer["result"] == "http"
        and code.startswith("4")
        and code not in _LOCKED_OUT
    )


def _foreign(kind: str, answer: dict[str, Any], facts: Facts) -> bool:
    """A package source beside the distribution's own: apt goes on without it."""
    if kind != "apt":
        return False
    return f"/dists/{facts['os_codename']}" not in answer["url"]


def _silent(host: str, severity: str, kind: str, answer: dict[str, Any], needs: Needs) -> Finding:
    result = answer["result"] if answer["result"] in _RESULTS else "other"
    return finding(
        host,
        severity,
        f"mirror_{result}",
        kind=kind,
        url=answer["url"],
        reason=answer["detail"] or result,
        setting=needs.settings.get(kind) or "?",
        certificates=needs.certificates or "?",
    )
