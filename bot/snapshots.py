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
from estate.model import Container, Detail, Facts, Image, Sample, State

if TYPE_CHECKING:
    from estate.reference import Reference
    from estate.snapshot.backups import Backups
    from estate.snapshot.live import Live
    from estate.snapshot.machine import Machine
    from estate.snapshot.model import EngineView, Snapshot, Where
    from estate.snapshot.published import Published
    from estate.snapshot.take import Snapshots

AT_ONCE = 8
"""Calls under way to look at containers closely."""
SAMPLES = 3
"""Measurements of a container for one audit."""
APART = 1.0
"""Seconds between two measurements of a container."""


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
        machine: "Callable[[Sequence[str], Sequence[Path]], Machine | None] | None" = None,
        backups: "Callable[[Snapshot, Sequence[Path]], Awaitable[Backups | None]] | None" = None,
        delivery: Callable[[], Awaitable[Mapping[str, datetime | None]]] | None = None,
        live: "Callable[[], Awaitable[Live]] | None" = None,
        published: "Callable[[Iterable[Reference]], Awaitable[Published]] | None" = None,
        samples: int = 0,
    ) -> None:
        """settled: waits until nobody is putting the tree under git: it would change between two looks.
        machine: looks at the one that the Engine is on, at these systemd timers, and at the disks of these
        folders. backups: what is known of those that were made of these folders. delivery: when a test alert
        last arrived in each room. live: asks what answers for itself. published: asks registries about these
        images, where an Engine answers. samples: how often each running container is measured.
        """
        self._live = live
        self._published = published
        self._samples = samples
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
        if self._live is not None:
            taken = replace(taken, live=await self._live())
        if not views:
            return taken
        machine, backups, published = await asyncio.gather(
            self._looked_at(taken), self._made(taken), self._at_registries(taken)
        )
        return replace(taken, machine=machine, backups=backups, published=published)

    async def _looked_at(self, snapshot: "Snapshot") -> "Machine | None":
        if self._machine is None:
            return None
        names = [path.rpartition("/")[2] for path in snapshot.texts if path.endswith(".timer")]
        return await asyncio.to_thread(self._machine, names, self._folders(snapshot))

    async def _made(self, snapshot: "Snapshot") -> "Backups | None":
        if self._backups is None:
            return None
        return await self._backups(snapshot, self._folders(snapshot))

    def _folders(self, snapshot: "Snapshot") -> list[Path]:
        """Where the estate's files are, and where the Engine keeps volumes when it is on this machine."""
        if self._machine is None:
            return [self.root]
        facts = (view.facts for view in snapshot.engines)
        return [self.root, *(Path(one.root) for one in facts if one is not None and one.root)]

    async def _at_registries(self, snapshot: "Snapshot") -> "Published | None":
        if self._published is None:
            return None
        from estate.snapshot.published import named_images

        return await self._published(named_images(snapshot.models))

    def _files(self, now: datetime) -> "Snapshot":
        from estate.snapshot.take import Snapshots

        if self._reader is None:
            self._reader = Snapshots(self.root, self._also, where(self._estate))
        return self._reader.take(now, git=self._estate.git != "off")

    async def _running(self) -> "tuple[tuple[EngineView, ...], str]":
        """What runs, and why that is not known: one Engine that is away is enough for that."""
        views: list[EngineView] = []
        away = [] if self._engines else [self._no_engine or "there is no Docker Engine in my configuration"]
        for found in await asyncio.gather(*(_view(engine, self._samples) for engine in self._engines)):
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


async def _view(engine: Engine, samples: int) -> "EngineView | Upstream":
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

    up = [one for one in containers if one.state is State.RUNNING]
    found, (facts, no_facts), known, measured = await asyncio.gather(
        asyncio.gather(*(closely(one) for one in containers)),
        _facts(engine),
        _images(engine, containers, images),
        _measured(engine, up, samples),
    )
    details = tuple(one for one in found if isinstance(one, Detail))
    unseen = {
        container.name: str(one)
        for container, one in zip(containers, found, strict=True)
        if isinstance(one, Upstream) and not one.permanent  # a permanent one: it went meanwhile
    }
    return EngineView(
        engine.host, tuple(containers), details, known, unseen, facts, no_facts, samples=measured
    )


async def _facts(engine: Engine) -> tuple[Facts | None, str]:
    try:
        return await engine.facts(), ""
    except Upstream as away:
        return None, str(away)


async def _images(
    engine: Engine, containers: Iterable[Container], images: Iterable[Image]
) -> tuple[Image, ...]:
    """Those that containers run from, looked at closely: one that cannot be stays as it was listed."""
    gate = asyncio.Semaphore(AT_ONCE)
    used = {one.image_id for one in containers}

    async def closely(image: Image) -> Image:
        if image.id not in used:
            return image
        async with gate:
            try:
                return await engine.image(image.id)
            except Upstream:
                return image

    return tuple(await asyncio.gather(*(closely(one) for one in images)))


async def _measured(
    engine: Engine, containers: Sequence[Container], times: int
) -> dict[str, tuple[Sample, ...]]:
    """Container id → as many samples as could be had, APART from one another."""
    gate = asyncio.Semaphore(AT_ONCE)
    found: dict[str, list[Sample]] = {}

    async def once(container: Container) -> None:
        async with gate:
            try:
                sample = await engine.sample(container)
            except Upstream:
                return
        if sample is not None:
            found.setdefault(container.id, []).append(sample)

    for number in range(times):
        if number:
            await asyncio.sleep(APART)
        await asyncio.gather(*(once(one) for one in containers))
        if not found:
            break  # it is not counted here
    return {name: tuple(samples) for name, samples in found.items()}
