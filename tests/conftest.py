"""For every test: fresh catalogues, and English unless the test asks for another language."""

from pathlib import Path
from typing import Any

import pytest

from build_catalogues import compile_catalogues
from localcloud import hints, i18n


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Tests with machines one after another, those of each kind; all others beside them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByMachines(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if "/integration/" not in nodeid:
                return nodeid.partition("::")[0]
            return "virtual machines" if "_vm" in nodeid else "containers"

    return ByMachines(config, log)


@pytest.fixture(scope="session", autouse=True)
def _catalogues():
    compile_catalogues(Path(__file__).parents[1])


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    """Neither the developer's locale nor a Spanish site of the test before decides."""
    for name in ("LOCALCLOUD_LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setattr(i18n, "_explicit", False)
    monkeypatch.setattr(hints, "_chosen", None)  # nor the -i of the test before
    i18n.activate("en")
