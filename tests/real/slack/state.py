"""The workspace in memory: users, channels, messages, files; and what changes them.

Everything here is synchronous and knows no network. A change is told to `Workspace.on_event` as the
inner event Slack would send; whether and how it reaches an app is the business of `events.py`.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.real.slack import mrkdwn
from tests.real.slack.errors import SlackError

Json = dict[str, Any]
UNFURLED = "https://example.test/preview"


@dataclass
class User:
    """One account. `team_id` differs from the workspace's for a Slack Connect stranger."""

    id: str
    team_id: str
    name: str
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_admin: bool = False
    bot_id: str = ""
    app_id: str = ""
    email: str = ""
    tz: str = "Etc/UTC"

    def to_json(self) -> Json:
        """The `user` object of users.info."""
        profile: Json = {"real_name": self.name.title(), "display_name": self.name, "team": self.team_id}
        if self.email:
            profile["email"] = self.email
        if self.is_bot:
            profile |= {"api_app_id": self.app_id, "bot_id": self.bot_id}
        body: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.name.title(),
            "tz": self.tz,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1700000000,
        }
        if not self.deleted:
            body |= {
                "is_admin": self.is_admin,
                "is_owner": False,
                "is_primary_owner": False,
                "is_restricted": self.is_restricted,
                "is_ultra_restricted": self.is_ultra_restricted,
            }
        if self.is_stranger:
            body["is_stranger"] = True
        return body


@dataclass
class UserGroup:
    """A group of users (`@oncall`)."""

    id: str
    handle: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False

    def to_json(self, team: str) -> Json:
        """The object of usergroups.list."""
        return {
            "id": self.id,
            "team_id": team,
            "is_usergroup": True,
            "handle": self.handle,
            "name": self.handle,
            "date_delete": 1700000000 if self.disabled else 0,
            "user_count": len(self.users),
        }


@dataclass
class File:
    """A file, from the moment an upload URL was given out."""

    id: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = None
    shared_in: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The content as UTF-8."""
        return (self.content or b"").decode("utf-8", "replace")

    def to_json(self) -> Json:
        """The file object."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": len(self.content or b""),
            "mode": "hosted",
            "filetype": self.name.rpartition(".")[2] or "text",
            "url_private": f"https://files.loopback.test/{self.id}/{self.name}",
            "channels": list(self.shared_in),
        }


@dataclass
class Message:
    """One message as the workspace keeps it; `replies` are the thread under a root."""

    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    metadata: Json | None = None
    files: list[File] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    replies: list["Message"] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)
    edited: Json | None = None
    broadcast: bool = False
    deleted: bool = False
    unfurled: bool = False
    ephemeral_to: str | None = None
    client_msg_id: str | None = None

    @property
    def edits(self) -> int:
        """How often it was edited."""
        return len(self.history)

    @property
    def pings(self) -> list[str]:
        """Everybody this message calls, from text, blocks and attachments (`@U1`, `!channel`, ...)."""
        found = mrkdwn.pings(self.text)
        for part in mrkdwn.mrkdwn_parts([self.blocks, self.attachments]):
            found += [ping for ping in mrkdwn.pings(part) if ping not in found]
        return found

    @property
    def links(self) -> list[tuple[str, str]]:
        """(url, label) of every link in text, blocks and attachments."""
        found = mrkdwn.links(self.text)
        for part in mrkdwn.mrkdwn_parts([self.blocks, self.attachments]):
            found += mrkdwn.links(part)
        return found

    @property
    def plain(self) -> str:
        """What a person reads: the words of the blocks when there are any, else those of the text."""
        if not self.blocks:
            return mrkdwn.plain(self.text)
        return "\n".join(_words(self.blocks))

    def action(self, action_id: str, value: str | None = None) -> tuple[Json, str] | None:
        """The interactive element of that action_id (and value) in the blocks, with its block_id."""
        return find_action(self.blocks, action_id, value)

    def to_json(self) -> Json:
        """Everything, for the control API; `from_json` is its inverse."""
        body = asdict(self)
        _encode_files(body)
        return body

    @classmethod
    def from_json(cls, body: Json) -> "Message":
        """A message from what the control API answered."""
        body = dict(body)
        body["replies"] = [cls.from_json(reply) for reply in body["replies"]]
        body["files"] = [
            File(**{**f, "content": None if f["content"] is None else b64decode(f["content"])})
            for f in body["files"]
        ]
        return cls(**body)


def _encode_files(body: Json) -> None:
    for file in body["files"]:
        if file["content"] is not None:
            file["content"] = b64encode(file["content"]).decode()
    for reply in body["replies"]:
        _encode_files(reply)


def _words(blocks: Any) -> list[str]:
    out: list[str] = []
    if isinstance(blocks, list):
        for block in blocks:
            out += _words(block)
    elif isinstance(blocks, dict):
        text = blocks.get("text")
        if isinstance(text, str):
            verbatim = blocks.get("type") in ("plain_text", "text")
            out.append(text if verbatim else mrkdwn.plain(text))
        for value in blocks.values():
            if isinstance(value, (list, dict)):
                out += _words(value)
    return out


def find_action(blocks: Any, action_id: str, value: str | None = None) -> tuple[Json, str] | None:
    """The element with that action_id (and value, if given) in blocks, with its block_id."""
    for block in blocks:
        elements = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in elements:
            if not isinstance(element, dict) or element.get("action_id") != action_id:
                continue
            if value is None or element.get("value") == value:
                return element, block.get("block_id", "")
    return None


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
    replaced: int = 0

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
        for message in self.messages:
            if message.ts == ts and not message.deleted:
                return message
        return None

    def root(self, ts: str) -> Message | None:
        """The root of the thread that `ts` (a root or a reply) belongs to, tombstones included."""
        for message in self.messages:
            if message.ts == ts:
                if message.thread_ts in (None, ts):
                    return None if message.deleted and not message.replies else message
                return self.root(message.thread_ts or ts)
        return None

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


@dataclass
class Workspace:
    """One team with one app installed in it."""

    team: str = "T0HOME"
    domain: str = "loopback"
    app_id: str = "A0TOCSIN"
    bot_user: str = "U0BOT"
    bot_id: str = "B0BOT"
    bot_name: str = "tocsin"
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    usergroups: dict[str, UserGroup] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    on_event: Callable[[Channel, Json], None] = lambda channel, event: None
    _counter: int = 0
    _last_ts: int = 0

    def __post_init__(self) -> None:
        self.users[self.bot_user] = User(
            self.bot_user, self.team, self.bot_name, is_bot=True, bot_id=self.bot_id, app_id=self.app_id
        )

    def new_id(self, prefix: str) -> str:
        """A fresh id such as `C00000001`."""
        self._counter += 1
        return f"{prefix}{self._counter:08d}"

    def new_ts(self) -> str:
        """A timestamp that no other message has, later than all before."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def channel(self, ref: str) -> Channel:
        """The channel by id or (for the people of a test, not for the API) by name."""
        if ref in self.channels:
            return self.channels[ref]
        for channel in self.channels.values():
            if channel.name == ref.lstrip("#"):
                return channel
        raise SlackError("channel_not_found")

    def user(self, ref: str) -> User:
        """The user by id or name."""
        if ref in self.users:
            return self.users[ref]
        for user in self.users.values():
            if user.name == ref:
                return user
        raise SlackError("user_not_found")

    def message(self, channel: Channel, ts: str) -> Message:
        """The message, or message_not_found."""
        found = channel.find(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def im(self, user: User) -> Channel:
        """The direct conversation between that user and the app, opened when there is none."""
        for channel in self.channels.values():
            if channel.is_im and set(channel.members) == {user.id, self.bot_user}:
                return channel
        channel = Channel(self.new_id("D"), "", is_im=True, members=[user.id, self.bot_user])
        self.channels[channel.id] = channel
        return channel

    def post(
        self,
        channel: Channel,
        author: User,
        text: str,
        *,
        blocks: list[Json] | None = None,
        attachments: list[Json] | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
        metadata: Json | None = None,
        files: list[File] | None = None,
        subtype: str | None = None,
        client_msg_id: str | None = None,
    ) -> Message:
        """Put a message into the channel and tell it.

        A `thread_ts` that is a reply's lands in the same thread; one that is gone un-threads the
        message without an error, as Slack does (seen in slack-go/slack#1571).
        """
        root = channel.root(thread_ts) if thread_ts else None
        for file in files or []:
            file.shared_in.append(channel.id)
        message = Message(
            ts=self.new_ts(),
            user=author.id,
            text=text,
            blocks=blocks or [],
            attachments=attachments or [],
            thread_ts=root.ts if root else None,
            subtype="thread_broadcast" if root and broadcast else subtype,
            bot_id=author.bot_id or None,
            metadata=metadata,
            files=files or [],
            broadcast=broadcast,
            client_msg_id=client_msg_id,
        )
        channel.messages.append(message)
        if root:
            root.replies.append(message)
            root.thread_ts = root.ts
        event = self.message_json(message, with_metadata=True)
        self._tell(channel, {**event, "channel": channel.id, "event_ts": message.ts})
        self._tell_mention(channel, message)
        return message

    def update(
        self,
        channel: Channel,
        message: Message,
        text: str | None,
        *,
        blocks: list[Json] | None = None,
        attachments: list[Json] | None = None,
        metadata: Json | None = None,
        files: list[File] | None = None,
    ) -> None:
        """Edit in place. What is None stays; an empty list (or empty metadata) takes it away."""
        before = self.message_json(message)
        old_pings = message.pings
        message.history.append({"ts": message.ts, "text": message.text, "blocks": message.blocks})
        message.text = message.text if text is None else text
        message.blocks = message.blocks if blocks is None else blocks
        message.attachments = message.attachments if attachments is None else attachments
        message.files = message.files if files is None else files
        if metadata is not None:
            message.metadata = metadata or None
        message.edited = {"user": message.user, "ts": self.new_ts()}
        self._tell_changed(channel, message, before)
        if f"@{self.bot_user}" in message.pings or f"@{self.bot_user}" in old_pings:
            self._tell_mention(channel, message)

    def unfurl(self, channel: Channel, message: Message) -> None:
        """Slack adds a preview by itself: message_changed without an edit by anybody."""
        before = self.message_json(message)
        message.attachments = [*message.attachments, {"from_url": UNFURLED, "text": "preview", "id": 1}]
        message.unfurled = True
        self._tell_changed(channel, message, before)

    def delete(self, channel: Channel, message: Message) -> None:
        """Take it away; a root with replies stays as a tombstone."""
        before = self.message_json(message)
        message.deleted = True
        root = channel.root(message.thread_ts) if message.thread_ts else None
        if root and message in root.replies:
            root.replies.remove(message)
        ts = self.new_ts()
        event = {"type": "message", "subtype": "message_deleted", "hidden": True, "deleted_ts": message.ts}
        self._tell(
            channel,
            {**event, "channel": channel.id, "ts": ts, "event_ts": ts, "previous_message": before},
        )

    def react(self, channel: Channel, message: Message, user: User, name: str, *, add: bool = True) -> None:
        """Add or take away one reaction of one user."""
        users = message.reactions.setdefault(name, [])
        if add == (user.id in users):
            raise SlackError("already_reacted" if add else "no_reaction")
        if add:
            users.append(user.id)
        else:
            users.remove(user.id)
            if not users:
                del message.reactions[name]
        item = {"type": "message", "channel": channel.id, "ts": message.ts}
        kind = "reaction_added" if add else "reaction_removed"
        event = {"type": kind, "user": user.id, "reaction": name, "item": item, "item_user": message.user}
        self._tell(channel, {**event, "event_ts": self.new_ts()})

    def message_json(self, message: Message, *, with_metadata: bool = False) -> Json:
        """The message object as the API and the events show it."""
        author = self.users.get(message.user)
        body: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
        if message.client_msg_id:
            body["client_msg_id"] = message.client_msg_id
        if message.subtype:
            body["subtype"] = message.subtype
        if author:
            body["team"] = author.team_id
            if author.team_id != self.team:
                body |= {"user_team": author.team_id, "source_team": author.team_id}
        if message.bot_id and author:
            profile = {"id": message.bot_id, "app_id": author.app_id, "name": author.name, "deleted": False}
            body |= {"bot_id": message.bot_id, "app_id": author.app_id}
            body["bot_profile"] = {**profile, "team_id": author.team_id}
        for key in ("blocks", "attachments", "edited", "thread_ts"):
            if getattr(message, key):
                body[key] = getattr(message, key)
        if message.files:
            body["files"] = [file.to_json() for file in message.files]
        if message.thread_ts == message.ts:
            users = list(dict.fromkeys(reply.user for reply in message.replies))
            body |= {"reply_count": len(message.replies), "reply_users": users}
            body |= {"reply_users_count": len(users), "is_locked": False, "subscribed": False}
            if message.replies:
                body["latest_reply"] = message.replies[-1].ts
        elif message.thread_ts and author:
            root = next((c.find(message.thread_ts) for c in self.channels.values() if message in c.messages), None)
            if root:
                body["parent_user_id"] = root.user
        if message.reactions:
            body["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in message.reactions.items()
            ]
        if message.deleted:
            body |= {"subtype": "tombstone", "text": "This message was deleted.", "user": "USLACKBOT"}
            body.pop("blocks", None)
        if with_metadata and message.metadata:
            body["metadata"] = message.metadata
        return body

    def _tell(self, channel: Channel, event: Json) -> None:
        if event["type"] == "message":
            event["channel_type"] = channel.type
        self.on_event(channel, event)

    def _tell_changed(self, channel: Channel, message: Message, before: Json) -> None:
        ts = self.new_ts()
        event = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": channel.id}
        after = self.message_json(message)
        self._tell(channel, {**event, "ts": ts, "event_ts": ts, "message": after, "previous_message": before})

    def _tell_mention(self, channel: Channel, message: Message) -> None:
        """app_mention: also for an edited message (then with `edited`), never in a direct message."""
        if f"@{self.bot_user}" not in message.pings or channel.is_im or message.user == self.bot_user:
            return
        event = {**self.message_json(message), "type": "app_mention", "channel": channel.id}
        self._tell(channel, {**event, "event_ts": message.ts})
