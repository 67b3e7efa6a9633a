"""A room as people see it, on either platform: messages with all their versions, and their threads."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.real.components.synapse import Synapse
from tests.real.slack import RemoteSlack

Json = dict[str, Any]


@dataclass
class Seen:
    """One root message: what it said at first, what it says now, how often it was edited, its thread."""

    id: str
    first: str
    now: str
    edits: int = 0
    thread: list[str] = field(default_factory=list)


def matrix_room(synapse: Synapse, token: str, room: str, sender: str) -> list[Seen]:
    """What `sender` said in the room, read in the clear."""
    return fold_matrix(e for e in synapse.timeline(token, room) if e["sender"] == sender)


def fold_matrix(events: Iterable[Json]) -> list[Seen]:
    """Message events, oldest first, decrypted: roots with their edits and thread lines."""
    roots: dict[str, Seen] = {}
    for event in events:
        if event["type"] != "m.room.message":
            continue
        content = event["content"]
        relation = content.get("m.relates_to", {})
        match relation.get("rel_type"):
            case "m.replace":
                seen = roots[relation["event_id"]]
                seen.now = content["m.new_content"]["body"]
                seen.edits += 1
            case "m.thread":
                roots[relation["event_id"]].thread.append(content["body"])
            case _:
                roots[event["event_id"]] = Seen(event["event_id"], content["body"], content["body"])
    return list(roots.values())


def slack_channel(slack: RemoteSlack, channel: str) -> list[Seen]:
    """What the bot said in the channel."""
    return [
        Seen(
            id=message.ts,
            first=str(message.history[0].get("text", "")) if message.history else message.plain,
            now=message.plain,
            edits=message.edits,
            thread=[reply.plain for reply in message.replies],
        )
        for message in slack.messages(channel)
        if message.bot_id
    ]
