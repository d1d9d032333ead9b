"""How quick the command line is, and how much memory it takes during an install.

    python benchmarks/cli.py [--rounds 20] [-i SITE] [--dry-run]

Without a site only the time of ``--help`` is measured. With one, ``install --no-journey`` runs on
it while the memory of localcloud and its processes is watched (PSS: shared pages count once).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

HELP_TARGET, MEMORY_TARGET = 0.15, 200  # seconds, MB


def help_seconds(rounds: int) -> list[float]:
    command = [str(Path(sys.executable).with_name("localcloud")), "--help"]
    found = []
    for _round in range(rounds):
        began = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        found.append(time.perf_counter() - began)
    return found


def family(root: int) -> list[int]:
    """A process and all its descendants."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(process.name)] = int(fields[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def megabytes(pid: int) -> float:
    """Proportional memory of a process in MB (10^6 bytes); 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return (
        sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 976.6
    )


def watch(site: Path, dry_run: bool) -> dict[str, float]:
    """Peak memory during an install: of localcloud itself, and of the whole tree."""
    command = [sys.executable, "-m", "localcloud", "install", "-i", site, "--no-journey", "--json"]
    process = subprocess.Popen(
        [*command, *(["--dry-run"] if dry_run else [])], stdout=subprocess.PIPE, text=True
    )
    own = whole = 0.0
    while process.poll() is None:
        own = max(own, megabytes(process.pid))
        whole = max(whole, sum(map(megabytes, family(process.pid))))
        time.sleep(0.25)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(f"install ended with {process.returncode}\n{said}")
    return {"own": own, "whole": whole, "seconds": json.loads(said)["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("-i", "--inventory", type=Path, metavar="SITE")
    parser.add_argument("--dry-run", action="store_true")
    given = parser.parse_args()
    times = help_seconds(given.rounds)
    median = statistics.median(times)
    print(
        f"--help: median {median:.3f} s, best {min(times):.3f} s (target {HELP_TARGET} s,"
        f" ratio {median / HELP_TARGET:.2f})"
    )
    if given.inventory:
        peak = watch(given.inventory, given.dry_run)
        print(
            f"memory during install ({peak['seconds']:.0f} s): localcloud {peak['own']:.0f} MB"
            f" (target {MEMORY_TARGET} MB, ratio {peak['own'] / MEMORY_TARGET:.2f}),"
            f" with ansible and its workers {peak['whole']:.0f} MB"
        )


if __name__ == "__main__":
    main()
