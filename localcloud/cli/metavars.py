"""The words in capitals of a help page (``DIR``, ``TEXT``), in the reader's language.

click has no translations for its own, and names values by types that only programmers know.
"""

import click

from localcloud.i18n import N_, _

_WORDS = (
    N_("[OPTIONS]"),
    N_("COMMAND [ARGS]..."),
    N_("COMMAND"),
    N_("DIR"),
    N_("DIRECTORY"),
    N_("HOST"),
    N_("HOSTS"),
    N_("NAME"),
    N_("NAME=VALUE"),
    N_("NAME[=N]"),
    N_("SIZE"),
    N_("VALUE"),
    N_("[-- COMMAND]"),
    N_("[NAME=]ADDRESS"),
    N_("[RUN]"),
    N_("TEXT"),
    N_("PATH"),
)
# click's names of types → what stands for a value of it.
_TYPES = {"text": "TEXT", "path": "PATH", "file": "PATH", "integer": "N", "integer range": "N"}


def translate(command: click.Command) -> click.Command:
    """Give a command, and the verbs below it, words for people; gives the same command."""
    command.options_metavar = _word(command.options_metavar)
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            _argument(parameter)
        elif isinstance(parameter, click.Option) and not (parameter.is_flag or parameter.count):
            known = _TYPES.get(parameter.type.name)
            parameter.metavar = _word(parameter.metavar or known)
        if isinstance(parameter.type, click.IntRange):
            parameter.type.name = _("whole number")
    if isinstance(command, click.Group):
        command.subcommand_metavar = _word(command.subcommand_metavar) or ""
        for below in getattr(command, "commands", {}).values():
            translate(below)
    return command


def _argument(parameter: click.Argument) -> None:
    if parameter.metavar is not None:
        parameter.metavar = _word(parameter.metavar)
        return
    word = _word(str(parameter.name).upper()) or ""
    word = word if parameter.required else f"[{word}]"
    parameter.metavar = f"{word}..." if parameter.nargs != 1 else word


def _word(text: str | None) -> str | None:
    return _(text) if text in _WORDS else text
