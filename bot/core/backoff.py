"""How long to wait before trying again. For ever, but not faster."""

FIRST = 1.0
LONGEST = 30.0
"""Seconds. Not longer: a platform that comes back should be heard of within half a minute."""
LONGEST_ASKED = 900.0
"""Seconds. A platform that asks for more is broken or not our friend; it is asked again then."""


def delay(attempts: int, *, asked: float | None, spread: float) -> float:
    """Seconds to wait after the attempt number `attempts` (from 0) failed.

    asked: what the platform asked for (Retry-After), which is kept, up to LONGEST_ASKED.
    spread: from 0 to 1, random: up to half is added, so that many do not come at one moment.
    """
    wait = min(FIRST * 2.0 ** min(attempts, 10), LONGEST)
    wait += wait / 2 * spread
    return max(wait, min(asked, LONGEST_ASKED)) if asked is not None else wait
