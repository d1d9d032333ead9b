"""What ``localcloud init`` asks: ``questions:`` in the roles' ``meta/localcloud.yml``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from localcloud.components import (
    Component,
    Setting,
    all_settings,
    groups,
    narrowed,
    with_dependencies,
)
from localcloud.errors import UsageError
from localcloud.i18n import N_, _
from localcloud.site import formats, types
from localcloud.site.templates import NotPlain, Resolver

# prompt id (in `questions:`) → the question as a person reads it
PROMPTS = {
    "public_name": N_("Name that people will type into their browser (without https://)"),
    "admin_names": N_("User names of the administrators (comma-separated)"),
    "tls_mode": N_("HTTPS (internal: with a certificate authority of the site's own; off: none)"),
    "language": N_("Language of the hub and of this tool (en, es)"),
}


@dataclass(frozen=True)
class Question:
    """One setting to ask for. ``flag`` is its option without the dashes; ``default`` may be a
    template over the earlier answers, ``ansible_host`` and ``localcloud_language``."""

    setting: Setting
    flag: str
    prompt_id: str
    default: Any
    format: str

    @property
    def prompt(self) -> str:
        known = PROMPTS.get(self.prompt_id)
        return _(known) if known else _(self.setting.description).split(". ")[0].rstrip(".")

    def default_for(self, answers: Mapping[str, Any]) -> Any:
        """The answer to suggest, None if there is none."""
        resolver = Resolver(lambda name: answers[name], str)
        try:
            return resolver.render(self.default)
        except NotPlain:
            return None

    def fault(self, value: Any, directory: Path) -> str:
        """What is wrong with an answer, as a sentence, or ""."""
        if value in (None, "", []):
            return _("an answer is needed") if self.setting.required else ""
        for wrong in types.faults(self.setting, value):
            return " ".join(part for part in (wrong.message, wrong.remedy) if part)
        for item in value if isinstance(value, list) else [value]:
            wrong_form = formats.fault(self.format, item, directory)
            if wrong_form:
                return f"{item}: {wrong_form}"
        return ""


def hub_groups(components: Mapping[str, Component]) -> list[str]:
    """The groups a new site can begin with: those that end in something people can reach.

    The one whose role says ``suggested: true`` comes first, and is the default.
    """
    found = {
        group: any(role.meta.get("suggested") for role in roles)
        for group, roles in groups(components).items()
        # What stands beside another component is no beginning: samples show such sites.
        if any(role.meta.get("endpoint") and not role.meta.get("beside") for role in roles)
    }
    return sorted(found, key=lambda group: (not found[group], group))


def questions_for(group: str, components: Mapping[str, Component]) -> list[Question]:
    """The questions of a group's roles and their dependencies, each setting once."""
    found: dict[str, Question] = {}
    for component in groups(components).get(group, []):
        parts = with_dependencies(component.name, components)
        for part in parts:
            for entry in part.meta.get("questions", []):
                question = _question(entry, part, components)
                setting = narrowed(question.setting, parts)
                found.setdefault(setting.name, replace(question, setting=setting))
    return list(found.values())


def every_question(components: Mapping[str, Component]) -> list[Question]:
    """All questions of all groups, each flag once: the options of ``init``."""
    found: dict[str, Question] = {}
    for group in hub_groups(components):
        for question in questions_for(group, components):
            found.setdefault(question.flag, question)
    return list(found.values())


def _question(
    entry: Mapping[str, Any], part: Component, components: Mapping[str, Component]
) -> Question:
    name = entry["setting"]
    setting = all_settings([part, *components.values()])[name]
    kinds = [
        c.meta["formats"][name] for c in components.values() if name in c.meta.get("formats", {})
    ]
    return Question(
        setting=setting,
        flag=entry["flag"],
        prompt_id=entry.get("prompt", ""),
        default=entry.get("default", part.defaults.get(name)),
        format=entry.get("format") or (kinds[0] if kinds else ""),
    )


def from_text(setting: Setting, text: str) -> Any:
    """What a person typed, as the setting's type: ``a, b`` is a list, ``off`` stays a word."""
    if setting.type == "list" and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        if setting.type in {"str", "path"}:
            return text.strip()
        raise UsageError(
            _("The value for {name} cannot be read: {text}").format(name=setting.name, text=text),
            _("Write it as it would stand in YAML, for example [a, b] or true."),
        ) from error
    if setting.type in {"str", "path"} and not isinstance(value, str):
        return text.strip()
    return value


def from_pair(pair: str, components: Mapping[str, Component]) -> tuple[str, Any]:
    """``name=value`` of ``--set``; raises UsageError for a name no role knows."""
    name, equals, text = pair.partition("=")
    name = name.strip()
    known = all_settings(components.values())
    if not equals:
        raise UsageError(
            _("--set {pair} has no “=”.").format(pair=pair), _("Write: --set name=value")
        )
    if name in known:
        return name, from_text(known[name], text)
    if name.startswith("site_"):
        return name, yaml.safe_load(text)
    raise UsageError(
        _("No role knows a setting “{name}”.").format(name=name),
        types.suggestion(name, list(known)),
    )
