"""Whether a site's own certificate can serve its name, before any server is touched.

A proxy does not complain of a wrong one: Traefik shows one of its own instead. Roles declare the
files (``requirements: own_certificate:``); what is wrong with them is said here in words.
"""

import contextlib
import datetime
import ipaddress
import itertools
import ssl
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.i18n import _

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def fault(directory: Path, wanted: Mapping[str, Any], authorities: str = "") -> str:
    """What is wrong with ``wanted`` (certificate, key: paths; name), or "".

    Relative paths count from the site's directory. ``authorities``: the campus's own, as PEM text,
    beside those that this computer trusts.
    """
    texts = {}
    for part in ("certificate", "key"):
        path = directory / str(wanted[part])
        try:
            texts[part] = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            return _("{path} cannot be read ({error}).").format(path=path, error=error)
    return of_texts(texts["certificate"], texts["key"], str(wanted["name"]), authorities)


def of_texts(certificate: str, key: str, name: str, authorities: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError:
        return _("its file holds no certificate in PEM form.")
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        return _("the key's file holds none in PEM form, or one with a password.")
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if chain[0].public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        return _(
            "certificate and key do not belong together (the server's own certificate must be the "
            "first in its file)."
        )
    now, end = datetime.datetime.now(datetime.UTC), chain[0].not_valid_after_utc
    if end < now:
        return _("it ended on {day}.").format(day=f"{end:%Y-%m-%d}")
    if not serves(chain[0], name):
        return _("it is for another name.")
    if missing := missing_issuer(chain, authorities):
        return _("the certificate of the authority that signed it is missing: {name}.").format(
            name=missing
        )
    return ""


def serves(certificate: "Certificate", name: str) -> bool:
    """Whether the certificate names a host, by itself or by a star in front."""
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(name) in found.get_values_for_type(x509.IPAddress)
    except ValueError:
        names = {one.lower() for one in found.get_values_for_type(x509.DNSName)}
    return bool(names & {name.lower(), "*." + name.lower().partition(".")[2]})


def missing_issuer(chain: "list[Certificate]", authorities: str) -> str:
    """The authority whose certificate is neither sent along nor known here, or ""."""
    for one, issuer in itertools.pairwise(chain):
        if one.issuer != issuer.subject:
            return str(one.issuer.rfc4514_string())
    last = chain[-1]
    if last.issuer == last.subject or any(last.issuer == name for name in _known(authorities)):
        return ""
    return str(last.issuer.rfc4514_string())


def _known(authorities: str) -> "list[Any]":
    """Names of the authorities that this computer trusts, and of the campus's own."""
    from cryptography import x509

    bundle = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    text = authorities + (bundle.read_text() if bundle.exists() else "")
    pieces = text.split("-----BEGIN CERTIFICATE-----")[1:]
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old authorities, which are not ours to mend
        for piece in pieces:
            pem = b"-----BEGIN CERTIFICATE-----" + piece.encode()
            with contextlib.suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(pem).subject)
    return found
