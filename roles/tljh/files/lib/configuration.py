"""TLJH's config.yaml: what the site wants in it, beside what was set by hand with tljh-config.

A key that the site names has the site's value; one that it no longer names goes; all others stay as
they are. Administrators are joined: nobody who was made one by hand ceases to be it.
"""

from __future__ import annotations

import copy
from typing import Any

Config = dict[str, Any]
ADMINS = ("users", "admin")


class Refused(Exception):
    """What TLJH would not take: the place in the file, and why."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(why)
        self.place = place


def leaves(config: Config, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Path → value of everything that is no mapping."""
    found: dict[tuple[str, ...], Any] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, (*path, str(key)))
        else:
            found[(*path, str(key))] = value
    return found


def put(config: Config, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(config.get(key), dict):
            config[key] = {}
        config = config[key]
    config[path[-1]] = value


def drop(config: Config, path: tuple[str, ...]) -> None:
    """Take out a key, and the mappings that are empty without it."""
    inner = config.get(path[0])
    if len(path) == 1:
        config.pop(path[0], None)
    elif isinstance(inner, dict):
        drop(inner, path[1:])
        if not inner:
            del config[path[0]]


def joined(there: Any, wanted: Any, before: Any) -> list[str]:
    """Administrators: the site's, then those that were added by hand."""
    byhand = [name for name in there or [] if name not in (before or [])]
    return list(dict.fromkeys([*(wanted or []), *byhand]))


def merged(there: Config, wanted: Config, before: Config) -> Config:
    """The file as it should be. ``before`` is what the last run wanted."""
    result = copy.deepcopy(there)
    new, old = leaves(wanted), leaves(before)
    for path in old.keys() - new.keys():
        drop(result, path)
    for path, value in new.items():
        if path == ADMINS:
            found = leaves(there).get(path)
            put(result, path, joined(found, value, old.get(path)))
        elif leaves(result).get(path) != value:
            put(result, path, value)
    return result


def check(config: Config, schema: Config) -> None:
    """Hold a configuration against TLJH's own schema; raises ``Refused``.

    TLJH's schema lets every word pass at the top, and what is wrong in ``auth`` ends the hub.
    """
    import jsonschema

    known = {*schema["properties"], "auth"} - {"additionalProperties"}
    for key in config:
        if key not in known:
            raise Refused(str(key), f"TLJH knows {', '.join(sorted(known))}")
    for error in jsonschema.Draft7Validator(schema).iter_errors(config):
        raise Refused(".".join(map(str, error.absolute_path)) or "config.yaml", error.message)
    for key, value in config.get("auth", {}).items():
        if key != "type" and not (key[:1].isupper() and isinstance(value, dict)):
            raise Refused(f"auth.{key}", "it must be type, or a class with its traits")
