"""The day that a report says it is of. Pure."""

import re
from datetime import UTC, date, datetime, time

_DATED = re.compile(r"(?im)^\W*(?:generated|date|created|as of|written|report date)\W{1,8}(\d{4}-\d\d-\d\d)")


def written(text: str) -> datetime | None:
    """The end of the day, UTC, that a report says it is of."""
    found = _DATED.search(text[:4000])
    if found is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(found.group(1)), time.max, UTC)
    except ValueError:
        return None
