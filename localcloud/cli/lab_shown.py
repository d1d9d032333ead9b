"""What ``localcloud lab`` prints of labs."""

from pathlib import Path

from localcloud import lab as api
from localcloud import ui
from localcloud.i18n import _, ngettext
from localcloud.lab.vm import KIND as VM


def table(lab: api.Lab) -> None:
    """One lab's machines, narrow enough for 80 columns."""
    kind = _("virtual machines") if lab.machinery.kind == VM else _("containers")
    ui.heading(f"{_shown(lab.directory)} ({kind}, {lab.state.distribution})")
    ui.table([_("Host"), _("State"), _("Groups"), "HTTP", _("Made from")], _rows(lab))
    if lab.saved:
        ui.out(_("Saved states: {names}").format(names=", ".join(lab.saved)))


def _rows(lab: api.Lab) -> list[list[str]]:
    statuses = lab.statuses()
    return [
        [
            *(machine.name, _status(statuses[machine.name]), ",".join(machine.groups)),
            *(lab.url(machine.name).removeprefix("http://"), machine.state),
        ]
        for machine in lab.state.machines.values()
    ]


def _status(word: str) -> str:
    """A machine's state in words; the engine's own word where it is a rare one."""
    known = {"running": _("running"), "exited": _("stopped"), "absent": _("absent")}
    known["cut off"] = _("cut off")  # from the lab's network
    return known.get(word, word)


def _shown(directory: Path) -> str:
    """A path as short as it can be from here."""
    here = Path.cwd()
    return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)


def what_goes(owned: api.Belongings) -> None:
    """Everything that ``lab down`` would remove, before the question."""
    ui.out(_("This goes for good:"))
    if owned.machines:
        ui.out(
            "  "
            + _("machines, with notebooks and homes in them: {names}").format(
                names=", ".join(sorted(owned.machines))
            )
        )
    if owned.saved:
        count = owned.saved
        ui.out(
            "  "
            + ngettext("{count} saved state", "{count} saved states", count).format(count=count)
        )
    if owned.made_site:
        ui.out(
            "  "
            + _("the site directory {path}, with its settings and secrets").format(
                path=owned.directory
            )
        )
