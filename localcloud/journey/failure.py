"""The exception of a step that failed; its words are in :mod:`localcloud.problems.journey`."""


class StepFailed(Exception):
    """A step of the journey failed: problem id, its data, and another program's words."""

    def __init__(self, problem_id: str, details: str = "", **data: object) -> None:
        super().__init__(problem_id)
        self.problem_id = problem_id
        self.details = details
        self.data = data
