"""The hub's certificate in the cluster: made where it is internal, and handed to Traefik.

    certificate.py SETTINGS.json [--check]

Run at installation and by a timer; prints ``changed`` or ``unchanged``. ``--check`` only says
whether certificate, key and name belong together: with a wrong pair Traefik would not complain,
but show a certificate of its own. What is wrong goes to standard error, exit status 1.
"""

import base64
import hashlib
import json
import ssl
import subprocess
import sys
from pathlib import Path


def fault(certificate: Path, key: Path, domain: str) -> str:
    """What is wrong with a certificate for a name, or ""."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        return f"certificate and key do not belong together, or cannot be read: {error}"
    option = "-checkip" if domain.replace(".", "").isdigit() else "-checkhost"
    for words, what in ((["-checkend", "0"], "expired"), ([option, domain], f"not for {domain}")):
        command = ["openssl", "x509", "-noout", "-in", str(certificate), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or "NOT match" in done.stdout:
            return f"the certificate is {what}"
    return ""


def secret(settings: dict, files: dict[str, Path]) -> dict:
    data = {
        name: base64.b64encode(path.read_bytes()).decode() for name, path in sorted(files.items())
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": settings["secret"], "namespace": settings["namespace"]},
        "data": data,
    }


def stamp_of(settings: dict, content: dict) -> str:
    """What was handed over, and to which namespace of which cluster (that has its own id)."""
    words = "get", "namespace", settings["namespace"], "--output", "jsonpath={.metadata.uid}"
    done = subprocess.run(
        [*settings["kubectl"], *words], capture_output=True, text=True, check=True
    )
    whole = done.stdout + json.dumps(content, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def main() -> int:
    settings = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(settings["directory"])
    files = {"tls.crt": directory / "server.crt", "tls.key": directory / "server.key"}
    made = False
    if settings["internal"]:
        import internal_ca

        made = internal_ca.ensure(directory, settings["domain"])
        directory.chmod(0o700)
    wrong = fault(files["tls.crt"], files["tls.key"], settings["domain"])
    if wrong or "--check" in sys.argv:
        print(wrong, file=sys.stderr)
        return int(bool(wrong))
    content = secret(settings, files)
    stamp, digest = directory / "applied", stamp_of(settings, content)
    current = stamp.exists() and stamp.read_text() == digest
    if not current:
        subprocess.run(
            [*settings["kubectl"], "apply", "-f", "-"],
            input=json.dumps(content),
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        stamp.write_text(digest)
    print("changed" if made or not current else "unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
