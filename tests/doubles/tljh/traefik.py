"""The check of Traefik's version is TLJH's; the writing of its files is noted."""

import subprocess

from tljh import CALLS

traefik_version = "3.1.4"


def check_traefik_version(program):
    said = subprocess.run([program, "version"], capture_output=True, text=True).stdout
    return f"Version: {traefik_version}\n" in said


def ensure_traefik_config(_state):
    CALLS.append("traefik config")
