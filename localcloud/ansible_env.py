"""The environment in which ansible-playbook runs: the kit's own, whatever the caller's is."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud import strategy
from localcloud.paths import roles_dir

if TYPE_CHECKING:
    from localcloud.site import Host, Site

# On this computer every process of a run carries this; on hosts, tasks carry LOCALCLOUD_RUN.
CONTROLLER_MARK = "LOCALCLOUD_CONTROLLER_RUN"
SITE_MARK = "LOCALCLOUD_CONTROLLER_SITE"
_MOST_FORKS = 50
_CONNECT_SECONDS = 30  # the lock was taken just before: who answers late is busy, not away
# What ansible-runner must be able to add to the environment for its events to reach us.
RUNNER_NAMES = frozenset(
    {
        "ANSIBLE_CALLBACK_PLUGINS",
        "ANSIBLE_STDOUT_CALLBACK",
        "AWX_ISOLATED_DATA_DIR",
        "RUNNER_OMIT_EVENTS",
        "RUNNER_ONLY_FAILED_EVENTS",
    }
)


def environment(
    site: "Site",
    hosts: "Sequence[Host]",
    *,
    run_id: str,
    private: Path,
    control: Path,
    scratch: Path,
    chosen: str,
    python: str = "",
) -> dict[str, str]:
    """Every variable ansible-playbook gets.

    ``private``: a 0700 directory of this run; ``control``: another with a path short enough for
    sockets; ``scratch``: where modules keep their files, here and on the hosts; ``chosen``: the
    strategy; ``python``: the hosts' interpreter, if it is known (letting Ansible look for it costs
    2 s on every run under Mitogen).
    """
    found = {
        **_of_the_caller(),
        CONTROLLER_MARK: run_id,
        SITE_MARK: str(site.directory.resolve()),
        # Mitogen makes a socket there; with a path too long for one it hangs for ever.
        "TMPDIR": str(control),
        "ANSIBLE_CONFIG": _own_config(private),
        "ANSIBLE_HOME": _folder(private / "home"),
        "ANSIBLE_LOCAL_TEMP": _folder(private / "tmp"),
        "ANSIBLE_ROLES_PATH": str(roles_dir()),
        "ANSIBLE_COLLECTIONS_PATH": str(private / "collections"),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "False",
        "ANSIBLE_CALLBACK_PLUGINS": "",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        # Ours to heed, not the user's; Mitogen alone would cause one in every run.
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        # A site has the groups that it needs; of each other one Ansible would warn in every run.
        "ANSIBLE_HOST_PATTERN_MISMATCH": "ignore",
        "ANSIBLE_NOCOWS": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_GATHERING": "explicit",
        # Or every module writes its arguments into the host's journal, secrets and passwords among
        # them: Ansible's own redaction there misses texts of several lines. The run has its record.
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_FORKS": str(max(1, min(len(hosts), _MOST_FORKS))),
        "ANSIBLE_PYTHON_INTERPRETER": python or "auto_silent",
        "ANSIBLE_TIMEOUT": str(_CONNECT_SECONDS),
        "ANSIBLE_PIPELINING": "True",
        # Not in the home directories of admin and root, where it would stay. Each task makes a
        # folder of its own in it (mode 0700) and removes it, unless it is killed.
        "ANSIBLE_REMOTE_TMP": str(scratch),
        "ANSIBLE_SSH_RETRIES": "2",
        "ANSIBLE_SSH_ARGS": ssh_args(site, hosts, persist=chosen == strategy.STOCK),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control),
        "ANSIBLE_SSH_CONTROL_PATH": "%(directory)s/%%C",
        "AWX_LIB_DIRECTORY": "",
    }
    plugins = strategy.plugins_dir()
    if chosen == strategy.MITOGEN and plugins:
        found["ANSIBLE_STRATEGY_PLUGINS"] = str(plugins)
        found["ANSIBLE_STRATEGY"] = "mitogen_linear"
    return found


def _of_the_caller() -> dict[str, str]:
    """The few things of the caller's environment that a run needs."""
    own_bin = str(Path(sys.executable).parent)  # pipx puts only the one command on PATH
    path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    found = {
        "PATH": f"{own_bin}{os.pathsep}{path}",
        "HOME": str(Path.home()),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }
    for name in ("SSH_AUTH_SOCK", "USER", "LOGNAME"):
        if os.environ.get(name):
            found[name] = os.environ[name]
    return found


def _folder(path: Path) -> str:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(path)


def _own_config(private: Path) -> str:
    """A file that keeps out the user's ansible.cfg and /etc/ansible."""
    path = private / "ansible.cfg"
    path.touch(0o600)
    # Ansible would look every millisecond whether a host has answered: on a small computer half a
    # second of each run, in which the hosts' answers could be read.
    path.write_text("[defaults]\ninternal_poll_interval = 0.01\n")
    return str(path)


def ssh_args(site: "Site", hosts: "Sequence[Host]", *, persist: bool) -> str:
    """Options for ssh. They come first on its command line, and for ssh the first one counts.

    ``persist``: keep one connection per host open between tasks (Mitogen does that itself).
    """
    known = str(site.known_hosts.resolve()).replace("%", "%%")
    words = [
        f'UserKnownHostsFile="{known}"',  # ssh splits the value at blanks unless quoted
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
    ]
    if hosts and all(host.key_file for host in hosts):
        words.append("IdentitiesOnly=yes")  # an agent full of other keys would be shut out
    if persist:
        words += ["ControlMaster=auto", "ControlPersist=60s"]
    else:
        words.append("ControlMaster=no")
    return " ".join(f"-o {shlex.quote(word)}" for word in words)
