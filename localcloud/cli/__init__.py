"""The verbs. A verb's module is imported only when it is called, so that ``--help`` is instant."""

from importlib import import_module

import click

from localcloud import __version__
from localcloud.cli.metavars import translate
from localcloud.cli.options import global_options
from localcloud.i18n import _

# verb → its line in the overview; the module of the same name holds the command.
VERBS = {
    "init": _("Write a site: its servers, settings, secrets and host keys."),
    "check": _("Look at every server before anything is changed."),
    "install": _("Make the servers what the site says."),
    "verify": _("Prove that it works: a student's walk, nodes, volumes."),
    "status": _("Show what runs where."),
    "reset": _("Take out what install put in."),
    "lab": _("Practice machines on this computer."),
    "logs": _("Show the last run, or another one."),
}


class LazyGroup(click.Group):
    """Lists :data:`VERBS` without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"localcloud.cli.{cmd_name}").command
        return translate(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Verbs")):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            hint = _("Did you mean {verb}?").format(verb=near[0]) if near else ""
            words = _("There is no verb {verb}.").format(verb=args[0])
            ctx.fail(f"{words} {hint}".strip())
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_("Turn your own servers into your own JupyterHub cloud."),
)
@global_options
@click.version_option(__version__, prog_name="localcloud", help=_("Show the version and stop."))
def cli(**_options: object) -> None:
    pass


translate(cli)
