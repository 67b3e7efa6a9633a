"""A raw Slack payload → what was said. Pure: who the sender is beyond the payload is told to it (`Account`).

Ids. A person's message is `CHANNEL:TS` (a ts is unique only within its channel); `app_mention` and `message`
of one message have the same. Threads and cards are named by their bare ts, as `send` returned it. A
Withdrawn names a person's message by its id, and one of our own by its ts.

A Slack Connect stranger's events look like everybody's: only `user_team`, `source_team` and `team` differ
(docs.slack.dev/apis/slack-connect).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.core.model import Choice, Event, Identity, Message, Room, Trust, Withdrawal, Withdrawn
from bot.core.reply import read_reply
from bot.platforms.slack_blocks import APPROVE, DENY

Raw = Mapping[str, Any]
PLATFORM = "slack"
YES = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "+1", "thumbsup", "ok"})
NO = frozenset({"x", "-1", "thumbsdown", "no_entry", "no_entry_sign", "negative_squared_cross_mark"})
SPOKEN = frozenset({None, "file_share", "thread_broadcast"})
"""Subtypes of a message that a person types. Everything else is made by Slack or by an app."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who listens. `room` gives the configured room of a channel id, or one without a name."""

    team: str
    me: str
    prefix: str
    room: Callable[[str], Room]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A payload that says nothing to us, and why. `sender` and `channel` where they are known."""

    why: str
    id: str = ""
    sender: str = ""
    channel: str = ""
    worth_telling: bool = False
    """It was tried, not just said: a command put into an older message."""


@dataclass(frozen=True, slots=True)
class Account:
    """What users.info says of somebody. `team` is theirs; `trouble` is why they are nobody of ours."""

    team: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a payload says, before its sender was looked up."""

    event: Event
    user: str
    team: str
    """The sender's team as the payload says; "" when it does not."""
    trouble: str = ""
    """Why the payload alone makes a stranger of the sender."""


def read(body: Raw, ears: Ears, now: datetime) -> Heard | Ignored:
    """An events_api payload, a block_actions payload or a slash command's form. `now` is when it came."""
    if "command" in body:
        return _slash(body, ears, now)
    match body.get("type"):
        case "event_callback":
            return _event(body, ears)
        case "block_actions":
            return _click(body, ears)
        case kind:
            return Ignored(f"a payload of type {kind}")


def known(heard: Heard, account: Account | None) -> Event:
    """The event with its sender's true team and what could be proved. `account` is None when Slack could
    not be asked: then nothing is proved."""
    team = (account.team if account else heard.team) or "?"
    who = Identity(PLATFORM, f"{team}/{heard.user}")
    trouble = heard.trouble
    if not trouble:
        trouble = account.trouble if account else "their account cannot be looked up now"
    trust = Trust(stranger=bool(trouble), why=trouble)
    return _signed(heard.event, who, trust)


def _signed(event: Event, who: Identity, trust: Trust) -> Event:
    match event:
        case Message():
            return replace(event, sender=who, trust=trust)
        case Choice():
            return replace(event, by=who, trust=trust)
        case Withdrawn():
            return replace(event, by=who)


def account(user: Raw, team: str) -> Account:
    """What users.info's `user` means. Deny where it does not say."""
    theirs = str(user.get("team_id") or "")
    if theirs != team:
        return Account(theirs or "?", f"of another team, {theirs or 'which Slack does not name'}")
    if user.get("is_stranger"):
        return Account(theirs, "a Slack Connect stranger")
    if user.get("deleted"):
        return Account(theirs, "a deactivated account")
    if user.get("is_bot") or user.get("id") == "USLACKBOT":
        return Account(theirs, "a bot")
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return Account(theirs, "a guest")
    return Account(theirs)


# ---- events ---------------------------------------------------------------------------------------------


def _event(body: Raw, ears: Ears) -> Heard | Ignored:
    event = body.get("event")
    if not isinstance(event, Mapping):
        return Ignored("an event without an event")
    shared = bool(body.get("is_ext_shared_channel"))
    match event.get("type"):
        case "message":
            match event.get("subtype"):
                case "message_changed":
                    return _changed(event, ears)
                case "message_deleted":
                    return _deleted(event, ears)
                case _:
                    return _message(event, ears, shared)
        case "app_mention":
            return _message(event, ears, shared)
        case "reaction_added" | "reaction_removed":
            return _reaction(event, ears, shared)
        case kind:
            return Ignored(f"an event of type {kind}")


def _message(event: Raw, ears: Ears, shared: bool) -> Heard | Ignored:
    user, channel, ts, text = (str(event.get(name) or "") for name in ("user", "channel", "ts", "text"))
    if event.get("subtype") not in SPOKEN or event.get("hidden"):
        return Ignored(f"a message of subtype {event.get('subtype')}")
    if not (is_id(user) and is_id(channel) and is_ts(ts)):
        return Ignored("a message without a sender, a place or a time")
    if user == ears.me:
        return Ignored("our own")
    words, addressed = strip_mention(text, ears.me)
    if "edited" in event:
        sender = f"{_team(event) or '?'}/{user}"
        return Ignored("an edited message is never a command", f"{channel}:{ts}", sender, channel, addressed)
    thread = _thread(event, ts)
    ours = event.get("parent_user_id") in (None, ears.me)
    # In somebody else's thread a plan may stand too: a word of yes or no is then for us.
    answers = thread is not None and (ours or read_reply(words).approve is not None)
    if not addressed and not words.startswith(ears.prefix) and not answers:
        return Ignored("talk among people")
    message = Message(
        id=f"{channel}:{ts}",
        room=ears.room(channel),
        sender=Identity(PLATFORM, user),
        text=words,
        at=when(ts),
        thread=thread,
        addressed=addressed,
        reply_to=thread,
    )
    return Heard(message, user, _team(event), _trouble(event, ears, shared))


def _thread(event: Raw, ts: str) -> str | None:
    thread = event.get("thread_ts")
    return thread if isinstance(thread, str) and is_ts(thread) and thread != ts else None


def _team(event: Raw) -> str:
    return next((t for n in ("user_team", "source_team", "team") if isinstance(t := event.get(n), str)), "")


def _trouble(event: Raw, ears: Ears, shared: bool) -> str:
    team = _team(event)
    if event.get("bot_id"):
        return "a bot"
    if team and team != ears.team:
        return f"a Slack Connect stranger of {team}" if shared else f"of another team, {team}"
    return "in a channel that is shared with another company" if shared else ""


def _changed(event: Raw, ears: Ears) -> Heard | Ignored:
    """Only an edit by somebody withdraws. Slack itself changes messages too: previews, languages."""
    after, before, channel = (event.get(name) for name in ("message", "previous_message", "channel"))
    if not isinstance(after, Mapping) or not is_id(channel):
        return Ignored("a change of nothing")
    edited, ts = after.get("edited"), after.get("ts")
    old = before.get("edited") if isinstance(before, Mapping) else None
    if not isinstance(edited, Mapping) or not is_id(edited.get("user")) or edited == old or not is_ts(ts):
        return Ignored("a change by Slack itself")
    user, author = str(edited["user"]), after.get("user")
    if user == ears.me or author == ears.me:
        return Ignored("our own")
    said = after.get("text")
    words, addressed = strip_mention(said if isinstance(said, str) else "", ears.me)
    if not _was_for_us(before, ears) and not addressed and not words.startswith(ears.prefix):
        return Ignored("talk among people")
    event_id, target = f"edit:{channel}:{ts}:{edited.get('ts')}", f"{channel}:{ts}"
    return _withdrawn(event_id, target, Withdrawal.EDITED, event, user, _team(after), ears, words)


def _deleted(event: Raw, ears: Ears) -> Heard | Ignored:
    """Slack does not say who deleted it: it is taken for its author, and a card of ours for ourselves."""
    before, channel, ts = (event.get(name) for name in ("previous_message", "channel", "deleted_ts"))
    user = before.get("user") if isinstance(before, Mapping) else None
    if not is_id(channel) or not is_ts(ts) or not is_id(user) or not isinstance(before, Mapping):
        return Ignored("a deletion of nothing")
    if user != ears.me and not _was_for_us(before, ears):
        return Ignored("talk among people")
    target = str(ts) if user == ears.me else f"{channel}:{ts}"
    event_id = f"delete:{channel}:{ts}"
    return _withdrawn(event_id, target, Withdrawal.REDACTED, event, str(user), _team(before), ears)


def _was_for_us(before: object, ears: Ears) -> bool:
    """Whether a message may have been a command or a vote before it was changed; yes when nobody knows."""
    if not isinstance(before, Mapping) or not isinstance(before.get("text"), str):
        return True
    words, addressed = strip_mention(before["text"], ears.me)
    return addressed or words.startswith(ears.prefix) or before.get("thread_ts") is not None


def _withdrawn(
    event_id: str, target: str, how: Withdrawal, event: Raw, user: str, team: str, ears: Ears, text: str = ""
) -> Heard | Ignored:
    at = event.get("event_ts") or event.get("ts")
    if not is_ts(at):
        return Ignored("a change without a time")
    room = ears.room(str(event["channel"]))
    gone = Withdrawn(event_id, room, target, how, Identity(PLATFORM, user), when(str(at)), text)
    return Heard(gone, user, team)


def _reaction(event: Raw, ears: Ears, shared: bool) -> Heard | Ignored:
    """A reaction's id is made of who, what and where. So a vote that was taken away stays taken away: the
    same reaction again is the same id, which is known."""
    item, user, name = event.get("item"), event.get("user"), event.get("reaction")
    if not isinstance(item, Mapping) or item.get("type") != "message" or not isinstance(name, str):
        return Ignored("a reaction to no message")
    channel, ts, at = item.get("channel"), item.get("ts"), event.get("event_ts")
    if not (is_id(user) and is_id(channel) and is_ts(ts) and is_ts(at)):
        return Ignored("a reaction without a sender, a place or a time")
    if user == ears.me:
        return Ignored("our own")
    if event.get("item_user") not in (None, ears.me):
        return Ignored("a reaction to somebody else's message")
    approve = verdict(name)
    if approve is None:
        return Ignored("a reaction that is neither yes nor no")
    choice_id = f"reaction:{channel}:{ts}:{user}:{name.split('::')[0]}"
    room, who, moment = ears.room(str(channel)), Identity(PLATFORM, str(user)), when(str(at))
    said: Event
    if event.get("type") == "reaction_removed":
        said = Withdrawn(f"un{choice_id}:{at}", room, choice_id, Withdrawal.REDACTED, who, moment)
    else:
        said = Choice(choice_id, room, str(ts), approve, who, moment)
    return Heard(said, str(user), "", "in a channel that is shared with another company" if shared else "")


def verdict(name: str) -> bool | None:
    """What a reaction says: yes, no, or nothing. Skin tones do not matter."""
    bare = name.split("::")[0]
    if bare in YES:
        return True
    return False if bare in NO else None


# ---- buttons and slash commands -------------------------------------------------------------------------


def _click(body: Raw, ears: Ears) -> Heard | Ignored:
    actions, container = body.get("actions"), body.get("container")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, Mapping) or action.get("action_id") not in (APPROVE, DENY):
        return Ignored("a button that is not ours")
    user, team = _clicker(body)
    channel = container.get("channel_id") if isinstance(container, Mapping) else None
    card = container.get("message_ts") if isinstance(container, Mapping) else None
    at, value = action.get("action_ts"), action.get("value")
    if not (is_id(user) and is_id(channel) and is_ts(card) and is_ts(at)) or not isinstance(value, str):
        return Ignored("a click without a sender, a place, a time or a value")
    choice = Choice(
        id=f"click:{channel}:{card}:{user}:{at}",
        room=ears.room(str(channel)),
        message_id=str(card),
        approve=action["action_id"] == APPROVE,
        by=Identity(PLATFORM, user),
        at=when(str(at)),
        approval_id=value,
        private=_response_url(body),
    )
    return Heard(choice, user, team, f"of another team, {team}" if team != ears.team else "")


def _clicker(body: Raw) -> tuple[str, str]:
    user = body.get("user")
    if not isinstance(user, Mapping):
        return "", ""
    return str(user.get("id") or ""), str(user.get("team_id") or "")


def _slash(body: Raw, ears: Ears, now: datetime) -> Heard | Ignored:
    user, channel, trigger = (body.get(name) for name in ("user_id", "channel_id", "trigger_id"))
    team, text = str(body.get("team_id") or ""), body.get("text")
    if not (is_id(user) and is_id(channel)) or not isinstance(trigger, str) or not trigger:
        return Ignored("a slash command without a sender, a place or a trigger")
    words, _ = strip_mention(text if isinstance(text, str) else "", ears.me)
    message = Message(
        id=f"slash:{trigger}",
        room=ears.room(str(channel)),
        sender=Identity(PLATFORM, str(user)),
        text=words,
        at=now,
        addressed=True,
        private=_response_url(body),
    )
    return Heard(message, str(user), team, f"of another team, {team}" if team != ears.team else "")


def _response_url(body: Raw) -> str | None:
    url = body.get("response_url")
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None


# ---- text -----------------------------------------------------------------------------------------------

_ANGLE = re.compile(r"<([^<>]*)>")


def strip_mention(text: str, me: str) -> tuple[str, bool]:
    """A message's words as people read them, without our mention at either end, and whether we were named.

    Slack writes a link as `<url|what was typed>`: what was typed is what everybody sees, so that is read.
    """
    ours = re.compile(rf"<@{re.escape(me)}(?:\|[^<>]*)?>")
    named = bool(ours.search(text))
    bare = re.sub(rf"^(?:\s*{ours.pattern}[\s:,]*)+|(?:\s*{ours.pattern}\s*)+$", "", text)
    return unescape_text(bare).strip(), named


def unescape_text(text: str) -> str:
    """mrkdwn's `<…>` as its words, then its three entities."""
    words = _ANGLE.sub(lambda found: _angle(found.group(1)), text)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _angle(inner: str) -> str:
    target, _, label = inner.partition("|")
    if target.startswith(("@", "#")):
        return f"{target[0]}{label or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].split('^')[0]}"
    return label or target.removeprefix("mailto:")


def is_id(value: object) -> bool:
    """An id of Slack: capital letters and digits."""
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Z0-9]{2,30}", value))


def is_ts(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[0-9]{1,10}\.[0-9]{1,9}", value))


def when(ts: str) -> datetime:
    """A ts as a time."""
    return datetime.fromtimestamp(float(ts), UTC)
