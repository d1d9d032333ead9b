"""Preflight: one look at every host at once, before anything is changed."""

from typing import TYPE_CHECKING

from localcloud.errors import ExitCode, LocalcloudError, UsageError
from localcloud.i18n import number
from localcloud.preflight import between, findings, meeting, mirror_findings, moving, node_findings
from localcloud.preflight.facts import Facts
from localcloud.preflight.needs import Needs, gather
from localcloud.preflight.probe import Question, ask
from localcloud.preflight.report import Finding, Move, Report, finding
from localcloud.ssh import Connection, Connections, SshError, on_all

if TYPE_CHECKING:
    from localcloud.site import Site

__all__ = ["Finding", "Move", "Report", "check"]

# Only these verbs put something on a host; the others just need to get in.
_BUILDING = {"install", "check", "upgrade"}


def check(site: "Site", verb: str = "install", kept: Connections | None = None) -> Report:
    """Look at all hosts of the site at once and judge what was seen. Changes nothing.

    ``kept`` gets the connections to the hosts that were seen, for what comes next.
    A host that cannot be entered becomes a finding; it never hides what the others have.
    Raises UsageError if the site itself names something that is not there (a certificate file).
    """
    builds = verb in _BUILDING
    needs: dict[str, Needs] = {}
    questions: dict[str, Question] = {}
    for name, host in site.hosts.items():
        needs[name], questions[name] = gather(site, host) if builds else (Needs(), Question())

    # A new node's way to the old ones counts, also where --limit names the new one alone.
    outside = between.neighbours(site, needs)
    for name, needed in outside.items():
        needs[name], questions[name] = needed, Question(node=True)

    def look(connection: Connection) -> Facts:
        return ask(connection, questions[connection.host.name])

    report = Report(hosts=list(site.hosts))
    cluster: dict[str, Facts] = {}  # of the hosts outside --limit
    asked = [host for name, host in site.all_hosts.items() if name in needs]
    for name, answer in on_all(site, asked, look, kept).items():
        if name in outside:
            if isinstance(answer, LocalcloudError):
                reason = answer.message
                report.findings.append(finding(name, "note", "peers_untested", reason=reason))
            else:
                cluster[name] = answer
        elif isinstance(answer, LocalcloudError):
            _not_seen(report, name, answer)
        else:
            report.facts[name] = answer
            judged = _judge(name, answer, needs[name], builds)
            report.moves += moving.moves(name, answer, needs[name])
            report.findings += judged
            if not any(found.severity == "blocking" for found in judged):
                report.findings.append(_summary(name, answer))
    if builds:
        everybody = {**report.facts, **cluster}
        peers = {name for name in needs if needs[name].peers()}
        found = between.hosts(everybody, peers)
        report.findings += [one for one in found if one.host not in outside]
        report.findings += between.servers(site, needs)
        report.findings += meeting.findings(site, everybody, needs)
        addresses = {name: host.address for name, host in site.hosts.items()}
        report.findings += between.names(site.endpoints(), report.facts, addresses)
    report.sort()
    return report


def _judge(name: str, facts: Facts, needs: Needs, builds: bool) -> list[Finding]:
    if not builds:
        return findings.access(name, facts, needs)
    return [
        *findings.of_host(name, facts, needs),
        *node_findings.of_host(name, facts, needs),
        *mirror_findings.mirrors(name, facts, needs),
        *moving.of_host(name, facts, needs),
    ]


def _not_seen(report: Report, name: str, error: LocalcloudError) -> None:
    if isinstance(error, UsageError):
        raise error
    if error.exit_code == ExitCode.UNREACHABLE:
        report.unreachable.append(name)
    problem_id = getattr(error, "problem_id", "probe_failed")
    details = "" if isinstance(error, SshError) else error.details
    report.findings.append(
        Finding(name, problem_id, "blocking", error.message, error.remedy, details)
    )


def _summary(name: str, facts: Facts) -> Finding:
    free = facts["disk"].get("/", {}).get("free_mib", 0)
    return finding(
        name,
        "ok",
        "host_ok",
        system=facts["os_name"],
        cores=facts["cores"],
        memory=number(facts["memory_mib"] / 1024, 1),
        disk=number(free / 1024, 1),
    )
