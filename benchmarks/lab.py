"""How long practice machines take: up (image cached), up again, save, rebuild, down.

    python benchmarks/lab.py [--runs N] [--hosts 1,10]

Prints the median and the range in seconds of N runs for each number of hosts. Targets:
up of a cached image 5 s for one host and 10 s for ten.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from localcloud import lab


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def one_run(directory: Path, hosts: int) -> dict[str, float]:
    """Seconds of each step on a lab of its own, which is gone afterwards."""
    found = {"up": timed(lambda: lab.up(directory, hosts=hosts))}
    try:
        made = lab.find(directory)
        found["up again"] = timed(lambda: lab.up(directory))
        found["save"] = timed(lambda: made.save("saved"))
        found["rebuild bare"] = timed(made.rebuild)
        found["rebuild saved"] = timed(lambda: made.rebuild(to="saved"))
    finally:
        found["down"] = timed(lambda: lab.down(directory))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--hosts", default="1,10")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one_run(Path(folder) / "warm", 1)  # makes and imports the image, if it is not there
        for hosts in map(int, asked.hosts.split(",")):
            times = defaultdict(list)
            for run in range(asked.runs):
                for step, seconds in one_run(Path(folder) / f"run{run}", hosts).items():
                    times[step].append(seconds)
            print(f"{hosts} hosts, {asked.runs} runs, load {os.getloadavg()[0]:.1f}")
            for step, found in times.items():
                middle = statistics.median(found)
                print(f"  {step:14} {middle:6.2f} s   ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    main()
