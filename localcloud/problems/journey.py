"""Problems that `verify` meets on a user's road through the hub."""

from localcloud.problems.template import Template

PROBLEMS: dict[str, Template] = {}
