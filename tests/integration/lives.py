"""What the tests of a server's life look at, whatever hub it has."""

import json
import os
import subprocess
import time
from typing import Any

from conftest import LOCALCLOUD


def changes(before: list[str], after: list[str]) -> list[str]:
    """Lines of a machine's listing that came (+) or went (-)."""
    return [f"+ {line}" for line in after if line not in set(before)] + [
        f"- {line}" for line in before if line not in set(after)
    ]


def secret_places(site: Any, secrets: dict[str, str]) -> list[str]:
    """Where on this computer, outside the encrypted file, a secret can be read."""
    found = []
    for path in (site.directory / ".localcloud").rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            found += [f"{path}: {name}" for name, s in secrets.items() if s.encode() in text]
    return found


def shown_secrets(site: Any, *texts: str) -> list[str]:
    """Names of the site's secrets that stand in texts, or on this computer in a file."""
    secrets = site.secrets()
    shown = [name for name, value in secrets.items() if any(value in text for text in texts)]
    return shown + secret_places(site, secrets)


def accounts(site: Any, component: str, **request: object) -> dict[str, Any]:
    """What a hub's accounts command on the machine answers."""
    command = f"/opt/localcloud/{component}/bin/accounts"
    answer = site.machine.run(f"{command} <<'END'\n{json.dumps(request)}\nEND")
    found: dict[str, Any] = json.loads(answer)
    return found


def begin(site: Any, **options: Any) -> subprocess.Popen:
    return subprocess.Popen(
        [*LOCALCLOUD, "install", "-i", str(site.directory)],
        env={**os.environ, "LOCALCLOUD_LANG": "en", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,
    )


def wait_for(site: Any, pattern: str, process: subprocess.Popen, seconds: float = 180) -> None:
    """Until a command line matching the pattern runs on the machine."""
    # In brackets, the first letter keeps pgrep from finding the shell that asks, and its children.
    pattern = f"[{pattern[0]}]{pattern[1:]}"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            site.machine.run(f"pgrep -f '{pattern}'")
        except AssertionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{pattern} never ran: {process.stdout.read() if process.stdout else ''}")
