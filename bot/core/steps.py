"""The durable steps of the alert path, by name. A test can die right at each of them."""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """In the order in which an alert passes them."""

    PAYLOAD_RECEIVED = "payload.received"
    """The body was read; nothing is on disk yet. Dying here: the sender got no 2xx and tries again."""
    PAYLOAD_COMMITTED = "payload.committed"
    """On disk; the 2xx has not gone out. Dying here: the sender tries again, the group finds a duplicate."""
    GROUP_DECIDED = "group.decided"
    """What to tell is decided, not written. Dying here: decided again from the same payload."""
    GROUP_COMMITTED = "group.committed"
    """State, deliveries and the payload's end are written in one transaction."""
    DELIVERY_CLAIMED = "delivery.claimed"
    """It is on disk that an attempt begins. Dying from here on: the outcome is unknown until looked up."""
    DELIVERY_SENT = "delivery.sent"
    """The platform took it; the message's id is not on disk yet."""
    DELIVERY_RECORDED = "delivery.recorded"
    """The message's id is on disk and the delivery is done."""
    INBOX_COMMITTED = "inbox.committed"
    """What people said and the platform's position are written in one transaction."""
    ANSWER_COMMITTED = "answer.committed"
    """The answer waits in the outbox and the request is done, in one transaction."""


OnStep = Callable[[Step], None]
"""Called synchronously at each step."""


def no_step(step: Step) -> None:
    """What happens at a step in production: nothing."""
