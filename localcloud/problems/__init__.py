"""The catalogue of what can go wrong: a stable id → what is wrong and what to do, translatable.

Preflight findings, roles (``fail`` with ``{"localcloud_problem": "<id>", …}``), the runner's
classification and the journey all speak through it, so that one cause has one wording.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud import foreign, hints
from localcloud.errors import ExitCode, LocalcloudError
from localcloud.i18n import _
from localcloud.problems import (
    artifact,
    cluster,
    journey,
    k3s,
    login,
    mirrors,
    moving,
    preflight,
    run,
    storage,
    tljh,
    z2jh,
)
from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {
    **login.PROBLEMS,
    **preflight.PROBLEMS,
    **cluster.PROBLEMS,
    **mirrors.PROBLEMS,
    **run.PROBLEMS,
    **artifact.PROBLEMS,
    **k3s.PROBLEMS,
    **storage.PROBLEMS,
    **tljh.PROBLEMS,
    **moving.PROBLEMS,
    **z2jh.PROBLEMS,
    **journey.PROBLEMS,
}


@dataclass(frozen=True)
class Problem:
    """One problem in words. ``known`` is false if the id is not in the catalogue."""

    id: str
    message: str
    remedy: str
    known: bool = True


class _Data(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _in_words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_in_words(item)}" for key, item in value.items())
    if isinstance(value, Iterable):
        return ", ".join(_in_words(item) for item in value)
    return "?" if value is None else str(value)


def explain(problem_id: str, data: Mapping[str, Any]) -> Problem:
    """Message and remedy of a problem, in the active language.

    Data that a template asks for and nobody gave shows as ``?``; an unknown id shows its data.
    """
    words = _Data({key: _in_words(value) for key, value in data.items()})
    if "reason" in words:
        words["reason"] = foreign.in_words(words["reason"])
    template = PROBLEMS.get(problem_id)
    if template is None:
        return _unknown(problem_id, words)
    return Problem(
        problem_id,
        _once(_(template.message).format_map(words), words["host"]),
        hints.complete(_(template.remedy).format_map(words)),
    )


def _once(text: str, host: str) -> str:
    """A host that is called what its address is, is not named twice: no ``10.0.0.9 (10.0.0.9)``."""
    return text.replace(f"{host} ({host})", host).replace(f"{host} ({host}, ", f"{host} (")


def _unknown(problem_id: str, words: Mapping[str, str]) -> Problem:
    shown = "; ".join(f"{key}: {value}" for key, value in words.items()) or "-"
    return Problem(
        problem_id,
        _("Problem “{id}”: {data}").format(id=problem_id, data=shown),
        hints.complete(_("Read the full record of the run with `localcloud logs --full`.")),
        known=False,
    )


class ProblemError(LocalcloudError):
    """An error whose words come from the catalogue; ``problem_id`` and ``data`` stay readable."""

    def __init__(
        self,
        problem_id: str,
        data: Mapping[str, Any],
        details: str = "",
        exit_code: ExitCode = ExitCode.FAILED,
    ) -> None:
        problem = explain(problem_id, data)
        super().__init__(problem.message, problem.remedy, details, exit_code)
        self.problem_id = problem_id
        self.data = dict(data)
