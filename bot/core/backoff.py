"""How long to wait before trying again. For ever, but not faster."""

FIRST = 1.0
LONGEST = 30.0
"""Seconds. Not longer: a platform that comes back should be heard of within half a minute."""


def delay(attempts: int, *, asked: float | None, spread: float) -> float:
    """Seconds to wait after the attempt number `attempts` (from 0) failed.

    asked: what the platform asked for (Retry-After), which is kept, at least.
    spread: from 0 to 1, random: up to half is added, so that many do not come at one moment.
    """
    wait = min(FIRST * 2.0 ** min(attempts, 10), LONGEST)
    wait += wait / 2 * spread
    return max(wait, asked) if asked is not None else wait
