"""Problems that `check` finds before anything is changed."""

from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {}
