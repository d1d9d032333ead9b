"""A student who stays: logs in on the real page and works in the real server."""

import re
from pathlib import Path

import requests

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


def filled(url: str, page: str, ca_file: Path | None = None, **words: str) -> requests.Response:
    """What comes of a form of the hub's that somebody fills in."""
    session = requests.Session()
    session.trust_env = not ca_file  # else its CA bundle would count instead
    session.verify = str(ca_file) if ca_file else True
    form = session.get(url + page, timeout=20).content.decode()
    words["_xsrf"] = re.search(r'name="_xsrf"\s+value="([^"]+)"', form)[1]
    return session.post(url + page, data=words, timeout=60)
