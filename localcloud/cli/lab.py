"""``localcloud lab``: practice machines on this computer."""

import json
import os
import shlex
from pathlib import Path

import click

from localcloud import hints, ui
from localcloud import lab as api
from localcloud.cli import lab_shown as shown
from localcloud.cli.options import json_option, site_options
from localcloud.errors import UsageError
from localcloud.i18n import _, ngettext
from localcloud.lab.state import BARE, path_of
from localcloud.lab.vm import KIND as VM

DEFAULT = Path("lab")


class _LabVerbs(click.Group):
    """Its list of verbs has their whole help: click's own cuts each to a line."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section(_("Verbs")):
            formatter.write_dl([(name, verb.help or "") for name, verb in verbs if verb])


@click.group(
    cls=_LabVerbs,
    help=_(
        "Practice machines on this computer: containers with systemd and SSH, or virtual machines, "
        "ready for localcloud install. No container registry and no image download is needed."
    ),
)
@site_options
def command(**_options: object) -> None:
    pass


def _place(inventory: Path) -> Path:
    """The lab meant: -i if it was given, this directory if it is a lab, else ``lab`` in it."""
    if inventory != Path() or path_of(inventory).exists():
        return inventory
    return DEFAULT


def _quoted(place: Path) -> str:
    return shlex.quote(str(place))


_directory = click.argument(
    "directory", type=click.Path(path_type=Path, file_okay=False), required=False
)


@command.command("up", help=_("Make the lab in DIRECTORY (default: lab), or start what is there."))
@_directory
@click.option("--hosts", type=click.IntRange(1), help=_("Number of machines (default: 1)."))
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME[=N]",
    help=_("Group of the machines (default: jupyterhub); NAME=N asks for N of their own."),
)
@click.option(
    "--vm",
    "vm",
    is_flag=True,
    help=_("Virtual machines (QEMU): a kernel of their own, reboots, power cuts, disks."),
)
@click.option(
    "--distribution",
    "--system",
    metavar="NAME",
    help=_("debian12, debian13 or ubuntu24.04 (default: what this computer runs, if it is one)."),
)
@click.option(
    "--engine",
    type=click.Choice(["podman", "docker"]),
    help=_("Container engine (default: podman, else docker)."),
)
@click.option(
    "--memory",
    metavar="SIZE",
    help=_("Memory of each machine, such as 2g (default: containers no limit, --vm 2g)."),
)
@click.option("--cores", type=click.IntRange(1), help=_("Cores of each --vm (default: 2)."))
@click.option(
    "--disk",
    "disks",
    multiple=True,
    metavar="SIZE",
    help=_("An empty disk for each --vm beside its own of 20g; may be repeated."),
)
@click.option("--quiet", is_flag=True, help=_("Print neither the table nor what comes next."))
@site_options
def up(
    directory: Path | None,
    hosts: int | None,
    groups: tuple[str, ...],
    distribution: str | None,
    engine: str | None,
    memory: str | None,
    cores: int | None,
    disks: tuple[str, ...],
    vm: bool,
    quiet: bool,
    inventory: Path,
    verbose: int,
) -> None:
    place = directory or _place(inventory)
    if vm and engine:
        raise UsageError(
            _("--vm and --engine exclude each other: a virtual machine needs no container engine."),
            _("Leave one of them out."),
        )
    lab = api.up(
        place,
        hosts=hosts,
        groups=groups,
        distribution=distribution,
        engine=VM if vm else engine,
        memory=memory,
        cores=cores,
        disks=disks,
        say=ui.out,
    )
    count = len(lab.hosts)
    ui.ok(
        ngettext("{count} machine answers.", "{count} machines answer.", count).format(count=count)
    )
    if quiet:
        return
    shown.table(lab)
    ui.out()
    then = hints.called(f"localcloud install -i {_quoted(place)}")
    ui.out(ui.apart(_("Next: {command}").format(command=then), then))


@command.command("list", help=_("Show every lab of this computer."))
@json_option
@site_options
def list_labs(as_json: bool, inventory: Path, verbose: int) -> None:
    labs, lost = api.all_labs(_place(inventory))
    if as_json:
        ui.out(json.dumps([lab.described() for lab in labs], indent=2))
        return
    for number, lab in enumerate(labs):
        if number:
            ui.out()
        shown.table(lab)
    if not labs and not lost:
        ui.out(hints.called(_("There is no lab. Make one: `localcloud lab up`")))
    for directory in lost:
        ui.warn(
            _("The directory of a lab is gone: {path}. Remove its machines: {command}").format(
                path=directory, command=hints.called(f"localcloud lab down {_quoted(directory)}")
            )
        )


_REMOTE = "localcloud.lab.remote"


class _SplitAtDashes(click.Command):
    """What stands behind ``--`` is the remote command, never a host or an option of ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_REMOTE] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


@command.command(
    "ssh",
    cls=_SplitAtDashes,
    help=_("Log in to HOST (default: the first), or run a command there: lab ssh node1 -- uptime"),
)
@click.argument("host", required=False)
@click.argument("words", metavar="[-- COMMAND]", nargs=-1)
@site_options
def ssh(host: str | None, words: tuple[str, ...], inventory: Path, verbose: int) -> None:
    lab = api.find(_place(inventory))
    line = lab.ssh_command(host, [*words, *click.get_current_context().meta.get(_REMOTE, ())])
    try:
        os.execvp(line[0], line)  # noqa: S606 ssh takes over this process and its terminal
    except FileNotFoundError as missing:
        raise UsageError(
            _("This computer has no ssh command."),
            _("Install it: {command}").format(command="sudo apt install openssh-client"),
        ) from missing


@command.command("save", help=_("Keep the state of every machine under NAME, for lab rebuild."))
@click.argument("name")
@site_options
def save(name: str, inventory: Path, verbose: int) -> None:
    lab = api.find(_place(inventory))
    lab.save(name)
    ui.ok(
        _("Saved. To come back to it: {command}").format(
            command=hints.command(f"lab rebuild --to {name}")
        )
    )


@command.command(
    "stop", help=_("Shut machines (all, or HOSTS) down; lab up starts them with all they hold.")
)
@click.argument("hosts", nargs=-1)
@click.option("--now", is_flag=True, help=_("At once, as when the power is cut."))
@site_options
def stop(hosts: tuple[str, ...], now: bool, inventory: Path, verbose: int) -> None:
    lab = api.find(_place(inventory))
    lab.stop(hosts, cut=now)
    ui.ok(_("Stopped: {hosts}.").format(hosts=", ".join(hosts or lab.hosts)))
    again = hints.called(f"localcloud lab up {_quoted(_place(inventory))}")
    ui.out(ui.apart(_("Start again: {command}").format(command=again), again))


@command.command("rebuild", help=_("Bring machines (all, or HOSTS) back to a saved state."))
@click.argument("hosts", nargs=-1)
@click.option(
    "--to",
    default=BARE,
    show_default=True,
    metavar="NAME",
    help=_("bare, or a name given with lab save."),
)
@site_options
def rebuild(hosts: tuple[str, ...], to: str, inventory: Path, verbose: int) -> None:
    lab = api.find(_place(inventory))
    lab.rebuild(hosts, to)
    ui.ok(_("Back to “{state}”: {hosts}.").format(state=to, hosts=", ".join(hosts or lab.hosts)))


@command.command("down", help=_("Remove the lab in DIRECTORY (default: lab) with all it holds."))
@_directory
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@click.option(
    "--all", "everything", is_flag=True, help=_("Also remove the cached systems of all labs.")
)
@site_options
def down(
    directory: Path | None, yes: bool, everything: bool, inventory: Path, verbose: int
) -> None:
    place = directory or _place(inventory)
    owned = api.belongings(place)
    if owned.empty and not everything:
        ui.out(_("There is no lab in {path}, and nothing to remove.").format(path=place))
        return
    if not yes:
        shown.what_goes(owned)
        if not ui.is_terminal():
            raise UsageError(
                _("Nothing was removed."), _("Add --yes to go ahead without being asked.")
            )
        if not ui.confirm(_("Remove all of it?")):
            ui.out(_("Nothing was removed."))
            return
    left = api.down(place, everything=everything)
    ui.ok(_("The lab is gone."))
    if left:
        ui.out(
            _("Left in {path}, as the lab did not make it: {names}").format(
                path=place, names=", ".join(left)
            )
        )
