"""What the roles declare: argument specs, defaults, dependencies and ``meta/localcloud.yml``.

Python knows no setting by name; everything it must know of a role is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from localcloud import paths
from localcloud.errors import LocalcloudError
from localcloud.i18n import _

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Setting:
    """One entry of an argument spec; ``options`` are the known sub-keys of a dict."""

    name: str
    type: str
    elements: str | None
    choices: tuple[Any, ...]
    required: bool
    options: dict[str, "Setting"]
    description: str
    role: str
    no_log: bool = False


@dataclass(frozen=True)
class Component:
    """One role. ``groups`` are those whose hosts get it, ``group`` the first; support roles have
    none."""

    name: str
    group: str | None
    meta: dict[str, Any]
    settings: dict[str, Setting]
    defaults: dict[str, Any]
    dependencies: tuple[str, ...] = field(default=())

    @property
    def groups(self) -> tuple[str, ...]:
        """``group:`` in its meta may be a list: a cluster's servers and agents are one role."""
        named = self.meta.get("group") or ()
        return (named,) if isinstance(named, str) else tuple(named)


def load_components(roles_dir: Path | None = None) -> dict[str, Component]:
    """Every role below ``roles_dir`` (default: the kit's own), by name; read once per folder."""
    return _load((roles_dir or paths.roles_dir()).resolve())


def with_dependencies(
    name: str, components: Mapping[str, Component] | None = None
) -> list[Component]:
    """The role's dependencies, deepest first, and then the role itself; each once."""
    known = components if components is not None else load_components()
    ordered: dict[str, Component] = {}

    def add(role: str, waiting: tuple[str, ...]) -> None:
        if role in ordered or role in waiting or role not in known:
            return
        for dependency in known[role].dependencies:
            add(dependency, (*waiting, role))
        ordered[role] = known[role]

    add(name, ())
    return list(ordered.values())


def all_settings(components: Iterable[Component]) -> dict[str, Setting]:
    """Every setting of these components by name; the first declaration of a name wins."""
    found: dict[str, Setting] = {}
    for component in components:
        for name, setting in component.settings.items():
            found.setdefault(name, setting)
    return found


def narrowed(setting: Setting, components: Iterable[Component]) -> Setting:
    """The setting with those of its choices only that all these components can do."""
    choices = setting.choices
    for component in components:
        able = component.meta.get("supports", {}).get(setting.name, choices)
        choices = tuple(choice for choice in choices if choice in able)
    return replace(setting, choices=choices)


def groups(components: Mapping[str, Component]) -> dict[str, list[Component]]:
    """Inventory group → the components its hosts get."""
    found: dict[str, list[Component]] = {}
    for component in components.values():
        for group in component.groups:
            found.setdefault(group, []).append(component)
    return found


@cache
def _load(roles_dir: Path) -> dict[str, Component]:
    if not roles_dir.is_dir():
        return {}
    folders = sorted(entry for entry in roles_dir.iterdir() if entry.is_dir())
    return {folder.name: _component(folder) for folder in folders if folder.name[0] != "."}


def _component(role: Path) -> Component:
    meta = _read(role / "meta" / "localcloud.yml")
    specs = _read(role / "meta" / "argument_specs.yml").get("argument_specs") or {}
    options = (specs.get("main") or {}).get("options") or {}
    dependencies = _read(role / "meta" / "main.yml").get("dependencies") or []
    return Component(
        name=role.name,
        group=_first(meta.get("group")),
        meta=meta,
        settings={name: _setting(name, spec, role.name) for name, spec in options.items()},
        defaults=_read(role / "defaults" / "main.yml"),
        dependencies=tuple(_role_name(entry) for entry in dependencies),
    )


def _first(named: str | list[str] | None) -> str | None:
    return named[0] if isinstance(named, list) else named


def _setting(name: str, spec: Mapping[str, Any] | None, role: str, secret: bool = False) -> Setting:
    spec = spec or {}
    secret = secret or bool(spec.get("no_log", False))  # what stands inside a secret is one
    description = spec.get("description") or ""
    if isinstance(description, list):
        description = "\n".join(str(line) for line in description)
    return Setting(
        name=name,
        type=spec.get("type", "str"),
        elements=spec.get("elements"),
        choices=tuple(spec.get("choices") or ()),
        required=bool(spec.get("required", False)),
        options={
            key: _setting(key, sub, role, secret)
            for key, sub in (spec.get("options") or {}).items()
        },
        description=description.strip(),
        role=role,
        no_log=secret,
    )


def _role_name(entry: str | Mapping[str, Any]) -> str:
    if isinstance(entry, str):
        return entry
    return str(entry.get("role") or entry.get("name"))


def _read(file: Path) -> dict[str, Any]:
    """A role's YAML file, {} if there is none. An error here is ours, not the site's."""
    try:
        data = yaml.load(file.read_bytes(), Loader=_Loader)  # noqa: S506 - the C safe loader
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise LocalcloudError(
            _("The file {file} of localcloud itself cannot be read.").format(file=file),
            _("Install localcloud again, or undo the change to this file."),
            str(error),
        ) from error
    return data if isinstance(data, dict) else {}
