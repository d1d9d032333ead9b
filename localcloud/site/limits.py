"""``--limit``: Ansible's host patterns, as far as a site needs them."""

import difflib
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from localcloud.errors import UsageError
from localcloud.i18n import _


def select(pattern: str, hosts: Mapping[str, Collection[str]]) -> list[str]:
    """The hosts a pattern means; ``hosts`` maps names to groups. Raises UsageError for none.

    Names, groups and wildcards, joined by commas; ``!x`` takes away, ``&x`` keeps only.
    """
    chosen: list[str] | None = None
    parts = [part.strip() for part in pattern.replace(":", ",").split(",") if part.strip()]
    # Ansible applies exclusions and intersections last, wherever they stand.
    for part in sorted(parts, key=lambda word: {"&": 1, "!": 2}.get(word[0], 0)):
        matching = _matching(part.lstrip("!&"), hosts)
        if part[0] == "!":
            chosen = [host for host in _or_all(chosen, hosts) if host not in matching]
        elif part[0] == "&":
            chosen = [host for host in _or_all(chosen, hosts) if host in matching]
        else:
            chosen = [*(chosen or []), *(host for host in matching if host not in (chosen or []))]
    if not chosen:
        raise UsageError(
            _("No host of this site is meant by --limit {pattern}.").format(pattern=pattern),
            _("The site has these hosts: {hosts}.").format(hosts=", ".join(hosts)),
        )
    return [host for host in hosts if host in chosen]


def _or_all(chosen: list[str] | None, hosts: Mapping[str, Collection[str]]) -> list[str]:
    return list(hosts) if chosen is None else chosen


def _matching(word: str, hosts: Mapping[str, Collection[str]]) -> list[str]:
    found = [
        name
        for name, groups in hosts.items()
        if fnmatchcase(name, word)
        or word == "all"
        or any(fnmatchcase(group, word) for group in groups)
    ]
    if found or any(sign in word for sign in "*?["):
        return found
    names = [*hosts, *{group for groups in hosts.values() for group in groups}]
    near = difflib.get_close_matches(word, names, 1)
    raise UsageError(
        _("This site has no host or group called {name}.").format(name=word),
        _("Did you mean {near}?").format(near=near[0])
        if near
        else _("The site has these hosts: {hosts}.").format(hosts=", ".join(hosts)),
    )
