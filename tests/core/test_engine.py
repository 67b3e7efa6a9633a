"""The engine over fakes: what is answered, what is refused, what the journal holds."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import commands
from bot.context import Context, Services
from bot.core.command import ServiceRef, command
from bot.core.delivery import Op
from bot.core.doc import Doc, File, doc, plain, say
from bot.core.errors import Unknown, Upstream
from bot.core.journal import Kind
from bot.core.model import Choice, Identity, People, Person, Risk, Room, Trust
from bot.core.policy import BUILT_IN_ROLES, CONSOLE_POLICY, Policy, Role
from bot.engine import AT_ONCE
from bot.testing import FakeRequests
from tests.talk import OPS, Talk


@command()
async def bug(ctx: Context) -> Doc:
    """A bug of ours."""
    raise ZeroDivisionError("secret-of-the-trace")


@command()
async def away(ctx: Context) -> Doc:
    """Somebody else's outage."""
    raise Upstream("the Docker Engine at unix:///x does not answer; start it")


@command()
async def look(ctx: Context, service: ServiceRef) -> Doc:
    """Look at one service."""
    return say(f"looked at {service}")


@command()
async def leak(ctx: Context) -> Doc:
    """Say a secret."""
    return say("it is hunter2-of-ann here")


@command()
async def slow(ctx: Context) -> Doc:
    """Take a while."""
    await asyncio.sleep(0.05)
    return say("slow")


@command(risk=Risk.CHANGE)
async def wipe(ctx: Context, service: ServiceRef) -> Doc:
    """Change something."""
    raise AssertionError("it ran")


ALL = (*commands.ALL, bug, away, look, leak, slow, wipe)


async def test_a_command_is_answered_and_in_the_journal() -> None:
    answer = await Talk().answer("ann", "!ping")
    assert answer.doc is not None
    assert plain(answer.doc) == "pong"
    asked, answered = answer.entries
    assert (asked.kind, asked.actor, asked.person, asked.place) == (
        Kind.REQUEST,
        "console:ann",
        "ann",
        "console:ops",
    )
    assert asked.about == {"id": "m1", "command": "ping", "text": "!ping"}
    assert (answered.kind, answered.about["to"], answered.about["said"]) == (Kind.ANSWER, "m1", True)


async def test_talk_is_not_for_us() -> None:
    talk = Talk()
    for text in ("hello", "", "! yes", "what is !ping"):
        assert await talk.engine.handle(talk.message("ann", text)) is None


async def test_a_refusal_is_said_and_kept() -> None:
    answer = await Talk().answer("eve", "!whoami")
    assert answer.doc is not None
    assert plain(answer.doc).startswith("refused: you have no role; whoami needs the role viewer (vic)")
    assert answer.entries[1].kind is Kind.REFUSAL
    assert answer.entries[1].about["why"].startswith("refused: you have no role")


async def test_a_stranger_is_refused_before_anything_is_read() -> None:
    talk = Talk(commands=ALL)
    for text in ("!look", "!look grafana --nonsense", "!wipe x"):
        assert (await talk.ask("mallory", text)).startswith("refused: console:mallory is not listed")


async def test_a_display_name_twin_is_nobody() -> None:
    talk = Talk()
    assert (await talk.ask("ann ", "!ping")).startswith("refused: ")
    assert (await talk.ask("Ann", "!ping")).startswith("refused: ")
    assert (await talk.ask("ann", "!ping", platform="matrix")).startswith("refused: ")


async def test_a_bug_is_our_fault_with_a_number(caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk(commands=ALL)
    with caplog.at_level(logging.ERROR):
        answer = await talk.answer("ann", "!bug")
    assert answer.doc is not None
    said = plain(answer.doc)
    assert said == "that was my fault, no. 4F2A: the log has the details under that number"
    assert "4F2A" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert answer.entries[1].about["why"] == "fault 4F2A"


async def test_an_outage_is_said_in_words() -> None:
    said = await Talk(commands=ALL).ask("ann", "!away")
    assert said == "I could not: the Docker Engine at unix:///x does not answer; start it"


async def test_what_goes_out_and_what_is_kept_is_redacted() -> None:
    talk = Talk(commands=ALL, secrets=["hunter2-of-ann"])
    answer = await talk.answer("ann", "!leak")
    assert answer.doc is not None
    assert "hunter2" not in plain(answer.doc)
    for text in ("!look hunter2-of-ann", "!hunter2-of-ann", "!look --hunter2-of-ann"):
        answer = await talk.answer("ann", text)
        assert answer.doc is not None
        assert "hunter2" not in plain(answer.doc)
        assert "hunter2" not in str(answer.entries)


async def test_a_long_file_is_redacted_whole_and_the_loop_goes_on() -> None:
    secret, png = "hunter2-of-ann", b"\x89PNG hunter2-of-ann"
    rows = [f"row {number} of the log holds {secret}" for number in range(4000)]

    @command()
    async def dump(ctx: Context) -> Doc:
        """A long file."""
        text = File("a.log", "text/plain", "\n".join(rows).encode() + b"\xff")
        return doc("here", files=[text, File("a.png", "image/png", png)])

    talk = Talk(commands=(dump,), secrets=[secret])
    beats, going = 0, True

    async def heart() -> None:
        nonlocal beats
        while going:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(heart())
    answer = await talk.answer("ann", "!dump")
    going = False
    await beating
    assert answer.doc is not None
    log, image = answer.doc.files
    assert log.content.count(b"\n") == 3999
    assert log.content.endswith(b"\xff")
    assert b"hunter2" not in log.content
    assert image.content == png
    assert beats > 4, "the loop stood still"


async def test_a_late_question_says_when_it_was_asked() -> None:
    talk = Talk(commands=ALL)
    assert await talk.ask("ann", "!look x", age=300) == "looked at x\n(asked 5 min ago)"
    assert await talk.ask("ann", "!look x", age=59) == "looked at x"
    assert (await talk.ask("adam", "!wipe x", age=61)).startswith("refused: that was said 1 min 1 s ago")


async def test_what_needs_a_yes_does_not_run() -> None:
    policy = Policy(BUILT_IN_ROLES, CONSOLE_POLICY.rules)
    talk = Talk(commands=ALL, policy=policy)
    assert (await talk.ask("adam", "!wipe x")).startswith("refused: no line of the policy is about wipe x")


async def test_a_bounded_role_is_judged_by_what_the_name_means() -> None:
    names = {"db": ("db", "shop/db", "shop-db-1"), "web": ("web", "shop/web")}

    async def resolve(services: Services, ref: ServiceRef) -> tuple[str, ...]:
        if ref not in names:
            raise Unknown(f"{ref} — did you mean web?")
        return names[ref]

    wendy = Person("wendy", frozenset({Identity("console", "wendy")}), ("web",))
    policy = Policy({"web": Role("web", ("look",), ("*/web",))})
    talk = Talk(commands=ALL, people=People((wendy,)), policy=policy, resolve=resolve)
    assert await talk.ask("wendy", "!look web") == "looked at web"
    assert (await talk.ask("wendy", "!look db")).startswith("refused: look db is outside")
    assert await talk.ask("wendy", "!look wbe") == "unknown: wbe — did you mean web?"


async def test_a_room_that_is_not_configured_is_no_place_to_ask() -> None:
    said = await Talk().ask("ann", "!ping", room=Room("console", "elsewhere"))
    assert said == "refused: this room is not in my configuration; ask in one that is"


async def test_a_configured_room_is_known_by_its_address() -> None:
    assert await Talk().ask("ann", "!ping", room=Room("console", "ops")) == "pong"


async def test_who_asks_too_often_waits_and_is_told_once() -> None:
    talk = Talk(rate=(2, timedelta(minutes=1)))
    said = [await talk.ask("ann", "!ping") for _ in range(4)]
    assert said[:2] == ["pong", "pong"]
    assert said[2] == "refused: more than 2 commands in 1 min; ask again in 1 min"
    assert said[3] == ""
    assert await talk.ask("adam", "!ping") == "pong"
    silent = await talk.answer("ann", "!ping")
    assert silent.entries[1].kind is Kind.REFUSAL
    assert silent.entries[1].about["said"] is False
    talk.clock.forward(61)
    assert await talk.ask("ann", "!ping") == "pong"


async def test_a_person_without_a_role_is_refused_once_and_the_journal_has_it_all() -> None:
    talk = Talk(rate=(30, timedelta(minutes=1)))
    answers = [await talk.answer("eve", "!ping") for _ in range(3)]
    assert [answer.doc is not None for answer in answers] == [True, False, False]
    assert all(answer.entries[1].kind is Kind.REFUSAL for answer in answers)
    assert (await talk.ask("eve", "!help")).startswith("refused: ")


async def test_errors_to_a_slash_command_are_whispered() -> None:
    talk = Talk()
    private = await talk.answer("eve", "ping", addressed=True, private="https://hooks.example/x")
    assert private.private
    public = await talk.answer("ann", "ping", addressed=True, private="https://hooks.example/x")
    assert not public.private


@given(
    st.text(max_size=60),
    st.sampled_from(["ann", "eve", "mallory"]),
    st.sampled_from(["", "!", "!help ", "!why "]),
)
def test_no_text_brings_the_engine_down(text: str, seat: str, before: str) -> None:
    talk = Talk()
    answer = asyncio.run(talk.engine.handle(talk.message(seat, before + text)))
    if answer is not None:
        assert answer.doc is not None
        assert "my fault" not in plain(answer.doc)
        if seat != "ann":
            assert plain(answer.doc).startswith(("refused: ", "unknown: "))


# ---- the durable loop -----------------------------------------------------------------------------------


async def serve(talk: Talk, requests: FakeRequests) -> None:
    task = asyncio.create_task(talk.engine.serve(requests))
    try:
        async with asyncio.timeout(10):
            while len(requests.finished) < len(requests.events):
                await asyncio.sleep(0.005)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_request_ends_with_its_answer_in_one_step() -> None:
    talk = Talk(commands=ALL)
    root = talk.message("ann", "!ping", id="$one")
    threaded = talk.message("adam", "!ping", id="$two", thread="$root")
    chat = talk.message("ann", "hello", id="$three")
    whispered = talk.message("eve", "ping", id="$four", addressed=True, private="https://hooks.example/x")
    requests = FakeRequests([root, threaded, chat, whispered])
    await serve(talk, requests)
    one, two, three, four = (requests.finished[number] for number in (1, 2, 3, 4))
    (first,) = one[0]
    assert (first.lane, first.key, first.op, first.thread) == ("answer:$one", "answer:$one", Op.ROOT, None)
    assert first.room == OPS
    assert len(one[1]) == 2
    assert two[0][0].thread == "$root"
    assert three == ([], ())
    assert (four[0][0].op, four[0][0].thread) == (Op.WHISPER, "eve")


async def test_a_choice_without_an_approval_is_put_away() -> None:
    talk = Talk()
    choice = Choice("c1", OPS, "$card", True, Identity("console", "ann"), talk.clock.now(), Trust())
    requests = FakeRequests([choice])
    await serve(talk, requests)
    assert requests.finished[1] == ([], ())


async def test_one_person_in_order_and_nobody_waits_for_somebody_else() -> None:
    talk = Talk(commands=ALL)
    said = [("ann", "!slow"), ("ann", "!ping"), ("adam", "!ping")]
    messages = [talk.message(seat, text, id=f"${n}") for n, (seat, text) in enumerate(said)]
    requests = FakeRequests(messages)
    await serve(talk, requests)
    assert requests.order == [3, 1, 2]


async def test_whoever_asks_without_end_takes_no_slot_of_anybody_else() -> None:
    talk = Talk(commands=ALL)
    many = [replace(talk.message("ann", "!slow"), id=f"m{number}") for number in range(AT_ONCE + 20)]
    requests = FakeRequests([*many, talk.message("vic", "!ping")])
    serving = asyncio.create_task(talk.engine.serve(requests))
    async with asyncio.timeout(5):
        while len(many) + 1 not in requests.order:
            await asyncio.sleep(0.005)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert len(requests.order) < 20, "vic waited for what ann had asked"


async def test_a_full_disk_delays_an_answer_and_loses_none() -> None:
    talk = Talk()
    requests = FakeRequests([talk.message("ann", "!ping")], troubles=[Upstream("the disk is full")])
    await serve(talk, requests)
    assert len(requests.finished[1][0]) == 1


async def test_an_inbox_that_fails_is_read_again_and_nothing_is_answered_twice() -> None:
    talk = Talk(commands=ALL)

    class Flaky(FakeRequests):
        failed = False

        async def incoming(self):  # type: ignore[no-untyped-def]
            async for one in super().incoming():
                yield one
            if not self.failed:
                self.failed = True
                raise Upstream("the state cannot be read")

    message = talk.message("ann", "!slow")
    requests = Flaky([message, replace(message, id="m2")])
    await serve(talk, requests)
    assert requests.order == [1, 2]
