"""How often one person may ask. Pure: the time is an argument."""

from collections import deque
from datetime import datetime, timedelta

MOST_KEYS = 10_000
"""More people than this at once are an attack: those who have been quiet longest are forgotten."""


class RateLimit:
    """At most `count` in any span of `per`, for each key."""

    def __init__(self, count: int, per: timedelta) -> None:
        self._count = count
        self._per = per
        self._seen: dict[str, deque[datetime]] = {}

    def take(self, key: str, now: datetime) -> timedelta | None:
        """None when it may go on, else how long to wait. A refused attempt does not count."""
        seen = self._seen.pop(key, None) or deque()
        self._seen[key] = seen  # now the youngest
        if len(self._seen) > MOST_KEYS:
            del self._seen[next(iter(self._seen))]
        # What lies in the future was noted by a clock that has been set back since.
        while seen and not now - self._per < seen[0] <= now:
            seen.popleft()
        if len(seen) >= self._count:
            return seen[0] + self._per - now
        seen.append(now)
        return None
