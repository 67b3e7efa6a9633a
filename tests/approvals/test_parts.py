"""One request that becomes several plans: each voted on by itself, all gone with their request."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.context import Context
from bot.core.approval import State
from bot.core.command import Parts, command
from bot.core.doc import Doc, plain, say
from bot.core.model import Risk, Withdrawal, Withdrawn
from bot.core.plan import Plan
from bot.core.policy import BUILT_IN_ROLES, Ask, Policy, Rule
from tests.approvals.test_approvals import OPS, PEOPLE, message, settle, state
from tests.plans import Plans, detail, plans

RAN: list[str] = []


@command(risk=Risk.CHANGE)
async def sweep(ctx: Context, *, all_: bool = False) -> Doc:
    """Sweep one floor, or all."""
    assert ctx.run is not None
    RAN.append(ctx.run.plan.subject)
    return say("swept")


@sweep.preview
async def _(ctx: Context, *, all_: bool = False, part: str = "") -> Plan:
    return Plan("sweep", part or "hall", "local", part or "hall")


@sweep.parts
async def _(ctx: Context, *, all_: bool = False) -> Parts | None:
    return Parts(("attic", "cellar"), say("2 floors; the roof is too steep")) if all_ else None


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Plans]:
    RAN.clear()
    policy = Policy(BUILT_IN_ROLES, (Rule("sweep", ask=Ask.APPROVE, by="admin"),))
    made = (sweep,)
    async with plans(
        tmp_path, detail("web"), people=PEOPLE, policy=policy, commands=made, direct=frozenset()
    ) as talk:
        talk.with_services(rooms={"ops": OPS})
        yield talk


async def ask(talk: Plans, who: str, text: str) -> str:
    answer = await talk.engine.handle(message(talk, who, text))
    return plain(answer.doc) if answer and answer.doc else ""


async def test_each_part_is_a_plan_of_its_own(chat: Plans) -> None:
    assert await ask(chat, "ann", "!sweep --all") == "2 floors; the roof is too steep"
    first, second = await chat.store.within(State.ASKED)
    assert (first.part, first.subject, second.part, second.subject) == ("attic", "attic", "cellar", "cellar")
    assert first.approval.digest != second.approval.digest
    from bot.core.authority import Asker
    from bot.core.model import Identity, Trust

    adam = Asker(PEOPLE.named("adam"), Identity("matrix", "@adam:x"), OPS[0], Trust())
    await chat.plans.approve(adam, second.approval.code, "v1")
    await settle(chat)
    assert RAN == ["cellar"]
    assert await state(chat, first.approval.code) is State.ASKED


async def test_the_same_message_asks_once(chat: Plans) -> None:
    asked = message(chat, "ann", "!sweep --all")
    for _ in range(2):
        await chat.engine.handle(asked)
    assert len(await chat.store.within(State.ASKED)) == 2


async def test_all_of_them_go_with_their_request(chat: Plans) -> None:
    asked = message(chat, "ann", "!sweep --all")
    await chat.engine.handle(asked)
    gone = Withdrawn("w", OPS[0], asked.id, Withdrawal.EDITED, asked.sender, chat.clock.now())
    await chat.plans.withdrawn(gone)
    assert [one.approval.state for one in await chat.store.within(*State)] == [State.CANCELLED] * 2


async def test_without_parts_it_is_one_plan(chat: Plans) -> None:
    await chat.engine.handle(replace(message(chat, "ann", "!sweep"), id="other"))
    [only] = await chat.store.within(State.ASKED)
    assert (only.part, only.subject) == ("", "hall")
