"""A stand-in for a host's sshd: paramiko's server half on a local port.

Knows one user and one key; commands run in a local shell, or in a function given by the test.
"""

import base64
import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import paramiko

Handler = Callable[[str, bytes], tuple[int, bytes, bytes]]


def local_shell(command: str, stdin: bytes) -> tuple[int, bytes, bytes]:
    done = subprocess.run(["sh", "-c", command], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


class _Door(paramiko.ServerInterface):
    def __init__(self, server: "SshServerDouble") -> None:
        self.server = server

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == self.server.user and key == self.server.user_key
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        work = (channel, command.decode())
        threading.Thread(target=self.server.answer, args=work, daemon=True).start()
        return True


class SshServerDouble:
    """``port`` is chosen by the system. ``host_keys`` may be replaced: a re-installed machine."""

    def __init__(self, user: str, user_key: paramiko.PKey, handler: Handler = local_shell) -> None:
        self.user = user
        self.user_key = user_key
        self.handler = handler
        self.host_keys: list[paramiko.PKey] = [paramiko.ECDSAKey.generate()]
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def pin(self, known_hosts: Path) -> None:
        lines = [
            f"[127.0.0.1]:{self.port} {key.get_name()} {key.get_base64()}\n"
            for key in self.host_keys
        ]
        with known_hosts.open("a") as stream:
            stream.writelines(lines)

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                tcp, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            transport = paramiko.Transport(tcp)
            for key in self.host_keys:
                transport.add_server_key(key)
            with contextlib.suppress(paramiko.SSHException, EOFError):
                transport.start_server(event=threading.Event(), server=_Door(self))

    def answer(self, channel: paramiko.Channel, command: str) -> None:
        stdin = b""
        while part := channel.recv(65536):
            stdin += part
        code, out, err = self.handler(command, stdin)
        channel.sendall(out)
        channel.sendall_stderr(err)
        channel.send_exit_status(code)
        channel.close()


def public_line(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {base64.b64encode(key.asbytes()).decode()}"
