"""reactions.add, reactions.remove, reactions.get."""

import re
from typing import Any

from tests.real.slack import arguments
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.message import Message
from tests.real.slack.methods.base import Api, Method

Json = dict[str, Any]
_NAME = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


def _target(api: Api, args: Json) -> tuple[Channel, Message]:
    channel = api.channel(args, member=True)
    ts = arguments.text(args, "timestamp")
    if not ts:
        raise SlackError("no_item_specified")
    return channel, api.workspace.message(channel, ts)


def _name(args: Json) -> str:
    name = (arguments.text(args, "name") or "").strip(":")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    return name


def add(api: Api, args: Json) -> Json:
    """reactions.add as the app."""
    name = _name(args)
    channel, message = _target(api, args)
    if channel.is_archived:
        raise SlackError("is_archived")
    api.workspace.react(channel, message, api.bot, name)
    return {}


def remove(api: Api, args: Json) -> Json:
    """reactions.remove as the app."""
    name = _name(args)
    channel, message = _target(api, args)
    api.workspace.react(channel, message, api.bot, name, add=False)
    return {}


def get(api: Api, args: Json) -> Json:
    """reactions.get."""
    channel, message = _target(api, args)
    shown = api.workspace.message_json(message)
    return {"type": "message", "channel": channel.id, "message": shown}


METHODS = {
    "reactions.add": Method(add, ("reactions:write",)),
    "reactions.remove": Method(remove, ("reactions:write",)),
    "reactions.get": Method(get, ("reactions:read",)),
}
