"""Breaking the glass: who may, who is called, who stops it, and the second name afterwards."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.approval import State
from bot.core.delivery import Op
from bot.core.doc import Mention, Paragraph, plain
from bot.core.journal import Kind
from bot.core.model import Message, Withdrawal, Withdrawn
from bot.core.policy import BUILT_IN_ROLES, Ask, BreakGlass, Policy, Rule
from tests.approvals.test_approvals import OPS, PEOPLE, asked, did, message, say, settle, state, told
from tests.plans import Plans, detail, plans

POLICY = Policy(
    BUILT_IN_ROLES,
    (Rule("restart", ask=Ask.APPROVE, by="admin", votes=2), Rule("start", ask=Ask.NONE)),
    BreakGlass(by="admin", countdown=timedelta(minutes=2)),
)


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Plans]:
    async with plans(
        tmp_path, detail("web"), detail("db"), people=PEOPLE, policy=POLICY, direct=frozenset()
    ) as talk:
        talk.with_services(rooms={"ops": OPS})
        yield talk


async def broken(talk: Plans, reason: str = "it burns, and nobody answers") -> str:
    code = await asked(talk)
    assert "runs in 2 min" in await say(talk, "adam", f"!break-glass {code} {reason}")
    return code


async def later(talk: Plans, seconds: float = 121) -> None:
    talk.clock.forward(seconds)
    await talk.plans.due()
    await settle(talk)


async def test_it_runs_after_the_countdown_and_waits_for_a_second_name(chat: Plans) -> None:
    code = await broken(chat)
    await later(chat, 60)
    assert (await state(chat, code), did(chat)) == (State.COUNTING, [])
    assert "runs in 1 min: adam broke the glass" in await say(chat, "ann", "!pending")
    await later(chat)
    assert (await state(chat, code), did(chat)) == (State.DONE, ["restart"])
    assert "glass broken by adam" in await say(chat, "ann", "!pending")
    assert "somebody else must sign" in await say(chat, "adam", f"!approve {code}", on="slack")
    assert (await say(chat, "vic", f"!approve {code}")).startswith("refused: you have no role")
    assert await say(chat, "bob", f"!approve {code}") == f"{code} is signed off by bob"
    assert await say(chat, "ann", "!pending") == "nothing waits for a yes"
    assert (await say(chat, "bob", f"!approve {code}")).startswith(f"refused: {code} is used")
    assert did(chat) == ["restart"]
    rows = [row.entry for row in await chat.real_journal.all() if row.entry.kind is Kind.GLASS]
    assert [(row.person, row.about.get("reason"), row.about.get("signed")) for row in rows] == [
        ("adam", "it burns, and nobody answers", None),
        ("bob", None, True),
    ]


async def test_everybody_who_is_listed_is_called(chat: Plans) -> None:
    await broken(chat)
    lines = [one.what.doc for one in await chat.outbox.waiting() if one.what.op is Op.LINE]
    calls = [
        [span.person for span in block.spans if isinstance(span, Mention)]
        for document in lines
        for block in document.blocks
        if isinstance(block, Paragraph)
    ]
    assert ["ann", "adam", "bob", "vic"] in calls


@pytest.mark.parametrize("who", ["ann", "adam", "vic"])
async def test_anybody_who_is_listed_stops_it(chat: Plans, who: str) -> None:
    code = await broken(chat)
    assert await say(chat, who, f"!deny {code}") == f"denied: {code}: {who} said no"
    await later(chat)
    assert (await state(chat, code), did(chat)) == (State.DENIED, [])


async def test_a_stranger_does_not_stop_it(chat: Plans) -> None:
    code = await broken(chat)
    assert (await say(chat, "eve", f"!deny {code}")).startswith("refused: matrix:@eve:x is not listed")
    await later(chat)
    assert did(chat) == ["restart"]


@pytest.mark.parametrize(
    ("who", "words"),
    [("vic", "you have no role"), ("eve", "is not listed")],
)
async def test_who_may_not_break_it(chat: Plans, who: str, words: str) -> None:
    code = await asked(chat)
    said = await say(chat, who, f"!break-glass {code} because")
    assert said.startswith("refused: ")
    assert words in said
    assert await state(chat, code) is State.ASKED


async def test_a_policy_without_it_lets_nobody(chat: Plans) -> None:
    chat.with_services(policy=replace(POLICY, break_glass=None))
    code = await asked(chat)
    said = await say(chat, "adam", f"!break-glass {code} because")
    assert said == "refused: the policy lets nobody break the glass; break-glass in the policy would"


async def test_who_may_not_ask_for_it_may_not_break_the_glass_for_it(chat: Plans) -> None:
    roles = {**BUILT_IN_ROLES, "admin": replace(BUILT_IN_ROLES["admin"], targets=("db",))}
    code = await asked(chat)
    chat.with_services(policy=replace(POLICY, roles=roles))
    assert "outside of what your role may touch" in await say(chat, "bob", f"!break-glass {code} because")


async def test_a_role_that_was_taken_away_in_the_countdown_runs_nothing(chat: Plans) -> None:
    code = await broken(chat)
    without = [replace(one, roles=("viewer",)) if one.name == "adam" else one for one in PEOPLE.everyone]
    chat.with_services(people=replace(PEOPLE, everyone=tuple(without)))
    await later(chat)
    assert (await state(chat, code), did(chat)) == (State.CANCELLED, [])
    assert any("may not break the glass any more" in text for text in await told(chat))


async def test_what_drifts_in_the_countdown_is_not_run(chat: Plans) -> None:
    code = await broken(chat)
    chat.docker.details = [detail("db")]
    await later(chat)
    assert (await state(chat, code), did(chat)) == (State.DRIFTED, [])


async def test_its_yes_in_time_makes_the_glass_whole(chat: Plans) -> None:
    code = await broken(chat)
    await say(chat, "adam", f"!approve {code}")
    await say(chat, "bob", f"!approve {code}", on="slack")
    await settle(chat)
    assert (await state(chat, code), did(chat)) == (State.DONE, ["restart"])
    assert await say(chat, "ann", "!pending") == "nothing waits for a yes"


async def test_a_restart_cancels_the_countdown(chat: Plans) -> None:
    code = await broken(chat)
    await chat.plans.recover()
    await later(chat)
    assert (await state(chat, code), did(chat)) == (State.CANCELLED, [])


async def test_an_edited_request_cancels_the_countdown(chat: Plans) -> None:
    code = await broken(chat)
    stored = await chat.store.by_code(code)
    assert stored is not None
    request: Message = stored.request
    gone = Withdrawn("w1", OPS[0], request.id, Withdrawal.REDACTED, request.sender, chat.clock.now())
    await chat.plans.withdrawn(gone)
    await later(chat)
    assert (await state(chat, code), did(chat)) == (State.CANCELLED, [])


async def test_a_reason_is_wanted_and_is_only_words(chat: Plans) -> None:
    code = await asked(chat)
    assert (await say(chat, "adam", f"!break-glass {code}")).startswith("usage: !break-glass CODE REASON")
    await say(chat, "adam", f"!break-glass {code} <!channel> @room **x** " + "y" * 500)
    cards = [one.what for one in await chat.outbox.waiting() if one.what.op is Op.EDIT]
    shown = plain(cards[-1].doc)
    assert "glass broken by adam (matrix:@adam:x): <!channel> @room **x** " in shown
    assert max(len(row) for row in shown.splitlines()) < 700


async def test_where_encryption_is_required_only_a_trusted_device_breaks_it(chat: Plans) -> None:
    code = await asked(chat)
    chat.with_services(encryption={"matrix": "required"})
    answer = await chat.engine.handle(message(chat, "adam", f"!break-glass {code} because"))
    assert answer is not None
    assert answer.doc is not None
    assert "not encrypted" in plain(answer.doc)
    assert await state(chat, code) is State.ASKED
