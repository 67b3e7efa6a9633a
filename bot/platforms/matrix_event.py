"""A raw Matrix event → what was said. Pure: whether the sender is proved is told to it as a Trust.

Only `body` is ever read; `formatted_body` may say something else entirely. An edit is never a command.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.model import Choice, Event, Identity, Message, Room, Trust, Withdrawal, Withdrawn

YES = frozenset({"✅", "👍", "✔", "☑", "approve", "approved", "yes", "ok", "+1"})
NO = frozenset({"❎", "❌", "👎", "🚫", "✖", "deny", "denied", "no", "-1"})
SEEDS = ("✅", "❎")
"""What the bot itself puts under a plan, to be pressed: the yes, then the no."""

_TONES = {chr(code) for code in range(0x1F3FB, 0x1F400)} | {"\ufe0f", "\ufe0e", "\u200d"}


@dataclass(frozen=True, slots=True)
class Ears:
    """Who listens: our account and the names people call it by."""

    me: str
    names: tuple[str, ...] = ()
    relations: bool = True
    """Whether a reply's target is believed. Matrix leaves it outside the encryption, where the homeserver
    can change it: where only proved words count, it is not."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that says nothing to us, and why."""

    id: str
    sender: str
    why: str
    worth_telling: bool = False
    """It was tried, not just said: forged, replayed, unreadable."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A timeline event as the homeserver sent it, decrypted where that was possible.

    raw: the envelope; `type` and `content` are the decrypted ones. Nothing else of the payload is believed.
    sender_key, signed_by: the curve25519 and ed25519 keys of the megolm session; "" for clear text.
    """

    raw: Mapping[str, Any]
    sender_key: str = ""
    signed_by: str = ""
    forwarded: bool = False
    unreadable: str = ""
    """Why it could not be decrypted."""
    replayed: bool = False


def read(raw: Mapping[str, Any], *, room: Room, ears: Ears, trust: Trust, now: datetime) -> Event | Ignored:
    """One timeline event, decrypted where it was encrypted. `now` is when it arrived."""
    event_id, sender, content = raw.get("event_id"), raw.get("sender"), raw.get("content")
    if not isinstance(event_id, str) or not isinstance(sender, str) or not is_user(sender):
        return Ignored(str(event_id), str(sender), "no event id or no sender")
    if sender == ears.me:
        return Ignored(event_id, sender, "our own")
    if "state_key" in raw or not isinstance(content, Mapping):
        return Ignored(event_id, sender, "no message")
    by = Identity(room.platform, sender)
    at = arrival(raw.get("origin_server_ts"), now)
    match raw.get("type"):
        case "m.room.message":
            return _message(raw, content, event_id, room=room, by=by, at=at, ears=ears, trust=trust)
        case "m.reaction":
            return _reaction(content, event_id, room=room, by=by, at=at, trust=trust)
        case "m.room.redaction":
            target = content.get("redacts", raw.get("redacts"))
            if not isinstance(target, str):
                return Ignored(event_id, sender, "a redaction of nothing")
            return Withdrawn(event_id, room, target, Withdrawal.REDACTED, by, at)
        case _:
            return Ignored(event_id, sender, "not a message, a reaction or a redaction")


def _message(
    raw: Mapping[str, Any],
    content: Mapping[str, Any],
    event_id: str,
    *,
    room: Room,
    by: Identity,
    at: datetime,
    ears: Ears,
    trust: Trust,
) -> Event | Ignored:
    relates = content.get("m.relates_to")
    relates = relates if isinstance(relates, Mapping) else {}
    if relates.get("rel_type") == "m.replace":
        target = relates.get("event_id")
        if isinstance(target, str):
            return Withdrawn(event_id, room, target, Withdrawal.EDITED, by, at, _edited(content, ears))
        return Ignored(event_id, by.user_id, "an edit of nothing")
    if "m.new_content" in content:
        return Ignored(event_id, by.user_id, "an edit without its target")
    body = content.get("body")
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return Ignored(event_id, by.user_id, "not words")
    thread = relates.get("event_id") if relates.get("rel_type") == "m.thread" else None
    thread = thread if isinstance(thread, str) else None
    reply = _reply(relates)
    text = strip_fallback(body) if isinstance(relates.get("m.in_reply_to"), Mapping) else body
    text, called = strip_name(text.strip(), ears)
    # Clients mention whom they reply to by themselves: that alone does not call us.
    addressed = called or (reply is None and _mentions(content, ears.me))
    return Message(
        id=event_id,
        room=room,
        sender=by,
        text=text,
        at=at,
        thread=thread,
        trust=trust,
        addressed=addressed,
        reply_to=reply if ears.relations else None,
    )


def _edited(content: Mapping[str, Any], ears: Ears) -> str:
    """What the message says now."""
    new = content.get("m.new_content")
    body = new.get("body") if isinstance(new, Mapping) else content.get("body")
    return strip_name(body.strip(), ears)[0] if isinstance(body, str) else ""


def _reply(relates: Mapping[str, Any]) -> str | None:
    """The event that is replied to; a thread's fallback for old clients is no reply."""
    if relates.get("rel_type") == "m.thread" and relates.get("is_falling_back") is not False:
        return None
    reply = relates.get("m.in_reply_to")
    target = reply.get("event_id") if isinstance(reply, Mapping) else None
    return target if isinstance(target, str) else None


def _reaction(
    content: Mapping[str, Any], event_id: str, *, room: Room, by: Identity, at: datetime, trust: Trust
) -> Event | Ignored:
    relates = content.get("m.relates_to")
    if not isinstance(relates, Mapping) or relates.get("rel_type") != "m.annotation":
        return Ignored(event_id, by.user_id, "a reaction to nothing")
    target, key = relates.get("event_id"), relates.get("key")
    approve = verdict(key) if isinstance(key, str) else None
    if not isinstance(target, str) or approve is None:
        return Ignored(event_id, by.user_id, "a reaction that is neither yes nor no")
    return Choice(event_id, room, target, approve, by, at, trust)


def verdict(key: str) -> bool | None:
    """What a reaction says: yes, no, or nothing. Skin tones and variation selectors do not matter."""
    bare = "".join(char for char in key if char not in _TONES).strip().casefold()
    if bare in YES:
        return True
    return False if bare in NO else None


def _mentions(content: Mapping[str, Any], me: str) -> bool:
    mentions = content.get("m.mentions")
    users = mentions.get("user_ids") if isinstance(mentions, Mapping) else None
    return isinstance(users, Sequence) and not isinstance(users, str) and me in users


def strip_fallback(body: str) -> str:
    """Without the quoted lines that older clients put before a reply."""
    if not body.startswith("> "):
        return body
    lines = body.split("\n")
    quoted = next((n for n, row in enumerate(lines) if not row.startswith(">")), len(lines))
    rest = lines[quoted:]
    return "\n".join(rest[1:] if rest and not rest[0].strip() else rest)


def strip_name(text: str, ears: Ears) -> tuple[str, bool]:
    """Without our name in front ("@bot status", "Tocsin: status"), and whether it stood there."""
    local = ears.me[1:].split(":", 1)[0]
    for name, bare in [(ears.me, True), (f"@{local}", True), *((n, False) for n in (*ears.names, local))]:
        if not name or text[: len(name)].casefold() != name.casefold():
            continue
        rest = text[len(name) :]
        # A bare name must be followed by a mark, else "tocsin is slow" would be a command.
        found = re.match(r"(?:\s*[:,]\s*|\s+|$)" if bare else r"\s*[:,]\s*", rest)
        if found:
            return rest[found.end() :].strip(), True
    return text, False


def arrival(origin: object, now: datetime) -> datetime:
    """When it was said: the sender's server may only make it older, never younger than its arrival."""
    if not isinstance(origin, int) or isinstance(origin, bool):
        return now
    try:
        return min(datetime.fromtimestamp(origin / 1000, UTC), now)
    except (OverflowError, OSError, ValueError):
        return now - timedelta(days=36500)


def is_user(user_id: str) -> bool:
    """`@local:server`, at most 255 bytes, nothing that a line could hide."""
    return (
        len(user_id.encode("utf-8", "replace")) <= 255
        and user_id.startswith("@")
        and ":" in user_id
        and user_id.isprintable()
        and " " not in user_id
    )


def after_own_join(events: Sequence[Mapping[str, Any]], me: str) -> tuple[list[Mapping[str, Any]], bool]:
    """The events since we last came in, and whether we came in at all among these."""
    for index in range(len(events) - 1, -1, -1):
        if _own_join(events[index], me):
            return list(events[index + 1 :]), True
    return list(events), False


def _own_join(raw: Mapping[str, Any], me: str) -> bool:
    if raw.get("type") != "m.room.member" or raw.get("state_key") != me:
        return False
    content, unsigned = raw.get("content"), raw.get("unsigned")
    if not isinstance(content, Mapping) or content.get("membership") != "join":
        return False
    before = unsigned.get("prev_content") if isinstance(unsigned, Mapping) else None
    return not (isinstance(before, Mapping) and before.get("membership") == "join")


def inviter(state: Sequence[Any], me: str) -> str | None:
    """Who invites us, from an invitation's stripped state."""
    for raw in state:
        if not isinstance(raw, Mapping) or raw.get("type") != "m.room.member" or raw.get("state_key") != me:
            continue
        content, sender = raw.get("content"), raw.get("sender")
        if isinstance(content, Mapping) and content.get("membership") == "invite" and isinstance(sender, str):
            return sender
    return None


def successor(raw: Mapping[str, Any]) -> str | None:
    """The room that a tombstone announces."""
    content = raw.get("content")
    if raw.get("type") != "m.room.tombstone" or raw.get("state_key") != "":
        return None
    if not isinstance(content, Mapping):
        return None
    room_id = content.get("replacement_room")
    return room_id if isinstance(room_id, str) and room_id.startswith("!") else None
