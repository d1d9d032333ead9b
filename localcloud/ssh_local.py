"""The computer localcloud runs on as a host of its own site (``ansible_connection: local``)."""

import getpass
import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from localcloud.ssh import Connection
from localcloud.ssh_command import Completed
from localcloud.ssh_errors import CommandTimeout

if TYPE_CHECKING:
    from localcloud.site import Host


class LocalConnection(Connection):
    """Runs the same commands without SSH."""

    def __init__(self, host: "Host") -> None:
        super().__init__(host, getpass.getuser(), cast(Any, None))

    @property
    def alive(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def _run(self, command: str, stdin: bytes, timeout: float) -> Completed:
        with subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that a timeout ends its children, too
        ) as process:
            try:
                out, err = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                seconds = f"{timeout:g}"
                raise CommandTimeout("command_timeout", self.host.name, seconds=seconds) from error
        code = process.returncode if process.returncode >= 0 else -1
        return Completed(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
