"""People's servers under TLJH: what happens before its own spawner starts one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import home_quota
import servers
import unix_users


def hook(shared_data: str, quota: str = "") -> Callable[[Any], None]:
    """What JupyterHub calls before a start. TLJH then finds the Unix user made.

    TLJH itself would make one with a new number, to which an earlier home does not belong. What its
    administrators need for sudo, which it gives them, is not taken away.
    """

    def prepare(spawner: Any) -> None:
        name = unix_users.unix_name(spawner.user.name)
        user = unix_users.ensure_user(name)
        if quota:
            home_quota.limit(Path(user.pw_dir), user.pw_uid, quota)
        servers.show_shared_data(user, shared_data)
        spawner.environment = {
            **spawner.environment,
            **servers.environment(name, shared_data),
        }
        spawner.unit_extra_properties = {
            **spawner.unit_extra_properties,
            **servers.FENCES,
            **({} if spawner.user.admin else servers.NO_ROOT),
            **servers.runtime(name),
        }
        spawner.isolate_devices = not spawner.user.admin

    return prepare
