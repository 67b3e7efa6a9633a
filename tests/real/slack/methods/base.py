"""What every method shares: the world it acts on, and the checks that come before."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.real.slack import arguments
from tests.real.slack.accounts import User
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.settings import Settings
from tests.real.slack.state import Workspace

Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class Api:
    """What methods act on. `base` is the server's own URL, `triggers` trigger_id → end of life."""

    workspace: Workspace
    settings: Settings
    base: str = ""
    triggers: dict[str, float] = field(default_factory=dict)
    used_triggers: set[str] = field(default_factory=set)
    views: dict[str, Json] = field(default_factory=dict)

    @property
    def bot(self) -> User:
        """The app's own user."""
        return self.workspace.users[self.workspace.bot_user]

    def need_scope(self, *scopes: str) -> None:
        """Raise missing_scope unless the app has one of them."""
        if scopes and not self.settings.scopes & set(scopes):
            provided = ",".join(sorted(self.settings.scopes))
            raise SlackError("missing_scope", needed=",".join(scopes), provided=provided)

    def channel(
        self, args: Json, key: str = "channel", *, member: bool = False, write: bool = False
    ) -> Channel:
        """The channel of a call. Private ones the app is not in do not exist for it."""
        ref = arguments.text(args, key) or ""
        channel = self.workspace.channels.get(ref)
        if channel is None and write:
            named = [c for c in self.workspace.channels.values() if c.name and c.name == ref.lstrip("#")]
            channel = named[0] if named else None
        if channel is None and write and ref in self.workspace.users:
            channel = self.workspace.im(self.workspace.users[ref])
        if channel is None:
            raise SlackError("channel_not_found")
        inside = self.bot.id in channel.members
        if channel.is_private and not inside:
            raise SlackError("channel_not_found")
        if write and channel.is_archived:
            raise SlackError("is_archived")
        public = write and "chat:write.public" in self.settings.scopes
        if (member or write) and not inside and not public:
            raise SlackError("not_in_channel")
        return channel


@dataclass(frozen=True)
class Method:
    """One method. `scopes`: one of them is needed. `app_token`: wants the xapp token."""

    serve: Callable[[Api, Json], Json]
    scopes: tuple[str, ...] = ()
    app_token: bool = False
    no_token: bool = False


def page(items: Sequence[T], args: Json, default: int, most: int) -> tuple[Sequence[T], str]:
    """One page of items and the cursor of the next ('' at the end)."""
    limit = arguments.number(args, "limit", default, most)
    start = 0
    cursor = arguments.text(args, "cursor")
    if cursor:
        try:
            start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
        except ValueError:
            raise SlackError("invalid_cursor") from None
    end = start + limit
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return items[start:end], following
