"""The site's secrets: a key file, and a whole-file ansible-vault beside the other settings."""

import fcntl
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.errors import UsageError
from localcloud.i18n import _

KEY_FILE = "secrets.key"
HEADER = b"$ANSIBLE_VAULT;"
VAULT_FILE = Path("group_vars", "all", "secrets.yml")
# Nothing that is mistaken for something else when read aloud or copied from paper (0 o, 1 l i).
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


class Vault:
    """Opens and seals with the site's key; the key is read and checked when first needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key_file = directory / KEY_FILE
        self._library: Any = None

    def open(self, content: bytes, what: str) -> bytes:
        """Decrypt; ``what`` names the file or setting in the error a wrong key raises."""
        library = self._vault()
        from ansible.errors import AnsibleError

        try:
            return bytes(library.decrypt(content))
        except AnsibleError as error:
            again = _(
                "Put back the {key} this site was made with (a copy of the site has it). If it "
                "is lost, remove {what}: the next run makes new secrets and passwords."
            )
            other = _("All vaults of a site have one key: seal {what} with the one in {key}.")
            raise UsageError(
                _("The key in {key} does not open {what}.").format(key=KEY_FILE, what=what),
                (again if what == str(VAULT_FILE) else other).format(key=KEY_FILE, what=what),
            ) from error

    def seal(self, content: bytes) -> bytes:
        return bytes(self._vault().encrypt(content))

    def refuse_unsealed(self) -> None:
        """A secrets file left in the clear (``ansible-vault decrypt``) would end up in git."""
        path = self.directory / VAULT_FILE
        if not path.is_file() or path.read_bytes()[:15] == HEADER:
            return
        self.make_key()
        tool = Path(sys.executable).with_name("ansible-vault")
        raise UsageError(
            _("The file {file} is not sealed: anyone who has it reads the passwords.").format(
                file=VAULT_FILE
            ),
            _("Seal it: {command}").format(
                command=f"{tool} encrypt --vault-password-file {self.key_file} {path}"
            ),
        )

    def _vault(self) -> Any:
        if self._library is None:
            key = self._key()
            from ansible.parsing.vault import VaultLib, VaultSecret  # takes 0.35 s

            self._library = VaultLib([("default", VaultSecret(key))])
        return self._library

    def _key(self) -> bytes:
        try:
            mode = self.key_file.stat().st_mode
            key = self.key_file.read_bytes().strip()
        except FileNotFoundError:
            raise UsageError(
                _("The key of this site's secrets is missing: {key}.").format(key=self.key_file),
                _(
                    "Copy it from the computer where the site was made. If it is lost, remove "
                    "{vault}: the next run makes new secrets and passwords."
                ).format(vault=VAULT_FILE),
            ) from None
        except OSError as error:
            raise UsageError(
                _("The key file {key} cannot be read.").format(key=self.key_file),
                _("Run localcloud as the user who made the site."),
                str(error),
            ) from error
        if mode & 0o077:
            raise UsageError(
                _("Other users of this computer can read the key file {key}.").format(
                    key=self.key_file
                ),
                _("Close it: chmod 600 {key}").format(key=self.key_file),
            )
        if not key:
            raise UsageError(
                _("The key file {key} is empty.").format(key=self.key_file),
                _(
                    "Put back the key this site was made with. If it is lost, remove the empty "
                    "file and {vault}: the next run makes new secrets and passwords."
                ).format(vault=VAULT_FILE),
            )
        return key

    def make_key(self) -> None:
        """Make the key file unless there is one: written aside, then linked, never replaced."""
        if self.key_file.exists():
            return
        draft = _draft(self.key_file, secrets.token_urlsafe(48).encode() + b"\n")
        try:
            os.link(draft, self.key_file)  # fails where a rename would replace
        except FileExistsError:
            pass
        finally:
            draft.unlink()


def not_writable(directory: Path, error: OSError) -> UsageError:
    return UsageError(
        _("The site {directory} cannot be written.").format(directory=directory),
        _("Choose a directory that you may write to, on a disk that is not full."),
        str(error),
    )


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a power cut leaves the old or the new one."""
    draft = _draft(path, content, mode)
    draft.replace(path)


def _draft(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A complete file beside ``path``; mkstemp opens it with O_EXCL and mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix="~", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    return Path(name)


def add_secrets(vault: Vault, kinds: Mapping[str, Mapping[str, Any]], run_dir: Path) -> None:
    """Generate the secrets of ``kinds`` (name → {kind, length}) the vault file does not have yet.

    What is in the file stays as it is, comments included: new lines are added below. A lock
    keeps two runs from each making their own.
    """
    import yaml

    path = vault.directory / VAULT_FILE
    run_dir.mkdir(mode=0o700, exist_ok=True)
    with (run_dir / "secrets.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not path.exists():
            vault.make_key()
        text = vault.open(path.read_bytes(), str(VAULT_FILE)) if path.exists() else b"---\n"
        have = yaml.safe_load(text) or {}
        new = {name: generate(spec) for name, spec in kinds.items() if name not in have}
        if new:
            lines = yaml.safe_dump(new, default_flow_style=False, sort_keys=True).encode()
            write_atomically(path, vault.seal(text.rstrip(b"\n") + b"\n" + lines))


def generate(spec: Mapping[str, Any]) -> str:
    """One secret of ``length`` signs. ``password``: readable, in groups of five; ``token``: hex."""
    if spec.get("kind") == "token":
        return secrets.token_hex(max(32, int(spec.get("length", 64))) // 2)
    length = max(20, int(spec.get("length", 20)))
    signs = "".join(secrets.choice(_READABLE) for _number in range(length))
    return "-".join(signs[start : start + 5] for start in range(0, length, 5))
