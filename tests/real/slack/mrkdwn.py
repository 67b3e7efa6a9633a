"""What Slack makes of text: which part pings, links or is only text.

Source: docs.slack.dev/messaging/formatting-message-text.
"""

import re
from collections.abc import Iterator
from typing import Any

_CONTROL = re.compile(
    r"<(?:@[UW][A-Z0-9]+(?:\|[^>]*)?|#[CG][A-Z0-9]+(?:\|[^>]*)?|"
    r"!(?:channel|here|everyone|subteam\^S[A-Z0-9]+|date\^[^>]+)(?:\|[^>]*)?|"
    r"(?:https?://|mailto:|tel:|slack://)[^<>|\s][^<>|]*(?:\|[^>]*)?)>"
)
_URL = re.compile(r"https?://[^\s<>|]+")
_STRAY_AMP = re.compile(r"&(?!amp;|lt;|gt;)")
_AT_ALL = re.compile(r"(?<![\w<!])@(channel|here|everyone)\b")
_PING = re.compile(r"<(@[UW][A-Z0-9]+|!(?:channel|here|everyone)|!subteam\^S[A-Z0-9]+)(?:\|[^>]*)?>")
_LINK = re.compile(r"<((?:https?://|mailto:|tel:|slack://)[^<>|]*)(?:\|([^>]*))?>")


def stored(text: str, *, parse_full: bool = False) -> str:
    """The text as Slack keeps and echoes it: stray `& < >` escaped, bare URLs wrapped in `<>`.

    `parse_full` (parse=full or link_names) also makes real pings of `@channel`, `@here`, `@everyone`.
    """
    out: list[str] = []
    at = 0
    for match in _CONTROL.finditer(text):
        out.append(_plain_part(text[at : match.start()], parse_full))
        out.append(match.group())
        at = match.end()
    out.append(_plain_part(text[at:], parse_full))
    return "".join(out)


def _plain_part(text: str, parse_full: bool) -> str:
    text = _STRAY_AMP.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
    text = _URL.sub(lambda m: f"<{m.group()}>", text)
    return _AT_ALL.sub(r"<!\1>", text) if parse_full else text


def pings(text: str) -> list[str]:
    """Who this mrkdwn would call: `@U1`, `!channel`, `!subteam^S1`, in order, also inside code fences."""
    return [match.group(1) for match in _PING.finditer(text)]


def links(text: str) -> list[tuple[str, str]]:
    """(url, label) of each link; the label is the url when none was given."""
    return [(m.group(1), m.group(2) or m.group(1)) for m in _LINK.finditer(text)]


def mrkdwn_parts(blocks: Any) -> Iterator[str]:
    """Every string in blocks or attachments that Slack reads as mrkdwn (plain_text is not).

    Rich text names its targets in elements; those are given as the mrkdwn they stand for.
    """
    if isinstance(blocks, list):
        for block in blocks:
            yield from mrkdwn_parts(block)
        return
    if not isinstance(blocks, dict):
        return
    kind = blocks.get("type")
    if kind == "mrkdwn" or kind == "markdown":
        yield str(blocks.get("text", ""))
    elif kind == "user":
        yield f"<@{blocks.get('user_id', '')}>"
    elif kind == "usergroup":
        yield f"<!subteam^{blocks.get('usergroup_id', '')}>"
    elif kind == "broadcast":
        yield f"<!{blocks.get('range', '')}>"
    elif kind == "link":
        yield f"<{blocks.get('url', '')}|{blocks.get('text', '')}>"
    elif kind is None:
        for key in ("text", "pretext", "fallback"):
            if isinstance(blocks.get(key), str):
                yield blocks[key]
    for value in blocks.values():
        if isinstance(value, (list, dict)):
            yield from mrkdwn_parts(value)


def plain(text: str) -> str:
    """The text as a person reads it: labels instead of links, entities undone."""
    text = _LINK.sub(lambda m: m.group(2) or m.group(1), text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def rich_text(text: str) -> list[dict[str, Any]]:
    """The rich_text block Slack puts beside what a person typed."""
    elements: list[dict[str, Any]] = []
    at = 0
    for match in re.finditer(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>", text):
        if text[at : match.start()]:
            elements.append({"type": "text", "text": plain(text[at : match.start()])})
        elements.append({"type": "user", "user_id": match.group(1)})
        at = match.end()
    if text[at:]:
        elements.append({"type": "text", "text": plain(text[at:])})
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": "rt", "elements": [section]}]
