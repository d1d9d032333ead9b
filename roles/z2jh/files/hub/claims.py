"""The claims that KubeSpawner would make for people's homes, asked of KubeSpawner itself.

A JSON list of people's names in, a JSON list of the claims' manifests out, in the same order. How
a claim is called is KubeSpawner's affair: it depends on the site's values, and is not guessed here.
"""

import asyncio
import contextlib
import json
import sys
from types import SimpleNamespace
from typing import Any

from kubernetes_asyncio.client import ApiClient
from traitlets.config.loader import PyFileConfigLoader
from traitlets.utils.importstring import import_item

PLACE = "/usr/local/etc/jupyterhub"


async def manifests(names: list[str]) -> list[dict[str, Any]]:
    config = PyFileConfigLoader("jupyterhub_config.py", path=PLACE).load_config()
    make = import_item(config.JupyterHub.spawner_class)
    async with ApiClient() as client:
        found = []
        for name in names:
            # Nothing is started: KubeSpawner's own tests ask it for manifests in this way.
            user = SimpleNamespace(name=name, id=0, url="/")
            spawner = make(_mock=True, config=config, user=user)
            if not spawner.storage_pvc_ensure:
                sys.exit("The site's values make no claims (singleuser.storage): see z2jh_values.")
            found.append(client.sanitize_for_serialization(spawner.get_pvc_manifest()))
        return found


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        found = asyncio.run(manifests(json.load(sys.stdin)))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
