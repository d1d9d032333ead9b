"""The accounts command of a hub in its pod: that of the plain hub, with this hub's places.

A person has no Unix user here, but a pod and a volume of their own. JSON in, JSON out; the
protocol stands in ``accounts.py`` beside this file.
"""

import urllib.request
from pathlib import Path

import accounts
import volumes

DATABASE = Path("/srv/jupyterhub/jupyterhub.sqlite")
TOKEN = Path("/usr/local/etc/jupyterhub/secret/hub.services.localcloud.apiToken")


class PodHub(accounts.Hub):
    """The hub of this pod, over loopback."""

    def __init__(self) -> None:
        self.base = "http://127.0.0.1:8081/hub/api"
        self.token = TOKEN.read_text().strip()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def describe(name: str) -> dict:
    """No Unix name and no path of the host belong to a person here."""
    return {"name": name, "unix_name": "", "home": ""}


def main() -> None:
    accounts.DATABASE = DATABASE
    accounts.Hub = PodHub
    accounts.describe = describe
    accounts.unix_users = volumes
    accounts.main()


if __name__ == "__main__":
    main()
