"""Stand-in for The Littlest JupyterHub's own code, which no package registry has.

It has the names that ``roles/tljh/files/lib`` calls, and notes in ``CALLS`` what was asked of it.
"""

CALLS: list[str] = []
