"""A certificate authority of the site's own, and the hub's certificate from it.

The authority may only sign for the hub's own name (name constraint), so that trusting it opens
nothing else. Run at installation and by a timer; prints ``changed`` or ``unchanged``.

    internal_ca.py DIRECTORY NAME
"""

import datetime
import ipaddress
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
AUTHORITY_DAYS = 3650
# What browsers accept for a server's certificate, and when it is made anew.
SERVER_DAYS = 397
RENEW_DAYS = 60


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017


def write(path: Path, content: bytes, mode: int) -> None:
    draft = path.with_suffix(path.suffix + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
        stream.write(content)
    draft.chmod(mode)
    draft.replace(path)


def pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def general_name(name: str, constraint: bool = False) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(ipaddress.ip_network(address) if constraint else address)


def load(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def pem(key: ec.EllipticCurvePublicKey) -> bytes:
    """In Debian 12's release of the library, equal keys do not compare as equal."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def belongs(certificate: x509.Certificate | None, key: Path) -> bool:
    """True if a key is the certificate's: a run may have been killed between the two files."""
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError):
        return False
    return certificate is not None and pem(certificate.public_key()) == pem(private.public_key())


def names(certificate: x509.Certificate) -> set[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(entry.value) for entry in extension.value}


def permits(authority: x509.Certificate, name: str) -> bool:
    extension = authority.extensions.get_extension_for_class(x509.NameConstraints)
    return general_name(name, constraint=True) in (extension.value.permitted_subtrees or [])


def usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - DAY)  # a client's clock may lag
        .not_valid_after(now() + days * DAY)
    )


def make_authority(directory: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"localcloud CA for {name}"[:64])])
    constraint = x509.NameConstraints([general_name(name, constraint=True)], None)
    certificate = (
        builder(subject, subject, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(authority=True), critical=True)
        .add_extension(constraint, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    # The key first: a certificate without its key would pass for complete.
    write(directory / "ca.key", pem_key(key), 0o600)
    write(directory / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def make_server(directory: Path, name: str) -> None:
    authority = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        builder(subject, authority.subject, key, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([general_name(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(authority=False), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    chain = [certificate, authority]
    pem = b"".join(part.public_bytes(serialization.Encoding.PEM) for part in chain)
    write(directory / "server.key", pem_key(key), 0o600)
    write(directory / "server.crt", pem, 0o644)


def ends_soon(certificate: x509.Certificate) -> bool:
    try:
        end = certificate.not_valid_after_utc
    except AttributeError:  # the library of Debian 12 knows only the time without its zone
        end = certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc)  # noqa: UP017
    return end < now() + RENEW_DAYS * DAY


def ensure(directory: Path, name: str) -> bool:
    """Bring authority and certificate up to date; True if anything was made."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    authority = load(directory / "ca.crt")
    fresh = authority is None or not permits(authority, name) or ends_soon(authority)
    fresh = fresh or not belongs(authority, directory / "ca.key")
    if fresh:
        make_authority(directory, name)
    server = load(directory / "server.crt")
    current = (
        not fresh
        and server is not None
        and belongs(server, directory / "server.key")
        and not ends_soon(server)
        and names(server) == {name}
        and server.issuer == authority.subject
    )
    if not current:
        make_server(directory, name)
    return not current


if __name__ == "__main__":
    print("changed" if ensure(Path(sys.argv[1]), sys.argv[2]) else "unchanged")
