"""How role tljh drives TLJH's installer: once, with what was brought; with a stand-in for TLJH."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "roles/tljh/files/lib"
RUN = """\
import json, runpy, sys
import tljh
sys.path.insert(0, sys.argv[1])
import installation
request = json.load(sys.stdin)
print(json.dumps([installation.answer(request), tljh.CALLS]))
"""


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


class Host:
    """A prefix as the role prepares it, and the program that is run there."""

    def __init__(self, place: Path) -> None:
        self.prefix = place
        for name in ("hub/bin", "state", "config/traefik_config.d"):
            (place / name).mkdir(parents=True)
        traefik = program(place / "traefik", "echo 'Version: 3.6.5'")
        # uv as it is called: it only has to succeed.
        uv = program(place / "uv", f'echo "$*" >> {place}/uv.log; exec test ! -e {place}/uv.fails')
        self.wanted = {
            "memory": str(place / "written.json"),
            "version": "2.0.0",
            "config": {"limits": {"memory": "1G"}},
            "traefik": {"file": str(traefik), "version": "3.6.5", "sha256": "aa"},
            "miniforge": "/brought/miniforge.sh",
            "uv": str(uv),
            "user_lock": "jupyterlab==4 \\\n    --hash=sha256:00\n",
            "user_build_lock": "",
            "user_packages": [],
            "conda_packages": [],
            "conda_channels": ["conda-forge"],
            "conda_mirror": "",
        }

    def run(self, action: str = "present", **wanted: object) -> tuple[dict, list[str]]:
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(LIB)],
            input=json.dumps({"action": action, "wanted": self.wanted | wanted}),
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "tests/doubles"),
                "TLJH_INSTALL_PREFIX": str(self.prefix),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        answer, calls = json.loads(done.stdout)
        return answer, calls


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_the_installer_finds_what_was_brought(host):
    answer, calls = host.run()
    assert answer["changed"]
    assert calls == [
        "installer",
        "miniforge: /brought/miniforge.sh",
        "pip with no index: jupyterhub>=5",
        "traefik config",
    ]
    assert (host.prefix / "hub/bin/traefik").stat().st_mode & 0o111
    assert (host.prefix / "installer.log").stat().st_mode & 0o777 == 0o600
    log = (host.prefix / "uv.log").read_text()
    assert "--require-hashes" in log and "sync" not in log


def test_the_second_time_nothing_is_done(host):
    host.run()
    assert host.run() == ({"changed": False, "steps": []}, [])


def test_python_code_that_the_site_no_longer_has_is_not_run_any_more(host):
    folder = host.prefix / "config/jupyterhub_config.d"
    folder.mkdir()
    for name in (
        "00-localcloud.py",
        "50-localcloud-mine.py",
        "50-localcloud-old.py",
        "60-by-hand.py",
    ):
        (folder / name).touch()
    answer, _calls = host.run(extra=[str(folder / "50-localcloud-mine.py")])
    assert "50-localcloud-old.py" in answer["steps"]
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["00-localcloud.py", "50-localcloud-mine.py", "60-by-hand.py"]


def test_another_release_is_installed_over_the_one_that_is_there(host):
    """TLJH's installer again, but nothing is asked of conda-forge."""
    host.run()
    answer, calls = host.run(version="2.0.1")
    assert answer["steps"] == ["installer"]
    assert calls == ["installer", "pip with no index: jupyterhub>=5"]
    assert host.run(version="2.0.1") == ({"changed": False, "steps": []}, [])


def test_a_run_that_was_killed_is_made_good(host):
    """TLJH's installer goes no further where an environment of people's is half made."""
    (host.prefix / "user/half").mkdir(parents=True)
    answer, _calls = host.run()
    assert "installer" in answer["steps"]


def test_the_installers_own_words_are_told(host):
    (host.prefix / "user").write_text("in the way")
    answer, _calls = host.run()
    assert answer["localcloud_problem"] == "tljh_installer"


def test_a_change_of_settings_needs_no_installer(host):
    host.run()
    answer, calls = host.run(config={"limits": {"memory": "2G"}, "http": {"port": 8080}})
    assert answer["localcloud_problem"] == "tljh_config", "the stand-in's schema has no http"
    answer, calls = host.run(config={"limits": {"memory": "2G"}})
    assert (answer["steps"], calls) == (["config.yaml"], [])


def test_what_is_wrong_is_found_before_anything_is_changed(host):
    answer, calls = host.run(config={"limits": {"memry": "2G"}})
    assert (answer["localcloud_problem"], answer["key"], calls) == ("tljh_config", "limits", [])
    assert not (host.prefix / "config/config.yaml").exists()


def test_check_writes_nothing(host):
    assert host.run("check") == ({"changed": False, "steps": []}, [])
    assert not (host.prefix / "config/config.yaml").exists()


def test_another_traefik_is_refused_and_the_old_one_stays(host):
    host.run()
    other = program(host.prefix / "other", "echo 'Version: 2.11.0'")
    traefik = {"file": str(other), "version": "3.6.5", "sha256": "bb"}
    answer, _calls = host.run(traefik=traefik)
    assert answer["localcloud_problem"] == "tljh_traefik_version"
    assert "2.11.0" in answer["details"]
    assert "3.6.5" in (host.prefix / "hub/bin/traefik").read_text()


def test_new_packages_are_added_and_a_failure_is_tried_again(host):
    host.run()
    (host.prefix / "uv.fails").touch()
    answer, _calls = host.run(user_packages=["cowsay"])
    assert answer["localcloud_problem"] == "tljh_packages"
    (host.prefix / "uv.fails").unlink()
    answer, calls = host.run(user_packages=["cowsay"])
    assert (answer["steps"], calls) == (["packages"], [])
