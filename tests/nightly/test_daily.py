"""The audit by the clock: what changed is told once, whatever dies in between."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from bot.config.model import Estate
from bot.core.errors import Upstream
from bot.core.redact import Redactor
from bot.core.steps import Step, no_step
from bot.daily import Daily, Turn, begun
from bot.ports import AuditNews
from bot.snapshots import LateSnapshots
from bot.store.audits import AuditStore
from bot.store.notes import NoteStore
from commands.audit_news import news
from tests.audit.estate import write
from tests.plans import Plans, detail, plans
from tests.talk import OPS

SEVEN = time(7, 0)
DUE = datetime(2026, 1, 2, 7, tzinfo=UTC)
COMPOSE = "services:\n  web:\n    image: {}\n    restart: always\n    mem_limit: 64m\n"


class Killed(BaseException):
    """As kill -9: nothing after it runs."""


class Morning:
    """A bot that takes audits at seven, with an estate that changes."""

    def __init__(self, talk: Plans, root: Path) -> None:
        self.talk, self.root = talk, root
        self.audits = AuditStore(talk.database, talk.outbox, talk.clock)
        self.talk.with_services(
            snapshots=LateSnapshots(root, Estate(), [talk.docker]), audits=self.audits, daily=True
        )
        talk.clock.at = DUE + timedelta(hours=1)

    def image(self, name: str) -> None:
        write(self.root, {"app/compose.yml": COMPOSE.format(name)})

    async def look(self, die: Step | None = None) -> None:
        """One look at the clock, which may die at a step."""

        def on_step(step: Step) -> None:
            if step is die:
                raise Killed

        notes = NoteStore(self.talk.database, self.talk.clock)
        daily = Daily(
            SEVEN, self.news, lambda: [OPS], self.audits, notes, self.talk.clock, on_step if die else no_step
        )
        await daily.look()

    async def news(self, now: datetime) -> AuditNews:
        return await news(self.talk.services, now, Redactor())

    async def told(self) -> Sequence[str]:
        """Every card that waits, its first line."""
        from bot.core.doc import plain

        waiting = await self.talk.outbox.waiting()
        return [plain(one.what.doc).splitlines()[0] for one in waiting]

    async def journal(self) -> list[dict[str, object]]:
        return [row.entry.about for row in await self.talk.real_journal.all() if row.entry.kind == "audit"]

    def tomorrow(self) -> None:
        self.talk.clock.at += timedelta(days=1)


@pytest.fixture
async def morning(tmp_path: Path) -> AsyncIterator[Morning]:
    (tmp_path / "state").mkdir()
    async with plans(tmp_path / "state", detail("web", project="app")) as talk:
        made = Morning(talk, tmp_path / "estate")
        made.image("nginx:1.99.3")
        yield made


@pytest.mark.parametrize(
    ("last", "due", "turn"),
    [
        (None, None, None),
        (None, DUE, Turn(DUE, 1)),
        (Turn(DUE, 1, True), DUE, None),
        (Turn(DUE, 1), DUE, Turn(DUE, 2)),
        (Turn(DUE, 2), DUE, None),
        (Turn(DUE, 2), DUE + timedelta(days=1), Turn(DUE + timedelta(days=1), 1)),
        (Turn(DUE + timedelta(days=1), 1, True), DUE, None),  # the clock was set back
    ],
)
def test_when_one_is_begun(last: Turn | None, due: datetime | None, turn: Turn | None) -> None:
    assert begun(last, due) == turn


async def test_first_all_of_it_then_only_what_changed(morning: Morning) -> None:
    await morning.look()
    [first] = await morning.told()
    assert "findings in 1 service" in first
    for _ in range(3):
        await morning.look()
        morning.tomorrow()
    assert len(await morning.told()) == 1  # nothing changed: nothing is said
    assert len(await morning.journal()) == 3  # and it is known that it was looked at
    morning.image("nginx")
    await morning.look()
    assert (await morning.told())[1].endswith("audit since 2026-01-04 08:00 UTC: 1 new")
    morning.tomorrow()
    morning.image("nginx:1.99.3")
    await morning.look()
    assert (await morning.told())[2].endswith("audit since 2026-01-05 08:00 UTC: 1 gone")
    morning.tomorrow()
    morning.image("nginx")
    await morning.look()
    assert (await morning.told())[3].endswith("audit since 2026-01-06 08:00 UTC: 1 back again")
    last = (await morning.journal())[-1]
    assert [str(one).startswith("IMG-01-") for one in last["back"]] == [True]  # type: ignore[attr-defined]


@pytest.mark.parametrize("step", [Step.AUDIT_BEGUN, Step.AUDIT_JUDGED, Step.AUDIT_KEPT])
async def test_dying_at_a_step_loses_nothing_and_repeats_nothing(morning: Morning, step: Step) -> None:
    await morning.look()
    morning.tomorrow()
    morning.image("nginx")
    with pytest.raises(Killed):
        await morning.look(die=step)
    await morning.look()
    await morning.look()
    morning.tomorrow()
    await morning.look()
    assert len([one for one in await morning.told() if one.endswith("1 new")]) == 1


async def test_what_kills_it_each_time_is_begun_twice_and_told_the_next_day(morning: Morning) -> None:
    await morning.look()
    morning.tomorrow()
    morning.image("nginx")
    for _ in range(2):
        with pytest.raises(Killed):
            await morning.look(die=Step.AUDIT_JUDGED)
    await morning.look(die=Step.AUDIT_BEGUN)  # not begun: it would die
    assert len(await morning.told()) == 1
    morning.tomorrow()
    await morning.look()
    assert (await morning.told())[1].endswith("audit since 2026-01-02 08:00 UTC: 1 new")


async def test_an_engine_that_is_away_is_told_once_and_mends_nothing(morning: Morning) -> None:
    await morning.look()
    morning.talk.docker.trouble = Upstream("the Engine is away")
    for _ in range(3):
        morning.tomorrow()
        await morning.look()
    said = await morning.told()
    assert len(said) == 2, said
    assert "gone" not in said[1]


async def test_an_audit_in_a_room_is_held_against_the_daily_one_and_keeps_nothing(morning: Morning) -> None:
    await morning.look()
    morning.image("nginx")
    for _ in range(2):
        said = await morning.talk.ask("vic", "!audit")
        assert "since 2026-01-02 08:00 UTC: 1 new" in said
        assert "medium, new IMG-01-" in said or "high, new IMG-01-" in said


async def test_without_a_clock_each_audit_in_a_room_is_held_against_the_one_before(morning: Morning) -> None:
    morning.talk.with_services(daily=False)
    assert "since" not in await morning.talk.ask("vic", "!audit")
    morning.image("nginx")
    said = await morning.talk.ask("vic", "!audit")
    assert "1 new" in said
    assert "nothing changed" in await morning.talk.ask("vic", "!audit")
    name = next(word for word in said.split() if word.startswith("IMG-01-"))
    assert "since: 2026-01-02 08:00 UTC (0 days)" in await morning.talk.ask("vic", f"!finding {name}")
