"""Accounts of the hub, for the installer and the journey: JSON in, JSON out.

Passwords come over standard input, never as arguments. The protocol (one object each way):

    {"action": "ensure", "users": [{"name": "ana", "password": "…"}]}
    {"action": "ensure", "names": ["ana", "luz"], "first_password": "…"}    the others: random
    {"action": "remove", "users": [{"name": "ana"}]}                    with Unix user and home
    {"action": "list", "prefix": "lcj-"}
    {"action": "export"}      everybody: ``account`` (hash of the password, rights; null if people
                              log in by other means), ``admin``, ``works`` (has a Unix user)
    {"action": "import", "users": [{"name": "ana", "account": {…}, "admin": false}]}    it wins
    → {"changed": true, "users": [{"name": "ana", "unix_name": "jupyter-ana", "home": "/home/…"}]}
"""

import json
import os
import pwd
import secrets
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import unix_users

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SETTINGS = Path("/etc/jupyterhub/site.json")
SECRETS = Path("/etc/jupyterhub/secrets.env")
DATABASE = Path("/var/lib/jupyterhub/jupyterhub.sqlite")
STOP_SECONDS = 30


class Hub:
    """The running hub's own interface, spoken to over loopback."""

    def __init__(self) -> None:
        settings = json.loads(SETTINGS.read_text())
        self.base = f"http://127.0.0.1:{settings['api_port']}/hub/api"
        words = dict(line.split("=", 1) for line in SECRETS.read_text().split() if "=" in line)
        self.token = words["LOCALCLOUD_SERVICE_TOKEN"]
        # Loopback: never through a proxy.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str) -> int:
        """Return the HTTP status, 0 if the hub does not run."""
        request = urllib.request.Request(  # noqa: S310
            self.base + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            return 0

    def remove(self, name: str) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        # 202: still stopping; the user can only go once the server has.
        while self.call("DELETE", f"/users/{name}/server") == 202:
            if time.monotonic() > deadline:
                break
            time.sleep(0.3)
        self.call("DELETE", f"/users/{name}")


def describe(name: str) -> dict:
    unix_name = unix_users.unix_name(name)
    home = str(unix_users.HOMES / unix_name)
    return {"name": name, "unix_name": unix_name, "home": home}


def all_known(users: list[dict]) -> bool:
    """Whether everybody has an account, without the hub's code: it takes 2 s to load."""
    if not DATABASE.exists():
        return False
    database = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=60)
    try:
        known = {name for (name,) in database.execute("SELECT username FROM users_info")}
    except sqlite3.OperationalError:  # no such table yet
        return False
    finally:
        database.close()
    return {user["name"] for user in users} <= known


def ensure(session: "Session", users: list[dict]) -> bool:
    import bcrypt
    from nativeauthenticator.orm import UserInfo

    changed = False
    for user in users:
        if session.query(UserInfo).filter_by(username=user["name"]).first():
            continue
        password = user.get("password") or secrets.token_urlsafe(24)
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
        session.add(UserInfo(username=user["name"], password=hashed, is_authorized=True))
        changed = True
    session.commit()
    return changed


def remove(session: "Session", users: list[dict]) -> bool:
    from nativeauthenticator.orm import UserInfo

    hub = Hub()
    for user in users:
        hub.remove(user["name"])
        session.query(UserInfo).filter_by(username=user["name"]).delete()
        session.commit()
        unix_users.remove_user(unix_users.unix_name(user["name"]))
    return bool(users)


def matching(session: "Session", prefix: str) -> list[dict]:
    from nativeauthenticator.orm import UserInfo

    found = session.query(UserInfo).filter(UserInfo.username.startswith(prefix, autoescape=True))
    return [{"name": row.username} for row in found]


def exported(session: "Session") -> list[dict]:
    """Everybody with all that another hub needs to know. Holds hashes: for no log."""
    from jupyterhub import orm
    from nativeauthenticator.orm import UserInfo

    kept = ("is_authorized", "email", "has_2fa", "otp_secret")
    known: dict[str, dict | None] = {user.name: None for user in session.query(orm.User)}
    for row in session.query(UserInfo):
        account = {key: getattr(row, key) for key in kept}
        known[row.username] = {**account, "password": row.password.decode()}
    admins = {user.name for user in session.query(orm.User).filter_by(admin=True)}
    return [
        {"name": name, "account": account, "admin": name in admins, **home_of(name)}
        for name, account in sorted(known.items())
    ]


def home_of(name: str) -> dict:
    """Where somebody's home is, also where an administrator has put it. Nobody: never worked."""
    try:
        user = pwd.getpwnam(describe(name)["unix_name"])
    except (KeyError, ValueError):
        home = describe(name)["home"]
        return {"works": bool(home) and os.path.isdir(home), "place": home}  # noqa: PTH112
    return {"works": True, "place": user.pw_dir}


def imported(session: "Session", users: list[dict]) -> bool:
    """Take over what another hub exported; whoever has no account to bring gets none."""
    from jupyterhub import orm, roles
    from nativeauthenticator.orm import UserInfo

    changed = False
    for user in users:
        if user["account"]:
            account = {**user["account"], "password": user["account"]["password"].encode()}
            row = session.query(UserInfo).filter_by(username=user["name"]).first()
            if row is None:
                row = UserInfo(username=user["name"], **account)
                session.add(row)
                changed = True
            for key in [key for key, value in account.items() if getattr(row, key) != value]:
                setattr(row, key, account[key])
                changed = True
        known = orm.User.find(session, user["name"])
        if user["admin"] and not (known and known.admin):
            if known is None:
                known = orm.User(name=user["name"])
                session.add(known)
            known.admin = True
            session.commit()
            roles.assign_default_roles(session, entity=known)
            changed = True
    session.commit()
    return changed


def open_session() -> "Session":
    """The hub's database, through the hub's own code, which makes all of its tables.

    A database with only the accounts' table would look to the hub like that of an older release.
    """
    from jupyterhub import orm
    from jupyterhub.dbutil import upgrade_if_needed

    # Before the database is made: it creates the tables of the classes it knows.
    from nativeauthenticator.orm import UserInfo  # noqa: F401

    url = f"sqlite:///{DATABASE}"
    upgrade_if_needed(url)
    # The hub holds the same file open; its transactions are short, so waiting is enough.
    session: Session = orm.new_session_factory(url=url, connect_args={"timeout": 60})()
    return session


def answer(request: dict, users: list[dict]) -> tuple[bool, list[dict]]:
    if request["action"] == "ensure" and all_known(users):
        return False, users
    with open_session() as session:
        if request["action"] == "ensure":
            return ensure(session, users), users
        if request["action"] == "remove":
            return remove(session, users), users
        if request["action"] == "export":
            return False, exported(session)
        if request["action"] == "import":
            return imported(session, users), users
        return False, matching(session, request.get("prefix", ""))


def main() -> None:
    os.umask(0o077)
    request = json.load(sys.stdin)
    users = request.get("users") or [{"name": name} for name in request.get("names", [])]
    if users and "first_password" in request:
        users[0]["password"] = request["first_password"]
    changed, users = answer(request, users)
    export = request["action"] == "export"  # others hold passwords that were only given
    shown = [{**(user if export else {}), **describe(user["name"])} for user in users]
    json.dump({"changed": changed, "users": shown}, sys.stdout)


if __name__ == "__main__":
    main()
