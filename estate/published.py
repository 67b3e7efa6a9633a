"""Asks registries what they have of an estate's images. Only reads; bounded in time and number."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.reference import Reference
from estate.registry import Manifest, OutOfBudget
from estate.snapshot.published import Published, repository_of, tag_of
from estate.versions import Class, read_tag

LOOKUPS = 200
"""Requests for one audit, over all registries."""
SECONDS = 10.0
"""For one audit."""


class Asked(Protocol):
    """See `estate.registry.Registry`."""

    async def tags(self, repository: Reference, budget: Budget) -> tuple[str, ...]: ...

    async def digest(self, repository: Reference, tag: str, budget: Budget) -> str | None: ...

    async def manifest(self, repository: Reference, tag: str, budget: Budget) -> Manifest: ...


async def read_published(
    registry: Asked, images: Iterable[Reference], *, lookups: int = LOOKUPS, seconds: float = SECONDS
) -> Published:
    """The tags of what has a version, and what a tag names beside which a digest is written. Raises nothing:
    what could not be asked is in it as such."""
    by_host: dict[str, list[Reference]] = defaultdict(list)
    for one in images:
        by_host[one.host].append(one)
    inquiry = _Inquiry(registry, Budget(lookups))
    await asyncio.gather(*(inquiry.within(seconds, host, each) for host, each in by_host.items()))
    return Published(inquiry.tags, inquiry.digests, inquiry.unasked)


class _Inquiry:
    """One audit's. A registry that does not answer is asked no more."""

    def __init__(self, registry: Asked, budget: Budget) -> None:
        self._registry = registry
        self._budget = budget
        self.tags: dict[str, tuple[str, ...]] = {}
        self.digests: dict[str, frozenset[str]] = {}
        self.unasked: dict[str, str] = {}

    async def within(self, seconds: float, host: str, images: Sequence[Reference]) -> None:
        try:
            async with asyncio.timeout(seconds):
                for one in images:
                    await self._ask(one)
        except TimeoutError:
            self.unasked[host] = f"the registry {host} was not done with its answers within {seconds:g} s"
        except OutOfBudget:
            self.unasked[host] = (
                f"one audit asks registries {self._budget.spent} times at most, and that was not enough"
            )
        except Upstream as away:
            self.unasked[host] = str(away)

    async def _ask(self, image: Reference) -> None:
        """Raises OutOfBudget; Upstream when the whole registry is not to be had."""
        key = repository_of(image)
        if key in self.unasked:
            return
        try:
            if key not in self.tags and image.tag and read_tag(image.tag).kind is not Class.NAME:
                self.tags[key] = await self._registry.tags(image, self._budget)
            if image.tag and image.digest and tag_of(image) not in self.digests:
                self.digests[tag_of(image)] = await self._digests(image, image.tag)
        except Upstream as trouble:
            if not trouble.permanent:
                raise
            self.unasked[key] = str(trouble)

    async def _digests(self, image: Reference, tag: str) -> frozenset[str]:
        now = await self._registry.digest(image, tag, self._budget)
        if now is None:
            return frozenset()
        if now == image.digest:
            return frozenset({now})
        # A digest that is written may well be that of one platform's image in the index.
        found = await self._registry.manifest(image, now, self._budget)
        return frozenset({now, *found.children})
