"""What a check found, of all hosts together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from localcloud.preflight.facts import Facts
from localcloud.problems import explain

SEVERITIES = ("blocking", "warning", "note", "ok")


@dataclass(frozen=True)
class Finding:
    """One finding. ``host`` is empty if it concerns several hosts or none."""

    host: str
    problem_id: str
    severity: str  # one of SEVERITIES
    message: str
    remedy: str
    details: str = ""


def finding(host: str, severity: str, problem_id: str, **data: Any) -> Finding:
    """A finding in the words of the catalogue."""
    problem = explain(problem_id, {"host": host, **data})
    return Finding(host, problem_id, severity, problem.message, problem.remedy)


@dataclass(frozen=True)
class Move:
    """People of a host go from one hub to another. ``group``: that of the old one.

    ``copied``: the new one is a cluster's, and homes are copied into its volumes.
    """

    host: str
    old: str
    new: str
    group: str
    copied: bool = False


@dataclass
class Report:
    """Findings, worst first for each host in the site's order; facts of the hosts that answered."""

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict)
    unreachable: list[str] = field(default_factory=list)  # names of hosts
    hosts: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)

    @property
    def blocking(self) -> list[Finding]:
        return [found for found in self.findings if found.severity == "blocking"]

    @property
    def without_python(self) -> list[str]:
        """Hosts on which Python must be installed before Ansible can work."""
        return [name for name, facts in self.facts.items() if not facts["python"]]

    def of(self, host: str) -> list[Finding]:
        return [found for found in self.findings if found.host == host]

    def grouped(self) -> list[tuple[Finding, list[str]]]:
        """Worst first, what is said of several hosts once: one of them, and all the hosts."""
        groups: dict[Finding, list[str]] = {}
        for found in sorted(self.findings, key=lambda one: SEVERITIES.index(one.severity)):
            groups.setdefault(replace(found, host=""), []).append(found.host)
        return list(groups.items())

    def sort(self) -> None:
        order = {name: place for place, name in enumerate(["", *self.hosts])}
        self.findings.sort(
            key=lambda found: (order.get(found.host, 0), SEVERITIES.index(found.severity))
        )

    def as_json(self) -> Mapping[str, Any]:
        """For other programs; keys stay as they are."""
        return {
            "hosts": {
                name: {"reachable": name not in self.unreachable, "facts": self.facts.get(name)}
                for name in self.hosts
            },
            "findings": [
                {
                    "host": found.host,
                    "id": found.problem_id,
                    "severity": found.severity,
                    "message": found.message,
                    "remedy": found.remedy,
                }
                for found in self.findings
            ],
        }
