"""Phases of a run: what a person follows instead of Ansible's tasks.

A phase is a role's task file (``jupyterhub`` / ``install``). Small files that such a file includes,
and helper roles, belong to the phase that was under way when they began.
"""

from typing import NamedTuple

from localcloud.i18n import _

# The task files every component role has (and its handlers); each is a phase of its own.
FILES = ("look", "install", "configure", "verify", "remove", "handlers")
# Actions that only steer Ansible: they never open a phase.
_STEERING = {
    "include_tasks",
    "include_role",
    "import_tasks",
    "import_role",
    "meta",
    "validate_argument_spec",
    "include_vars",
    "set_fact",
}
# Roles that serve others: inside a phase they are part of it.
_HELPERS = {"artifact", "hub"}


class Phase(NamedTuple):
    """A role and one of its task files; both empty for what belongs to no role."""

    role: str
    file: str

    @property
    def key(self) -> str:
        """A stable name for records, e.g. ``jupyterhub/install``; ``facts`` outside roles."""
        return f"{self.role}/{self.file}" if self.role else self.file


FACTS = Phase("", "facts")
BOOTSTRAP = Phase("base", "bootstrap")  # only for hosts without a Python
JOURNEY = Phase("", "journey")  # no tasks of Ansible's: what follows an installation


def from_key(key: str) -> Phase:
    role, slash, file = key.rpartition("/")
    return Phase(role, file) if slash else Phase("", key)


def place(task_path: str) -> Phase | None:
    """Role and file of a task's path, e.g. ``…/roles/k3s/tasks/install.yml:12``; None elsewhere."""
    parts = task_path.rpartition(":")[0].split("/")
    if "roles" not in parts:
        return None
    start = len(parts) - 1 - parts[::-1].index("roles")
    inside = parts[start + 1 :]
    if len(inside) < 3:
        return None
    if inside[1] == "handlers":
        return Phase(inside[0], "handlers")
    return Phase(inside[0], "/".join(inside[2:]).rsplit(".", 1)[0])


class Tracker:
    """Follows the tasks of a run and says in which phase each one is."""

    def __init__(self) -> None:
        self.current: Phase | None = None

    def enter(self, task_path: str, action: str) -> Phase | None:
        """Take note of a task that starts; its path ends in ``:<line>``, its action may be long."""
        here = place(task_path)
        action = action.rpartition(".")[2]
        if action in _STEERING:
            return self.current
        if here is None:
            if action in ("setup", "gather_facts") or self.current is None:
                self.current = FACTS
        elif self._opens(here):
            self.current = here
        return self.current

    def _opens(self, here: Phase) -> bool:
        if self.current is None or not self.current.role:
            return True
        if here.file in FILES:
            return here.role not in _HELPERS
        # A file that a phase of the same role includes is part of that phase.
        return here.role != self.current.role and here.role not in _HELPERS


def component_name(role: str) -> str:
    """How people call a component; the role's own name if nobody named it."""
    return {
        "jupyterhub": "JupyterHub",
        "tljh": "The Littlest JupyterHub",
        "z2jh": "Zero to JupyterHub",
        "k3s": "k3s",
        "nfs_server": _("the NFS server"),
        "storage": _("cluster storage"),
    }.get(role, role)


def label(phase: Phase) -> str:
    """The phase in words, in the active language."""
    if phase == FACTS:
        return _("Looking at the servers")
    if phase == JOURNEY:
        return _("Walking through the hub as a student")
    if phase == BOOTSTRAP:
        return _("Installing Python on the server")
    if phase.role == "base":
        if phase.file == "look":
            return _("Looking at the servers")
        if phase.file == "remove":
            return _("Cleaning up the server")
        return _("Preparing the server")
    known = {
        "look": _("Looking at {component}"),
        "install": _("Installing {component}"),
        "configure": _("Configuring {component}"),
        "verify": _("Verifying {component}"),
        "remove": _("Removing {component}"),
        "handlers": _("Restarting services of {component}"),
        "main": "{component}",
    }.get(phase.file, "{component}: {file}")
    return known.format(component=component_name(phase.role), file=phase.file)
