"""Durations as people write and read them: `90s`, `10m`, `1h30m`, `2d`, `1w`."""

import re
from datetime import timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PARTS = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_WHOLE = re.compile(r"(\d{1,9}[smhdw])+", re.ASCII)
_LONGEST = timedelta(days=36_500)


def read_duration(text: str) -> timedelta:
    """`1h30m` as a timedelta. Raises ValueError, in words, for anything else and beyond a hundred years."""
    text = text.strip().lower()
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text} is not a duration like 90s, 10m, 1h30m, 2d")
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _PARTS.findall(text))
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text} is longer than a hundred years")
    return timedelta(seconds=seconds)


def say_duration(duration: timedelta) -> str:
    """The largest unit and the one below it: `2 d 3 h`, `10 min`, `4 s`. What is negative is said as 0 s."""
    left = max(int(duration.total_seconds()), 0)
    counts: list[tuple[int, str]] = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or counts:
            counts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in counts[:2] if count) or "0 s"


def say_roughly(duration: timedelta) -> str:
    """The largest unit alone: `2 d`, `10 min`. For tables, and for what is only reckoned."""
    return " ".join(say_duration(duration).split()[:2])
