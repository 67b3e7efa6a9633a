"""Takes snapshots of the whole estate: the files in a thread, and what runs from the Engines."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config.model import Estate
from bot.core.errors import Upstream
from bot.ports import Engine
from estate.model import Container, Detail, Image

if TYPE_CHECKING:
    from estate.snapshot.backups import Backups
    from estate.snapshot.machine import Machine
    from estate.snapshot.model import EngineView, Snapshot, Where
    from estate.snapshot.take import Snapshots

AT_ONCE = 8
"""Calls under way to look at containers closely."""


class LateSnapshots:
    """The reader, and with it YAML, is loaded at the first look."""

    def __init__(
        self,
        root: Path,
        estate: Estate,
        engines: Sequence[Engine] = (),
        *,
        also: Sequence[Path] = (),
        no_engine: str = "",
        engine_wanted: bool = True,
        settled: Callable[[], Awaitable[None]] | None = None,
        machine: "Callable[[Sequence[str]], Machine | None] | None" = None,
        backups: "Callable[[], Awaitable[Backups | None]] | None" = None,
        delivery: Callable[[], Awaitable[Mapping[str, datetime | None]]] | None = None,
    ) -> None:
        """settled: waits until nobody is putting the tree under git: it would change between two looks.
        machine: looks at the one that the Engine is on, and at these systemd timers. backups: what is known
        of those that were made. delivery: when a test alert last arrived in each room.
        """
        self._delivery = delivery
        self._machine = machine
        self._backups = backups
        self._settled = settled
        self.root = root.absolute()
        self._estate = estate
        self._also = also
        self._engines = engines
        self._no_engine = no_engine
        self._engine_wanted = engine_wanted
        self._reader: Snapshots | None = None

    async def take(self, now: datetime) -> "Snapshot":
        """Everything as it is now; an Engine's absence is in it as such. Raises nothing for what cannot be
        read."""
        if self._settled is not None:
            await self._settled()
        files = asyncio.to_thread(self._files, now)
        snapshot, (views, away) = await asyncio.gather(files, self._running())
        taken = replace(snapshot, engines=views, no_engine=away, engine_wanted=self._engine_wanted)
        if self._delivery is not None:
            taken = replace(taken, delivery=await self._delivery())
        if not views:
            return taken
        return replace(taken, machine=await self._looked_at(snapshot), backups=await self._made())

    async def _looked_at(self, snapshot: "Snapshot") -> "Machine | None":
        if self._machine is None:
            return None
        names = [path.rpartition("/")[2] for path in snapshot.texts if path.endswith(".timer")]
        return await asyncio.to_thread(self._machine, names)

    async def _made(self) -> "Backups | None":
        return await self._backups() if self._backups is not None else None

    def _files(self, now: datetime) -> "Snapshot":
        from estate.snapshot.take import Snapshots

        if self._reader is None:
            self._reader = Snapshots(self.root, self._also, where(self._estate))
        return self._reader.take(now, git=self._estate.git != "off")

    async def _running(self) -> "tuple[tuple[EngineView, ...], str]":
        """What runs, and why that is not known: one Engine that is away is enough for that."""
        views: list[EngineView] = []
        away = [] if self._engines else [self._no_engine or "there is no Docker Engine in my configuration"]
        for found in await asyncio.gather(*(_view(engine) for engine in self._engines)):
            if isinstance(found, Upstream):
                away.append(str(found))
            else:
                views.append(found)
        return tuple(views), "; ".join(away)


def where(estate: Estate) -> "Where":
    """Which files are what, as it is configured."""
    from estate.snapshot.model import Where

    waivers = estate.audit.waivers if estate.audit is not None else Where().waivers
    return Where(estate.services, estate.runbooks, waivers)


async def _view(engine: Engine) -> "EngineView | Upstream":
    from estate.snapshot.model import EngineView

    try:
        containers = await engine.containers()
        images: Iterable[Image] = await engine.images()
    except Upstream as away:
        return away
    gate = asyncio.Semaphore(AT_ONCE)

    async def closely(container: Container) -> Detail | Upstream:
        async with gate:
            try:
                return await engine.detail(container)
            except Upstream as gone:
                return gone

    found = await asyncio.gather(*(closely(one) for one in containers))
    details = tuple(one for one in found if isinstance(one, Detail))
    unseen = {
        container.name: str(one)
        for container, one in zip(containers, found, strict=True)
        if isinstance(one, Upstream) and not one.permanent  # a permanent one: it went meanwhile
    }
    return EngineView(engine.host, tuple(containers), details, tuple(images), unseen)
