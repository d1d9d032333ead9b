"""Whether a site's own certificate can serve its name; Traefik would show one of its own if not."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

TRUST = Path("/etc/ssl/certs/ca-certificates.crt")


def serves(certificate: x509.Certificate, domain: str) -> bool:
    """Whether the certificate names the domain, by itself or by a star in front."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(domain) in found.get_values_for_type(x509.IPAddress)
    except ValueError:
        names = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    return bool(names & {domain.lower(), "*." + domain.lower().partition(".")[2]})


def end_of(certificate: x509.Certificate) -> datetime.datetime:
    return certificate.not_valid_after_utc


def missing_issuer(chain: list[x509.Certificate], trust: Path) -> str:
    """The authority whose certificate is needed and neither sent along nor known, or ""."""
    for one, issuer in itertools.pairwise(chain):
        if one.issuer != issuer.subject:
            return str(one.issuer.rfc4514_string())
    last = chain[-1]
    if last.issuer == last.subject:
        return ""
    known = x509.load_pem_x509_certificates(trust.read_bytes()) if trust.exists() else []
    return "" if any(c.subject == last.issuer for c in known) else last.issuer.rfc4514_string()


def fault(certificate: str, key: str, domain: str, trust: Path = TRUST) -> str:
    """What is wrong with a certificate (PEM, with those of its authorities) and its key, or ""."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError as error:
        return f"the certificate cannot be read: {error}"
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError) as error:
        return f"the key cannot be read, or has a password: {error}"
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if chain[0].public_key().public_bytes(*spki) != private.public_key().public_bytes(*spki):
        return "certificate and key do not belong together (the server's own goes first)"
    if end_of(chain[0]) < datetime.datetime.now(datetime.timezone.utc):  # noqa: UP017
        return f"the certificate ended on {end_of(chain[0]):%Y-%m-%d}"
    if not serves(chain[0], domain):
        return f"the certificate is not for {domain}"
    if missing := missing_issuer(chain, trust):
        return f"the certificate of the authority between is not there: {missing}"
    return ""
