"""The durable steps of the alert path and of a plan, by name. A test can die right at each of them."""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """In the order in which an alert, a question and a plan pass them."""

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
    PLAN_COMMITTED = "plan.committed"
    """The plan, its code and its cards are on disk. Dying here: it is cancelled at start, and told."""
    VOTE_COMMITTED = "vote.committed"
    """The vote is on disk, and with the last one that the plan may run. Dying here: nothing ran."""
    GLASS_COMMITTED = "glass.committed"
    """It is on disk that somebody broke the glass. Dying here: it is cancelled at start, and told."""
    PLAN_CONSUMED = "plan.consumed"
    """The plan is used up, nothing was done yet. Dying from here on: interrupted, told, never run again."""
    EXECUTION_STARTED = "execution.started"
    """The next thing is the first that changes something."""
    RELEASE_NAMED = "release.named"
    """The image has its new name on the Engine; the files and the containers are as they were."""
    RELEASE_WRITTEN = "release.written"
    """The files say the new image; the containers are as they were."""
    RELEASE_DEPLOYED = "release.deployed"
    """Compose has made the new containers; whether they are well is not known yet."""
    RELEASE_PROVED = "release.proved"
    """The new containers are proved; nothing is in git yet."""
    RELEASE_COMMITTED = "release.committed"
    """It is in git."""
    RELEASE_UNWRITTEN = "release.unwritten"
    """It went wrong and the files' bytes are back; the containers are still the new ones."""
    RELEASE_UNDONE = "release.undone"
    """The old containers are made again; whether they are as they were is not known yet."""
    EXECUTION_ENDED = "execution.ended"
    """Everything was done; what came of it is not on disk yet."""
    RESULT_COMMITTED = "result.committed"
    """The end and what is said about it are written in one transaction."""


OnStep = Callable[[Step], None]
"""Called synchronously at each step."""


def no_step(step: Step) -> None:
    """What happens at a step in production: nothing."""
