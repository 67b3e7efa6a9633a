"""A room where plans are asked, voted on and carried out: the real ones on SQLite, over a fake Engine."""

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.approvals import Approvals
from bot.core.redact import Redactor
from bot.core.steps import OnStep, no_step
from bot.store.approvals import ApprovalStore
from bot.store.database import Database
from bot.store.journal import JournalStore
from bot.store.outbox import OutboxStore
from bot.testing import FakeEngine
from commands import look
from estate.model import Container, Detail, Health, State
from tests.talk import Talk

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def detail(
    service: str,
    *,
    project: str = "shop",
    health: Health = Health.HEALTHY,
    state: State = State.RUNNING,
    image: str = "",
) -> Detail:
    """One container that Compose would have made, with an id made of its name."""
    name = f"{project}-{service}-1"
    container = Container(
        id=(name.encode().hex() * 64)[:64],
        name=name,
        host="local",
        image=image or f"{service}:latest",
        image_id=f"sha256:{'ab' * 32}",
        state=state,
        health=health,
        status="Up 3 hours (healthy)" if state is State.RUNNING else "Exited (0) 3 hours ago",
        created=STARTED,
        labels={"com.docker.compose.project": project, "com.docker.compose.service": service},
    )
    return Detail(container, STARTED, None, None, False, 0, "", 0, (), ())


def codes(*given: str) -> Callable[[Sequence[str]], str]:
    """These codes, letter by letter."""
    letters = itertools.cycle("".join(given))
    return lambda _: next(letters)


class Plans(Talk):
    """Talk, with what it needs to look behind it."""

    store: ApprovalStore
    database: Database
    outbox: OutboxStore
    real_journal: JournalStore
    docker: FakeEngine
    plans: Approvals


@asynccontextmanager
async def plans(
    path: Path,
    *details: Detail,
    on_step: OnStep = no_step,
    direct: frozenset[str] = frozenset({"console"}),
    pick: Callable[[Sequence[str]], str] | None = None,
    **more: object,
) -> AsyncIterator[Plans]:
    """A room with these containers. `direct=frozenset()`: cards go through the outbox, as in a chat."""
    ids = itertools.count(1)
    async with Database(path / "tocsin.db") as database:

        def make(talk: Talk) -> Approvals:
            outbox = OutboxStore(database, talk.clock)
            store = ApprovalStore(database, outbox, talk.clock)
            options = {"pick": pick} if pick else {}
            made = Approvals(
                store,
                lambda: talk.services,
                talk.clock,
                lambda: Redactor(()),
                on_step=on_step,
                direct=direct,
                new_id=lambda: f"a{next(ids)}",
                **options,
            )
            assert isinstance(talk, Plans)
            talk.store, talk.database, talk.outbox, talk.plans = store, database, outbox, made
            talk.real_journal = JournalStore(database, talk.clock)
            return made

        docker = FakeEngine(list(details))
        talk = Plans(approvals=make, resolve=look.names, **more)  # type: ignore[arg-type]
        talk.docker = docker
        talk.with_services(engines=(docker,))
        yield talk
