"""What hosts remember of what was done to them (``/var/lib/localcloud/receipt.json``)."""

import json
from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.ssh import Connection, on_all

if TYPE_CHECKING:
    from localcloud.site import Host, Site

RECEIPT = "/var/lib/localcloud/receipt.json"
_NONE = 44  # our own exit code for "there is none"

Components = dict[str, dict[str, Any]]


def read(connection: Connection) -> Components:
    """Component → its entry, empty if the host has no receipt. Raises LocalcloudError."""
    command = f"[ -e {RECEIPT} ] || exit {_NONE}; cat {RECEIPT}"
    answer = connection.run(command, sudo=True)
    if answer.code == _NONE:
        return {}
    try:
        if answer.code:
            raise ValueError(answer.stderr.strip())
        content = json.loads(answer.stdout)
        return dict(content["components"])
    except (ValueError, KeyError, TypeError) as error:
        raise LocalcloudError(
            _("The receipt of host {host} cannot be read.").format(host=connection.host.name),
            _("Look at {path} on the host.").format(path=RECEIPT),
            str(error),
        ) from error


def users(connection: Connection, group: str) -> list[str]:
    """The Unix users that belong to a group, as members or by their primary group."""
    script = (
        f"line=$(getent group {quote(group)}) || exit 0; "
        "echo \"$line\" | cut -d: -f4 | tr , '\\n'; "
        'getent passwd | awk -F: -v gid="$(echo "$line" | cut -d: -f3)" \'$4 == gid {print $1}\''
    )
    return sorted(set(connection.run(script).stdout.split()))


def of_all(site: "Site", hosts: "Sequence[Host]") -> dict[str, Components | LocalcloudError]:
    """Read every host's receipt at once; each entry gets ``users``, a list of names."""

    def look(connection: Connection) -> Components:
        found = read(connection)
        for entry in found.values():
            group = entry.get("user_group")
            entry["users"] = users(connection, group) if group else []
        return found

    return on_all(site, list(hosts), look)
