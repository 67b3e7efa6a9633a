"""The room for plans: what is on disk, what is said, and what never happens."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.approval import State
from bot.core.delivery import Op
from bot.core.doc import Choices, from_json, plain, to_json
from bot.core.errors import Upstream
from bot.core.journal import Kind
from bot.core.model import Choice, Identity, People, Room, Trust, Withdrawal, Withdrawn
from bot.core.steps import Step
from bot.platforms import matrix_html as html
from bot.platforms import slack_blocks as kit
from bot.testing import FakeRequests
from estate.model import State as Runs
from estate.myself import Myself
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
from tests.plans import Plans, detail, plans


async def test_the_card_is_on_both_platforms_and_ends_with_the_code(chat: Plans) -> None:
    code = await asked(chat)
    cards = [one.what for one in await chat.outbox.waiting() if one.what.op is Op.ROOT]
    assert {card.room.platform for card in cards} == {"matrix", "slack"}
    for card in cards:
        assert plain(card.doc).endswith(f"\n!approve {code}")
        assert "asked by: ann (matrix:@ann:x)" in plain(card.doc)
        assert "1 of admin: @adam, @bob; not ann" in plain(card.doc)
        assert card.doc.mentions == ("adam", "bob")
        assert card.lane.startswith("plan:")


async def test_one_execution_however_many_say_yes_at_once(chat: Plans) -> None:
    code = await asked(chat)
    said = await asyncio.gather(
        *(say(chat, who, f"!approve {code}", on=on) for who in ("adam", "bob") for on in ("matrix", "slack"))
    )
    await settle(chat)
    assert did(chat) == ["restart"]
    assert await state(chat, code) is State.DONE
    assert sum(text.startswith("refused: ") for text in said) == 3
    assert any(text.startswith("done: shop/web was restarted") for text in await told(chat))


async def test_only_one_of_many_may_consume(chat: Plans) -> None:
    code = await asked(chat)
    stored = await chat.store.by_code(code)
    assert stored is not None
    approval = stored.approval
    nothing = chat.plans._began
    assert not await chat.store.consume(approval.id, approval.digest, nothing)
    await chat.store.change(
        approval.id, lambda one: replace(one, state=State.APPROVED), lambda now, at: nothing(now, at)
    )
    assert not await chat.store.consume(approval.id, "0" * 64, nothing)
    results = await asyncio.gather(
        *(chat.store.consume(approval.id, approval.digest, nothing) for _ in range(10))
    )
    assert sorted(results) == [False] * 9 + [True]


async def test_the_askers_other_account_is_the_asker(chat: Plans) -> None:
    code = await asked(chat)
    assert (await say(chat, "ann", f"!approve {code}", on="slack")).startswith("refused: ann asked for it")
    assert (await say(chat, "vic", f"!approve {code}")).startswith("refused: you have no role")
    assert (await say(chat, "eve", f"!approve {code}")).startswith("refused: matrix:@eve:x is not listed")
    assert (await state(chat, code), did(chat)) == (State.ASKED, [])


async def test_what_expired_is_never_run_and_told(chat: Plans) -> None:
    code = await asked(chat)
    chat.clock.forward(30 * 60)
    assert (await say(chat, "adam", f"!approve {code}")).startswith(f"refused: {code} has expired")
    assert await told(chat) == [f"expired: {code}: nobody said yes in time"]
    assert (await state(chat, code), did(chat)) == (State.EXPIRED, [])


async def test_the_timer_tells_it_too(chat: Plans) -> None:
    await asked(chat)
    chat.clock.forward(30 * 60)
    serving = asyncio.create_task(chat.plans.serve())
    async with asyncio.timeout(5):
        while not await told(chat):
            await asyncio.sleep(0.01)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_drift_is_shown_and_nothing_is_run(chat: Plans) -> None:
    code = await asked(chat)
    [web, *rest] = chat.docker.details
    chat.docker.details = [replace(web, container=replace(web.container, image_id="sha256:new")), *rest]
    await say(chat, "adam", f"!approve {code}")
    await settle(chat)
    assert (await state(chat, code), did(chat)) == (State.DRIFTED, [])
    [*_, last] = await told(chat)
    assert last.startswith(f"drifted: {code}: containers.shop-web-1.image_id: sha256:abab")
    assert "→ sha256:new; nothing was run" in last


async def test_without_an_engine_the_plan_cannot_be_made_again(chat: Plans) -> None:
    code = await asked(chat)
    chat.docker.trouble = Upstream("no Docker Engine at unix:///x")
    await say(chat, "adam", f"!approve {code}")
    await settle(chat)
    assert await state(chat, code) is State.DRIFTED


async def test_a_role_that_was_taken_away_does_not_count_when_it_runs(chat: Plans) -> None:
    code = await asked(chat, "!stop web")
    assert (await say(chat, "bob", f"!approve {code}")) == f"1 of 2 yes for {code}"
    without = tuple(replace(p, roles=("operator",)) if p.name == "bob" else p for p in PEOPLE.everyone)
    chat.with_services(people=People(without))
    await say(chat, "adam", f"!approve {code}")
    await settle(chat)
    assert (await state(chat, code), did(chat)) == (State.CANCELLED, [])
    assert "the yes of bob no longer counts: you have the role operator" in (await told(chat))[-1]


async def test_a_new_policy_and_a_restart_cancel_what_waits(chat: Plans) -> None:
    first = await asked(chat)
    chat.with_services(policy=replace(POLICY, rules=POLICY.rules[:1]))
    await chat.plans.new_policy()
    assert await state(chat, first) is State.CANCELLED
    second = await asked(chat)
    await chat.plans.recover()
    assert await state(chat, second) is State.CANCELLED
    assert (await told(chat))[-1] == f"cancelled: {second}: I was restarted before it ran; nothing was done"
    assert (await say(chat, "adam", f"!approve {second}")).startswith(f"refused: {second} was cancelled")


async def test_in_an_encrypted_room_only_ciphertext_counts(chat: Plans) -> None:
    sealed = Trust(encrypted=True, room_encrypted=True)
    chat.with_services(encryption={"matrix": "optional"})
    code = await asked(chat, trust=sealed)
    stored = await chat.store.by_code(code)
    assert stored is not None
    clear = Trust(room_encrypted=True, why="a reaction is never encrypted")
    choice = Choice("r1", OPS[0], "$card", True, Identity("matrix", "@adam:x"), chat.clock.now(), clear)
    requests = FakeRequests([replace(choice, approval_id=stored.approval.id)])
    await serve(chat, requests)
    [(answers, entries)] = requests.finished.values()
    assert "in an encrypted room only what is encrypted counts" in plain(answers[0].doc)
    assert answers[0].op is Op.WHISPER
    assert entries[-1].kind is Kind.REFUSAL
    assert await state(chat, code) is State.ASKED
    await say(chat, "adam", f"!approve {code}", trust=sealed)
    await settle(chat)
    assert await state(chat, code) is State.DONE


async def test_where_encryption_is_required_only_trusted_devices_vote(chat: Plans) -> None:
    trusted = Trust(verified=True, encrypted=True, room_encrypted=True)
    chat.with_services(encryption={"matrix": "required"})
    code = await asked(chat, trust=trusted)
    doubtful = replace(trusted, verified=False)
    said = await say(chat, "adam", f"!approve {code}", trust=doubtful)
    assert said.startswith("refused: restart counts only from a trusted device") or "trusted device" in said
    # Whom a reply answers is outside of the encryption: only its words, with the code, count.
    await delivered(chat)
    assert "type !approve" in await say(chat, "adam", "yes", thread="$root-matrix", trust=trusted)
    assert await state(chat, code) is State.ASKED
    assert await say(chat, "adam", f"approve {code}", trust=trusted) == ""
    await settle(chat)
    assert await state(chat, code) is State.DONE


async def test_replies_count_when_they_are_clear(chat: Plans) -> None:
    code = await asked(chat, "!stop web")
    await delivered(chat)
    assert await say(chat, "adam", "what does it do?", on="slack", thread="$root-slack") == ""
    unclear = await say(chat, "adam", "yes but later", on="slack", thread="$root-slack")
    assert unclear.startswith("I did not take that for a yes or a no")
    assert await say(chat, "adam", "ok", on="slack", thread="$root-slack", reply_to="$root-slack") == ""
    assert (await say(chat, "ann", "go ahead", reply_to="$root-matrix")).startswith("refused: ann asked")
    assert await state(chat, code) is State.ASKED
    assert await say(chat, "bob", "no", reply_to="$root-matrix") == ""
    assert await state(chat, code) is State.DENIED
    assert await say(chat, "bob", "no", reply_to="$elsewhere") == ""


async def test_in_somebodys_thread_only_what_is_surely_meant_counts(chat: Plans) -> None:
    there = {"on": "slack", "thread": "7.1"}
    code = await asked(chat, "!stop web", **there)
    # Between people "ok" may be about anything: it is asked. As a reply it names only the thread.
    said = await say(chat, "adam", "ok", **there, reply_to="7.1")
    assert said.endswith(f"To say yes, type !approve {code}; to say no, !deny {code}")
    assert await say(chat, "adam", "shall we?", **there) == ""
    assert await say(chat, "adam", "yes", on="slack", thread="8.1") == ""
    stored = await chat.store.by_code(code)
    assert stored is not None
    assert stored.approval.votes == ()
    assert await say(chat, "adam", "Approved :+1:", **there, reply_to="7.1") == ""
    other = await asked(chat, "!restart db", **there)
    said = await say(chat, "bob", "approve", **there)
    assert said.endswith(f"Say which one, with its code: approve {code} or approve {other}")
    assert await say(chat, "bob", f"deny {other}", **there) == ""
    assert await say(chat, "bob", "deny", **there) == ""
    assert {await state(chat, code), await state(chat, other)} == {State.DENIED}
    assert did(chat) == []


async def test_a_button_of_another_plan_or_of_none_is_refused(chat: Plans) -> None:
    first, second = await asked(chat, "!restart web"), await asked(chat, "!restart db")
    await delivered(chat)
    other = await chat.store.by_code(second)
    assert other is not None
    by, now = Identity("slack", "T/adam"), chat.clock.now()
    wrong = Choice("c1", OPS[1], "$root-slack", True, by, now, approval_id=other.approval.id)
    nobodys = Choice("c2", OPS[1], "$x", True, by, now, approval_id="nothing")
    plainly = Choice("c3", OPS[1], "$x", True, by, now)
    requests = FakeRequests([wrong, nobodys, plainly])
    await serve(chat, requests)
    said = [plain(answers[0].doc) if answers else "" for answers, _ in requests.finished.values()]
    assert said[0].startswith("refused: that button")
    assert said[1].startswith("refused: that button belongs to no plan")
    assert said[2] == ""
    assert {await state(chat, first), await state(chat, second)} == {State.ASKED}


async def test_edited_requests_and_redacted_votes_withdraw(chat: Plans) -> None:
    request = message(chat, "ann", "!stop web")
    await chat.engine.handle(request)
    [stored] = await chat.store.within(State.ASKED)
    code = stored.approval.code
    vote = message(chat, "adam", f"!approve {code}")
    await chat.engine.handle(vote)
    room, now = OPS[0], chat.clock.now()
    stranger = Withdrawn("w0", room, vote.id, Withdrawal.EDITED, Identity("matrix", "@eve:x"), now)
    await chat.plans.withdrawn(stranger)
    assert len((await chat.store.within(State.ASKED))[0].approval.votes) == 1
    await chat.plans.withdrawn(Withdrawn("w1", room, vote.id, Withdrawal.REDACTED, vote.sender, now))
    assert (await chat.store.within(State.ASKED))[0].approval.votes == ()
    await chat.plans.withdrawn(Withdrawn("w2", room, request.id, Withdrawal.EDITED, request.sender, now))
    assert await state(chat, code) is State.CANCELLED
    assert (await told(chat))[-1] == f"cancelled: {code}: the request was edited"


async def test_a_message_that_is_heard_again_asks_and_votes_once(chat: Plans) -> None:
    request = message(chat, "ann", "!stop web")
    for _ in range(2):
        answer = await chat.engine.handle(request)
        assert answer is not None
        assert answer.doc is None
    [stored] = await chat.store.within(State.ASKED)
    vote = message(chat, "adam", f"!approve {stored.approval.code}")
    for _ in range(2):
        answer = await chat.engine.handle(vote)
        assert answer is not None
        assert answer.doc is not None
        assert plain(answer.doc) == f"1 of 2 yes for {stored.approval.code}"


async def test_a_plan_from_another_room_is_not_voted_on_here(chat: Plans) -> None:
    code = await asked(chat)
    lounge = Room("matrix", "!lounge", "lounge")
    said = await say(chat, "adam", f"!approve {code}", room=lounge)
    assert said == f"refused: {code} stands in the room ops; say it there"


async def test_where_the_policy_asks_nobody_it_runs_at_once_and_is_told(chat: Plans) -> None:
    [web, *rest] = chat.docker.details
    chat.docker.details = [replace(web, container=replace(web.container, state=Runs.EXITED)), *rest]
    assert await say(chat, "ann", "!start web") == ""
    await settle(chat)
    assert did(chat) == ["start"]
    cards = [one.what.doc for one in await chat.outbox.waiting() if one.what.op is Op.ROOT]
    assert not any(isinstance(block, Choices) for block in cards[0].blocks)
    assert (await told(chat))[-1].startswith("done: shop/web was started")


async def test_a_plan_asks_for_words_that_this_bot_hears(chat: Plans) -> None:
    chat.with_services(prefix=".")
    assert await say(chat, "ann", ".restart web") == ""
    card = next(one.what.doc for one in await chat.outbox.waiting() if one.what.op is Op.ROOT)
    words = plain(card).splitlines()[-1]
    assert words.startswith(".approve ")
    assert json.dumps(kit.render(from_json(to_json(card))).blocks).count(words) == 1
    assert html.render(card, accounts=lambda person: ()).content["formatted_body"].count(words) == 1
    assert "is approved" in await say(chat, "bob", words)
    await settle(chat)
    assert did(chat) == ["restart"]


async def test_the_bot_does_not_stop_itself_or_its_proxy(chat: Plans) -> None:
    own = chat.docker.details[0].container.id
    chat.with_services(myself=Myself(frozenset({own}), frozenset({"db"})))
    assert (await say(chat, "ann", "!restart web")).startswith("refused: shop-web-1: that is the container I")
    assert (await say(chat, "ann", "!stop db")).startswith("refused: shop-db-1: that is the proxy")
    assert await chat.store.within(*State) == []


async def test_the_journal_has_the_plan_the_votes_and_the_end(chat: Plans) -> None:
    code = await asked(chat)
    await say(chat, "adam", f"!approve {code}", on="slack")
    await settle(chat)
    rows = [row.entry for row in await chat.real_journal.all()]
    assert [row.kind for row in rows] == [Kind.PLAN, Kind.VOTE, Kind.EXECUTION, Kind.EXECUTION]
    plan, vote, began, end = rows
    assert plan.about["digest"] == began.about["digest"]
    assert plan.about["plan"]["containers"]["shop-web-1"]["image_id"].startswith("sha256:")
    assert (vote.person, vote.actor, vote.about["roles"]) == ("adam", "slack:T/adam", ["admin"])
    assert end.about["state"] == "done"
    assert (await chat.real_journal.verify())[1] is None
    json.dumps([row.about for row in rows])


class _DiedError(BaseException):
    """kill -9, as near as it gets in one process."""


@pytest.mark.parametrize(
    ("step", "ran", "ends"),
    [
        (Step.PLAN_COMMITTED, 0, State.CANCELLED),
        (Step.VOTE_COMMITTED, 0, State.CANCELLED),
        (Step.PLAN_CONSUMED, 0, State.INTERRUPTED),
        (Step.EXECUTION_STARTED, 0, State.INTERRUPTED),
        (Step.EXECUTION_ENDED, 1, State.INTERRUPTED),
        (Step.RESULT_COMMITTED, 1, State.DONE),
    ],
)
async def test_dying_at_each_step_runs_it_at_most_once_and_tells(
    tmp_path: Path, step: Step, ran: int, ends: State
) -> None:
    def die(at: Step) -> None:
        if at is step:
            raise _DiedError

    async def nothing(document: object) -> None: ...

    done: list[str] = []
    async with plans(tmp_path, detail("web"), on_step=die) as talk:
        with pytest.raises(_DiedError):
            await talk.engine.handle(talk.message("ann", "!restart web", id="m1"))
            [stored] = await talk.store.within(State.ASKED)
            yes = talk.message("ann", f"!approve {stored.approval.code}", id="m2")
            await talk.engine.handle(yes, nothing)
        done += did(talk)
    async with plans(tmp_path, detail("web")) as talk:
        await talk.plans.recover()
        [stored] = await talk.store.within(*State)
        assert stored.approval.state is ends
        if ends is State.INTERRUPTED:
            [notice] = [one.what for one in await talk.outbox.waiting() if one.what.op is Op.ROOT]
            assert plain(notice.doc).startswith(
                f"interrupted: {stored.approval.code}: I was ended while it ran"
            )
            assert "shop-web-1 is running, healthy" in plain(notice.doc)
        again = await talk.ask("ann", f"!approve {stored.approval.code}", id="m3")
        assert again.startswith("refused: ")
        done += did(talk)
    assert len(done) == ran
