"""After an upgrade that failed: back to what ran before it, where a role can do that.

A role that can names a command in ``endpoint: earlier:``. ``<command> back <run>`` puts back what
it kept before the upgrade in that run, and prints what it did as JSON, ``{}`` without an upgrade.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from shlex import quote
from typing import Any

from localcloud import hostlock
from localcloud.errors import LocalcloudError
from localcloud.phases import component_name
from localcloud.problems import ProblemError
from localcloud.site import Endpoint, Site

_PATIENCE = 900.0  # seconds: files into their places, and the hub to answer


@dataclass(frozen=True)
class WentBack:
    """What runs again, on which host, and what had failed."""

    component: str
    host: str
    old: str
    new: str

    def as_error(self) -> ProblemError:
        words = {**asdict(self), "component": component_name(self.component)}
        return ProblemError("upgrade_went_back", words)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def after(site: Site, run: str, hosts: Collection[str]) -> list[WentBack | LocalcloudError]:
    """Go back on those of the hosts on which this run upgraded something; errors are told."""
    found: list[WentBack | LocalcloudError] = []
    for endpoint in site.endpoints():
        if endpoint.earlier and endpoint.host in hosts:
            try:
                went = _go_back(site, endpoint, endpoint.earlier, run)
            except LocalcloudError as error:
                found.append(error)
            else:
                found += [went] if went else []
    return found


def _go_back(site: Site, endpoint: Endpoint, command: str, run: str) -> WentBack | None:
    host = site.hosts[endpoint.host]
    # An installation that ended early may not have brought the command.
    line = f"test ! -x {quote(command)} || {quote(command)} back {quote(run)}"
    with hostlock.hold(site, [host], "install") as locks:
        done = locks.connections[host.name].run(line, timeout=_PATIENCE, sudo=True)
    try:
        said = json.loads(done.stdout or "{}")
    except ValueError:
        said = {}
    if done.code == 0 and not said:
        return None
    if done.code or not said.get("answers"):
        words = {"component": component_name(endpoint.component), "host": host.name}
        details = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise ProblemError("upgrade_stuck", {**words, "command": command}, details)
    return WentBack(endpoint.component, host.name, said["old"], said["new"])
