"""Problems of the role k3s."""

from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {}
