"""Practice machines on this computer: containers with systemd and SSH, and the site they form.

``up(directory, hosts=…)`` gives a :class:`Lab` (``hosts``, ``inventory``, ``save``, ``rebuild``,
``ssh_command``, ``url``); ``find(directory)`` gives one that is there; ``down(directory)`` leaves
nothing behind. Nothing here prints: pass ``say`` to hear of progress.
"""

from localcloud.lab.find import all_labs, find
from localcloud.lab.lab import Lab
from localcloud.lab.make import up
from localcloud.lab.takedown import Belongings, belongings, down

__all__ = ["Belongings", "Lab", "all_labs", "belongings", "down", "find", "up"]
