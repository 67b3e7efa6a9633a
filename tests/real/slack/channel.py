"""One conversation: a channel or a direct message."""

from dataclasses import dataclass, field
from typing import Any

from tests.real.slack.message import Message

Json = dict[str, Any]


@dataclass
class Channel:
    """A conversation. `id` starts with C, or D for a direct message."""

    id: str
    name: str
    is_private: bool = False
    is_im: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    members: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    ephemerals: list[Message] = field(default_factory=list)
    by_ts: dict[str, Message] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """`channel_type` of message events."""
        return "im" if self.is_im else "group" if self.is_private else "channel"

    @property
    def scope_prefix(self) -> str:
        """The family of scopes this conversation needs."""
        return {"im": "im", "group": "groups", "channel": "channels"}[self.type]

    def find(self, ts: str) -> Message | None:
        """The message (or reply) with that ts; deleted ones are not found."""
        message = self.by_ts.get(ts)
        return None if message is None or message.deleted else message

    def root(self, ts: str) -> Message | None:
        """The root of the thread that `ts` (a root or a reply) belongs to, tombstones included."""
        message = self.by_ts.get(ts)
        if message is not None and message.thread_ts not in (None, ts):
            message = self.by_ts.get(message.thread_ts or ts)
        if message is None or (message.deleted and not message.replies):
            return None
        return message

    def add(self, message: Message) -> None:
        """Append a message."""
        self.messages.append(message)
        self.by_ts[message.ts] = message

    def to_json(self, bot: str) -> Json:
        """The `channel` object of conversations.info."""
        body: Json = {"id": self.id, "created": 1700000000, "is_im": self.is_im, "is_org_shared": False}
        if self.is_im:
            return body | {"user": next((m for m in self.members if m != bot), bot), "is_archived": False}
        return body | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_pending_ext_shared": False,
            "is_member": bot in self.members,
            "num_members": len(self.members),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }
