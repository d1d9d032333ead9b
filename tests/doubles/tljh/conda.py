"""What TLJH does with conda and pip, noted."""

import contextlib
import os

from tljh import CALLS


@contextlib.contextmanager
def download_miniconda_installer(url, _sha256):
    CALLS.append(f"download {url}")
    yield "downloaded"


def ensure_conda_packages(prefix, packages, channels=("conda-forge",), force_reinstall=False):
    CALLS.append(f"conda install {packages}")


def ensure_pip_packages(prefix, packages, upgrade=False):
    index = "no index" if os.environ.get("PIP_NO_INDEX") else "an index"
    CALLS.append(f"pip with {index}: {packages[0]}")


def ensure_pip_requirements(prefix, path, upgrade=False):
    CALLS.append(f"requirements: {path}")


def fix_permissions(_prefix):
    pass
