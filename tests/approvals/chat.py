"""The room ops on two platforms, where plans are asked and voted on: the real ones over a fake Engine."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.core.approval import State
from bot.core.delivery import Op
from bot.core.doc import plain
from bot.core.model import Identity, Message, People, Person, Room
from bot.core.policy import BUILT_IN_ROLES, Ask, Policy, Rule
from bot.testing import FakeRequests
from tests.plans import Plans

OPS = (Room("matrix", "!ops", "ops"), Room("slack", "C1", "ops"))
PEOPLE = People(
    tuple(
        Person(name, frozenset({Identity("matrix", f"@{name}:x"), Identity("slack", f"T/{name}")}), roles)
        for name, roles in {
            "ann": ("operator", "admin"),
            "adam": ("admin",),
            "bob": ("admin",),
            "vic": (),
        }.items()
    )
)
POLICY = Policy(
    BUILT_IN_ROLES,
    (
        Rule("restart", ask=Ask.APPROVE, by="admin"),
        Rule("stop", ask=Ask.APPROVE, by="admin", votes=2),
        Rule("start", ask=Ask.NONE),
    ),
)


_numbers = iter(range(10_000))


def message(talk: Plans, who: str, text: str, *, on: str = "matrix", **more: object) -> Message:
    room = next(one for one in OPS if one.platform == on)
    sender = Identity(on, f"@{who}:x" if on == "matrix" else f"T/{who}")
    made = Message(f"{on}-{next(_numbers)}", room, sender, text, talk.clock.now())
    return replace(made, **more)  # type: ignore[arg-type]


async def say(talk: Plans, who: str, text: str, **more: object) -> str:
    answer = await talk.engine.handle(message(talk, who, text, **more))  # type: ignore[arg-type]
    return plain(answer.doc) if answer and answer.doc else ""


async def asked(talk: Plans, text: str = "!restart web", who: str = "ann", **more: object) -> str:
    """The code of the plan that this asks for."""
    assert await say(talk, who, text, **more) == ""
    [*_, newest] = await talk.store.within(State.ASKED)
    return newest.approval.code


async def state(talk: Plans, code: str) -> State:
    stored = await talk.store.by_code(code)
    assert stored is not None
    return stored.approval.state


async def settle(talk: Plans) -> None:
    """Until nothing runs any more."""
    while talk.plans._running:
        await asyncio.sleep(0.01)


def did(talk: Plans) -> list[str]:
    """What was really done."""
    return [call.split()[0] for call in talk.docker.calls if call.split()[0] in {"restart", "start", "stop"}]


async def told(talk: Plans) -> list[str]:
    """What waits to be said in the threads, on Matrix."""
    waiting = await talk.outbox.waiting()
    lines = [one for one in waiting if one.what.op is Op.LINE and one.what.room.platform == "matrix"]
    return [plain(one.what.doc) for one in lines]


async def delivered(talk: Plans) -> None:
    """The first plan's cards got their messages' ids."""
    async with talk.database.transaction() as tx:
        await tx.run(
            "UPDATE roots SET message_id = '$root-' || platform"
            " WHERE lane = (SELECT min(lane) FROM roots WHERE lane LIKE 'plan:%')"
        )


async def serve(talk: Plans, requests: FakeRequests) -> None:
    serving = asyncio.create_task(talk.engine.serve(requests))
    async with asyncio.timeout(timedelta(seconds=5).total_seconds()):
        while len(requests.finished) < len(requests.events):
            await asyncio.sleep(0.01)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
