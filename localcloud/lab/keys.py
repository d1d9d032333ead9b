"""SSH keys of the lab: one for who logs in, one for each machine. Ed25519, OpenSSH format."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from localcloud.lab.state import write_private


def ensure(path: Path, comment: str) -> str:
    """Make the key pair unless it is there (private: 0600); return the public line."""
    public = path.with_name(path.name + ".pub")
    if not path.exists() or not public.exists():
        key = Ed25519PrivateKey.generate()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        # The public half first: a pair is complete when the private half is there.
        write_private(public, f"{line} {comment}\n", 0o644)
        write_private(path, secret.decode())
    os.chmod(path, 0o600)  # noqa: PTH101 also after a copy that lost the mode
    return public.read_text().strip()
