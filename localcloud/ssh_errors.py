"""How entering a host can fail; each with its words from the catalogue and its exit code."""

from typing import Any

from localcloud.errors import ExitCode
from localcloud.problems import ProblemError


class SshError(ProblemError):
    """A host could not be entered; ``host`` is its name in the site."""

    code = ExitCode.BLOCKED

    def __init__(self, problem_id: str, host: str, details: str = "", **data: Any) -> None:
        super().__init__(problem_id, {"host": host, **data}, details, self.code)
        self.host = host


class Unreachable(SshError):
    """No SSH server answers: the network, the address, or the machine."""

    code = ExitCode.UNREACHABLE


class HostKeyChanged(SshError):
    """The host shows another key than the pinned one."""


class HostKeyUnknown(SshError):
    """No key of this host is pinned."""


class AuthenticationFailed(SshError):
    """The host does not accept the user, or the key cannot be used."""


class CommandTimeout(SshError):
    """A command did not end in time."""

    code = ExitCode.FAILED
