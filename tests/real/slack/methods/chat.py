"""chat.*: post, edit, delete, ephemeral messages, permalinks."""

import json
import re
from typing import Any

from tests.real.slack import arguments, blocks, mrkdwn
from tests.real.slack.channel import Channel
from tests.real.slack.errors import SlackError
from tests.real.slack.message import Message
from tests.real.slack.methods.base import Api, Method

Json = dict[str, Any]
TRUNCATED_AT = 40_000
UPDATE_TEXT = 4_000
METADATA_BYTES = 16_000
_TS = re.compile(r"\d{10}\.\d{6}")


def content(args: Json) -> tuple[str | None, list[Json] | None, list[Json] | None]:
    """(text, blocks, attachments) of a call, checked; None for what was not given."""
    text = arguments.text(args, "text")
    given = blocks.read_list(args.get("blocks"), "invalid_blocks_format")
    attachments = blocks.read_list(args.get("attachments"), "invalid_attachments")
    markdown = arguments.text(args, "markdown_text")
    if markdown is not None:
        if text or given:
            raise SlackError("markdown_text_conflict")
        given = [{"type": "markdown", "text": markdown}]
    blocks.check_message(given or [], attachments or [])
    if text is not None:
        full = args.get("parse") == "full" or arguments.flag(args, "link_names")
        text = mrkdwn.stored(text, parse_full=full)
    return text, given, attachments


def metadata(args: Json) -> Json | None:
    """Message metadata: `{event_type, event_payload}`; None when absent, {} to remove it."""
    value = arguments.obj(args, "metadata", "invalid_metadata_format")
    if value is None:
        return None
    if value == {}:
        return {}
    if not isinstance(value, dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(value.get("event_type"), str) or not isinstance(value.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(value)) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return value


def check_ts(ts: str | None) -> str | None:
    """A thread_ts as text `1234567890.123456`, or invalid_thread_ts."""
    if ts and not _TS.fullmatch(ts):
        message = f"[ERROR] {ts} is not a valid thread_ts"
        raise SlackError("invalid_thread_ts", response_metadata={"messages": [message]})
    return ts or None


def _unfurls(args: Json, message: Message) -> bool:
    """An app's links show a preview of media unless unfurl_media=false, of pages with unfurl_links."""
    if not message.links:
        return False
    return arguments.flag(args, "unfurl_media", True) or arguments.flag(args, "unfurl_links", False)


def post_message(api: Api, args: Json) -> Json:
    """chat.postMessage. Text over 40,000 is cut."""
    channel = api.channel(args, write=True)
    text, given, attachments = content(args)
    if not text and not given and not attachments:
        raise SlackError("no_text")
    message = api.workspace.post(
        channel,
        api.bot,
        (text or "")[:TRUNCATED_AT],
        blocks=given,
        attachments=attachments,
        thread_ts=check_ts(arguments.text(args, "thread_ts")),
        broadcast=arguments.flag(args, "reply_broadcast"),
        metadata=metadata(args) or None,
    )
    message.unfurled = _unfurls(args, message)
    shown = api.workspace.message_json(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def update(api: Api, args: Json) -> Json:
    """chat.update. Absent blocks stay, `[]` takes them away; text over 4,000 is refused."""
    channel = api.channel(args, member=True)
    message = api.workspace.message(channel, arguments.need(args, "ts", "message_not_found"))
    if message.user != api.bot.id:
        raise SlackError("cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    text, given, attachments = content(args)
    if text is None and given is None and attachments is None:
        raise SlackError("no_text")
    if text is not None and blocks.length(text) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    if text == "" and not (message.blocks if given is None else given) and not attachments:
        raise SlackError("no_text")
    kept = metadata(args)
    api.workspace.update(channel, message, text, blocks=given, attachments=attachments, metadata=kept)
    shown = api.workspace.message_json(message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(api: Api, args: Json) -> Json:
    """chat.delete of the app's own message."""
    channel = api.channel(args, member=True)
    message = api.workspace.message(channel, arguments.need(args, "ts", "message_not_found"))
    if message.user != api.bot.id:
        raise SlackError("cant_delete_message")
    api.workspace.delete(channel, message)
    return {"channel": channel.id, "ts": message.ts}


def ephemeral(api: Api, channel: Channel, user: str, args: Json) -> Message:
    """A message only `user` sees. It has no history and cannot be updated."""
    text, given, attachments = content(args)
    if not text and not given and not attachments:
        raise SlackError("no_text")
    message = Message(
        ts=api.workspace.new_ts(),
        user=api.bot.id,
        bot_id=api.bot.bot_id,
        text=text or "",
        blocks=given or [],
        attachments=attachments or [],
        thread_ts=check_ts(arguments.text(args, "thread_ts")),
        ephemeral_to=user,
    )
    channel.ephemerals.append(message)
    return message


def post_ephemeral(api: Api, args: Json) -> Json:
    """chat.postEphemeral."""
    channel = api.channel(args, write=True)
    user = arguments.need(args, "user", "invalid_arguments")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    return {"message_ts": ephemeral(api, channel, user, args).ts}


def get_permalink(api: Api, args: Json) -> Json:
    """chat.getPermalink."""
    channel = api.channel(args)
    message = api.workspace.message(channel, arguments.need(args, "message_ts", "message_not_found"))
    link = f"https://{api.workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete, ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
    "chat.getPermalink": Method(get_permalink),
}
