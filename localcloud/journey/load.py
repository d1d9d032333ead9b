"""A whole journey: accounts, all users at once, one against another, and the way out."""

import contextlib
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from localcloud import workplace
from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.journey import privacy
from localcloud.journey.accounts import Account, Accounts, Login, new_logins, over_ssh
from localcloud.journey.failure import StepFailed
from localcloud.journey.recorder import OnStep, Recorder
from localcloud.journey.report import JourneyReport
from localcloud.journey.steps import Student
from localcloud.problems import ProblemError


def journey(
    endpoint: Any,
    site: Any,
    *,
    users: int = 2,
    on_step: OnStep | None = None,
    accounts: Accounts | None = None,
    timeout: float = 180,
) -> JourneyReport:
    """Send ``users`` throw-away students through the hub at ``endpoint.url``, all at once.

    ``on_step`` is called with each finished step, from many threads but one at a time.
    ``accounts`` replaces the accounts command of the endpoint's host (tests; then ``site`` may be
    None and the CA certificate is read from this computer). ``timeout``: seconds for one server
    to start or stop. Failures are findings of the report; SSH failures raise LocalcloudError.
    """
    if accounts is None and not endpoint.accounts:
        raise ProblemError("journey_no_accounts", {"host": _host_name(endpoint)})
    with contextlib.ExitStack() as stack:
        connection = None
        if accounts is None or (site is not None and endpoint.ca_certificate):
            connection = _connection(endpoint, site, stack)
        accounts = accounts or over_ssh(connection, endpoint.accounts, _host_name(endpoint))
        ca_file = _ca_file(endpoint, site, connection, stack)
        recorder = Recorder(on_step)
        report = JourneyReport(endpoint.url, users, recorder.steps)
        start = time.monotonic()
        try:
            _travel(endpoint, recorder, accounts, users, ca_file, timeout)
        finally:
            report.seconds = time.monotonic() - start
        return report


def _travel(
    endpoint: Any,
    recorder: Recorder,
    accounts: Accounts,
    users: int,
    ca_file: Path | None,
    timeout: float,
) -> None:
    logins = new_logins(users)
    made: dict[str, Account] = {}

    def prepare() -> str | None:
        left = accounts.leftovers()
        accounts.remove(left)
        made.update(accounts.ensure(logins))
        if left:
            return _("Removed what an interrupted journey had left: {names}.").format(
                names=", ".join(left)
            )
        return None

    try:
        if recorder.attempt("accounts", "", prepare):
            _students(endpoint, recorder, logins, made, ca_file, timeout)
    except BaseException:  # Ctrl-C too: the threads begin nothing more, the accounts go
        recorder.cancelled.set()
        raise
    finally:
        _clean_up(recorder, accounts, [login.name for login in logins])


def _students(
    endpoint: Any,
    recorder: Recorder,
    logins: Sequence[Login],
    made: dict[str, Account],
    ca_file: Path | None,
    timeout: float,
) -> None:
    answer_timeout = 60 if len(logins) <= 2 else timeout
    students = [
        Student(
            login,
            endpoint.url,
            recorder,
            ca_file=ca_file,
            timeout=timeout,
            answer_timeout=answer_timeout,
        )
        for login in logins
    ]
    went_well = at_once([student.begin for student in students])
    there = [student for student, well in zip(students, went_well, strict=True) if well]
    _compare(endpoint, there, made, ca_file)
    at_once([student.end for student in students])


def _compare(
    endpoint: Any, students: Sequence[Student], made: dict[str, Account], ca_file: Path | None
) -> None:
    """The checks that need one student's kernel, and another one's server beside it."""
    if not students:
        return
    one = students[0]
    if len(students) > 1:
        other = students[1]
        account = made[other.name]
        one.attempt("home_private", lambda: privacy.check_home(one, other, account))
        one.attempt("server_private", lambda: privacy.check_server(one, other, ca_file))
        one.attempt("port_private", lambda: privacy.check_ports(one, other, account))
    shared = getattr(endpoint, "shared_data", None)
    if shared:
        one.attempt("shared", lambda: privacy.check_shared(one, str(shared)))
    one.attempt("limits", lambda: privacy.tell_limits(one))


def at_once(actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all at the same time and wait; Ctrl-C interrupts the waiting, not the threads.

    Daemon threads, so that a request that hangs cannot keep an interrupted program alive.
    An exception of an action is raised here, when all have ended: none may die unheard.
    """
    results: list[Any] = [None] * len(actions)
    problems: list[BaseException] = []

    def run(position: int) -> None:
        try:
            results[position] = actions[position]()
        except BaseException as problem:
            problems.append(problem)

    threads = [
        threading.Thread(target=run, args=(position,), daemon=True)
        for position in range(len(actions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return results


def _clean_up(recorder: Recorder, accounts: Accounts, names: list[str]) -> None:
    interrupted = recorder.cancelled.is_set()

    def remove() -> None:
        try:
            accounts.remove(names)
        except (StepFailed, LocalcloudError) as problem:
            raise StepFailed(
                "journey_cleanup_failed",
                getattr(problem, "details", "") or str(problem),
                host=accounts.host,
                names=", ".join(names),
            ) from problem

    if interrupted:
        with contextlib.suppress(StepFailed):  # the next journey removes them at its start
            remove()
    else:
        recorder.attempt("cleanup", "", remove)


def _host_name(endpoint: Any) -> str:
    return str(getattr(endpoint.host, "name", endpoint.host))


def _connection(endpoint: Any, site: Any, stack: contextlib.ExitStack) -> Any:
    from localcloud import ssh

    host = site.hosts[_host_name(endpoint)]
    connection = ssh.connect(site, host)
    stack.callback(connection.close)
    return connection


def _ca_file(endpoint: Any, site: Any, connection: Any, stack: contextlib.ExitStack) -> Path | None:
    """The internal CA of the site as a file here, fetched over the pinned SSH connection."""
    if not endpoint.ca_certificate:
        return None
    if connection is None:
        return Path(endpoint.ca_certificate)
    done = connection.run(f"cat -- {shlex.quote(endpoint.ca_certificate)}", sudo=True)
    if done.code != 0:
        data = {"host": _host_name(endpoint), "path": endpoint.ca_certificate}
        raise ProblemError("journey_ca_missing", data, done.stderr.strip())
    folder = workplace.temporary(site.run_dir)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "ca.crt"
    path.write_text(done.stdout, encoding="utf-8")
    return path
