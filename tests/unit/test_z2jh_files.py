"""What role z2jh brings to the server and into the hub's pod: certificate, accounts, volumes."""

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.role_code import ROLES, load

certificate = load("z2jh/files/certificate.py")
volumes = load("z2jh/files/hub/volumes.py")
copying = load("z2jh/files/hub/copying.py")


def make(folder: Path, name: str, *words: str) -> tuple[Path, Path]:
    pair = folder / f"{name}.crt", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=DNS:{name}", "-out", str(pair[0]), "-keyout"]
    subprocess.run([*command, str(pair[1]), *words], check=True, capture_output=True)
    return pair


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return {
        "good": make(folder, "hub.uni.edu", "-days", "30"),
        "other": make(folder, "www.uni.edu", "-days", "30"),
    }


def test_a_certificate_that_fits_passes(pairs):
    assert certificate.fault(*pairs["good"], "hub.uni.edu") == ""


def test_a_certificate_for_another_name_is_said(pairs):
    assert "not for hub.uni.edu" in certificate.fault(*pairs["other"], "hub.uni.edu")


def test_a_key_of_another_certificate_is_said(pairs):
    mixed = pairs["good"][0], pairs["other"][1]
    assert "do not belong together" in certificate.fault(*mixed, "hub.uni.edu")


def test_what_is_no_certificate_is_said(tmp_path, pairs):
    nothing = tmp_path / "server.crt"
    nothing.write_text("not a certificate")
    assert "cannot be read" in certificate.fault(nothing, pairs["good"][1], "hub.uni.edu")


def test_a_certificate_is_handed_over_once(tmp_path, pairs, monkeypatch, capsys):
    """Again only where it changed, or the cluster is another one."""
    for source, name in zip(pairs["good"], ("server.crt", "server.key"), strict=True):
        (tmp_path / name).write_bytes(source.read_bytes())
    applied = tmp_path / "applied.json"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\n[ $1 = get ] && echo uid-1 || cat > {applied}\n")
    kubectl.chmod(0o755)
    settings = {
        "directory": str(tmp_path),
        "domain": "hub.uni.edu",
        "internal": False,
        "namespace": "jupyterhub",
        "secret": "hub-tls",
        "kubectl": [str(kubectl)],
    }
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(settings))
    monkeypatch.setattr(sys, "argv", ["certificate.py", str(file)])
    assert certificate.main() == 0
    secret = json.loads(applied.read_text())
    assert (secret["type"], secret["metadata"]["name"]) == ("kubernetes.io/tls", "hub-tls")
    applied.unlink()
    assert certificate.main() == 0
    assert capsys.readouterr().out.split() == ["changed", "unchanged"]
    assert not applied.exists()
    kubectl.write_text(kubectl.read_text().replace("uid-1", "uid-2"))
    certificate.main()
    assert applied.exists()


def claim(name: str, person: str) -> dict:
    return {"metadata": {"name": name, "annotations": {"hub.jupyter.org/username": person}}}


@pytest.fixture
def claims(monkeypatch):
    """The cluster's claims; what is asked of its API is kept."""
    monkeypatch.setattr(volumes, "base", lambda: "/claims")
    asked, listed = [], {"items": []}

    def call(method, path):
        asked.append((method, path))
        return listed

    monkeypatch.setattr(volumes, "call", call)
    return listed["items"], asked


def test_a_persons_claims_are_found_by_their_annotation_alone(claims):
    items, asked = claims
    items += [
        claim("claim-x-2023---f630b487", "2023"),
        claim("claim-2023", "somebody-else"),
        {"metadata": {"name": "hub-db-dir"}},
    ]
    assert [one["name"] for one in volumes.claims_of("2023")] == ["claim-x-2023---f630b487"]
    assert volumes.claims_of("nobody") == []
    volumes.remove_user("2023")
    assert asked[-1] == ("DELETE", "/claims/claim-x-2023---f630b487")


@pytest.mark.parametrize(("language", "words"), [("en", "being copied"), ("es", "copiando")])
def test_nobodys_server_starts_while_the_home_is_on_its_way(claims, language, words):
    items, _asked = claims
    items.append(claim("claim-ana", "ana"))
    start = copying.hook(language)
    ana = SimpleNamespace(user=SimpleNamespace(name="ana"))
    asyncio.run(start(ana))
    items[0]["metadata"]["annotations"]["localcloud/home-state"] = "copying"
    with pytest.raises(copying.StillCopying) as caught:
        asyncio.run(start(ana))
    assert words in caught.value.jupyterhub_message
    asyncio.run(start(SimpleNamespace(user=SimpleNamespace(name="luz"))))
    items[0]["metadata"]["annotations"]["localcloud/home-state"] = "here"
    asyncio.run(start(ana))


def test_accounts_in_a_pod_name_no_unix_user(monkeypatch, tmp_path, capsys):
    """The plain hub's command with this hub's places; who is known is in the database."""
    import sqlite3

    monkeypatch.syspath_prepend(str(ROLES / "jupyterhub/files/lib"))
    monkeypatch.syspath_prepend(str(ROLES / "z2jh/files/hub"))
    for name in ("accounts", "unix_users", "volumes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    pod_accounts = load("z2jh/files/hub/pod_accounts.py")
    database = tmp_path / "jupyterhub.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE users_info (username TEXT)")
        connection.execute("INSERT INTO users_info VALUES ('ana')")
    monkeypatch.setattr(pod_accounts, "DATABASE", database)
    question = {"action": "ensure", "names": ["ana"], "first_password": "secret"}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(question)))
    pod_accounts.main()
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"changed": False, "users": [{"name": "ana", "unix_name": "", "home": ""}]}
