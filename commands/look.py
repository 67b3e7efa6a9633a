"""What several commands look at: the Engines' containers and the compose tree, at one moment."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from bot.context import Services
from bot.core.authority import EVERYTHING
from bot.core.command import ServiceRef
from bot.core.doc import Line, Strong, line
from bot.core.errors import Upstream, UserError
from bot.core.redact import Redactor
from bot.ports import Engine
from commands.findings import finding_names, is_finding, is_rule
from estate.compose.secrets import public_words, secret_values
from estate.inventory import Thing, inventory
from estate.logs import clean
from estate.model import Container, Detail, Tree
from estate.resolve import resolve

_T = TypeVar("_T")
AT_ONCE = 8
"""Calls under way to look at containers closely."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment of the estate. `away`: what did not answer, in words; then the view is not whole."""

    things: tuple[Thing, ...]
    tree: Tree
    engines: dict[str, Engine]
    away: tuple[str, ...] = ()

    @property
    def containers(self) -> Iterator[Container]:
        return (container for thing in self.things for container in thing.containers)

    def find(self, typed: str) -> Thing:
        """Raises Unknown; raises Upstream when nothing is found and an Engine is away."""
        try:
            return resolve(typed, self.things)
        except UserError:
            if self.away and not any(True for _ in self.containers):
                raise Upstream("; ".join(self.away)) from None
            raise

    async def details(self, containers: Iterable[Container]) -> list[Detail | Upstream]:
        """Each looked at closely, some at once; what fails stands in its place."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(container: Container) -> Detail | Upstream:
            async with gate:
                try:
                    return await self.engines[container.host].detail(container)
                except Upstream as gone:
                    return gone

        return list(await asyncio.gather(*(one(container) for container in containers)))

    def safe(self, base: Redactor, detail: Detail) -> Detail:
        """The detail with its words redacted, before anything is cut: half a secret is no longer known."""
        redactor = self.redactor(base, (detail,))
        probes = tuple(replace(one, output=redactor.text(clean(one.output))) for one in detail.probes)
        command = tuple(redactor.text(word) for word in detail.health_command)
        return replace(detail, probes=probes, health_command=command, error=redactor.text(detail.error))

    def redactor(self, base: Redactor, details: Iterable[Detail] = ()) -> Redactor:
        """One that also knows the tree's secrets, and those in these containers' environments.

        Give it back as `base` next time: then it costs only what is new.
        """
        public = {*public_words(self.tree.services), *(c.name for c in self.containers)}
        pairs = [pair for detail in details for pair in detail.environment.items()]
        return base.plus(self.tree.secrets | secret_values(pairs, public))

    def notes(self) -> tuple[Line, ...]:
        """What this view could not see, for the end of an answer."""
        missing = [line(Strong("not seen: "), why) for why in self.away]
        unread = list(self.tree.unreadable.items())
        missing += [line(Strong("not read: "), f"{file}: {why}") for file, why in unread[:5]]
        missing += (
            [line(f"and {len(unread) - 5} more files that could not be read")] if len(unread) > 5 else []
        )
        return tuple(missing)


async def look(services: Services) -> View:
    """Everything, with one call to each Engine. Raises nothing that an Engine's absence causes."""
    engines = {engine.host: engine for engine in services.engines}
    asked = [_or_away(engine.containers()) for engine in engines.values()]
    answers, tree = await asyncio.gather(asyncio.gather(*asked), _tree(services))
    containers = [container for answer in answers if not isinstance(answer, Upstream) for container in answer]
    away = [str(answer) for answer in answers if isinstance(answer, Upstream)]
    away += [] if engines else [services.no_engine or "there is no Docker Engine in my configuration"]
    return View(inventory(containers, tree.services), tree, engines, tuple(away))


async def look_running(services: Services) -> View:
    """The same for a command that is about containers. Raises Upstream when no Engine answers."""
    view = await look(services)
    if len(view.away) >= max(len(view.engines), 1):
        raise Upstream("; ".join(view.away))
    return view


async def names(services: Services, typed: ServiceRef) -> Sequence[str]:
    """Every name of what `typed` means: what a role's targets are held against. Raises Unknown, Upstream."""
    if is_rule(typed):
        return EVERYTHING
    if is_finding(typed):
        return await finding_names(services, typed)
    return (await look(services)).find(typed).names


async def _or_away(call: Awaitable[_T]) -> _T | Upstream:
    try:
        return await call
    except Upstream as away:
        return away


async def _tree(services: Services) -> Tree:
    return await services.compose.tree() if services.compose else Tree()
