"""A broken glass: said aloud, stopped by anybody, run once, and not forgotten before somebody else signed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.approval import State
from bot.core.delivery import Op, Outgoing
from bot.core.doc import Choices, plain
from bot.core.errors import Upstream
from bot.core.journal import Kind
from bot.core.model import Choice, Identity, Trust, Withdrawal, Withdrawn
from bot.core.policy import BreakGlass
from bot.testing import FakeRequests
from tests.approvals.chat import (
    OPS,
    PEOPLE,
    POLICY,
    asked,
    delivered,
    did,
    message,
    say,
    serve,
    settle,
    state,
    told,
)
from tests.plans import Plans

GLASS = replace(POLICY, break_glass=BreakGlass(by="admin", countdown=timedelta(minutes=2)))


@pytest.fixture
async def glass(chat: Plans) -> AsyncIterator[Plans]:
    """The room ops, where admins may break the glass."""
    chat.with_services(policy=GLASS)
    serving = asyncio.create_task(chat.plans.serve())
    yield chat
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def passes(talk: Plans, seconds: float) -> None:
    """Time goes by, and what is due then is done."""
    talk.clock.forward(seconds)
    talk.plans._news.set()
    for _ in range(20):
        await asyncio.sleep(0.01)
    await settle(talk)


async def broken(talk: Plans, who: str = "adam", reason: str = "the disk is full") -> str:
    """The code of ann's plan, whose glass this one broke."""
    code = await asked(talk)
    assert f"{code} runs at" in await say(talk, who, f"!break-glass {code} {reason}")
    assert await state(talk, code) is State.COUNTDOWN
    return code


async def roots(talk: Plans, room: int = 0) -> list[Outgoing]:
    waiting = await talk.outbox.waiting()
    return [one.what for one in waiting if one.what.op is Op.ROOT and one.what.room == OPS[room]]


async def test_it_runs_after_the_countdown_and_waits_for_a_second_person(glass: Plans) -> None:
    code = await broken(glass)
    await passes(glass, 119)
    assert (did(glass), await state(glass, code)) == ([], State.COUNTDOWN)
    pending = await say(glass, "bob", "!pending")
    assert f"{code}  restart shop/web" in pending
    assert "runs in 1 s" in pending
    await passes(glass, 1)
    assert (did(glass), await state(glass, code)) == (["restart"], State.DONE)
    heard = "\n".join(await told(glass))
    assert (
        f"{code} runs at 12:02:00 UTC unless somebody says no: adam broke the glass: the disk is full"
        in heard
    )
    assert "done: shop/web was restarted" in heard
    assert (
        f"{code} ran without the yes it wants. @bob: to sign off that you saw it, type !approve {code}"
        in heard
    )
    assert "signature: bob" in await say(glass, "bob", "!pending")
    assert "wants the signature of bob. You may not" in await say(glass, "adam", f"!why approve {code}")
    assert (await say(glass, "adam", f"!approve {code}", on="slack")).startswith(
        "refused: adam broke the glass"
    )
    assert (await say(glass, "ann", f"!approve {code}")).startswith("refused: ann asked for it")
    assert (await say(glass, "vic", f"!approve {code}")).startswith("refused: you have no role")
    assert "You may sign it off" in await say(glass, "bob", f"!why approve {code}")
    vote = message(glass, "bob", f"!approve {code.lower()}", on="slack")
    for _ in range(2):
        answer = await glass.engine.handle(vote)
        assert answer is not None
        assert answer.doc is not None
        assert plain(answer.doc) == f"{code} is signed off by bob"
    assert await say(glass, "bob", "!pending") == "nothing waits for a yes"
    assert (await say(glass, "adam", f"!approve {code}")).startswith(f"refused: {code} is used")
    assert did(glass) == ["restart"]
    rows = [row.entry for row in await glass.real_journal.all()]
    kinds = [Kind.PLAN, Kind.GLASS, Kind.EXECUTION, Kind.EXECUTION, Kind.GLASS]
    assert [row.kind for row in rows] == kinds
    assert (rows[1].person, rows[1].about["reason"]) == ("adam", "the disk is full")
    assert (rows[4].person, rows[4].about["signed"]) == ("bob", True)


async def test_everybody_is_called_in_the_room_itself(glass: Plans) -> None:
    code = await broken(glass)
    for room in (0, 1):
        [_, alarm] = await roots(glass, room)
        assert set(alarm.doc.mentions) == {"ann", "adam", "bob", "vic"}
        assert alarm.thread is None
        text = plain(alarm.doc)
        assert "glass broken: restart shop/web" in text
        assert "reason: the disk is full" in text
        assert text.endswith(f"\n!deny {code}")
        [choices] = [block for block in alarm.doc.blocks if isinstance(block, Choices)]
        assert choices.stop


@pytest.mark.parametrize("way", ["typed", "reply", "button", "reaction"])
async def test_anybody_who_is_listed_stops_it(glass: Plans, way: str) -> None:
    code = await broken(glass)
    await delivered(glass)
    stored = await glass.store.by_code(code)
    assert stored is not None
    vic, now = Identity("slack", "T/vic"), glass.clock.now()
    match way:
        case "typed":
            said = await say(glass, "vic", f"!deny {code}")
            assert said == f"denied: {code}: vic said no"
        case "reply":
            await say(glass, "vic", "stop!", reply_to="$root-matrix")
        case "button":
            choice = Choice("c1", OPS[1], "$root-slack", False, vic, now, approval_id=stored.approval.id)
            await serve(glass, FakeRequests([choice]))
        case _:
            choice = Choice("c1", OPS[1], "$root-slack", False, vic, now)
            await serve(glass, FakeRequests([choice]))
    assert await state(glass, code) is State.DENIED
    await passes(glass, 300)
    assert did(glass) == []
    assert f"denied: {code}: vic said no" in await told(glass)
    assert await say(glass, "bob", "!pending") == "nothing waits for a yes"
    # And the message that called everybody has nothing to press any more.
    edits = [one.what for one in await glass.outbox.waiting() if one.what.lane == stored.alarm]
    assert edits[-1].op is Op.EDIT
    assert not any(isinstance(block, Choices) for block in edits[-1].doc.blocks)


async def test_the_message_that_calls_everybody_can_be_answered(glass: Plans) -> None:
    code = await broken(glass)
    async with glass.database.transaction() as tx:
        await tx.run("UPDATE roots SET message_id = '$alarm-' || platform WHERE lane LIKE 'plan:%:glass'")
    await say(glass, "vic", "no", reply_to="$alarm-matrix")
    assert await state(glass, code) is State.DENIED


async def test_who_is_not_listed_or_stands_elsewhere_stops_nothing(glass: Plans) -> None:
    code = await broken(glass)
    assert (await say(glass, "eve", f"!deny {code}")).startswith("refused: matrix:@eve:x is not listed")
    lounge = replace(OPS[0], address="!lounge", name="lounge")
    assert (await say(glass, "vic", f"!deny {code}", room=lounge)).startswith(f"refused: {code} stands in")
    assert await state(glass, code) is State.COUNTDOWN


async def test_a_mere_plan_is_not_everybodys_to_stop(glass: Plans) -> None:
    code = await asked(glass)
    assert (await say(glass, "vic", f"!deny {code}")).startswith(
        "refused: you have no role; it needs the yes of"
    )
    assert await state(glass, code) is State.ASKED


async def test_who_may_not_break_it(glass: Plans) -> None:
    code = await asked(glass)
    word = f"!break-glass {code} because"
    assert (await say(glass, "eve", word)).startswith("refused: matrix:@eve:x is not listed")
    assert (await say(glass, "vic", word)).startswith("refused: you have no role")
    operator = tuple(replace(p, roles=("operator",)) if p.name == "bob" else p for p in PEOPLE.everyone)
    glass.with_services(people=replace(PEOPLE, everyone=operator))
    said = await say(glass, "bob", word)
    assert said == "refused: you have the role operator; breaking the glass needs the role admin (ann, adam)"
    assert (await say(glass, "adam", f"!break-glass {code}")).startswith("usage: !break-glass CODE REASON")
    assert (await say(glass, "adam", "!break-glass ZZZZ because")).startswith("refused: no plan has the code")
    old = glass.clock.now() - timedelta(seconds=90)
    assert (await say(glass, "adam", word, at=old)).startswith("refused: that was said 1 min 30 s ago")
    glass.with_services(policy=POLICY)
    assert (await say(glass, "adam", word)).startswith("refused: the policy lets nobody break the glass")
    assert (await state(glass, code), did(glass)) == (State.ASKED, [])


async def test_it_opens_nothing_that_is_over_or_was_refused(glass: Plans) -> None:
    denied = await asked(glass)
    await say(glass, "bob", f"!deny {denied}")
    assert (await say(glass, "adam", f"!break-glass {denied} why")).startswith(
        f"refused: {denied} was denied"
    )
    expired = await asked(glass)
    glass.clock.forward(29 * 60)
    said = await say(glass, "adam", f"!break-glass {expired} why")
    assert said.startswith(f"refused: {expired} expires before the countdown would end")
    await passes(glass, 60)
    assert (await say(glass, "adam", f"!break-glass {expired} why")).startswith(
        f"refused: {expired} has expired"
    )
    # What no line of the policy is about makes no plan, so there is no glass to break.
    glass.with_services(policy=replace(GLASS, rules=()))
    assert (await say(glass, "ann", "!restart web")).startswith("refused: no line of the policy")
    assert did(glass) == []


async def test_a_restart_of_the_bot_ends_the_countdown_and_tells(glass: Plans) -> None:
    code = await broken(glass)
    await glass.plans.recover()
    await passes(glass, 300)
    assert (await state(glass, code), did(glass)) == (State.CANCELLED, [])
    assert f"cancelled: {code}: I was restarted during its countdown; nothing was done" in await told(glass)


async def test_a_changed_policy_ends_the_countdown(glass: Plans) -> None:
    code = await broken(glass)
    glass.with_services(policy=replace(GLASS, break_glass=None))
    await glass.plans.new_policy()
    await passes(glass, 300)
    assert (await state(glass, code), did(glass)) == (State.CANCELLED, [])


async def test_what_has_changed_is_not_run_through_a_broken_glass_either(glass: Plans) -> None:
    code = await broken(glass)
    [web, *rest] = glass.docker.details
    glass.docker.details = [replace(web, container=replace(web.container, image_id="sha256:new")), *rest]
    await passes(glass, 120)
    assert (await state(glass, code), did(glass)) == (State.DRIFTED, [])
    assert await say(glass, "bob", "!pending") == "nothing waits for a yes"


@pytest.mark.parametrize(
    ("who", "why"), [("adam", "may not break the glass any more"), ("ann", "may not ask")]
)
async def test_a_role_that_is_taken_away_during_the_countdown(glass: Plans, who: str, why: str) -> None:
    code = await broken(glass)
    without = tuple(replace(p, roles=()) if p.name == who else p for p in PEOPLE.everyone)
    glass.with_services(people=replace(PEOPLE, everyone=without))
    await passes(glass, 120)
    assert (await state(glass, code), did(glass)) == (State.CANCELLED, [])
    assert why in (await told(glass))[-1]


async def test_the_votes_end_the_countdown_and_nobody_signs(glass: Plans) -> None:
    code = await broken(glass)
    await say(glass, "bob", f"!approve {code}", on="slack")
    await settle(glass)
    assert (await state(glass, code), did(glass)) == (State.DONE, ["restart"])
    assert await say(glass, "bob", "!pending") == "nothing waits for a yes"
    await passes(glass, 300)
    assert did(glass) == ["restart"]


async def test_the_asker_may_break_it_for_their_own_plan(glass: Plans) -> None:
    code = await broken(glass, "ann")
    await passes(glass, 120)
    assert did(glass) == ["restart"]
    assert (await say(glass, "ann", f"!approve {code}", on="slack")).startswith(
        "refused: ann broke the glass"
    )
    assert await say(glass, "adam", f"!approve {code}") == f"{code} is signed off by adam"


async def test_taking_back_the_word_or_the_request_ends_it(glass: Plans) -> None:
    first = await asked(glass)
    word = message(glass, "adam", f"!break-glass {first} now")
    await glass.engine.handle(word)
    now = glass.clock.now()
    stranger = Withdrawn("w0", OPS[0], word.id, Withdrawal.EDITED, Identity("matrix", "@eve:x"), now)
    await glass.plans.withdrawn(stranger)
    assert await state(glass, first) is State.COUNTDOWN
    await glass.plans.withdrawn(Withdrawn("w1", OPS[0], word.id, Withdrawal.EDITED, word.sender, now))
    assert await state(glass, first) is State.CANCELLED
    request = message(glass, "ann", "!restart db")
    await glass.engine.handle(request)
    [stored] = await glass.store.within(State.ASKED)
    await say(glass, "adam", f"!break-glass {stored.approval.code} now")
    await glass.plans.withdrawn(Withdrawn("w2", OPS[0], request.id, Withdrawal.REDACTED, request.sender, now))
    assert await state(glass, stored.approval.code) is State.CANCELLED
    await passes(glass, 300)
    assert did(glass) == []


async def test_the_reason_is_data(glass: Plans) -> None:
    code = await asked(glass)
    said = await say(glass, "adam", f"!break-glass {code} full\u202ekcab")
    assert said.startswith("usage: !break-glass CODE REASON — ")
    assert "U+202E" in said
    reason = f"<!channel> @room **x** password=hunter2\n!approve {code} {'y' * 2000}"
    await say(glass, "adam", f"!break-glass {code} {reason}")
    stored = await glass.store.by_code(code)
    assert stored is not None
    assert stored.approval.glass is not None
    kept = stored.approval.glass.reason
    assert len(kept) <= 300
    assert "hunter2" not in kept
    [_, alarm] = await roots(glass)
    text = plain(alarm.doc)
    assert "hunter2" not in text
    assert not any(row.startswith(f"!approve {code}") for row in text.splitlines())
    rows = [row.entry for row in await glass.real_journal.all()]
    assert "hunter2" not in str([row.about for row in rows])


async def test_where_encryption_is_required_only_a_trusted_device_breaks_it(glass: Plans) -> None:
    trusted = Trust(verified=True, encrypted=True, room_encrypted=True)
    glass.with_services(encryption={"matrix": "required"})
    code = await asked(glass, trust=trusted)
    doubtful = replace(trusted, verified=False)
    said = await say(glass, "adam", f"!break-glass {code} now", trust=doubtful)
    assert said.startswith("refused: ")
    assert "trusted device" in said
    assert await state(glass, code) is State.ASKED
    await say(glass, "adam", f"!break-glass {code} now", trust=trusted)
    assert await state(glass, code) is State.COUNTDOWN


async def test_nothing_uses_it_up_before_its_time(glass: Plans) -> None:
    code = await broken(glass)
    stored = await glass.store.by_code(code)
    assert stored is not None
    approval = stored.approval
    assert not await glass.store.consume(approval.id, approval.digest, glass.plans._began)
    await say(glass, "vic", f"!deny {code}")
    glass.clock.forward(120)
    assert not await glass.store.consume(approval.id, approval.digest, glass.plans._began)


async def test_a_failure_and_an_interruption_want_a_signature_too(glass: Plans) -> None:
    failed = await broken(glass)
    engine_restart = glass.docker.restart

    async def refuse(*args: object, **more: object) -> None:
        raise Upstream("the Engine says no")

    glass.docker.restart = refuse  # type: ignore[method-assign, assignment]
    await passes(glass, 120)
    glass.docker.restart = engine_restart  # type: ignore[method-assign]
    assert await state(glass, failed) is State.FAILED
    cut = await broken(glass)
    stored = await glass.store.by_code(cut)
    assert stored is not None
    glass.clock.forward(120)
    assert await glass.store.consume(stored.approval.id, stored.approval.digest, glass.plans._began)
    await glass.plans.recover()
    assert await state(glass, cut) is State.INTERRUPTED
    assert {one.approval.code for one in await glass.store.unsigned()} == {failed, cut}
    assert f"{cut} ran without the yes it wants. @bob" in (await told(glass))[-1]
    # What nobody signed is not forgotten, however old it is.
    await glass.store.prune(glass.clock.now() + timedelta(days=1000))
    for code in (failed, cut):
        assert await say(glass, "bob", f"!approve {code}") == f"{code} is signed off by bob"
    assert await glass.store.prune(glass.clock.now() + timedelta(days=1000)) == 2
