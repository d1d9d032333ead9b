"""A site with The Littlest JupyterHub, from files that no package registry has.

They come as paths in the environment:
    LOCALCLOUD_TEST_TLJH       archive of TLJH's sources
    LOCALCLOUD_TEST_TRAEFIK    the traefik program
    LOCALCLOUD_TEST_MINIFORGE  Miniforge's installer; else a stand-in (tests/doubles)
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

DOUBLES = Path(__file__).resolve().parents[1] / "doubles"
NEEDED = ("LOCALCLOUD_TEST_TLJH", "LOCALCLOUD_TEST_TRAEFIK")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN: no real {', '.join(MISSING)}"),
]
ANA = {"name": "ana.maria", "password": "una:clave:larga-123"}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def from_outside() -> dict[str, Path]:
    stand_in = DOUBLES / "miniforge/Miniforge3.sh"
    return {
        "tljh": Path(os.environ["LOCALCLOUD_TEST_TLJH"]),
        "traefik": Path(os.environ["LOCALCLOUD_TEST_TRAEFIK"]),
        "miniforge": Path(os.environ.get("LOCALCLOUD_TEST_MINIFORGE") or stand_in),
    }


def prepared(site: Any, outside: Path) -> Any:
    """The site names the files, which lie in the folder ``outside``; nothing is installed yet."""
    found = from_outside()
    for path in found.values():
        shutil.copy(path, outside / path.name)
    said = subprocess.run([found["traefik"], "version"], capture_output=True, text=True).stdout
    site.set(
        base_remove_packages="true",
        artifact_local_dir=str(outside),
        artifact_online="false",
        tljh_traefik_url=f"https://traefik.invalid/{found['traefik'].name}",
        tljh_traefik_version=re.search(r"Version:\s+(\S+)", said)[1],
        tljh_traefik_sha256=json.dumps({"amd64": sha256(found["traefik"])}),
        tljh_miniforge_url=f"https://miniforge.invalid/{found['miniforge'].name}",
        tljh_miniforge_sha256=json.dumps({"amd64": sha256(found["miniforge"])}),
    )
    choose(site, outside / found["tljh"].name, "2.0.0")
    return site


def choose(site: Any, archive: Path, version: str) -> None:
    """Let the site have this release of TLJH."""
    url = f"https://tljh.invalid/{archive.name}"
    site.set(tljh_version=version, tljh_url=url, tljh_sha256=sha256(archive))


def another(version: str, folder: Path, **added: str) -> Path:
    """The sources with another number, and lines added to files of ``tljh`` (dots are slashes)."""
    target = folder / f"the-littlest-jupyterhub-{version}.tar.gz"
    more = {f"tljh/{name}.py": text for name, text in added.items()}
    with tarfile.open(from_outside()["tljh"]) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            stream = old.extractfile(member)
            text = stream.read() if stream else b""
            inside = member.name.partition("/")[2]
            if inside == "setup.py":
                text = re.sub(rb'version="[^"]+"', f'version="{version}"'.encode(), text)
                assert version.encode() in text
            text += more.get(inside, "").encode()
            member.size = len(text)
            new.addfile(member, io.BytesIO(text) if stream else None)
    return target
