"""What runs where: each host's receipt, and whether what it names is alive. Changes nothing."""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.errors import ExitCode, LocalcloudError
from localcloud.problems import ProblemError
from localcloud.ssh import Completed, Connection, on_all
from localcloud.status_probe import MARK

if TYPE_CHECKING:
    from localcloud.site import Site

TIMEOUT = 30  # seconds for a host to tell its state
ANSWER = 4.0  # seconds for an endpoint to answer; people leave earlier
_LIVING = ("active", "activating", "reloading")


@dataclass(frozen=True)
class Answer:
    """What an endpoint said to this computer: HTTP status (0: nothing) or why not, and how fast."""

    status: int
    seconds: float
    reason: str = ""

    @property
    def alive(self) -> bool:
        # 404 comes from an ingress that has lost the hub behind it; a hub leads to its login.
        return 0 < self.status < 500 and self.status != 404


@dataclass(frozen=True)
class ComponentStatus:
    """One component of a host's receipt. Times are ISO 8601 or seconds since 1970, in UTC."""

    name: str
    version: str
    since: str
    complete: bool  # False: the last installation did not come to its end
    units: dict[str, dict[str, str]]
    endpoint: str
    answer: Answer | None
    certificate: str
    certificate_ends: float | None
    users: int | None  # Unix users, so those with a home: an account gets one at its first server
    servers: int | None
    moved_to: str = ""  # the hub that this one's people are with now: it is stopped
    # Of a server of a cluster: what its API says of all nodes; empty if it is silent.
    nodes: tuple[dict[str, Any], ...] | None = None

    @property
    def down(self) -> list[str]:
        """Services that do not run, and enabled timers and sockets; a slice may well be idle."""
        return [
            name
            for name, unit in self.units.items()
            if unit["active"] not in _LIVING
            and (name.endswith(".service") or unit["enabled"] == "enabled")
            and not name.endswith(".slice")
        ]

    @property
    def restarting(self) -> dict[str, str]:
        """Services that start and end again and again, with the number of restarts."""
        return {
            name: unit["restarts"]
            for name, unit in self.units.items()
            if unit.get("restarts") and name not in self.down
        }

    @property
    def missing(self) -> list[str]:
        """Nodes of the cluster that are not Ready."""
        return [node["name"] for node in self.nodes or () if not node["ready"]]

    @property
    def healthy(self) -> bool:
        if self.moved_to:
            return True  # it is as it should be
        answers = self.answer is None or self.answer.alive
        current = self.certificate_ends is None or self.certificate_ends > time.time()
        up = not self.down and not self.restarting
        cluster = self.nodes is None or (bool(self.nodes) and not self.missing)
        return self.complete and up and answers and current and cluster


@dataclass(frozen=True)
class HostStatus:
    """One host. ``error`` is set if it could not be entered or read; then the rest is empty."""

    name: str
    error: LocalcloudError | None = None
    components: tuple[ComponentStatus, ...] = ()
    disk: tuple[dict[str, Any], ...] = ()
    memory: dict[str, int] = field(default_factory=dict)
    load: float = 0.0

    @property
    def reachable(self) -> bool:
        return self.error is None or self.error.exit_code != ExitCode.UNREACHABLE


def status(site: "Site") -> list[HostStatus]:
    """The state of every host of the site, asked all at once, in the site's order."""
    answers = on_all(site, list(site.hosts.values()), _look)
    return [
        HostStatus(name, error=answer) if isinstance(answer, LocalcloudError) else answer
        for name, answer in answers.items()
    ]


def exit_code(hosts: list[HostStatus]) -> ExitCode:
    """Done if every host could be read and all on it is healthy (monitoring relies on this).

    Unreachable goes before any other reason.
    """
    codes = [host.error.exit_code for host in hosts if host.error]
    if not all(component.healthy for host in hosts for component in host.components):
        codes.append(ExitCode.FAILED)
    if ExitCode.UNREACHABLE in codes:
        return ExitCode.UNREACHABLE
    return max(codes, default=ExitCode.DONE)


def as_json(hosts: list[HostStatus]) -> dict[str, Any]:
    """For other programs; keys stay as they are from release to release."""
    return {"version": 1, "hosts": {host.name: _host_json(host) for host in hosts}}


def _host_json(host: HostStatus) -> dict[str, Any]:
    components = {}
    for component in host.components:
        known = asdict(component)
        del known["name"]
        answer = component.answer
        known["answer"] = {**asdict(answer), "alive": answer.alive} if answer else None
        components[component.name] = {**known, "healthy": component.healthy}
    return {
        "reachable": host.reachable,
        "problem": host.error.message if host.error else None,
        "remedy": host.error.remedy if host.error else None,
        "components": components,
        "disk": [{key: one[key] for key in ("path", "total_mib", "free_mib")} for one in host.disk],
        "memory": host.memory,
        "load": host.load,
    }


@cache
def _script() -> bytes:
    return (Path(__file__).parent / "status_probe.py").read_bytes()


def _look(connection: Connection) -> HostStatus:
    name = connection.host.name
    # -I: nothing of the root user's own Python settings; a host without Python has no receipt.
    command = f"command -v python3 >/dev/null || {{ echo '{MARK}'; exit; }}; exec python3 -I -"
    known = _read(connection, connection.run(command, _script(), TIMEOUT, sudo=True))
    if known.get("receipt") == "broken":
        raise ProblemError("receipt_broken", {"host": name})
    return HostStatus(
        name,
        components=tuple(
            _component(part, entry) for part, entry in known.get("components", {}).items()
        ),
        disk=tuple(known.get("disk", ())),
        memory=known.get("memory", {}),
        load=known.get("load", 0.0),
    )


def _read(connection: Connection, done: Completed) -> dict[str, Any]:
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return dict(json.loads(line.removeprefix(MARK) or "{}"))
    data = {"host": connection.host.name, "user": connection.user, "code": done.code}
    problem = "permission_denied" if "sudo" in done.stderr else "probe_failed"
    raise ProblemError(problem, data, done.stderr.strip()[-500:], ExitCode.BLOCKED)


def _component(name: str, entry: dict[str, Any]) -> ComponentStatus:
    return ComponentStatus(
        name=name,
        version=entry["version"],
        since=entry["since"],
        complete=entry["complete"],
        units=entry["units"],
        endpoint=entry["endpoint"],
        answer=ask(entry["endpoint"]) if entry["endpoint"] else None,
        certificate=entry["certificate"],
        certificate_ends=entry["certificate_ends"],
        users=entry["users"],
        servers=entry["servers"],
        moved_to=entry.get("moved_to", ""),
        nodes=None if entry.get("nodes") is None else tuple(entry["nodes"]),
    )


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, too."""

    def redirect_request(self, *_anything: Any) -> None:
        return None


def ask(url: str) -> Answer:
    """Does an address answer from here? Whether its certificate is right, `verify` tells."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # The hub stands in the same network; a proxy for the world outside would only be in the way.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _Stay
    )
    begin = time.monotonic()
    try:
        code, reason = opener.open(url, timeout=ANSWER).status, ""
    except urllib.error.HTTPError as error:
        code, reason = error.code, ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        code, reason = 0, str(getattr(error, "reason", error)).strip()
    return Answer(code, round(time.monotonic() - begin, 3), reason)
