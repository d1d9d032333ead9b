"""A student who stays: logs in on the real page and works in the real server."""

from pathlib import Path

from localcloud.journey.accounts import Login
from localcloud.journey.recorder import Recorder
from localcloud.journey.steps import Student


def run_cell(url: str, name: str, password: str, code: str, ca_file: Path | None = None) -> str:
    """Log in, start the server, run one cell, and return what it printed."""
    recorder = Recorder()
    student = Student(Login(name, password), url, recorder, ca_file=ca_file)
    try:
        assert student.begin(), [step for step in recorder.steps if not step.ok]
        assert student.kernel is not None
        return student.kernel.execute(code).text
    finally:
        student.end()
