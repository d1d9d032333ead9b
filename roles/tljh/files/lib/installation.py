"""Brings The Littlest JupyterHub to what the site wants, by TLJH's own code. JSON in, JSON out.

Run by the hub environment's Python, as root. TLJH's modules are loaded where they are needed: most
runs change nothing, and shall be short. What localcloud has brought already (the hub's locked
packages, Traefik, Miniforge) TLJH's installer finds there instead of downloading it.

    {"action": "check" | "present", "wanted": {…}} → {"changed": true, "steps": ["…"]}
                                                   | {"localcloud_problem": …}
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import configuration
import packages
from tljh import config

HUB = Path(config.HUB_ENV_PREFIX)
STATE = Path(config.STATE_DIR)
LOG = Path(config.INSTALL_PREFIX, "installer.log")
INSTALLED = Path(config.INSTALL_PREFIX, ".localcloud-installed")


class Problem(Exception):
    """Something that the site, or who runs it, can mend."""

    def __init__(self, name: str, **data: str) -> None:
        super().__init__(name)
        self.data = dict(data)
        self.data["localcloud_problem"] = name


def digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


class Installation:
    """What is wanted, and what was done about it."""

    def __init__(self, wanted: dict) -> None:
        self.wanted = wanted
        self.steps: list[str] = []
        self.memory = Path(wanted["memory"])

    # -- config.yaml --------------------------------------------------------------------------

    def configured(self) -> tuple[dict, dict]:
        """config.yaml as it is and as it should be; a Problem if TLJH would refuse it."""
        there = config.get_current_config(config.CONFIG_FILE) or {}
        before = json.loads(text_of(self.memory) or "{}")
        result = configuration.merged(there, self.wanted["config"], before)
        if result == there:
            return there, result
        from tljh import config_schema

        try:
            configuration.check(json.loads(json.dumps(result)), config_schema.config_schema)
        except configuration.Refused as refused:
            data = {"key": refused.place, "details": str(refused)}
            raise Problem("tljh_config", **data) from refused
        return there, result

    def configure(self) -> None:
        with config.config_file_lock(config.CONFIG_FILE):
            there, result = self.configured()
            if there != result or not Path(config.CONFIG_FILE).exists():
                from tljh.yaml import yaml

                draft = Path(config.CONFIG_FILE + ".new")
                with os.fdopen(
                    os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
                ) as f:
                    yaml.dump(result, f)
                draft.replace(config.CONFIG_FILE)
                self.steps.append("config.yaml")
        if text_of(self.memory) != (text := json.dumps(self.wanted["config"], sort_keys=True)):
            self.memory.touch(mode=0o600)
            self.memory.write_text(text)

    def forget_extra(self) -> None:
        """Files of tljh_extra_config that the site no longer has: the hub would still run them."""
        for path in Path(config.CONFIG_DIR, "jupyterhub_config.d").glob("50-localcloud-*.py"):
            if str(path) not in self.wanted.get("extra", []):
                path.unlink()
                self.steps.append(path.name)

    # -- Traefik ------------------------------------------------------------------------------

    def bring_traefik(self) -> None:
        """Traefik where TLJH's installer looks for it, out of its archive or as it is."""
        target, stamp = HUB / "bin/traefik", HUB / "bin/.localcloud-traefik"
        wanted = self.wanted["traefik"]
        if target.exists() and text_of(stamp) == wanted["sha256"]:
            return
        draft = target.with_name(".traefik.new")
        if tarfile.is_tarfile(wanted["file"]):
            with tarfile.open(wanted["file"]) as archive, draft.open("wb") as stream:
                member = archive.extractfile("traefik")
                assert member is not None  # noqa: S101
                shutil.copyfileobj(member, stream)
        else:
            shutil.copyfile(wanted["file"], draft)
        draft.chmod(0o755)
        from tljh import traefik

        traefik.traefik_version = wanted["version"]
        if not traefik.check_traefik_version(str(draft)):
            done = subprocess.run([draft, "version"], capture_output=True, text=True, check=False)
            draft.unlink()
            said = (done.stdout or done.stderr).strip()
            raise Problem("tljh_traefik_version", wanted=wanted["version"], details=said)
        draft.replace(target)
        stamp.write_text(wanted["sha256"])
        self.steps.append("traefik")

    def configure_traefik(self) -> None:
        """TLJH's own writing of Traefik's files: it also forgets the routes, so only if needed."""
        from tljh import configurer

        found = configurer.load_config()
        extra = sorted(Path(config.CONFIG_DIR, "traefik_config.d").glob("*.toml"))
        parts = [found[key] for key in ("http", "https", "traefik_api")]
        words = digest(json.loads(json.dumps(parts)), [text_of(path) for path in extra])
        stamp = STATE / ".localcloud-traefik"
        if text_of(stamp) == words:
            return
        from tljh import traefik

        traefik.ensure_traefik_config(config.STATE_DIR)
        stamp.write_text(words)
        self.steps.append("traefik.toml")

    # -- the installer ------------------------------------------------------------------------

    def install(self) -> None:
        """TLJH's installer, once for each release of it."""
        if text_of(INSTALLED) == self.wanted["version"]:
            return
        if not INSTALLED.exists() and packages.USER.exists():
            shutil.rmtree(packages.USER)  # of a run that was killed; nobody has worked in it yet
        from tljh import installer, traefik

        traefik.traefik_version = self.wanted["traefik"]["version"]
        LOG.touch(mode=0o600)  # TLJH's bootstrap, which is not used here, closes it, too
        LOG.chmod(0o600)
        with self.at_hand():
            sys.argv = ["tljh.installer"]
            installer.main()
        INSTALLED.write_text(self.wanted["version"])
        self.steps.append("installer")

    @contextlib.contextmanager
    def at_hand(self) -> Iterator[None]:
        """Let the installer find what it would download; everything else is its own."""
        from tljh import installer

        conda = installer.conda
        names = "ensure_pip_packages", "ensure_pip_requirements", "ensure_conda_packages"
        real = {name: getattr(conda, name) for name in names}

        def pip_into(real_one: Any) -> Any:
            def install_into(prefix: str, what: Any, upgrade: bool = False) -> None:
                if Path(prefix) == HUB:
                    return  # equal to its lock
                self.install_packages()
                # TLJH's own call, without an index: it says whether the lock is enough for it.
                os.environ["PIP_NO_INDEX"] = "1"
                try:
                    real_one(prefix, what, upgrade)
                finally:
                    del os.environ["PIP_NO_INDEX"]

            return install_into

        @contextlib.contextmanager
        def miniforge(*_address_and_hash: str) -> Iterator[str]:
            yield self.wanted["miniforge"]  # its hash was checked when it came

        def conda_into(prefix: str, what: Any, *more: Any, force_reinstall: bool = False) -> None:
            # Before an upgrade TLJH asks conda-forge for the conda that is there already.
            if not force_reinstall:
                real["ensure_conda_packages"](prefix, what, *more)

        conda.download_miniconda_installer = miniforge
        conda.ensure_conda_packages = conda_into
        for name in names[:2]:
            setattr(conda, name, pip_into(real[name]))
        # It asks port 80, whatever the port is; the role asks the right one afterwards.
        installer.ensure_jupyterhub_running = lambda: None
        yield
        for name in names:
            setattr(conda, name, real[name])

    def install_packages(self) -> None:
        try:
            if packages.ensure(self.wanted):
                self.steps.append("packages")
        except packages.Failed as failed:
            raise Problem("tljh_packages", details=str(failed)) from failed

    # -- all of it ----------------------------------------------------------------------------

    def bring(self) -> None:
        self.configure()
        self.forget_extra()
        self.bring_traefik()
        self.install()
        self.install_packages()
        self.configure_traefik()


def said_last(error: BaseException) -> str:
    """The installer's own last words: its log has what its commands printed."""
    log = text_of(LOG).splitlines()[-25:]
    return "\n".join([*log, *traceback.format_exception_only(error)])[-3000:]


def answer(request: dict) -> dict:
    installation = Installation(request["wanted"])
    try:
        installation.configured()  # before anything is changed
        if request["action"] == "present":
            installation.bring()
    except Problem as problem:
        return problem.data
    except (Exception, SystemExit) as error:
        return {"localcloud_problem": "tljh_installer", "details": said_last(error)}
    return {"changed": bool(installation.steps), "steps": installation.steps}


def main() -> None:
    os.umask(0o022)
    request = json.load(sys.stdin)
    # What TLJH and its commands print is no part of the answer.
    own = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(own, "w") as stream:
        json.dump(answer(request), stream)


if __name__ == "__main__":
    main()
