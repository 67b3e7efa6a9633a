"""Breaking the glass: a plan that somebody runs without the votes, out loud and in their own name. Pure.

Nothing here decides; who may and what follows is in `authority` and in the table of `approval`.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.core.model import Identity, Trust

LONGEST_REASON = 300
"""Characters of a reason that are kept."""
NOTHING_PROVED = Trust()


@dataclass(frozen=True, slots=True)
class Signature:
    """A second person's word, afterwards, that they saw it. `event_id` is what it was said with."""

    person: str
    identity: Identity
    at: datetime
    event_id: str


@dataclass(frozen=True, slots=True)
class Glass:
    """Who broke it, why, and when the plan runs unless somebody says no."""

    person: str
    identity: Identity
    reason: str
    at: datetime
    runs: datetime
    event_id: str
    trust: Trust = NOTHING_PROVED
    needed: bool = True
    """False once the votes came in while it counted down: then nothing runs through it."""
    signed: Signature | None = None
