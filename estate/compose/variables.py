"""Variables as plain text, for those who need not know where they come from. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from estate.compose.dotenv import read_dotenv
from estate.compose.source import Source, Unreadable
from estate.compose.template import Bound, Origin, fill


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables filled in; what is no variable stays as it is."""
    return fill(text, lambda name: Bound(values[name], Origin.ENV_FILE) if name in values else None).text


def read_env(data: bytes) -> dict[str, str]:
    """A `.env` file. Never raises: bytes that are no text, and lines that are no setting, are passed over."""
    try:
        source = Source(Path(), data.decode("utf-8", "replace").encode())
    except Unreadable:
        return {}
    return {name: one.text for name, one in read_dotenv(source, lambda name: None).settings.items()}


def listed(value: str | None, separator: str = ",") -> Sequence[str]:
    """`a,b` as COMPOSE_PROFILES and COMPOSE_FILE write it."""
    return tuple(part.strip() for part in (value or "").split(separator) if part.strip())
