"""Each Molecule scenario: converge, again without a change, testinfra, journey, removal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.errors import UsageError
from localcloud.lab.vm import qemu as programs

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


def text(scenario: str) -> str:
    return (ROOT / "molecule" / scenario / "molecule.yml").read_text()


# Virtual machines take many minutes where they must be emulated.
VIRTUAL = {name for name in SCENARIOS if "--vm" in text(name)}
SLOW = VIRTUAL | {name for name in SCENARIOS if "# slow:" in text(name)}
CASES = [
    pytest.param(
        name,
        id=f"{name}_vm" if name in VIRTUAL else name,
        marks=[pytest.mark.slow] if name in SLOW else [],
    )
    for name in SCENARIOS
]


def lacking(scenario: str) -> list[str]:
    """What a scenario needs in the environment (``# needs: NAME …``) and does not have."""
    needed = " ".join(re.findall(r"(?m)^# needs: (.*)$", text(scenario))).split()
    missing = [name for name in needed if not os.environ.get(name)]
    if scenario in VIRTUAL:
        try:
            programs.detect()
        except UsageError as error:
            missing.append(error.message)
    return missing


@pytest.mark.parametrize("scenario", CASES)
@pytest.mark.timeout(5400)
def test_scenario(engine, scenario, tmp_path):
    if missing := lacking(scenario):
        pytest.skip(f"NOT RUN: {scenario} lacks {', '.join(missing)}")
    bin_directory = Path(sys.executable).parent
    done = subprocess.run(
        [bin_directory / "molecule", "test", "-s", scenario],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}",
            "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path),
            "NO_COLOR": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=5000 if scenario in SLOW else 1500,
    )
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-4000:]
