"""The one exception a person can meet, caught once in ``localcloud.__main__``."""

from enum import IntEnum


class ExitCode(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2  # wrong usage or configuration
    BLOCKED = 3  # a preflight finding blocks
    UNREACHABLE = 4
    INTERRUPTED = 130


class LocalcloudError(Exception):
    """What is wrong, what to do next, and what else is known.

    ``message`` and ``remedy`` are already translated sentences. ``details`` are verbatim lines
    (another program's words, file and line) shown below the message and never translated.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        details: str = "",
        exit_code: ExitCode = ExitCode.FAILED,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details
        self.exit_code = exit_code


class UsageError(LocalcloudError):
    """Wrong usage or configuration: nothing was touched."""

    def __init__(self, message: str, remedy: str = "", details: str = "") -> None:
        super().__init__(message, remedy, details, ExitCode.USAGE)
