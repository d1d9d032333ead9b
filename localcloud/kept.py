"""What a reset left on hosts. Their receipts are gone, so the site remembers it for later."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.receipts import Components
from localcloud.site.vault import write_atomically

if TYPE_CHECKING:
    from localcloud.site import Site

_NAME = "left.json"

# Component → {homes: pattern of home directories, data_paths: directories people keep things in}.
Left = dict[str, dict[str, Any]]


def folder(site: "Site", host: str) -> Path:
    """Where the site keeps what was a host's; a role's reset puts accounts there, too."""
    return site.run_dir / "kept" / host


def remember(site: "Site", before: dict[str, Components]) -> None:
    """For a reset that deletes no data: what the hosts' receipts, which will go, say of it."""
    for host, components in before.items():
        found = {name: data for name, entry in components.items() if (data := _data(entry))}
        if found:
            place = folder(site, host)
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What an earlier reset left is there still, whatever this one leaves.
            known = json.loads(path.read_text()) if (path := place / _NAME).is_file() else {}
            write_atomically(path, json.dumps({**known, **found}, indent=1).encode())


def left(site: "Site") -> dict[str, Left]:
    """Host → what earlier resets left there; hosts of which nothing is known are left out."""
    found = {host: folder(site, host) / _NAME for host in site.hosts}
    return {host: json.loads(path.read_text()) for host, path in found.items() if path.is_file()}


def places(of_host: Left) -> list[str]:
    """The patterns and directories, as a person reads them."""
    return sorted(
        place
        for data in of_host.values()
        for place in [data["homes"], *data["data_paths"]]
        if place
    )


def not_ours(components: Components) -> list[str]:
    """Directories with people's data that were there before localcloud: they are never emptied."""
    return sorted(
        path
        for entry in components.values()
        for path, was in entry.get("paths", {}).items()
        if was.get("data") and was["was"] == "directory"
    )


def forget(site: "Site", hosts: list[str]) -> None:
    """After a reset that deleted the data."""
    for host in hosts:
        shutil.rmtree(folder(site, host), ignore_errors=True)


def _data(entry: dict[str, Any]) -> dict[str, Any]:
    paths = entry.get("paths", {})
    data = [path for path, was in paths.items() if was.get("data") and was["was"] == "absent"]
    homes = entry.get("homes", "")
    return {"homes": homes, "data_paths": data} if homes or data else {}
