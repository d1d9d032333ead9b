"""A journey with its progress on the screen."""

import threading
import time
from typing import TYPE_CHECKING, Any

from localcloud.events import Event
from localcloud.phases import JOURNEY
from localcloud.progress import Progress

if TYPE_CHECKING:
    from localcloud.journey import JourneyReport, Step
    from localcloud.site import Endpoint, Site


def walk(endpoint: "Endpoint", site: "Site", view: Progress, **options: Any) -> "JourneyReport":
    """Send students through a hub, each with the step that was finished last on the screen."""
    from localcloud.journey import journey

    students: set[str] = {endpoint.host}
    lock = threading.Lock()

    def tell(kind: str, student: str, **more: Any) -> None:
        view(Event(kind, time.time(), host=student, phase=JOURNEY, **more))

    def on_step(step: "Step") -> None:
        with lock:
            student = step.user or endpoint.host
            students.add(student)
            tell("host", student, task=f"{'✓' if step.ok else '✗'} {step.label}")

    tell("host", endpoint.host, task=endpoint.url)
    report = journey(endpoint, site, on_step=on_step, **options)
    for student in students:
        tell("result", student, status="ok" if report.ok else "failed")
    return report
