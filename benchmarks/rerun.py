"""How long a run that changes nothing takes, with Mitogen and with stock Ansible in turn.

    python benchmarks/rerun.py -i SITE [--rounds 3] [--json]

SITE must be installed already. Measures the whole command, check included, journey left out, and
refuses to count a run that changed something. Takes turns, so that a busy machine hurts both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

STRATEGIES = ("mitogen", "stock")


def measure(site: Path, strategy: str) -> tuple[float, dict]:
    """Seconds of one command, and what it said of itself."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "install", "-i", site, "--no-journey", "--json"],
        env={**os.environ, "LOCALCLOUD_STRATEGY": strategy},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        sys.exit(f"{strategy}: exit code {done.returncode}\n{done.stdout}")
    said = json.loads(done.stdout)
    if said["strategy"] != strategy:
        sys.exit(f"asked for {strategy}, got {said['strategy']}")
    return seconds, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-i", "--inventory", type=Path, required=True, metavar="SITE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    times: dict[str, list[float]] = {strategy: [] for strategy in STRATEGIES}
    hosts = 0
    for _round in range(given.rounds):
        for strategy in STRATEGIES:
            seconds, said = measure(given.inventory, strategy)
            if said["changed"]:
                sys.exit(f"{strategy} changed {said['changed']} steps: not a run without changes")
            hosts = len(said["hosts"])
            times[strategy].append(round(seconds, 2))
            if not given.json:
                print(f"{strategy:8} {seconds:6.1f} s  (playbook {said['seconds']:.1f} s)")
    medians = {strategy: statistics.median(found) for strategy, found in times.items()}
    ratio = medians["stock"] / medians["mitogen"]
    if given.json:
        print(json.dumps({"hosts": hosts, "seconds": times, "median": medians, "ratio": ratio}))
        return
    print(f"\n{hosts} host(s), {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| strategy | median s | ratio |\n|---|---|---|")
    print(f"| mitogen | {medians['mitogen']:.1f} | 1 |")
    print(f"| stock | {medians['stock']:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
