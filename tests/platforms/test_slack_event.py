"""Raw Slack payloads: who says what where, and what is nothing to us."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Choice, Identity, Message, Room, Trust, Withdrawal, Withdrawn
from bot.platforms.slack_event import (
    Account,
    Ears,
    Heard,
    Ignored,
    account,
    known,
    read,
    strip_mention,
    verdict,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPS = Room("slack", "C0OPS", "ops")
EARS = Ears("T0HOME", "U0BOT", "!", lambda channel: OPS if channel == "C0OPS" else Room("slack", channel))
TS = "1767225600.000100"


def message(**changes: Any) -> dict[str, Any]:
    event = {
        "type": "message",
        "user": "U0ANN",
        "team": "T0HOME",
        "channel": "C0OPS",
        "text": "!status",
        "ts": TS,
    }
    return {"type": "event_callback", "team_id": "T0HOME", "event": {**event, **changes}}


def heard(body: dict[str, Any]) -> Heard:
    found = read(body, EARS, NOW)
    assert isinstance(found, Heard), found
    return found


def said(body: dict[str, Any]) -> Message:
    event = known(heard(body), Account("T0HOME"))
    assert isinstance(event, Message)
    return event


def test_a_command() -> None:
    assert said(message()) == Message(
        id=f"C0OPS:{TS}",
        room=OPS,
        sender=Identity("slack", "T0HOME/U0ANN"),
        text="!status",
        at=datetime(2026, 1, 1, 0, 0, 0, 100, tzinfo=UTC),
    )


def test_a_mention_and_its_message_have_one_id() -> None:
    text = "<@U0BOT> status"
    one, two = said(message(text=text)), said(message(type="app_mention", text=text))
    assert one == two
    assert (one.text, one.addressed) == ("status", True)


@pytest.mark.parametrize(
    ("text", "words", "addressed"),
    [
        ("<@U0BOT> status", "status", True),
        ("<@U0BOT|tocsin>: status", "status", True),
        ("<@U0BOT>, <@U0BOT> status", "status", True),
        ("status <@U0BOT>", "status", True),
        ("<@U0BOT>", "", True),
        ("ask <@U0BOT> about it", "ask @U0BOT about it", True),
        ("<@U0BOTX> status", "@U0BOTX status", False),
        ("!logs a --grep &lt;b&gt; &amp;&amp;", "!logs a --grep <b> &&", False),
        ("!logs <http://grafana.test|grafana.test>", "!logs grafana.test", False),
        ("!logs <https://a.test/?x=1&amp;y=2>", "!logs https://a.test/?x=1&y=2", False),
        (
            "!x <mailto:a@b.test|a@b.test> <#C1|ops> <!channel> <!subteam^S1|@oncall>",
            "!x a@b.test #ops @channel @oncall",
            False,
        ),
        ("!x &amp;lt;", "!x &lt;", False),
    ],
)
def test_words_as_people_read_them(text: str, words: str, addressed: bool) -> None:
    assert strip_mention(text, "U0BOT") == (words, addressed)


@pytest.mark.parametrize(
    "changes",
    [
        {"subtype": "bot_message"},
        {"subtype": "channel_join"},
        {"subtype": "me_message"},
        {"subtype": "ekm_access_denied"},
        {"hidden": True},
        {"user": "U0BOT"},
        {"user": None},
        {"user": "<!channel>"},
        {"user": "U1/../U0ANN"},
        {"channel": ["C0OPS"]},
        {"ts": "now"},
        {"ts": "1e9"},
        {"ts": "99999999999.1"},
        {"edited": {"user": "U0ANN", "ts": "1.1"}},
        {"edited": {}},
        {"text": "just talk"},
        {"text": None},
        {"thread_ts": "1.000001", "parent_user_id": "U0BOB", "text": "yes, they called"},
    ],
    ids=str,
)
def test_what_is_nothing_to_us(changes: dict[str, Any]) -> None:
    assert isinstance(read(message(**changes), EARS, NOW), Ignored)


def test_a_command_put_into_an_older_message_is_worth_telling() -> None:
    edited = {"text": "<@U0BOT> stop", "edited": {"user": "U0ANN", "ts": "1.1"}}
    found = read(message(type="app_mention", **edited), EARS, NOW)
    assert isinstance(found, Ignored)
    assert (found.worth_telling, found.sender, found.id) == (True, "T0HOME/U0ANN", f"C0OPS:{TS}")


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast"])
def test_subtypes_that_people_make(subtype: str) -> None:
    assert said(message(subtype=subtype)).text == "!status"


def test_a_thread() -> None:
    reply = said(message(text="yes", thread_ts="1.000001", parent_user_id="U0BOT"))
    assert (reply.thread, reply.reply_to) == ("1.000001", "1.000001")
    # A plan may stand in a thread that somebody else began.
    foreign = said(message(text="approve", thread_ts="1.000001", parent_user_id="U0BOB"))
    assert (foreign.text, foreign.addressed) == ("approve", False)
    root = said(message(thread_ts=TS))
    assert (root.thread, root.reply_to) == (None, None)


@pytest.mark.parametrize(
    ("changes", "shared", "who", "why"),
    [
        ({"user_team": "T0FAR"}, True, "T0FAR/U0ANN", "a Slack Connect stranger of T0FAR"),
        ({"source_team": "T0FAR"}, False, "T0FAR/U0ANN", "of another team, T0FAR"),
        ({"team": "T0FAR"}, False, "T0FAR/U0ANN", "of another team, T0FAR"),
        ({"bot_id": "B1"}, False, "T0HOME/U0ANN", "a bot"),
        ({}, True, "T0HOME/U0ANN", "in a channel that is shared with another company"),
    ],
)
def test_strangers_by_the_payload_alone(changes: dict[str, Any], shared: bool, who: str, why: str) -> None:
    found = heard({**message(**changes), "is_ext_shared_channel": shared})
    event = known(found, None)
    assert isinstance(event, Message)
    assert (event.sender.user_id, event.trust) == (who, Trust(stranger=True, why=why))


def test_slacks_word_on_the_team_is_the_last() -> None:
    event = known(heard(message()), Account("T0FAR", "of another team, T0FAR"))
    assert isinstance(event, Message)
    assert (event.sender.user_id, event.trust.stranger) == ("T0FAR/U0ANN", True)


@pytest.mark.parametrize(
    ("user", "trouble"),
    [
        ({"team_id": "T0HOME"}, ""),
        ({"team_id": "T0FAR"}, "of another team, T0FAR"),
        ({}, "of another team, which Slack does not name"),
        ({"team_id": "T0HOME", "deleted": True}, "a deactivated account"),
        ({"team_id": "T0HOME", "is_bot": True}, "a bot"),
        ({"team_id": "T0HOME", "id": "USLACKBOT"}, "a bot"),
        ({"team_id": "T0HOME", "is_restricted": True}, "a guest"),
        ({"team_id": "T0HOME", "is_ultra_restricted": True}, "a guest"),
        ({"team_id": "T0HOME", "is_stranger": True}, "a Slack Connect stranger"),
    ],
    ids=str,
)
def test_accounts(user: dict[str, Any], trouble: str) -> None:
    assert account(user, "T0HOME").trouble == trouble


def changed(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return message(
        subtype="message_changed",
        hidden=True,
        ts="1767225700.000100",
        message={"type": "message", "user": "U0ANN", "team": "T0HOME", "ts": TS, **after},
        previous_message={"type": "message", "user": "U0ANN", "ts": TS, **before},
    )


def test_an_edit_withdraws_by_whom_edited() -> None:
    found = heard(changed({"text": "b", "edited": {"user": "U0ADM", "ts": "2.000001"}}, {"text": "!a"}))
    event = known(found, Account("T0HOME"))
    assert isinstance(event, Withdrawn)
    assert (event.message_id, event.how) == (f"C0OPS:{TS}", Withdrawal.EDITED)
    assert event.by == Identity("slack", "T0HOME/U0ADM")


def test_slacks_own_change_of_an_edited_message_is_no_edit() -> None:
    edited = {"edited": {"user": "U0ANN", "ts": "2.000001"}}
    assert isinstance(read(changed(edited, edited), EARS, NOW), Ignored)
    assert isinstance(read(changed({"attachments": [{}]}, {}), EARS, NOW), Ignored)


def test_changes_of_what_was_never_for_us_are_not_kept() -> None:
    edited = {"text": "other talk", "edited": {"user": "U0ANN", "ts": "2.000001"}}
    assert isinstance(read(changed(edited, {"text": "talk"}), EARS, NOW), Ignored)
    assert isinstance(read(changed(edited, {"text": "!status"}), EARS, NOW), Heard)
    assert isinstance(read(changed(edited, {"text": "yes", "thread_ts": "1.000001"}), EARS, NOW), Heard)
    # Talk that was made a command is no command, but somebody tried.
    tried = read(changed({**edited, "text": "!status"}, {"text": "talk"}), EARS, NOW)
    assert isinstance(tried, Heard)
    assert isinstance(tried.event, Withdrawn)
    assert tried.event.text == "!status"
    gone = {
        "subtype": "message_deleted",
        "deleted_ts": TS,
        "previous_message": {"user": "U0ANN", "text": "talk"},
    }
    assert isinstance(read(message(**gone), EARS, NOW), Ignored)


def test_an_edit_into_a_command_is_kept_with_its_words() -> None:
    edited = {"text": "!stop &lt;x&gt;", "edited": {"user": "U0ANN", "ts": "2.000001"}}
    event = heard(changed(edited, {"text": "talk"})).event
    assert isinstance(event, Withdrawn)
    assert event.text == "!stop <x>"


def reaction(**changes: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": "C0OPS", "ts": TS}
    event = {
        "type": "reaction_added",
        "user": "U0ANN",
        "reaction": "+1",
        "item": item,
        "event_ts": "3.000001",
    }
    return {"type": "event_callback", "event": {**event, "item_user": "U0BOT", **changes}}


def test_a_reaction_without_a_known_account_is_nobodys() -> None:
    event = known(heard(reaction()), None)
    assert isinstance(event, Choice)
    assert (event.by.user_id, event.trust.stranger) == ("?/U0ANN", True)


def test_a_reaction_taken_back_names_the_reaction() -> None:
    vote = known(heard(reaction(reaction="+1::skin-tone-4")), Account("T0HOME"))
    back = known(heard(reaction(type="reaction_removed", event_ts="4.000001")), Account("T0HOME"))
    assert isinstance(back, Withdrawn)
    assert (back.message_id, back.how) == (vote.id, Withdrawal.REDACTED)


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("white_check_mark", True),
        ("heavy_check_mark", True),
        ("thumbsup", True),
        ("+1::skin-tone-6", True),
        ("x", False),
        ("-1", False),
        ("eyes", None),
        ("", None),
    ],
)
def test_reactions_mean(name: str, means: bool | None) -> None:
    assert verdict(name) is means


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["U0ANN", "C0OPS", TS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "type",
    "subtype",
    "user",
    "channel",
    "ts",
    "text",
    "edited",
    "message",
    "previous_message",
    "item",
    "reaction",
    "event_ts",
    "thread_ts",
    "deleted_ts",
    "team",
]


@given(
    st.sampled_from(["message", "app_mention", "reaction_added", "reaction_removed"]),
    st.dictionaries(st.sampled_from(NAMES), JUNK),
    st.sampled_from([None, "message_changed", "message_deleted"]),
)
def test_no_event_of_anybody_is_a_fault(kind: str, event: dict[str, Any], subtype: str | None) -> None:
    body = {"type": "event_callback", "event": {**event, "type": kind, "subtype": subtype}}
    found = read(body, EARS, NOW)
    if isinstance(found, Heard):
        known(found, None)


@given(
    st.dictionaries(
        st.sampled_from(["user", "actions", "container", "team", "response_url"]),
        JUNK,
    )
)
def test_no_click_of_anybody_is_a_fault(fields: dict[str, Any]) -> None:
    read({**fields, "type": "block_actions"}, EARS, NOW)
    read({**fields, "command": "/tocsin"}, EARS, NOW)
