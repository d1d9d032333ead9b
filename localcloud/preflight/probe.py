"""Send the probe to a host, over the one connection the check makes, and read its answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from shlex import quote

from localcloud.preflight import facts
from localcloud.problems import ProblemError
from localcloud.ssh import Connection

TIMEOUT = 90  # seconds; mirrors that hang take 9, an emulated machine at work half a minute


@dataclass(frozen=True)
class Question:
    """What to ask a host. ``urls``: (kind, URL) pairs; ``certificates``: PEM text.

    ``modules`` are the kernel's; ``there``: paths to look for; ``fsync``: paths to time writes at;
    ``people``: whether to count those of the hubs that the receipt names.
    """

    paths: tuple[str, ...] = ()
    urls: tuple[tuple[str, str], ...] = ()
    own_apt: bool = False
    certificates: str = ""
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: tuple[str, ...] = field(default=())
    node: bool = False  # also what a cluster must know of it
    modules: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    fsync: tuple[str, ...] = ()
    people: bool = False  # of the hubs that are there


@cache
def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text()


def script(question: Question) -> bytes:
    """The probe with its questions in front: on stdin, so that no URL shows in a process list."""
    given = {
        "LC_PATHS": " ".join(question.paths),
        "LC_URLS": "\n".join(f"{kind} {url}" for kind, url in question.urls),
        "LC_OWN_APT": "1" if question.own_apt else "",
        "LC_CA": question.certificates,
        "LC_HTTP_PROXY": question.http_proxy,
        "LC_HTTPS_PROXY": question.https_proxy,
        "LC_NO_PROXY": ",".join(question.no_proxy),
        "LC_PYTHON": _file("mirrors.py"),
        "LC_PERL": _file("mirrors.pl"),
        "LC_NODE": "1" if question.node else "",
        "LC_MODULES": " ".join(question.modules),
        "LC_ROOT": _assignments(
            {
                "LC_THERE": " ".join(question.there),
                "LC_FSYNC": " ".join(question.fsync),
                "LC_FSYNC_PERL": _file("fsync.pl") if question.fsync else "",
                "LC_PEOPLE": _file("people.py") if question.people else "",
            }
        ),
    }
    return f"{_assignments(given)}\n{_file('probe.sh')}".encode()


def _assignments(given: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={quote(value)}" for name, value in given.items())


def ask(connection: Connection, question: Question) -> facts.Facts:
    """Facts of one host, with ``clock``: the range its clock's offset from ours lies in, seconds.

    Raises ProblemError if the probe did not come to its end.
    """
    sent = time.time()
    answer = connection.run("sh -s", script(question), timeout=TIMEOUT)
    received = time.time()
    found = facts.parse(answer.stdout)
    if not found["complete"]:
        last = "\n".join((answer.stdout[-300:] + answer.stderr[-700:]).splitlines()[-8:])
        data = {"host": connection.host.name, "code": answer.code}
        raise ProblemError("probe_failed", data, last)
    begin, end = found.pop("time")
    # The host's clock was read somewhere between our two looks at ours.
    found["clock"] = None if begin is None else [(end or begin) - received, begin - sent]
    return found
