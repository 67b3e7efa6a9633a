"""A span of time in words."""

from datetime import timedelta


def in_words(span: timedelta) -> str:
    """`45 s`, `3 min 5 s`, `2 h 3 min`, `4 d 1 h`; what is negative is `0 s`."""
    seconds = max(int(span.total_seconds()), 0)
    parts = (
        (seconds // 86400, "d"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    )
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    shown = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0 s"
