"""Throw-away accounts, made and removed by the accounts command on the hub's host.

The command reads one JSON object from its standard input, so that no password is ever an argument:

    {"action": "ensure", "prefix": "lcj-", "users": [{"name": …, "password": …}]}
    {"action": "remove", "prefix": "lcj-", "users": [{"name": …}]}     only the users named here
    {"action": "list",   "prefix": "lcj-"}                             every user of that prefix

and answers {"changed": bool, "users": [{"name", "unix_name", "home"}]} with exit status 0.
"""

import json
import re
import secrets
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.journey.failure import StepFailed

PREFIX = "lcj-"
_OURS = re.compile(r"lcj-[0-9a-f]{6}-[0-9]{1,4}")

# Standard input → (exit status, standard output, standard error)
Call = Callable[[bytes], tuple[int, str, str]]


@dataclass(frozen=True)
class Login:
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Account:
    """A hub user with the Unix user and home that belong to it on the host."""

    name: str
    unix_name: str
    home: str


def new_logins(count: int) -> list[Login]:
    """Names nobody has, with random passwords."""
    run = secrets.token_hex(3)
    return [
        Login(f"{PREFIX}{run}-{number}", secrets.token_urlsafe(18))
        for number in range(1, count + 1)
    ]


class Accounts:
    """The accounts command, wherever it runs. Every failure is a :class:`StepFailed`."""

    def __init__(self, call: Call, host: str) -> None:
        self._call = call
        self.host = host

    def ensure(self, logins: Sequence[Login]) -> dict[str, Account]:
        users = [{"name": login.name, "password": login.password} for login in logins]
        made = self._ask("ensure", users)
        missing = {login.name for login in logins} - set(made)
        if missing:
            raise StepFailed(
                "journey_accounts_failed", f"missing: {', '.join(sorted(missing))}", host=self.host
            )
        return made

    def remove(self, names: Sequence[str]) -> None:
        """Remove these users, their servers, Unix users and homes."""
        if names:
            self._ask("remove", [{"name": name} for name in names])

    def leftovers(self) -> list[str]:
        """Users of earlier journeys that were killed; never a user of another form of name."""
        return sorted(name for name in self._ask("list", []) if _OURS.fullmatch(name))

    def _ask(self, action: str, users: list[dict[str, str]]) -> dict[str, Account]:
        question = {"action": action, "prefix": PREFIX, "users": users}
        status, output, errors = self._call(json.dumps(question).encode())
        if status == 0:
            try:
                return {user["name"]: _account(user) for user in json.loads(output)["users"]}
            except (ValueError, KeyError, TypeError):
                errors = f"unreadable answer: {output[:300]}\n{errors}"
        words = _without([user.get("password", "") for user in users], errors.strip())
        raise StepFailed(
            "journey_accounts_failed", f"exit status {status}\n{words}", host=self.host
        )


def local(command: Sequence[str], host: str = "localhost", timeout: float = 300) -> Accounts:
    """The accounts command on this computer."""

    def call(question: bytes) -> tuple[int, str, str]:
        done = subprocess.run(
            command, input=question, capture_output=True, timeout=timeout, check=False
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")

    return Accounts(call, host)


def over_ssh(connection: Any, command: str, host: str, timeout: float = 300) -> Accounts:
    """The accounts command on a host, through an open :class:`localcloud.ssh.Connection`."""

    def call(question: bytes) -> tuple[int, str, str]:
        done = connection.run(shlex.quote(command), stdin=question, timeout=timeout, sudo=True)
        return done.code, done.stdout, done.stderr

    return Accounts(call, host)


def _account(user: dict[str, str]) -> Account:
    return Account(user["name"], user["unix_name"], user["home"])


def _without(passwords: Sequence[str], text: str) -> str:
    for password in filter(None, passwords):
        text = text.replace(password, "…")
    return text
