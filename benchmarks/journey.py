"""How long students wait at a live hub: one at a time, and many at once.

    python benchmarks/journey.py -i SITE [--users 1,2,10,30] [--timeout SECONDS]

Prints one row per number of users: how many arrived at a saved file, and median and p95 in seconds
of starting the server, of opening a kernel, of a cell, and of the whole way. Makes throw-away
accounts on the hub and removes them.
"""

import argparse
from pathlib import Path

from localcloud.journey import JourneyReport, journey
from localcloud.site import load_site

STEPS = ("login", "spawn", "kernel", "cell")


def row(report: JourneyReport) -> str:
    whole, times = report.whole(), report.times()
    cells = [str(report.users), f"{whole.count - whole.failed}/{report.users}"]
    for found in (*(times.get(name) for name in STEPS), whole):
        cells.append(f"{found.median:.2f} / {found.p95:.2f}" if found else "–")
    return f"| {' | '.join([*cells, f'{report.seconds:.1f}'])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-i", "--inventory", type=Path, default=Path())
    parser.add_argument("--users", default="1,2,10,30", help="numbers of users, with commas")
    parser.add_argument("--timeout", type=float, default=300)
    options = parser.parse_args()
    site = load_site(options.inventory)
    for endpoint in site.endpoints():
        print(
            f"{endpoint.url} ({endpoint.component} on {endpoint.host}); median / p95 in seconds\n"
        )
        print(f"| users | arrived | {' | '.join(STEPS)} | whole way | all of it |")
        print("|---" * (len(STEPS) + 4) + "|")
        for users in map(int, options.users.split(",")):
            with site.lock("benchmark"):
                report = journey(endpoint, site, users=users, timeout=options.timeout)
            print(row(report), flush=True)
            for step in report.failures[:3]:
                print(f"  {step.label}: {step.message} {step.details}")


if __name__ == "__main__":
    main()
