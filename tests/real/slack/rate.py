"""About one chat.postMessage per second and channel, with a burst.

Source: docs.slack.dev/apis/web-api/rate-limits.
"""

import math
import time
from dataclasses import dataclass, field

from tests.real.slack.settings import Settings


@dataclass
class Rates:
    """A token bucket per channel."""

    settings: Settings
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, channel: str) -> int:
        """0 when the message may pass, else whole seconds to wait (`Retry-After`)."""
        rate, burst = self.settings.rate, float(self.settings.burst)
        if rate <= 0:
            return 0
        now = time.monotonic()
        left, last = self._buckets.get(channel, (burst, now))
        left = min(burst, left + (now - last) * rate)
        if left < 1:
            self._buckets[channel] = (left, now)
            return max(1, math.ceil((1 - left) / rate))
        self._buckets[channel] = (left - 1, now)
        return 0
