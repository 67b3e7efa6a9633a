"""Throw-away containers: they go when their work ends, and at the next start what was left goes too."""

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from bot.core.errors import Upstream
from estate.backup.shell import Inside
from estate.model import THROWAWAY, Container, Throwaway

log = logging.getLogger("tocsin.backup")

OLD = timedelta(days=1)
"""No drill takes so long: a throw-away container of this age is nobody's, whosever it was."""


@asynccontextmanager
async def throwaway(engine: Inside, wanted: Throwaway, files: Mapping[str, Path]) -> AsyncIterator[Container]:
    """A running one with these files in it. Raises Upstream, NotDone."""
    try:
        made = await engine.create(wanted)
        await engine.put(made, files)
        await engine.start(made)
        yield made
    finally:
        # By the label: a call that was cut off may have made one without telling its id.
        with contextlib.suppress(Upstream):
            await sweep(engine, wanted.owner)


async def sweep(engine: Inside, owner: str, now: datetime | None = None) -> int:
    """Remove what is this owner's; when told the time, also what is too old to be used. Raises Upstream."""
    removed = 0
    for container in await engine.containers():
        label = container.labels.get(THROWAWAY)
        old = label is not None and now is not None and now - container.created > OLD
        if label == owner or old:
            await engine.remove(container)
            log.info("removed the throw-away container %s", container.name)
            removed += 1
    return removed
