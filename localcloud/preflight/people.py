# mypy: ignore-errors
"""Runs on a host as root (Python 3.8 or later, nothing else): how many people each hub has.

Sent in the probe; prints one line, `people={hub: {…}}`. Changes nothing.
"""

import glob
import json
import os
import sqlite3
import subprocess

RECEIPT = "/var/lib/localcloud/receipt.json"


def count(path, query):
    """A number out of a hub's database; None if it has none: then nobody is with this hub."""
    if not os.path.exists(path):  # noqa: PTH110
        return None
    try:
        database = sqlite3.connect("file:" + path + "?mode=ro", uri=True, timeout=5)
        try:
            return database.execute(query).fetchone()[0]
        finally:
            database.close()
    except sqlite3.Error:  # no such table: people log in by other means
        return 0


def running(pattern):
    command = ["systemctl", "list-units", "--state=active", "--plain", "--no-legend", pattern]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return len(done.stdout.splitlines())


def people(entry):
    path = entry["people"].get("accounts", "")
    pattern = (entry.get("facts") or {}).get("user_units")
    homes = entry.get("homes")
    return {
        "accounts": count(path, "SELECT count(*) FROM users_info"),
        "admins": count(path, "SELECT count(*) FROM users WHERE admin"),
        "homes": len(glob.glob(homes)) if homes else 0,  # noqa: PTH207
        "servers": running(pattern) if pattern else 0,
    }


with open(RECEIPT) as stream:  # noqa: PTH123
    components = json.load(stream)["components"]
hubs = {name: people(entry) for name, entry in components.items() if entry.get("people")}
print("people=" + json.dumps(hubs))
