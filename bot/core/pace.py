"""A token bucket: so many at once, then so many a second. Pure: the time is an argument."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """`burst` tokens at first, `per_second` new ones. Times in seconds of any clock that goes forward."""

    burst: int
    per_second: float
    tokens: float = 0.0
    at: float | None = None

    def wait(self, now: float) -> float:
        """Take a token; how many seconds to wait first (0: none)."""
        if self.at is None:
            self.tokens = float(self.burst)
        else:
            self.tokens = min(float(self.burst), self.tokens + (now - self.at) * self.per_second)
        self.at = now
        self.tokens -= 1
        return max(0.0, -self.tokens / self.per_second)
