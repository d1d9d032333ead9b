"""``localcloud status``: show what runs where."""

import http.client
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localcloud import foreign
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.i18n import _, ngettext, number

if TYPE_CHECKING:
    from localcloud.status import ComponentStatus, HostStatus


@click.command(
    "status",
    help=_(
        "Show what runs where: versions, services, homes, disk, certificates. "
        "Ends with 1 if something does not run or answer."
    ),
)
@site_options
@limit_option
@json_option
def command(inventory: Path, verbose: int, limit: str | None, as_json: bool) -> int:
    from localcloud import status
    from localcloud.site import load_site

    hosts = status.status(load_site(inventory, limit=limit, need_secrets=False))
    if as_json:
        click.echo(json.dumps(status.as_json(hosts), indent=2, ensure_ascii=False))
    else:
        show(hosts)
    return status.exit_code(hosts)


def show(hosts: "list[HostStatus]") -> None:
    from localcloud import ui

    rows = [row for host in hosts for row in _rows(host)]
    ui.table([_("Host"), _("Component"), _("Version"), _("Since"), _("State")], rows)
    known = [host for host in hosts if host.memory]
    if known:
        ui.out()
        headers = [_("Host"), _("Memory free"), _("Load"), _("Disk free")]
        ui.table(headers, [_resources(host) for host in known])
    _show_nodes(hosts)
    for host in hosts:
        for unit in [unit for component in host.components for unit in component.down]:
            words = _(
                "Host {host}: {unit} does not run. See `sudo journalctl -u {unit} -n 50` there."
            )
            ui.warn(words.format(host=host.name, unit=unit))
        for unit, count in [one for part in host.components for one in part.restarting.items()]:
            words = _(
                "Host {host}: {unit} starts and ends again and again ({count} times). "
                "See `sudo journalctl -u {unit} -n 50` there."
            )
            ui.warn(words.format(host=host.name, unit=unit, count=count))
        if host.error:
            ui.error(host.error)


def _show_nodes(hosts: "list[HostStatus]") -> None:
    """The cluster's nodes, once, as the first server whose API answers sees them."""
    from localcloud import ui

    seen = [part.nodes for host in hosts for part in host.components if part.nodes]
    if not seen:
        return
    words = {"server": _("server"), "agent": _("agent")}
    ui.out()
    ui.table(
        [_("Node"), _("Part"), _("Version"), _("State")],
        [
            [node["name"], words[node["part"]], node["version"], _node_state(node)]
            for node in seen[0]
        ],
    )


def _node_state(node: dict[str, Any]) -> str:
    from localcloud import ui

    parts = [_("ready") if node["ready"] else ui.style(_("not ready"), "bad")]
    if not node["takes_pods"]:
        parts.append(ui.style(_("takes no new pods (cordoned)"), "warning"))
    return "; ".join(parts)


def _rows(host: "HostStatus") -> list[list[str]]:
    from localcloud import ui

    if host.error:
        state = _("cannot be read") if host.reachable else _("unreachable")
        return [[host.name, "", "", "", ui.style(state, "bad")]]
    if not host.components:
        return [[host.name, "", "", "", _("nothing installed by localcloud")]]
    return [
        [host.name, one.name, one.version, one.since[:10], _state(one)] for one in host.components
    ]


def _state(one: "ComponentStatus") -> str:
    """`runs; answers at https://… in 0.03 s; 12 homes, 3 servers; certificate until 2027-11-22`."""
    from localcloud import hints, ui

    if one.moved_to:
        words = _("stopped: people moved to {hub}; `localcloud reset --old-hub` takes it out")
        return hints.complete(words.format(hub=one.moved_to))
    if not one.complete:
        words = hints.complete(_("unfinished; `localcloud install` goes on where it stopped"))
        return ui.style(words, "warning")
    if one.down:
        parts = [ui.style(_("does not run: {units}").format(units=", ".join(one.down)), "bad")]
    elif one.restarting:
        words = _("starts and ends again and again: {units}")
        parts = [ui.style(words.format(units=", ".join(one.restarting)), "bad")]
    else:
        parts = [_("runs") if one.units else _("in place")]
    parts += [*_cluster(one), *_answer(one), *_people(one), *_certificate(one)]
    return "; ".join(parts)


def _cluster(one: "ComponentStatus") -> list[str]:
    from localcloud import ui

    if one.nodes is None:
        return []
    if not one.nodes:
        return [ui.style(_("the cluster's API does not answer"), "bad")]
    total = len(one.nodes)
    if not one.missing:
        words = ngettext("{number} node ready", "{number} nodes ready", total)
        return [words.format(number=total)]
    words = _("not ready: {nodes} (of {number} nodes)")
    return [ui.style(words.format(nodes=", ".join(one.missing), number=total), "bad")]


def _answer(one: "ComponentStatus") -> list[str]:
    from localcloud import ui

    if one.answer is None:
        return []
    if one.answer.alive:
        words = _("answers at {url} in {seconds} s")
        return [words.format(url=one.endpoint, seconds=number(one.answer.seconds, 2))]
    reason = foreign.in_words(one.answer.reason) or _http(one.answer.status)
    words = _("no answer at {url} ({reason})").format(url=one.endpoint, reason=reason)
    return [ui.style(words, "bad")]


def _http(status: int) -> str:
    """``HTTP 503 (Service Unavailable)``: the number for experts, the words for all others."""
    known = http.client.responses.get(status, "")
    return f"HTTP {status} ({foreign.in_words(known)})" if known else f"HTTP {status}"


def _people(one: "ComponentStatus") -> list[str]:
    parts = []
    if one.users is not None:
        # Not "users": an account that never started a server has neither Unix user nor home.
        words = ngettext("{number} home", "{number} homes", one.users)
        parts.append(words.format(number=one.users))
    if one.servers is not None:
        words = ngettext("{number} server running", "{number} servers running", one.servers)
        parts.append(words.format(number=one.servers))
    return parts


def _certificate(one: "ComponentStatus") -> list[str]:
    from localcloud import ui

    if not one.certificate:
        return []
    if one.certificate_ends is None:
        return [ui.style(_("certificate cannot be read"), "bad")]
    day = time.strftime("%Y-%m-%d", time.gmtime(one.certificate_ends))
    left = (one.certificate_ends - time.time()) / 86400
    if left < 0:
        return [ui.style(_("certificate ended on {day}").format(day=day), "bad")]
    words = _("certificate until {day}").format(day=day)
    return [ui.style(words, "warning") if left < 14 else words]


def _resources(host: "HostStatus") -> list[str]:
    def gib(mib: int) -> str:
        return number(mib / 1024, 1)

    memory = _("{free} of {total} GiB").format(
        free=gib(host.memory["available_mib"]), total=gib(host.memory["total_mib"])
    )
    places = [
        _("{path}: {free} of {total} GiB").format(
            path=place["path"], free=gib(place["free_mib"]), total=gib(place["total_mib"])
        )
        for place in host.disk
    ]
    return [host.name, memory, number(host.load, 1), ", ".join(places)]
