"""One `NAME=value` of a `.env` file, and where its value stands. Pure."""

from dataclasses import dataclass

from estate.compose.source import Source, Span


@dataclass(frozen=True, slots=True)
class Setting:
    """`span` is the value without its quotes."""

    name: str
    text: str
    source: Source
    span: Span
    quote: str
    """`''`, `'` or `\"`."""
    is_literal: bool
    """No variable takes part in it: what stands there is what it says."""
