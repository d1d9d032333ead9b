"""The site's own certificate, looked at before any server is touched."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from site_cases import load, write_site

from localcloud.preflight import findings, own_certificate
from localcloud.preflight.facts import parse
from localcloud.preflight.needs import gather


def name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def certificate(key, subject: str, issuer: str, signer, names=(), days: int = 30) -> str:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture(scope="module")
def tls():
    """root → between → hub.uni.edu; the root alone is trusted."""
    root, between, server, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
    leaf = certificate(server, "hub", "Between", between, ["hub.uni.edu", "*.cursos.uni.edu"])
    return {
        "leaf": leaf,
        "chain": leaf + certificate(between, "Between", "Root", root),
        "over": certificate(server, "hub", "Root", root, ["hub.uni.edu"], days=-1),
        "key": pem(server),
        "other": pem(other),
        "root": certificate(root, "Root", "Root", root),
    }


@pytest.mark.parametrize(
    ("sent", "key", "name", "words"),
    [
        ("chain", "key", "hub.uni.edu", ""),
        ("chain", "key", "bio.cursos.uni.edu", ""),
        ("chain", "key", "www.uni.edu", "for another name"),
        ("chain", "other", "hub.uni.edu", "do not belong together"),
        ("leaf", "key", "hub.uni.edu", "authority that signed it is missing: CN=Between"),
        ("over", "key", "hub.uni.edu", "ended on"),
        ("key", "key", "hub.uni.edu", "no certificate in PEM form"),
        ("chain", "leaf", "hub.uni.edu", "key's file holds none"),
    ],
)
def test_a_certificate_that_cannot_serve_is_told_apart(tls, sent, key, name, words):
    said = own_certificate.of_texts(tls[sent], tls[key], name, tls["root"])
    assert (words in said) if words else said == ""


def test_a_root_that_nobody_here_knows_is_missing_unless_it_is_sent_along(tls):
    assert "CN=Root" in own_certificate.of_texts(tls["chain"], tls["key"], "hub.uni.edu", "")
    whole = tls["chain"] + tls["root"]
    assert own_certificate.of_texts(whole, tls["key"], "hub.uni.edu", "") == ""


def test_the_check_stops_with_it_before_any_server_is_touched(tls, tmp_path):
    settings = {
        "hub_domain": "www.uni.edu",
        "hub_admins": "[ana]",
        "hub_tls_mode": "own",
        "hub_tls_certificate": "a.crt",
        "hub_tls_key": "a.key",
    }
    text = "".join(f"{name}: {value}\n" for name, value in settings.items())
    hosts = "all: {children: {tljh: {hosts: {node1: {}}}}}\n"
    directory = write_site(tmp_path, hosts, text)
    (directory / "a.crt").write_text(tls["chain"] + tls["root"])
    (directory / "a.key").write_text(tls["key"])
    site = load(directory)
    needs, _question = gather(site, site.hosts["node1"])
    (found,) = findings.certificate("node1", parse(""), needs)
    assert found.severity == "blocking"
    assert "cannot serve www.uni.edu: it is for another name." in found.message
