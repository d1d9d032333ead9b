"""Strict types: what a role's argument spec says, without Ansible's coercions.

Ansible takes ``5`` for a list and a list for a string, and finds out late. Here the YAML type
must be the declared one.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.components import Setting
from localcloud.i18n import _
from localcloud.site.near import near
from localcloud.site.templates import is_template
from localcloud.site.yamlfile import Keys, VaultText


@dataclass(frozen=True)
class Fault:
    """What is wrong with a value; ``keys`` lead to the place inside it."""

    keys: Keys
    message: str
    remedy: str = ""


def faults(setting: Setting, value: Any, keys: Keys = (), name: str = "") -> Iterator[Fault]:
    """Everything wrong with a value's type, choices, elements and sub-keys.

    YAML 1.1's trap is refused, not mended: ``off`` without quotes reads as False here and in
    Ansible alike, so a role's template would never see the word. Templates and vault values
    inside are skipped: their type is not known yet.
    """
    name = name or setting.name
    if unknown_yet(value):
        return
    if not _is_type(setting.type, value):
        yield _wrong_type(setting, setting.type, value, keys, name)
        return
    if isinstance(value, list):
        yield from _elements(setting, value, keys, name)
    elif setting.choices and value not in setting.choices:
        yield _wrong_choice(setting, value, keys, name)
    elif isinstance(value, dict):
        yield from _options(setting, value, keys, name)


def hidden(setting: Setting) -> Setting:
    """The same setting, but with no value of it shown in a message."""
    options = {name: hidden(option) for name, option in setting.options.items()}
    return replace(setting, no_log=True, options=options)


def unknown_yet(value: Any) -> bool:
    """A template, or a value still sealed: nothing can be said of it."""
    return isinstance(value, VaultText) or (isinstance(value, str) and is_template(value))


def _is_type(kind: str, value: Any) -> bool:
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "dict":
            return isinstance(value, dict)
        case "raw" | "json" | "jsonarg":
            return True
        case _:  # str, path, bytes and bits are text
            return isinstance(value, str)


def _elements(setting: Setting, value: list[Any], keys: Keys, name: str) -> Iterator[Fault]:
    for index, item in enumerate(value):
        place, item_name = (*keys, index), f"{name}[{index + 1}]"
        if unknown_yet(item):
            continue
        if setting.elements and not _is_type(setting.elements, item):
            yield _wrong_type(setting, setting.elements, item, place, item_name)
        elif setting.choices and item not in setting.choices:
            yield _wrong_choice(setting, item, place, item_name)
        elif isinstance(item, dict):
            yield from _options(setting, item, place, item_name)


def _options(setting: Setting, value: dict[Any, Any], keys: Keys, name: str) -> Iterator[Fault]:
    """Sub-keys, where the spec lists them; a dict without ``options`` is free."""
    if not setting.options:
        return
    for key, item in value.items():
        known = setting.options.get(str(key))
        if known is None:
            message = _("{name} has no key “{key}”.").format(name=name, key=key)
            yield Fault((*keys, key), message, suggestion(str(key), list(setting.options)))
        elif item is None:
            yield Fault((*keys, key), empty(f"{name}.{key}"), _("Give a value or remove the line."))
        else:
            yield from faults(known, item, (*keys, key), f"{name}.{key}")
    for key, known in setting.options.items():
        if known.required and key not in value:
            yield Fault(keys, _("{name} lacks its key “{key}”.").format(name=name, key=key))


def empty(name: str) -> str:
    return _("{name} has no value.").format(name=name)


def suggestion(word: str, known: list[str]) -> str:
    """“Did you mean …?”, or the whole list when it is short, or nothing."""
    if found := near(word, known):
        return _("Did you mean {near}?").format(near=", ".join(found))
    if 0 < len(known) <= 12:
        return _("Possible: {known}.").format(known=", ".join(known))
    return ""


def _wrong_choice(setting: Setting, value: Any, keys: Keys, name: str) -> Fault:
    choices = ", ".join(str(choice) for choice in setting.choices)
    message = _("{name} cannot be {value}; it is one of: {choices}.")
    alike = difflib.get_close_matches(str(value), [str(choice) for choice in setting.choices], 1)
    remedy = _("Did you mean {near}?").format(near=alike[0]) if alike else ""
    return Fault(
        keys, message.format(name=name, value=shown(setting, value), choices=choices), remedy
    )


def _wrong_type(setting: Setting, kind: str, value: Any, keys: Keys, name: str) -> Fault:
    message = _("{name} must be {expected}, but {value} is {actual}.").format(
        name=name, expected=_label(kind), value=shown(setting, value), actual=_label(_kind(value))
    )
    return Fault(keys, message, _how(kind, value, name, setting))


def shown(setting: Setting, value: Any) -> str:
    """A value for a message: in quotes, short, and never a secret."""
    if setting.no_log:
        return _("the value given")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _("“{text}”").format(text=text if len(text) <= 40 else f"{text[:37]}…")


def _kind(value: Any) -> str:
    for kind in ("bool", "int", "float", "list", "dict"):
        if _is_type(kind, value):
            return kind
    return "str" if isinstance(value, str) else "date"


def _label(kind: str) -> str:
    labels: Mapping[str, str] = {
        "bool": _("true or false"),
        "int": _("a whole number"),
        "float": _("a number"),
        "list": _("a list"),
        "dict": _("a block of “key: value” lines"),
        "date": _("a date"),
    }
    return labels.get(kind, _("text"))


def _how(kind: str, value: Any, name: str, setting: Setting) -> str:
    """How to write it, as a line to copy where there is one."""
    key = name.rpartition(".")[2]
    simple = not isinstance(value, list | dict) and not setting.no_log and "[" not in key
    line = ""
    if kind == "list" and simple:
        line = f"{key}: [{value}]"
    elif kind == "bool" and str(value).lower() in {
        "yes",
        "on",
        "true",
        "1",
        "no",
        "off",
        "false",
        "0",
    }:
        line = f"{key}: {'true' if str(value).lower() in {'yes', 'on', 'true', '1'} else 'false'}"
    elif kind in {"int", "float"} and isinstance(value, str) and value.strip().isdigit():
        line = f"{key}: {value.strip()}"
    elif kind in {"str", "path"} and simple:
        line = f'{key}: "{_word(setting, value)}"'
    return _("Write: {line}").format(line=line) if line and "[" not in key else ""


def _word(setting: Setting, value: Any) -> str:
    """The word behind a value YAML has read as something else: ``off`` becomes False."""
    if not isinstance(value, bool):
        return str(value)
    words = ("on", "yes", "true") if value else ("off", "no", "false")
    return next((word for word in words if word in setting.choices), str(value).lower())
