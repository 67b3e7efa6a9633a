"""Raw Matrix events: what is heard, and what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Choice, Identity, Message, Room, Trust, Withdrawal, Withdrawn
from bot.platforms.matrix_event import (
    Ears,
    Ignored,
    after_own_join,
    arrival,
    inviter,
    read,
    strip_fallback,
    strip_name,
    successor,
    verdict,
)

ROOM = Room("matrix", "!ops:example.org", "ops")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EARS = Ears("@bot:example.org", ("Tocsin",))
ANN = Identity("matrix", "@ann:example.org")


def heard(content: Any, *, kind: str = "m.room.message", ears: Ears = EARS, **more: Any) -> Any:
    raw = {"event_id": "$e", "sender": ANN.user_id, "type": kind, "content": content, "origin_server_ts": 0}
    return read(raw | more, room=ROOM, ears=ears, trust=Trust(encrypted=True), now=NOW)


def text(body: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, **more}


def test_words_are_a_message() -> None:
    found = heard(text("  !status  ", formatted_body="<b>!restart everything</b>"), origin_server_ts=1000)
    assert found == Message(
        "$e", ROOM, ANN, "!status", datetime.fromtimestamp(1, UTC), trust=Trust(encrypted=True)
    )


@pytest.mark.parametrize(
    "content",
    [
        {"msgtype": "m.notice", "body": "!status"},
        {"msgtype": "m.emote", "body": "!status"},
        {"msgtype": "m.file", "body": "!status"},
        {"body": "!status"},
        text("!status") | {"body": 5},
        text("!restart", **{"m.new_content": text("innocent")}),
        text("!restart", **{"m.new_content": 5}),
        text("!restart", **{"m.relates_to": {"rel_type": "m.replace"}}),
        {},
        "words",
        None,
    ],
)
def test_what_is_no_message(content: Any) -> None:
    assert isinstance(heard(content), Ignored)


def test_our_own_words_are_not_heard() -> None:
    assert isinstance(heard(text("!status"), sender="@bot:example.org"), Ignored)


@pytest.mark.parametrize(
    "sender", ["ann", "@ann", "", 5, None, "@ann:x y", "@ann:\u202ex", "@" + "a" * 300 + ":x"]
)
def test_an_impossible_sender_is_not_heard(sender: Any) -> None:
    assert isinstance(heard(text("!status"), sender=sender), Ignored)


def test_state_is_not_heard() -> None:
    assert isinstance(heard(text("!status"), state_key=""), Ignored)


def test_an_edit_withdraws_its_target_whatever_it_says() -> None:
    relation = {"rel_type": "m.replace", "event_id": "$old"}
    found = heard(text("!restart", **{"m.new_content": text("!restart"), "m.relates_to": relation}))
    then = datetime.fromtimestamp(0, UTC)
    assert found == Withdrawn("$e", ROOM, "$old", Withdrawal.EDITED, ANN, then, "!restart")


@pytest.mark.parametrize(
    "raw", [{"content": {"redacts": "$old"}}, {"content": {}, "redacts": "$old"}], ids=["v11", "v10"]
)
def test_a_redaction_withdraws(raw: dict[str, Any]) -> None:
    found = heard(raw["content"], kind="m.room.redaction", **{k: v for k, v in raw.items() if k != "content"})
    assert isinstance(found, Withdrawn)
    assert (found.message_id, found.how) == ("$old", Withdrawal.REDACTED)


def test_threads_and_replies() -> None:
    falling = {"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$last"}}
    found = heard(text("x", **{"m.relates_to": {**falling, "is_falling_back": True}}))
    assert (found.thread, found.reply_to) == ("$root", None)
    found = heard(text("x", **{"m.relates_to": {**falling, "is_falling_back": False}}))
    assert (found.thread, found.reply_to) == ("$root", "$last")
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": "$card"}}}
    found = heard(text("> <@bot:x> card\n> more\n\nyes\n> not this", **reply))
    assert (found.thread, found.reply_to, found.text) == (None, "$card", "yes\n> not this")
    found = heard(text("yes", **reply), ears=Ears("@bot:example.org", relations=False))
    assert found.reply_to is None


@pytest.mark.parametrize(
    ("body", "text_", "called"),
    [
        ("@bot status", "status", True),
        ("@bot: status", "status", True),
        ("@bot", "", True),
        ("@bot:example.org status", "status", True),
        ("@bot:example.org: status", "status", True),
        ("Tocsin: status", "status", True),
        ("tocsin, status", "status", True),
        ("bot: status", "status", True),
        ("tocsin is slow", "tocsin is slow", False),
        ("tocsins: status", "tocsins: status", False),
        ("@botany: status", "@botany: status", False),
        ("!status", "!status", False),
    ],
)
def test_being_called(body: str, text_: str, called: bool) -> None:
    assert strip_name(body, EARS) == (text_, called)


def test_a_mention_calls_but_not_the_one_that_a_reply_brings_by_itself() -> None:
    mentions = {"m.mentions": {"user_ids": ["@bot:example.org"]}}
    assert heard(text("status", **mentions)).addressed
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": "$card"}}}
    assert not heard(text("thanks", **mentions, **reply)).addressed
    assert not heard(text("status", **{"m.mentions": {"user_ids": "@bot:example.org"}})).addressed


@pytest.mark.parametrize(
    ("key", "approve"),
    [
        ("✅", True), ("👍", True), ("👍🏽", True), ("✔️", True), ("OK", True), ("Approve", True),
        ("❎", False), ("👎🏿", False), ("❌", False), ("no", False), ("deny", False),
        ("🎉", None), ("", None), ("yes!", None), ("👍👎", None),
    ],
)  # fmt: skip
def test_reactions(key: str, approve: bool | None) -> None:
    assert verdict(key) is approve
    relation = {"rel_type": "m.annotation", "event_id": "$card", "key": key}
    found = heard({"m.relates_to": relation}, kind="m.reaction")
    if approve is None:
        assert isinstance(found, Ignored)
    else:
        assert isinstance(found, Choice)
        assert (found.message_id, found.approve, found.approval_id) == ("$card", approve, None)


def test_a_sender_can_only_be_older_than_its_arrival() -> None:
    assert arrival(0, NOW) == datetime.fromtimestamp(0, UTC)
    for later in (2**53, 2**80, -(2**80), "5", None, True, 1.5):
        assert arrival(later, NOW) <= NOW
    assert arrival(2**80, NOW) < NOW - timedelta(days=1)


def member(membership: str, before: str | None, who: str = "@bot:example.org") -> dict[str, Any]:
    unsigned = {"prev_content": {"membership": before}} if before else {}
    content = {"membership": membership}
    return {"type": "m.room.member", "state_key": who, "content": content, "unsigned": unsigned}


def test_history_ends_where_we_came_in() -> None:
    old, new = {"type": "x"}, {"type": "y"}
    came = member("join", "invite")
    assert after_own_join([old, came, new], EARS.me) == ([new], True)
    assert after_own_join([old, came, old, member("join", None), new], EARS.me) == ([new], True)
    renamed = member("join", "join")
    assert after_own_join([old, renamed, new], EARS.me) == ([old, renamed, new], False)
    other = member("join", None, "@ann:example.org")
    assert after_own_join([old, other], EARS.me) == ([old, other], False)


def test_who_invites() -> None:
    invite = member("invite", None) | {"sender": "@ann:example.org"}
    assert inviter([{}, 5, invite], EARS.me) == "@ann:example.org"
    assert inviter([member("invite", None, "@eve:example.org") | {"sender": "@x:y"}], EARS.me) is None
    assert inviter([], EARS.me) is None


def test_where_a_room_moved() -> None:
    tombstone = {"type": "m.room.tombstone", "state_key": "", "content": {"replacement_room": "!new"}}
    assert successor(tombstone) == "!new"
    assert successor(tombstone | {"state_key": "x"}) is None
    assert successor({"type": "m.room.tombstone", "content": {"replacement_room": "!new"}}) is None
    assert successor(tombstone | {"content": {"replacement_room": 5}}) is None


def test_the_fallback_of_a_reply() -> None:
    assert strip_fallback("> <@a:b> x\n\nyes") == "yes"
    assert strip_fallback("> only quoted") == ""
    assert strip_fallback("plain > text") == "plain > text"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    [
        "msgtype",
        "body",
        "m.relates_to",
        "m.new_content",
        "m.mentions",
        "redacts",
        "rel_type",
        "event_id",
        "key",
    ]
)


@given(
    st.sampled_from(["m.room.message", "m.reaction", "m.room.redaction", "m.room.encrypted", "x"]),
    st.dictionaries(field_names, json_values, max_size=5) | json_values,
    st.dictionaries(st.sampled_from(["sender", "event_id", "origin_server_ts", "redacts"]), json_values),
)
def test_no_event_breaks_the_reader(kind: str, content: Any, more: dict[str, Any]) -> None:
    raw = {"event_id": "$e", "sender": "@a:b", "type": kind, "content": content} | more
    read(raw, room=ROOM, ears=EARS, trust=Trust(), now=NOW)
    after_own_join([raw], EARS.me)
    inviter([raw], EARS.me)
    successor(raw)
