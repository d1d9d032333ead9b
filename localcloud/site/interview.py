"""From questions or flags to what a new site holds. ``ask`` is None where nobody can answer."""

import contextlib
import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud import i18n
from localcloud.components import Component
from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.site import formats
from localcloud.site.create import NewHost
from localcloud.site.questions import Question, from_pair, from_text, hub_groups, questions_for

# ask(prompt, default or None, check or None): the text a person typed, once the check is content
Ask = Callable[..., str]


@dataclass(frozen=True)
class Plan:
    """What a new site shall hold; ``answers`` are settings and their values."""

    group: str
    hosts: list[NewHost]
    answers: dict[str, Any]


def interview(
    directory: Path,
    flags: Mapping[str, Any],
    components: Mapping[str, Component],
    ask: Ask | None,
) -> Plan:
    """Take what the flags say and ask for the rest; raises UsageError naming the flag."""
    group = _group(flags["group"], hub_groups(components), ask)
    preset = dict(from_pair(pair, components) for pair in flags["pairs"])
    hosts = _hosts(flags, ask)
    known = {"ansible_host": hosts[0].address, "localcloud_language": _language()}
    answers: dict[str, Any] = {}
    for question in questions_for(group, components):
        given = flags.get(flag_name(question))
        if given is None and question.setting.name in preset:
            continue
        answer = _answer(question, given, {**known, **preset, **answers}, directory, ask)
        if answer not in (None, "", []):
            answers[question.setting.name] = answer
    return Plan(group, hosts, {**preset, **answers})


def flag_name(question: Question) -> str:
    """The name under which a question's option arrives in ``flags``."""
    return f"answer_{question.flag.replace('-', '_')}"


def _language() -> str:
    """The language in use, which a new hub shall speak too."""
    return i18n.active()


def _group(given: str | None, known: list[str], ask: Ask | None) -> str:
    if given is None and len(known) == 1:
        return known[0]
    if given is None and ask:
        prompt = _("What the servers become ({groups})").format(groups=", ".join(known))
        given = ask(prompt, known[0], lambda word: "" if word in known else _("no such group"))
    given = given or known[0]
    if given not in known:
        raise UsageError(
            _("--group {group} is not known.").format(group=given),
            _("Possible: {known}.").format(known=", ".join(known)),
        )
    return given


def _hosts(flags: Mapping[str, Any], ask: Ask | None) -> list[NewHost]:
    words = list(flags["hosts"])
    if not words:
        if ask is None:
            raise _missing("--host", _("Address of the server"))
        words = [ask(_("Address of the server (name or IP)"), None, formats.domain)]
    user, port, key = flags["user"], flags["port"], flags["key"]
    if ask:
        user = user or ask(_("User for SSH (root, or one with sudo)"), getpass.getuser())
        port = port or int(ask(_("Port of SSH"), "22", formats.port))
        if key is None:
            typed = ask(_("Private key for SSH (empty: SSH's own)"), _usual_key(), _key_fault)
            key = Path(typed) if typed else None
    if key is not None:
        key = Path(os.path.abspath(key.expanduser()))  # noqa: PTH100 - a link stays a link
        if not key.is_file():
            raise UsageError(_("--key {key}: there is no such file.").format(key=key))
    return [_host(word, number, user, port, key) for number, word in enumerate(words, 1)]


def _host(word: str, number: int, user: str | None, port: int | None, key: Path | None) -> NewHost:
    name, equals, address = word.rpartition("=")
    wrong = formats.domain(address) or ("" if address else _("an address is needed"))
    if wrong:
        raise UsageError(_("--host {word}: {fault}.").format(word=word, fault=wrong))
    if not equals:
        is_name = any(sign.isalpha() for sign in address) and ":" not in address
        name = address if is_name else f"server{number}"
    return NewHost(name, address, user, port, key)


def _usual_key() -> str:
    folder = Path.home() / ".ssh"
    names = ("id_ed25519", "id_ecdsa", "id_rsa")
    return next((str(folder / name) for name in names if (folder / name).is_file()), "")


def _key_fault(text: str) -> str:
    if not text or Path(text).expanduser().is_file():
        return ""
    return _("there is no such file")


def _answer(
    question: Question, given: str | None, known: dict[str, Any], directory: Path, ask: Ask | None
) -> Any:
    """The flag's value, or the person's, or the default; UsageError names the flag."""
    flag = f"--{question.flag}"
    default = question.default_for(known)
    if given is not None:
        value = from_text(question.setting, given)
        wrong = question.fault(value, directory)
        if wrong:
            raise UsageError(
                _("{flag} does not fit: {fault}.").format(flag=flag, fault=wrong.rstrip("."))
            )
        return value
    if ask is None:
        if default in (None, "", []) and question.setting.required:
            raise _missing(flag, question.prompt)
        return default
    shown = ", ".join(map(str, default)) if isinstance(default, list) else default

    def fault(text: str) -> str:
        with contextlib.suppress(UsageError):
            return question.fault(from_text(question.setting, text), directory)
        return _("this cannot be read")

    return from_text(question.setting, ask(question.prompt, shown, fault))


def _missing(flag: str, what: str) -> UsageError:
    return UsageError(
        _("{flag} is missing: {what}.").format(flag=flag, what=what),
        _("Give the option, or run init on a terminal without --yes: it asks."),
    )
