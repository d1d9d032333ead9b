"""Render ``{{ … }}`` in settings with plain Jinja, giving the types Ansible would give.

Lookups, filters that only Ansible has and facts of a host are beyond this module: they raise
:class:`NotPlain`, and the value is left to Ansible.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from localcloud.site.yamlfile import UnsafeText, VaultText

# What an expression of a person can raise inside Jinja.
_IN_EXPRESSIONS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


class NotPlain(Exception):
    """Plain Jinja cannot work this value out.

    ``reason`` is Jinja's own sentence; ``kind`` is ``loop`` (the value needs itself), ``syntax``
    (no template at all), ``undefined`` (``name`` is not known) or ``beyond`` (Ansible may know).
    """

    def __init__(self, reason: str, kind: str = "beyond", name: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.name = name


def is_template(value: Any) -> bool:
    """Whether a scalar, or anything inside a list or dict, is a template."""
    if isinstance(value, str):
        return not isinstance(value, UnsafeText) and ("{{" in value or "{%" in value)
    if isinstance(value, dict):
        return any(is_template(item) for item in value.values())
    return isinstance(value, list) and any(is_template(item) for item in value)


class Resolver:
    """The variables of one host, worked out when asked for.

    ``lookup(name)`` gives a raw value or raises KeyError; ``open_vault`` decrypts a ``!vault``
    value. A variable that needs itself raises NotPlain of the kind ``loop``.
    """

    def __init__(
        self, lookup: Callable[[str], Any], open_vault: Callable[[VaultText], str]
    ) -> None:
        self._lookup = lookup
        self._open_vault = open_vault
        self._busy: list[str] = []

    def value(self, name: str) -> Any:
        if name in self._busy:
            raise NotPlain(" → ".join([*self._busy, name]), "loop")
        self._busy.append(name)
        try:
            return self.render(self._lookup(name))
        finally:
            self._busy.pop()

    def render(self, value: Any) -> Any:
        if isinstance(value, VaultText):
            return self._open_vault(value)
        if isinstance(value, dict):
            return {key: self.render(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.render(item) for item in value]
        if isinstance(value, UnsafeText):
            return str(value)
        return self._template(value) if isinstance(value, str) and is_template(value) else value

    def _template(self, text: str) -> Any:
        import jinja2

        try:
            rendered = _environment().from_string(text).render(__localcloud_resolver=self)
        except jinja2.TemplateAssertionError as error:  # a filter or test of Ansible's own
            raise NotPlain(str(error)) from error
        except jinja2.TemplateSyntaxError as error:
            raise NotPlain(str(error), "syntax") from error
        except jinja2.UndefinedError as error:
            raise _undefined(str(error)) from error
        except (jinja2.TemplateError, *_IN_EXPRESSIONS) as error:
            raise NotPlain(str(error)) from error
        if isinstance(rendered, jinja2.Undefined):
            raise _undefined(str(rendered._undefined_message))
        return rendered


def _undefined(message: str) -> NotPlain:
    match = re.fullmatch(r"'(\w+)' is undefined", message)
    return NotPlain(message, "undefined", match[1]) if match else NotPlain(message)


def _concat(values: Iterable[Any]) -> Any:
    """As in Ansible since 2.19: one expression keeps its type, a mixture is text."""
    parts = list(values)
    if len(parts) == 1:
        return parts[0]
    return "".join(str(part) for part in parts)


@cache
def _environment() -> Any:
    """Jinja takes 0.1 s to import, and most sites hold no template at all: so, when needed."""
    from jinja2 import StrictUndefined
    from jinja2.nativetypes import NativeCodeGenerator, NativeEnvironment, NativeTemplate
    from jinja2.runtime import Context, missing

    class Lazy(Context):
        def resolve_or_missing(self, key: str) -> Any:
            found = super().resolve_or_missing(key)
            if found is not missing:
                return found
            try:
                return self.parent["__localcloud_resolver"].value(key)
            except KeyError:
                return missing

    class Generator(NativeCodeGenerator):
        def _output_const_repr(self, group: Iterable[Any]) -> str:
            return repr(_concat(group))

    class Environment(NativeEnvironment):
        context_class = Lazy
        code_generator_class = Generator
        concat = staticmethod(_concat)

    class Template(NativeTemplate):
        environment_class = Environment

    Environment.template_class = Template
    environment = Environment(undefined=StrictUndefined)
    environment.filters["bool"] = _to_bool
    environment.filters["ternary"] = lambda value, yes, no: yes if value else no
    return environment


def _to_bool(value: Any) -> bool:
    """Ansible's ``bool`` filter."""
    return str(value).lower() in {"1", "1.0", "true", "yes", "on", "y", "t"}
