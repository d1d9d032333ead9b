"""Nobody's server starts while the home is still on its way into the volume (``home_volumes``)."""

import asyncio
from typing import Any

import volumes

STATE = "localcloud/home-state"
WORDS = {
    "en": "Your files are still being copied from the hub of before. Try again in some minutes; "
    "if this stays so, tell your administrator.",
    "es": "Sus archivos todavía se están copiando desde el hub de antes. Pruebe otra vez en unos "
    "minutos; si esto sigue así, avise a quien administra.",
}


class StillCopying(Exception):
    """JupyterHub shows ``jupyterhub_message`` on the page of the start."""

    def __init__(self, language: str) -> None:
        self.jupyterhub_message = WORDS.get(language, WORDS["en"])
        super().__init__(self.jupyterhub_message)


def is_copying(name: str) -> bool:
    return any(
        claim.get("annotations", {}).get(STATE) == "copying" for claim in volumes.claims_of(name)
    )


def hook(language: str) -> Any:
    """What KubeSpawner calls before a start."""

    async def wait_for_home(spawner: Any) -> None:
        if await asyncio.to_thread(is_copying, spawner.user.name):
            raise StillCopying(language)

    return wait_for_home
