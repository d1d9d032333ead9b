"""A fresh install of the plain hub against a bare shell script, in turn on the same machine.

    python benchmarks/install.py [--runs 3]

Prints seconds and the ratio, median of the runs; then how long a rebuild takes until the saved hub
answers. Makes a lab of its own in a temporary directory and takes it down.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from localcloud import lab as labs

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "roles" / "jupyterhub" / "files"


def timed(*command: str | Path) -> float:
    begun = time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    return time.monotonic() - begun


def bare(lab: labs.Lab) -> float:
    """The shell script, over one SSH connection; copying the lock files is not counted."""
    authorities = lab.directory / "files" / "ca"
    copy = f"tar -C {LOCKS} -c . " + (
        f"-C {authorities.parent} ca " if authorities.is_dir() else ""
    )
    ssh = lab.ssh_command(None, ["sudo", "sh", "-c", "mkdir -p /tmp/locks; tar -C /tmp/locks -x"])
    archive = subprocess.run(copy.split(), capture_output=True, check=True).stdout
    subprocess.run(ssh, input=archive, check=True)
    script = (ROOT / "benchmarks" / "bare_install.sh").read_text()
    return timed(*lab.ssh_command(None, ["sudo", "sh", "-c", script, "bare", "/tmp/locks"]))


def ours(lab: labs.Lab) -> float:
    """`localcloud install` without the journey: check, playbook, hub answers."""
    command = [sys.executable, "-m", "localcloud", "install", "--no-journey"]
    return timed(*command, "-i", lab.directory)


def rebuilt(lab: labs.Lab, name: str) -> float:
    """From `lab rebuild` to a login page."""
    begun = time.monotonic()
    lab.rebuild(to=name)
    while True:
        try:
            with urllib.request.urlopen(lab.url() + "/hub/login", timeout=5) as page:
                if page.status == 200:
                    return time.monotonic() - begun
        except OSError:
            time.sleep(0.1)


def show(label: str, seconds: list[float]) -> None:
    print(
        f"{label:<28} median {statistics.median(seconds):6.1f} s   "
        f"(min {min(seconds):.1f}, max {max(seconds):.1f}, {len(seconds)} runs)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "site"
        lab = labs.up(directory)
        try:
            scripts, installs = [], []
            for _run in range(runs):
                lab.rebuild()
                scripts.append(bare(lab))
                lab.rebuild()
                installs.append(ours(lab))
            show("bare shell script", scripts)
            show("localcloud install", installs)
            ratio = statistics.median(a / b for a, b in zip(installs, scripts, strict=True))
            print(f"ratio, median of pairs       {ratio:.2f}")
            lab.save("installed")
            show("rebuild to a hub", [rebuilt(lab, "installed") for _run in range(runs)])
        finally:
            labs.down(directory)


if __name__ == "__main__":
    main()
