"""Loads the Python that lies in roles, where no import finds it."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

ROLES = Path(__file__).resolve().parents[2] / "roles"


def load(path: str) -> Any:
    """A file of ``roles/`` as a module; others that import it by its bare name find it, too."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROLES / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
