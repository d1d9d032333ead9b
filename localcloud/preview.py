"""What a dry run would change."""

from dataclasses import dataclass, field
from textwrap import indent

from localcloud import durations, phases, recordlog, screen, ui
from localcloud.events import Event
from localcloud.i18n import _, ngettext
from localcloud.outcome import RunResult
from localcloud.phases import Phase


@dataclass
class _Step:
    phase: Phase | None
    task: str
    hosts: list[str] = field(default_factory=list)
    diffs: dict[str, str] = field(default_factory=dict)  # host → unified diff


@dataclass
class Preview:
    """Collects the steps that report a change; give it every event."""

    steps: dict[tuple[Phase | None, str], _Step] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        if event.kind != "result" or event.status != "changed" or not event.host:
            return
        key = (event.phase, event.task or "?")
        step = self.steps.setdefault(key, _Step(*key))
        step.hosts.append(event.host)
        if event.result.get("diff"):
            hidden = {
                "secret": _("{path}: new content, not shown since it holds secrets"),
                "mode": _("{path}: owner or mode"),
            }
            step.diffs[event.host] = recordlog.diff_text(event.result["diff"], hidden)

    def show(self, result: RunResult, verbose: bool = False) -> None:
        """How many steps of each phase report a change; ``verbose``: which, and what they write."""
        ui.out()
        for phase in dict.fromkeys(step.phase for step in self.steps.values()):
            steps = [step for step in self.steps.values() if step.phase == phase]
            name = phases.label(phase) if phase else "?"
            hosts = screen.names(sorted({host for step in steps for host in step.hosts}))
            words = ngettext("{count} step on {hosts}", "{count} steps on {hosts}", len(steps))
            words = words.format(count=len(steps), hosts=hosts)
            ui.out(f"{ui.style('~', 'warning')} {ui.style(name, 'heading')}: {words}")
            for step in steps if verbose else ():
                self._show_step(step)
        self._conclude(result, verbose)

    def _show_step(self, step: _Step) -> None:
        hosts = screen.names(sorted(set(step.hosts)))
        ui.out(f"    {step.task}  {ui.style(f'({hosts})', 'dim')}")
        for host, diff in step.diffs.items():
            ui.out(indent(f"{host}:\n{diff}".rstrip(), "      "))

    def _conclude(self, result: RunResult, verbose: bool) -> None:
        count = len(self.steps)
        took = durations.exact(result.seconds)
        if result.left_out:
            words = _(
                "No preview of {hosts}: Python is not installed there yet, and a dry run "
                "installs nothing."
            )
            ui.warn(ui.wrap(words.format(hosts=screen.names(result.left_out)), "  ").lstrip())
        if not count and not result.hosts:
            return  # nobody was looked at
        if not count:
            ui.ok(_("Dry run: nothing would be changed ({time}).").format(time=took))
            return
        words = ngettext(
            "Dry run: {count} step would change something ({time}). Nothing was changed.",
            "Dry run: {count} steps would change something ({time}). Nothing was changed.",
            count,
        )
        ui.ok(words.format(count=count, time=took))
        if not verbose:
            ui.out("  " + _("With -v: the name of each step, and what it would write."))
        place = str(result.record)
        ui.out(ui.apart("  " + _("Record:   {path}").format(path=place), place))
