"""``python -m localcloud.guarded …``: ansible-playbook that dies with the one that started it.

Without this, a localcloud killed by force would leave ansible-playbook changing hosts on its own,
perhaps while another computer already holds their locks.
"""

import atexit
import gc
import os
import signal
import sys

PARENT = "LOCALCLOUD_CONTROLLER_PID"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with_parent() -> None:
    import ctypes

    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return  # not Linux: the next run ends what is left
    if os.environ.get(PARENT, str(os.getppid())) != str(os.getppid()):
        sys.exit(130)  # it died before we could ask


if __name__ == "__main__":
    _die_with_parent()
    # Ansible forks a worker for each task and host. Every full collection in one of them touches,
    # and so copies, all of its parent's memory: a third of what ten hosts take.
    gc.disable()
    # Nor is there a point in looking for garbage at the very end: 0.2 s, for memory that goes.
    atexit.register(gc.freeze)
    from ansible.cli.playbook import main

    sys.argv[0] = "ansible-playbook"
    main()
