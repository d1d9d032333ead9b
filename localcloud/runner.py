"""Runs a verb's playbook. The only module that knows ansible-runner."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud import (
    __version__,
    ansible_env,
    cancel,
    failures,
    guarded,
    hostlock,
    leftovers,
    records,
    strategy,
    workplace,
)
from localcloud.errors import LocalcloudError
from localcloud.events import Event, Reader
from localcloud.outcome import RunResult, Seen
from localcloud.paths import playbooks_dir
from localcloud.redaction import Redactor
from localcloud.ssh import Connections

if TYPE_CHECKING:
    from localcloud.site import Host, Site

SKIP_CHECK = "LOCALCLOUD_SKIP_CHECK"  # for tests: what does Ansible itself do with this host?
_POLL = 0.25  # seconds: how long Ctrl-C may wait for ansible-runner to look up


def run(
    verb: str,
    site: "Site",
    *,
    limit: str | None = None,
    tags: str | None = None,
    dry_run: bool = False,
    flags: dict[str, Any] | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
    kept: Connections | None = None,
) -> RunResult:
    """Run ``playbooks/<verb>.yml`` on the site's hosts (those that were loaded with ``limit``).

    Call it with the site's lock held. ``flags`` reach the roles as ``localcloud_run``; they are
    visible in the process list, so no secret may be among them. ``kept``: connections that are open
    already. Holds each host's lock meanwhile and leaves no process behind. Raises LocalcloudError
    if a host is busy or cannot be entered.
    """
    hosts = list(site.hosts.values())
    run_id = records.new_id(verb)
    controls = workplace.left_controls(site.run_dir)
    leftovers.end_here(lambda: leftovers.orphans(site.directory, controls, run_id))
    workplace.sweep(site.run_dir)
    scratch = workplace.scratch_name()
    with hostlock.hold(site, hosts, verb, _tolerate, str(scratch), kept) as locks:
        leftovers.end_on_hosts(locks.connections, keep=run_id)
        versions = strategy.installed()
        job = Job(
            verb=verb,
            site=site,
            hosts=hosts,
            run_id=run_id,
            scratch=scratch,
            limit=limit,
            tags=tags,
            dry_run=dry_run,
            chosen=strategy.choose(locks.without_python, versions),
            python=locks.python,
            flags={**(flags or {}), "without_python": locks.without_python},
        )
        record = records.Record.start(
            site.run_dir,
            run_id,
            Redactor(site.secret_values()),
            verb=verb,
            limit=limit,
            dry_run=dry_run,
            hosts=[host.name for host in hosts],
            strategy=job.chosen,
            flags={name: value for name, value in job.flags.items() if value},
            versions={"localcloud": __version__, **versions.as_dict()},
        )
        return _carry_out(job, record, locks, on_event)


def _tolerate(_error: LocalcloudError) -> bool:
    return bool(os.environ.get(SKIP_CHECK))


@dataclass
class Job:
    verb: str
    site: "Site"
    hosts: "Sequence[Host]"
    run_id: str
    scratch: Path
    limit: str | None
    tags: str | None
    dry_run: bool
    chosen: str
    python: str
    flags: dict[str, Any]

    def left_out(self) -> list[str]:
        """A dry run installs no Python, so it can say nothing of hosts without one."""
        return list(self.flags["without_python"]) if self.dry_run else []

    def pattern(self) -> str | None:
        out = self.left_out()
        if not out:
            return self.limit
        return ",".join([self.limit or "all", *(f"!{name}" for name in out)])


def _carry_out(
    job: Job, record: records.Record, locks: hostlock.Locks, on_event: Callable[[Event], None]
) -> RunResult:
    seen = Seen({host.name: host.user or "" for host in job.hosts})
    result = RunResult(records.INTERRUPTED, record.directory, job.chosen, left_out=job.left_out())
    result.run_id = job.run_id
    reader = Reader(record.redactor)

    def handle(raw: dict[str, Any]) -> bool:
        for event in reader.read(raw):
            seen.take(event)
            record.write(event)
            with suppress(OSError):  # the terminal may be gone; the run must still end well
                on_event(event)
        return False  # ansible-runner must not keep it: it is not redacted

    try:
        with cancel.watch() as stop:
            code = 0
            if len(result.left_out) < len(job.hosts):
                code = _play(job, handle, lambda: stop.asked or seen.crashed)
            if stop.asked:
                result.not_cleaned = _clean_hosts(job, record, locks)
            else:
                _judge(job, result, seen, code)
    finally:
        result.hosts = seen.counts()
        result.slowest = seen.slowest()
        record.finish(
            result.status,
            counts=result.hosts,
            slowest=result.slowest,
            failures=[vars(one) for one in result.failures],
        )
        result.phases = record.phases()
        result.seconds = record.data["seconds"]
    return result


def _play(job: Job, handle: Callable[[dict[str, Any]], bool], stopped: Callable[[], bool]) -> int:
    """Run ansible-playbook to its end; gives its exit code. Leaves no process of it here."""
    import ansible_runner

    with workplace.make(job.site.run_dir, job.scratch) as place:
        environment = ansible_env.environment(
            job.site,
            job.hosts,
            run_id=job.run_id,
            private=place.private,
            control=place.control,
            scratch=place.scratch,
            chosen=job.chosen,
            python=job.python,
        )
        place.settings(pexpect_timeout=_POLL, suppress_output_file=True)
        try:
            runner = ansible_runner.interface.init_runner(
                **arguments(job, place.private),
                envvars=environment,
                event_handler=handle,
                cancel_callback=stopped,
            )
            # ansible-runner starts from the caller's whole environment; only ours may stay.
            allowed = {*environment, *ansible_env.RUNNER_NAMES}
            config = runner.config
            config.env = {key: value for key, value in config.env.items() if key in allowed}
            config.env[guarded.PARENT] = str(os.getpid())
            config.command[0:1] = [sys.executable, "-P", "-m", guarded.__name__]
            runner.run()
            return int(runner.rc if runner.rc is not None else 1)
        finally:
            leftovers.end_here(lambda: leftovers.local_processes(job.run_id, place.control))


def arguments(job: Job, private: Path) -> dict[str, Any]:
    """What ansible-runner is told: playbook, inventory, limit, run flags and one extra variable."""
    words = []
    if job.site.vault_key.is_file():
        words += ["--vault-password-file", str(job.site.vault_key.resolve())]
    if job.dry_run:
        words += ["--check", "--diff"]
    extra = {"id": job.run_id, "verb": job.verb, "site": str(job.site.directory.resolve())}
    return {
        "private_data_dir": str(private),
        "ident": "run",
        "playbook": str(playbooks_dir() / f"{job.verb}.yml"),
        "inventory": str((job.site.directory / "hosts.yml").resolve()),
        "cmdline": shlex.join(words) or None,
        "limit": job.pattern(),
        "tags": job.tags,
        # Ansible's validation of arguments, a task for each role and host: the site's settings have
        # been checked already, and more strictly.
        "skip_tags": "always",
        "extravars": {"localcloud_run": {**job.flags, **extra}},
        "quiet": True,
        "suppress_env_files": True,
        "fact_cache_type": "memory",
    }


def _judge(job: Job, result: RunResult, seen: Seen, code: int) -> None:
    """Status and failures from what was seen; a failed connection gets a second look."""
    found = seen.failures if seen.end is None else failures.standing(seen.failures, seen.counts())
    if code == 0 and not found:
        result.status = records.DONE
        return
    if not found:
        found = [failures.of_playbook(seen.errors)]
    with ThreadPoolExecutor(16) as pool:
        result.failures = list(pool.map(lambda one: failures.second_look(job.site, one), found))
    lost = all(failure.unreachable for failure in result.failures)
    result.status = records.UNREACHABLE if lost else records.FAILED


def _clean_hosts(job: Job, record: records.Record, locks: hostlock.Locks) -> list[str]:
    """End what a stopped run still does on the hosts; gives the hosts where that failed."""
    bad = []
    for host, ended in leftovers.end_on_hosts(locks.connections, only=job.run_id).items():
        if isinstance(ended, LocalcloudError):
            bad.append(host)
            record.note(f"{host}: {ended.message}")
        elif ended:
            record.note(f"{host}: ended " + json.dumps(ended, ensure_ascii=False))
    return bad
