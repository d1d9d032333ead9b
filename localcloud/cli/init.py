"""``localcloud init DIR``: questions or flags, and a site at the end."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from localcloud import hints, ui
from localcloud.cli.options import language_option
from localcloud.components import load_components
from localcloud.i18n import _, ngettext
from localcloud.site import Site, load_site, pins
from localcloud.site.create import create_site
from localcloud.site.interview import Ask, flag_name, interview
from localcloud.site.questions import every_question
from localcloud.site.vault import KEY_FILE, VAULT_FILE


def _flags(command: click.Command) -> click.Command:
    """One option for each question the roles declare."""
    for question in every_question(load_components()):
        option = click.Option(
            [f"--{question.flag}", flag_name(question)],
            metavar="VALUE",
            help=f"{question.prompt} [{question.setting.name}]",
        )
        command.params.insert(len(command.params) - 4, option)
    return command


@_flags
@click.command("init", help=_("Write a site to DIR, or complete the one that is there."))
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--group", help=_("What the servers become: a group such as jupyterhub."))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="[NAME=]ADDRESS",
    help=_("A server's address (again for more servers)."),
)
@click.option("--user", help=_("User for SSH, who is root or may use sudo without a password."))
@click.option("--port", type=click.IntRange(1, 65535), help=_("Port of SSH (default: 22)."))
@click.option(
    "--key", type=click.Path(path_type=Path), help=_("Private key for SSH (default: SSH's own).")
)
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help=_("Any other setting, as YAML.")
)
@click.option("--yes", is_flag=True, help=_("Ask nothing, take the defaults."))
@click.option(
    "--trust-host-keys",
    is_flag=True,
    help=_("Pin the keys that the servers show now without asking (for scripts)."),
)
@language_option
def command(directory: Path, yes: bool, trust_host_keys: bool, **flags: Any) -> None:
    ask = _input if ui.is_terminal() and not yes else None
    if (directory / "hosts.yml").is_file():
        _say_what_is_ignored(directory, flags)
    else:
        _create(directory, flags, ask)
    site = _load(directory)
    left = _pin(site, trust_host_keys, asking=ask is not None)
    _next_steps(directory, site, left)


def _load(directory: Path) -> Site:
    """Load the site, which makes the secrets it lacks, and tell which files that were."""
    secret = [path for path in (directory / KEY_FILE, directory / VAULT_FILE) if not path.exists()]
    site = load_site(directory)
    for path in secret:
        if path.exists():
            ui.ok(_("Written: {path}").format(path=path))
    return site


def _say_what_is_ignored(directory: Path, flags: dict[str, Any]) -> None:
    ui.out(_("{directory} is a site already; what is there stays.").format(directory=directory))
    if any(value for value in flags.values()):
        ui.warn(_("The settings given as options change nothing now: edit the site's files."))


def _create(directory: Path, flags: dict[str, Any], ask: Ask | None) -> None:
    components = load_components()
    plan = interview(directory, flags, components, ask)
    for path in create_site(directory, plan.group, plan.hosts, plan.answers, components):
        ui.ok(_("Written: {path}").format(path=path))


def _input(prompt: str, default: Any = None, check: Callable[[str], str] | None = None) -> str:
    """Ask until the answer fits; an empty answer takes the default."""
    suffix = f" [{default}]" if default not in (None, "") else ""
    while True:
        try:
            typed = ui.ask(f"{prompt}{suffix}:")
        except EOFError:
            raise click.Abort from None
        text = typed or ("" if default is None else str(default))
        wrong = check(text) if check else ""
        if not wrong and (text or default is not None):
            return text
        ui.warn(wrong or _("an answer is needed"))


def _pin(site: Site, trust: bool, asking: bool) -> list[pins.Scan]:
    """Show each new host's fingerprints; pin what the person, or --trust-host-keys, accepts.

    Gives what is known of the hosts that are still without a pinned key.
    """
    left = []
    for found in pins.scan(pins.unpinned(site)):
        host = found.host
        if found.error:
            left.append(found)
            continue
        ui.heading(
            _("Host keys of {host} ({address}):").format(host=host.name, address=host.address)
        )
        for kind, fingerprint, _line in found.keys:
            ui.out(f"  {kind:<20} {fingerprint}")
        if trust or (asking and ui.confirm(_("Are these the keys of your server?"))):
            pins.pin(site, found)
            ui.ok(_("The keys of {host} are pinned.").format(host=host.name))
        else:
            left.append(found)
    return left


def _next_steps(directory: Path, site: Site, left: list[pins.Scan]) -> None:
    names = ", ".join(found.host.name for found in left)
    if left:
        words = _(
            "The site {directory} is written. Not accepted yet: the SSH host keys of {hosts}."
        )
    else:
        words = _("The site {directory} is complete: nothing is missing.")
    ui.ok(words.format(directory=directory, hosts=names))
    words = _("Keep a copy of {key} in a safe place: without it the passwords are lost.")
    ui.out(ui.wrap(words.format(key=site.vault_key)))
    ui.out()
    ui.heading(_("What comes next:"))
    place = shlex.quote(str(directory))
    steps = [f"localcloud check -i {place}", f"localcloud install -i {place}"]
    if left:
        steps.insert(0, _pinning(f"localcloud init {place}"))
    if silent := [found for found in left if found.error]:
        steps.insert(0, _answering(silent))
    for number, step in enumerate(map(hints.complete, steps), 1):
        first, *more = step.splitlines()
        ui.out(f"  {number}. {first}")
        for line in more:
            ui.out(ui.wrap(line, "     "))


def _answering(silent: list[pins.Scan]) -> str:
    """The step before all others: who does not answer, why, and what to do about it."""
    words = ngettext(
        "This server does not answer over SSH yet: {hosts}.",
        "These servers do not answer over SSH yet: {hosts}.",
        len(silent),
    )
    lines = [words.format(hosts=", ".join(found.host.name for found in silent))]
    for found in silent:
        if found.error:
            lines += [found.error.message, found.error.remedy]
    return "\n".join(filter(None, dict.fromkeys(lines)))


def _pinning(line: str) -> str:
    words = _(
        "This shows the host keys; compare them on the server "
        "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and accept them. "
        "Nothing connects to a server before."
    )
    return f"{line}\n{words}"
