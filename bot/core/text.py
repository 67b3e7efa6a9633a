"""Text from outside, made harmless: no control or bidi character survives unseen, no line ends early."""

import unicodedata

_KEPT = {"\u200d", "\ufe0f", "\ufe0e"}
"""Joiner and variation selectors: emoji are made of them and they move nothing."""


def _visible(char: str, keep: str) -> str:
    if char in keep or char in _KEPT:
        return char
    if char in "\r\n\u2028\u2029\x85\x0b\x0c":
        return "⏎"
    if char == "\t":
        return " "
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}:
        return f"\\u{{{ord(char):x}}}"
    return char


def one_line(text: str, limit: int | None = None) -> str:
    """One line of harmless text.

    Line ends become ⏎; control, format (bidi overrides, zero-width) and surrogate characters become `\\u{…}`.
    `limit` is in characters; what is cut ends in "…".
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(char, "") for char in text.replace("\r\n", "\n"))
    return shorten(text, limit)


def many_lines(text: str, limit: int | None = None) -> str:
    """The same for text that may have several lines: `\\n` and tab stay."""
    text = "".join(_visible(char, "\n\t") for char in text.replace("\r\n", "\n"))
    return shorten(text, limit)


def shorten(text: str, limit: int | None) -> str:
    """At most `limit` characters; a cut is marked with "…"."""
    if limit is None or len(text) <= limit:
        return text
    return text[: max(limit - 1, 0)] + "…"
