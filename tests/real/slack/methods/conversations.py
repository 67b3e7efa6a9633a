"""conversations.*: info, list, members, history, replies, open."""

from typing import Any

from tests.real.slack import arguments
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.message import Message
from tests.real.slack.methods.base import Api, Method, page

Json = dict[str, Any]
_TYPES = {"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read"}
_TYPES["mpim"] = "mpim:read"


def info(api: Api, args: Json) -> Json:
    """conversations.info."""
    channel = api.channel(args)
    api.need_scope(f"{channel.scope_prefix}:read")
    return {"channel": channel.to_json(api.bot.id)}


def _type(channel: Channel) -> str:
    return "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"


def list_(api: Api, args: Json) -> Json:
    """conversations.list: of the types asked for, private ones only where the app is in."""
    types = (arguments.text(args, "types") or "public_channel").split(",")
    for name in types:
        if name not in _TYPES:
            raise SlackError("invalid_types")
        api.need_scope(_TYPES[name])
    found = [
        channel
        for channel in api.workspace.channels.values()
        if _type(channel) in types
        and (api.bot.id in channel.members or _type(channel) == "public_channel")
        and not (channel.is_archived and arguments.flag(args, "exclude_archived"))
    ]
    items, cursor = page(found, args, 100, 1000)
    shown = [channel.to_json(api.bot.id) for channel in items]
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def members(api: Api, args: Json) -> Json:
    """conversations.members."""
    channel = api.channel(args)
    api.need_scope(f"{channel.scope_prefix}:read")
    items, cursor = page(channel.members, args, 100, 1000)
    return {"members": list(items), "response_metadata": {"next_cursor": cursor}}


def _window(messages: list[Message], args: Json) -> list[Message]:
    oldest = arguments.text(args, "oldest") or "0"
    latest = arguments.text(args, "latest") or ""
    inclusive = arguments.flag(args, "inclusive")

    def inside(message: Message) -> bool:
        ts = float(message.ts)
        if latest and (ts > float(latest) or (ts == float(latest) and not inclusive)):
            return False
        return ts > float(oldest) or (ts == float(oldest) and inclusive)

    try:
        return [message for message in messages if inside(message)]
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None


def _shown(api: Api, messages: list[Message], args: Json, default: int) -> Json:
    items, cursor = page(messages, args, default, 1000)
    with_metadata = arguments.flag(args, "include_all_metadata")
    shown = [api.workspace.message_json(message, with_metadata=with_metadata) for message in items]
    body: Json = {"messages": shown, "has_more": bool(cursor)}
    return body | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def history(api: Api, args: Json) -> Json:
    """conversations.history: newest first, thread replies only when broadcast."""
    channel = api.channel(args, member=True)
    api.need_scope(f"{channel.scope_prefix}:history")
    top = [
        message
        for message in channel.messages
        if (message.thread_ts in (None, message.ts) or message.broadcast)
        and not (message.deleted and not message.replies)
    ]
    return _shown(api, _window(top, args)[::-1], args, 100) | {"pin_count": 0}


def replies(api: Api, args: Json) -> Json:
    """conversations.replies: the root, then its replies, oldest first."""
    channel = api.channel(args, member=True)
    api.need_scope(f"{channel.scope_prefix}:history")
    root = channel.root(arguments.need(args, "ts", "thread_not_found"))
    if root is None:
        raise SlackError("thread_not_found")
    return _shown(api, [root, *_window(root.replies, args)], args, 1000)


def open_(api: Api, args: Json) -> Json:
    """conversations.open with one user."""
    users = [user for user in (arguments.text(args, "users") or "").split(",") if user]
    if len(users) != 1:
        raise SlackError("not_enough_users" if not users else "too_many_users")
    user = api.workspace.users.get(users[0])
    if user is None:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    return {"channel": {"id": api.workspace.im(user).id}}


METHODS = {
    "conversations.info": Method(info),
    "conversations.list": Method(list_),
    "conversations.members": Method(members),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
    "conversations.open": Method(open_, ("im:write", "channels:manage", "mpim:write")),
}
