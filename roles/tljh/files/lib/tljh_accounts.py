"""The accounts command of TLJH: that of the plain hub, with this hub's places.

JSON in, JSON out; the protocol stands in ``accounts.py`` beside this file.
"""

import urllib.request
from pathlib import Path

import accounts

STATE = Path("/opt/tljh/state")
SECRETS = Path("/etc/localcloud/tljh/secrets.env")


class TljhHub(accounts.Hub):
    """TLJH's hub, over loopback. Its port is a constant of TLJH."""

    def __init__(self) -> None:
        words = dict(line.split("=", 1) for line in SECRETS.read_text().split() if "=" in line)
        self.base = "http://127.0.0.1:15001/hub/api"
        self.token = words["LOCALCLOUD_SERVICE_TOKEN"]
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> None:
    accounts.DATABASE = STATE / "jupyterhub.sqlite"
    accounts.Hub = TljhHub
    accounts.main()


if __name__ == "__main__":
    main()
