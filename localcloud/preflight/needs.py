"""What a site needs of each host: the roles' ``requirements``, worked out with its settings."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.components import load_components
from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.preflight import defaults
from localcloud.preflight.probe import Question

if TYPE_CHECKING:
    from localcloud.site import Host, Site

# What a client asks its index for first; the root of an index can be tens of megabytes.
_FIRST_PAGE = {"pip": "pip/", "npm": ""}
# Requirements that only a look at a host's networks and kernel can judge.
_OF_NODES = ("peers", "networks", "modules", "kernel", "nameserver", "multipathd")


@dataclass(frozen=True)
class Part:
    """One component on a host, and its ``requirements``."""

    name: str
    requirements: Mapping[str, Any]
    networks: Mapping[str, str] = field(default_factory=dict)  # setting → the network it names
    people: str = ""  # where its people's accounts and homes are, if it is a hub

    def foreign(self) -> Iterator[tuple[str, str]]:
        """Other installations that would be in the way: (name, path that gives it away)."""
        for name, paths in (self.requirements.get("foreign") or {}).items():
            yield from ((str(name), str(path)) for path in paths)


@dataclass(frozen=True)
class Hub:
    """A component that people log in to: its group, and what it holds ports with."""

    group: str
    people: str  # those of hubs with the same word here can come along
    units: frozenset[str] = frozenset()
    takes: str = ""  # people of hubs with this word can come from elsewhere: homes are copied


@dataclass(frozen=True)
class Needs:
    """All that one host must offer. ``settings``: kind of mirror → the setting that names it."""

    parts: tuple[Part, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, str] = field(default_factory=dict)  # port → the setting that chose it
    unknown: tuple[str, ...] = ()  # kinds of mirrors whose default place is not known here
    certificates: str = ""  # the setting that names the campus's own authorities
    unfit: Mapping[str, str] = field(default_factory=dict)  # name → why its certificate will not do
    hubs: Mapping[str, Hub] = field(default_factory=dict)  # all that this kit can install
    cluster_hub: str = ""  # the hub of the cluster that this host is a node of
    cluster_hub_here: bool = True  # whether this run installs it

    def largest(self, key: str) -> float:
        return max((float(part.requirements.get(key) or 0) for part in self.parts), default=0)

    def numbers(self, key: str) -> list[int]:
        found = (value for part in self.parts for value in part.requirements.get(key) or ())
        return sorted({int(value) for value in found if str(value).isdigit() and int(value)})

    def peers(self) -> list[Part]:
        """The components that need other hosts, or are needed by them."""
        return [part for part in self.parts if part.requirements.get("peers")]

    def texts(self, key: str) -> set[str]:
        return {str(value) for part in self.parts for value in part.requirements.get(key) or ()}


def gather(site: "Site", host: "Host") -> tuple[Needs, Question]:
    """What a host needs, and what to ask it. Raises UsageError for a certificate not readable."""
    parts = []
    for component in site.components_of(host):
        requirements = component.meta.get("requirements") or {}
        # `unit_of_port` may stand beside the requirements, too.
        beside = {key: component.meta[key] for key in ("unit_of_port",) if key in component.meta}
        if requirements:
            named = requirements.get("networks") or ()
            networks = {name: str(site.value(host.name, name)) for name in named}
            rendered = site.render(host.name, {**requirements, **beside})
            people = str(component.meta.get("people") or "")
            parts.append(Part(component.name, rendered, networks, people))
    urls: list[tuple[str, str]] = []
    settings: dict[str, str] = {}
    unknown: list[str] = []
    for kind, names in _mirrors(parts):
        settings[kind] = names[0] if names else ""
        chosen = [str(site.value(host.name, name) or "") for name in names]
        given = [url for url in chosen if url.startswith("http")]
        if given:
            urls += [(kind, f"{url.rstrip('/')}/{_FIRST_PAGE.get(kind, '')}") for url in given]
        elif kind in _FIRST_PAGE:
            default = defaults.index_of(kind)
            if default:
                urls.append((f"{kind}-default", default + _FIRST_PAGE[kind]))
            else:
                unknown.append(kind)
    named = (part.requirements.get("certificates") for part in parts)
    certificates = str(next(filter(None, named), ""))
    ports = _port_settings(site, host)
    question = _question(site, host, parts, urls)
    unfit = _unfit(site, parts, question.certificates)
    cluster_hub, here = _cluster_hub(site, host)
    if cluster_hub:
        question = replace(question, people=True)
    hubs = _hubs()
    all_parts, no_mirror = tuple(parts), tuple(unknown)
    needs = Needs(all_parts, settings, ports, no_mirror, certificates, unfit, hubs)
    return replace(needs, cluster_hub=cluster_hub, cluster_hub_here=here), question


def _unfit(site: "Site", parts: list[Part], authorities: str) -> dict[str, str]:
    """Name → what is wrong with the site's own certificate for it."""
    found = {}
    for part in parts:
        wanted = part.requirements.get("own_certificate")
        if wanted:
            from localcloud.preflight import own_certificate  # takes 0.1 s, and few sites have one

            if fault := own_certificate.fault(Path(site.directory), wanted, authorities):
                found[str(wanted["name"])] = fault
    return found


def _hubs() -> dict[str, Hub]:
    found = {}
    for component in load_components().values():
        if people := component.meta.get("people"):
            units = (component.meta.get("requirements") or {}).get("unit_of_port") or ()
            takes = (component.meta.get("people_from") or {}).get("hubs") or ""
            group = str(component.group)
            found[component.name] = Hub(group, str(people), frozenset(units), str(takes))
    return found


def _cluster_hub(site: "Site", host: "Host") -> tuple[str, bool]:
    """The hub that takes people of hubs on this host, and whether it is within --limit."""
    for component in load_components().values():
        groups = set((component.meta.get("people_from") or {}).get("groups") or ())
        there = [one for one in site.all_hosts.values() if component.group in one.groups]
        if groups & set(host.groups) and there:
            return component.name, any(one.name in site.hosts for one in there)
    return "", True


def _port_settings(site: "Site", host: "Host") -> dict[int, str]:
    """Which setting chose a port: the one in its template that has the port's value."""
    found: dict[int, str] = {}
    for component in site.components_of(host):
        for template in (component.meta.get("requirements") or {}).get("ports") or ():
            for name in re.findall(r"[a-z]\w*_port\b", str(template)):
                value = str(site.value(host.name, name))
                if value.isdigit():
                    found.setdefault(int(value), name)
    return found


def _mirrors(parts: list[Part]) -> Iterator[tuple[str, list[str]]]:
    """Kind → names of the settings that place it: ``{apt: base_apt_mirror}``, or several."""
    kinds: dict[str, list[str]] = {}
    for part in parts:
        declared = part.requirements.get("mirrors") or {}
        for kind in declared:
            names = declared[kind] if isinstance(declared, Mapping) else []
            known = kinds.setdefault(kind, [])
            known += [name for name in _as_list(names) if name not in known]
    yield from kinds.items()


def _question(
    site: "Site", host: "Host", parts: list[Part], urls: list[tuple[str, str]]
) -> Question:
    def setting(key: str, sub: str = "") -> Any:
        for part in parts:
            declared = part.requirements.get(key)
            name = declared.get(sub) if isinstance(declared, Mapping) else declared
            if name:
                return site.value(host.name, str(name))
        return None

    kinds = {kind for kind, _names in _mirrors(parts)}
    given = {kind for kind, _url in urls}
    paths = {str(path) for part in parts for path in part.requirements.get("disk") or {}}
    paths |= {*_listed(parts, "project_quotas"), *_listed(parts, "user_quotas")}
    timed = {
        str(path)
        for part in parts
        for path, limit in (part.requirements.get("fsync_ms") or {}).items()
        if limit
    }
    return Question(
        paths=tuple(sorted(paths - {"/"})),
        node=any(part.requirements.get(key) for part in parts for key in _OF_NODES),
        modules=tuple(dict.fromkeys([*_listed(parts, "modules"), *_listed(parts, "kernel")])),
        there=tuple(path for part in parts for _name, path in part.foreign()),
        fsync=tuple(sorted(timed)),
        people=any(part.people for part in parts),
        urls=tuple(urls),
        own_apt="apt" in kinds and "apt" not in given,
        certificates=_certificates(site, host, setting("certificates")),
        http_proxy=str(setting("proxy", "http") or ""),
        https_proxy=str(setting("proxy", "https") or ""),
        no_proxy=tuple(_as_list(setting("proxy", "exceptions"))),
    )


def _listed(parts: list[Part], key: str) -> list[str]:
    """The words below one key of all parts, each once; empty ones are templates' way to say no."""
    found = (str(word) for part in parts for word in part.requirements.get(key) or () if word)
    return list(dict.fromkeys(found))


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]


def _certificates(site: "Site", host: "Host", files: Any) -> str:
    """The campus's own authorities, which a fresh host does not trust yet: PEM text."""
    texts = []
    for name in _as_list(files):
        path = Path(site.directory) / name
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                _("The certificate file {path} for host {host} cannot be read.").format(
                    path=path, host=host.name
                ),
                _("Correct its name in the site's settings, or put the file there."),
                str(error),
            ) from error
        texts += re.findall(r"-----BEGIN CERT.*?-----END CERT[^-]*-----", text, re.DOTALL)
    return "\n".join(texts)
