"""Options that several verbs share. They are accepted before and after the verb."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from localcloud import hints
from localcloud.i18n import LANGUAGES, _

Function = TypeVar("Function", bound=Callable[..., Any])


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Keep a global option, so that the one after the verb wins over the one before it."""
    known = ctx.find_root().meta.setdefault("localcloud.global", {})
    name = str(parameter.name)
    source = ctx.get_parameter_source(name)
    if name not in known or source is click.core.ParameterSource.COMMANDLINE:
        known[name] = value
    return known[name]


def _remember_site(ctx: click.Context, parameter: click.Parameter, value: Path) -> Path:
    chosen: Path = _remember(ctx, parameter, value)
    hints.use_site(chosen)
    return chosen


_INVENTORY = click.option(
    "-i",
    "--inventory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path(),
    envvar="LOCALCLOUD_INVENTORY",
    callback=_remember_site,
    help=_("The site's directory (default: this one, or LOCALCLOUD_INVENTORY)."),
)
_LANGUAGE = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    expose_value=False,  # already followed by i18n.choose, before this module was imported
    help=_("Language of what is printed (default: the site's, or the locale's)."),
)
_VERBOSE = click.option(
    "-v", "--verbose", count=True, callback=_remember, help=_("Show more of what happens.")
)


def global_options(function: Function) -> Function:
    """``-i``, ``--lang`` and ``-v`` in front of the verb."""
    return _INVENTORY(_LANGUAGE(_VERBOSE(function)))


def language_option(function: Function) -> Function:
    """``--lang`` alone, for verbs that need no site."""
    return _LANGUAGE(function)


def site_options(function: Function) -> Function:
    """``-i`` and ``-v`` behind the verb: gives ``inventory: Path`` and ``verbose: int``."""
    return _INVENTORY(_LANGUAGE(_VERBOSE(function)))


limit_option = click.option(
    "--limit", metavar="HOSTS", help=_("Only these hosts or groups (comma-separated).")
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help=_("Print JSON for other programs.")
)
