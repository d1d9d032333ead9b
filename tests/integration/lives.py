"""What the tests of a server's life look at, whatever hub it has."""

import json
from typing import Any


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
