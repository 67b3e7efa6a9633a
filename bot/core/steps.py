"""The durable steps of the alert path, of a plan and of a backup, by name. A test can die at each of them."""

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
    PLAN_CONSUMED = "plan.consumed"
    """The plan is used up, nothing was done yet. Dying from here on: interrupted, told, never run again."""
    EXECUTION_STARTED = "execution.started"
    """The next thing is the first that changes something."""
    EXECUTION_ENDED = "execution.ended"
    """Everything was done; what came of it is not on disk yet."""
    RESULT_COMMITTED = "result.committed"
    """The end and what is said about it are written in one transaction."""

    BACKUP_DUMPED = "backup.dumped"
    """The dumps are in the spool; restic has nothing. Dying here: nothing was saved, the spool is removed."""
    BACKUP_STORED = "backup.stored"
    """restic has ended; nobody looked at what it made. Dying here: a snapshot that was never called whole."""
    BACKUP_CHECKED = "backup.checked"
    """It was looked at; that is not on disk. Dying here: the same."""
    DRILL_RESTORED = "drill.restored"
    """Files are in the scratch folder. Dying here: the folder is removed at start."""
    DRILL_CREATED = "drill.created"
    """A throw-away database runs. Dying here: it is removed at start, by its label."""
    DRILL_COMPARED = "drill.compared"
    """It was compared; that is not on disk."""


OnStep = Callable[[Step], None]
"""Called synchronously at each step."""


def no_step(step: Step) -> None:
    """What happens at a step in production: nothing."""
