"""Keep the key and the run state of a site out of git."""

import shutil
import subprocess
from pathlib import Path

from localcloud.site.vault import KEY_FILE, write_atomically

ENTRIES = (KEY_FILE, ".localcloud/")


def ignore(directory: Path) -> bool:
    """Add what is missing to the site's ``.gitignore``; gives whether it was changed."""
    path = directory / ".gitignore"
    text = path.read_text() if path.exists() else ""
    have = {line.strip().lstrip("/") for line in text.splitlines()}
    missing = [entry for entry in ENTRIES if entry not in have]
    if not missing:
        return False
    start = text if not text or text.endswith("\n") else text + "\n"
    write_atomically(path, (start + "\n".join(missing) + "\n").encode(), 0o644)
    return True


def is_tracked(file: Path) -> bool:
    """Whether git would publish this file. False without git or outside a repository."""
    if not any((folder / ".git").exists() for folder in file.parents) or not shutil.which("git"):
        return False
    command = ["git", "ls-files", "--error-unmatch", "--", file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, check=False)
    return done.returncode == 0
