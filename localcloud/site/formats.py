"""Settings with a form beyond their type: ``formats:`` in a role's ``meta/localcloud.yml``.

Each check takes a value and returns what is wrong with it as a sentence, or "" if all is well.
"""

import ipaddress
import posixpath
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.i18n import _

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_USER = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_SIZE = re.compile(r"[1-9][0-9]*(\.[0-9]+)?[KMGT]")


def fault(kind: str, value: Any, directory: Path) -> str:
    """What is wrong with ``value`` as a ``kind``, or "". An unset ("") value has no form."""
    check = FORMATS.get(kind)
    if check is None or value is None or value == "":
        return ""
    if kind == "local_path":
        return local_path(value, directory)
    return check(value)


def domain(value: Any) -> str:
    """A host name after RFC 1123, an IP address, or localhost."""
    text = str(value)
    if not text.strip():
        return _("a name or an IP address is needed")
    if "://" in text:
        plain = text.split("://", 1)[1].split("/")[0]
        return _("write the name only, without {scheme}: {plain}").format(
            scheme=text.split("://", 1)[0] + "://", plain=plain
        )
    if _is_address(text):
        return ""
    for sign, found in (
        ("/", _("there must be no path (“/”) in it")),
        ("@", _("there must be no user (“@”) in it")),
        ("_", _("the sign “_” is not allowed in a host name; use “-”")),
        (" ", _("there must be no space in it")),
    ):
        if sign in text:
            return found
    if re.search(r":\d*$", text):
        return _("write the name without the port: {plain}").format(plain=text.rpartition(":")[0])
    return _labels(text)


def _labels(text: str) -> str:
    if len(text) > 253:
        return _("a host name has at most 253 characters")
    labels = text.removesuffix(".").split(".")
    if re.fullmatch(r"[0-9.]+", text):
        return _("that is no IP address, and a host name does not consist of numbers only")
    for label in labels:
        if not label:
            return _("there is a dot too many")
        if not label.isascii():
            return _("the part “{part}” holds letters that need the form “xn--…”").format(
                part=label
            )
        if len(label) > 63:
            return _("the part “{part}” is longer than 63 characters").format(part=label)
        if not _LABEL.fullmatch(label):
            return _("the part “{part}” must be letters, digits and “-” within").format(part=label)
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def url(value: Any) -> str:
    from urllib.parse import urlsplit

    text = str(value)
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        return _("that is no URL")
    if parts.scheme not in {"http", "https"}:
        return _("it must begin with https:// or http://")
    if re.search(r"\s", text):
        return _("there must be no space in it")
    if not parts.hostname or not port_ok:
        return _("it lacks a host, or its port is none")
    # Package mirrors often have internal names with an underscore; a URL may hold them.
    return domain(parts.hostname.replace("_", "-"))


def email(value: Any) -> str:
    name, at, host = str(value).rpartition("@")
    if not at or not name or re.search(r"[\s,;<>@]", name):
        return _("an address looks like name@example.edu")
    return domain(host) if host else _("an address looks like name@example.edu")


def size(value: Any) -> str:
    if _SIZE.fullmatch(str(value)):
        return ""
    return _("a size is a number and a letter: 512M, 2G, 1.5G")


def username(value: Any) -> str:
    text = str(value)
    if _USER.fullmatch(text):
        return ""
    if _USER.fullmatch(text.lower()):
        return _("the hub keeps user names in lower case: {plain}").format(plain=text.lower())
    # “@” and “+” pass, for logins other than the hub's own accounts: see account().
    return _rule(_plain_name(text))


def account(value: Any) -> str:
    """A user name with which somebody can log in to the hub's own accounts."""
    name, *more = re.split("[@+]", str(value))
    return _rule(_plain_name(name)) if more else username(name)


def _rule(plain: str) -> str:
    rule = _(
        "a user name holds at most 64 of a–z (no capitals, no accents), 0–9, “.”, “_” and “-”, "
        "and begins with a letter or a digit"
    )
    return _("{rule}; write {plain}").format(rule=rule, plain=plain) if plain else rule


def _plain_name(text: str) -> str:
    """``José Núñez`` → ``jose.nunez``: a name that is allowed, or "" if nothing like it is."""
    letters = unicodedata.normalize("NFKD", text.strip().lower())
    words = "".join(sign for sign in letters if not unicodedata.combining(sign)).split()
    plain = ".".join(words)
    return plain if _USER.fullmatch(plain) else ""


def port(value: Any) -> str:
    try:
        fits = 0 < int(str(value)) < 65536
    except ValueError:
        fits = False
    return "" if fits else _("a port is a number from 1 to 65535")


def path(value: Any) -> str:
    text = str(value)
    if not text.startswith("/"):
        return _("a path on the host begins with “/”")
    if ".." in text.split("/"):
        return _("there must be no “..” in it")
    plain = posixpath.normpath("/" + text.lstrip("/"))
    return "" if text == plain else _("write it in short: {plain}").format(plain=plain)


def local_path(value: Any, directory: Path) -> str:
    """A file or folder on this computer; a relative one counts from the site directory."""
    place = directory / Path(str(value)).expanduser()
    return "" if place.exists() else _("there is no such file: {place}").format(place=place)


def cidr(value: Any) -> str:
    try:
        ipaddress.ip_network(str(value), strict=True)
    except ValueError:
        try:
            network = ipaddress.ip_network(str(value), strict=False)
        except ValueError:
            return _("an address range looks like 10.42.0.0/16")
        return _("the address has bits beyond its mask; write {network}").format(network=network)
    return "" if "/" in str(value) else _("an address range looks like 10.42.0.0/16")


def sha256(value: Any) -> str:
    if re.fullmatch(r"[0-9a-f]{64}", str(value)):
        return ""
    return _("a SHA-256 hash has 64 signs, 0–9 and a–f; `sha256sum` counts it")


FORMATS: dict[str, Callable[..., str]] = {
    "domain": domain,
    "url": url,
    "email": email,
    "size": size,
    "username": username,
    "account": account,
    "port": port,
    "path": path,
    "local_path": local_path,
    "cidr": cidr,
    "sha256": sha256,
}
