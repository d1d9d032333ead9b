"""Takes the time of steps and turns what goes wrong in them into findings."""

import threading
import time
import traceback
from collections.abc import Callable

from localcloud.i18n import _
from localcloud.journey.failure import StepFailed
from localcloud.journey.report import LABELS, Step
from localcloud.problems import explain

OnStep = Callable[[Step], None]


class Recorder:
    """Collects the steps of all users; safe to use from many threads."""

    def __init__(self, on_step: OnStep | None = None) -> None:
        self.steps: list[Step] = []
        self.cancelled = threading.Event()
        self._on_step = on_step
        self._lock = threading.Lock()

    def attempt(self, name: str, user: str, action: Callable[[], str | None]) -> bool:
        """Do one step; what ``action`` returns is shown as a remark. False if it failed.

        After a cancel nothing more is begun or recorded.
        """
        if self.cancelled.is_set():
            return False
        start = time.monotonic()
        step = Step(name, _(LABELS[name]), user, 0.0, ok=True)
        try:
            step.info = action() or ""
        except StepFailed as failure:
            self._fail(step, failure)
        except Exception as problem:  # a defect of ours must not hide the other findings
            place = traceback.extract_tb(problem.__traceback__)[-1]
            words = f"{type(problem).__name__}: {problem}\n{place.filename}:{place.lineno}"
            self._fail(step, StepFailed("journey_unexpected", words))
        step.seconds = time.monotonic() - start
        if not self.cancelled.is_set():
            self.add(step)
        return step.ok

    def add(self, step: Step) -> None:
        with self._lock:
            self.steps.append(step)
            if self._on_step:
                self._on_step(step)

    @staticmethod
    def _fail(step: Step, failure: StepFailed) -> None:
        step.ok = False
        step.problem_id = failure.problem_id
        problem = explain(failure.problem_id, failure.data)
        step.message, step.remedy = problem.message, problem.remedy
        step.details = failure.details
