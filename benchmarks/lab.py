"""How long practice machines take: up (system cached), up again, save, rebuild, down.

    python benchmarks/lab.py [--runs N] [--hosts 1,10] [--vm]

Prints the median and the range in seconds of N runs for each number of hosts. Targets: containers:
up of a cached system 5 s for one host and 10 s for ten. Virtual machines: up, which is a boot to
SSH, 25 s when emulated; rebuild 5 s plus that boot, so what it takes beside the boot is printed,
too: the time until QEMU runs. For virtual machines, the processor time that QEMU took until SSH
answered stands beside it: on a busy computer it tells more.
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
from localcloud.lab.vm import KIND, process


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def processor_seconds(made: lab.Lab) -> float:
    """What the lab's processes took of the processor so far, per machine."""
    ticks = 0
    for one in process.running(made.state.id):
        fields = Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") / len(made.hosts)


def without_boot(made: lab.Lab) -> float:
    """Seconds of a rebuild until the machines run; their boot comes after that."""
    waiting, made.wait = made.wait, lambda hosts: None  # type: ignore[method-assign]
    took = timed(made.rebuild)
    made.wait = waiting  # type: ignore[method-assign]
    made.wait(made.hosts)
    return took


def one_run(directory: Path, hosts: int, engine: str | None) -> dict[str, float]:
    """Seconds of each step on a lab of its own, which is gone afterwards."""
    found = {"up": timed(lambda: lab.up(directory, hosts=hosts, engine=engine))}
    try:
        made = lab.find(directory)
        if engine == KIND:
            found["processor, each"] = processor_seconds(made)
        found["up again"] = timed(lambda: lab.up(directory))
        found["save"] = timed(lambda: made.save("saved"))
        if engine == KIND:
            found["rebuild, no boot"] = without_boot(made)
        else:
            found["rebuild bare"] = timed(made.rebuild)
        found["rebuild saved"] = timed(lambda: made.rebuild(to="saved"))
    finally:
        found["down"] = timed(lambda: lab.down(directory))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--hosts", default="1,10")
    parser.add_argument("--vm", action="store_true", help="virtual machines, not containers")
    asked = parser.parse_args()
    engine = KIND if asked.vm else None
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm"  # makes the system, if it is not there
        lab.up(warm, engine=engine)
        lab.down(warm)
        for hosts in map(int, asked.hosts.split(",")):
            times = defaultdict(list)
            for run in range(asked.runs):
                for step, seconds in one_run(Path(folder) / f"run{run}", hosts, engine).items():
                    times[step].append(seconds)
            print(f"{hosts} hosts, {asked.runs} runs, load {os.getloadavg()[0]:.1f}")
            for step, found in times.items():
                middle = statistics.median(found)
                print(f"  {step:16} {middle:6.2f} s   ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    main()
