"""A container's log as lines that can be shown. Pure."""

import re
from collections.abc import Iterator

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and the other strings: titles, links
    r"|[ -/]*[0-~])?"
)
_PIECE = 32 * 1024
_OPENS = "-----BEGIN "
_CLOSES = "-----END "


def clean(text: str) -> str:
    """Without terminal escapes, which could also cut a secret in two; a terminal's line ends as `\\n`."""
    return re.sub(r"\r+\n?", "\n", _ESCAPES.sub("", text))


def pieces(text: str, size: int = _PIECE) -> Iterator[str]:
    """The text in pieces of whole lines, each about `size`; a PEM block is never in two of them."""
    at = 0
    while at < len(text):
        end = _after_line(text, at + size)
        opened = text.rfind(_OPENS, at, end)
        if opened >= 0 and text.find(_CLOSES, opened, end) < 0:
            closed = text.find(_CLOSES, end)
            end = len(text) if closed < 0 else _after_line(text, closed)
        yield text[at:end]
        at = end


def _after_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 or at >= len(text) else end + 1


def last_part(text: str, limit: int) -> str:
    """At most the last `limit` characters, from the begin of a line."""
    if len(text) <= limit:
        return text
    cut = text[-limit:]
    _, newline, rest = cut.partition("\n")
    return rest if newline else ""
