"""The workspace in memory: users, channels, messages, files; and what changes them.

Everything here is synchronous and knows no network. A change is told to `Workspace.on_event` as the
inner event Slack would send; whether and how it reaches an app is the business of `events.py`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.real.slack.accounts import User, UserGroup
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.message import File, Message

Json = dict[str, Any]
UNFURLED = "https://example.test/preview"


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
            parent_user=root.user if root else None,
        )
        channel.add(message)
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
        elif message.parent_user:
            body["parent_user_id"] = message.parent_user
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
