"""Loads the Python that lies in roles, where no import finds it.

As a program, it runs a module as Ansible would: ``role_code.py roles/…/library/NAME.py``.
"""

import importlib.util
import runpy
import sys
from pathlib import Path
from typing import Any

ROLES = Path(__file__).resolve().parents[2] / "roles"


def load(path: str, name: str = "") -> Any:
    """A file of ``roles/`` as a module; others that import it by its name find it, too."""
    spec = importlib.util.spec_from_file_location(name or Path(path).stem, ROLES / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def load_utils() -> None:
    """What modules of roles share, under the names that Ansible gives it."""
    import ansible.module_utils

    for path in sorted(ROLES.glob("*/module_utils/*.py")):
        module = load(str(path), f"ansible.module_utils.{path.stem}")
        setattr(ansible.module_utils, path.stem, module)


load_utils()

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
