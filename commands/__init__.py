"""The commands. `ALL` is the only registry: what is not in it does not exist."""

from bot.core.command import Command
from commands import about, alerts, approvals, backup, images, journal, lifecycle, logs, status

ALL: tuple[Command, ...] = (
    about.help_,
    about.whoami,
    about.why,
    about.ping,
    status.status,
    status.unhealthy,
    logs.logs,
    images.images,
    alerts.alerts,
    alerts.test_alert,
    journal.journal,
    lifecycle.restart,
    lifecycle.start,
    lifecycle.stop,
    backup.backup,
    backup.now,
    backup.verify,
    backup.drill,
    approvals.approve,
    approvals.deny,
    approvals.cancel,
    approvals.pending,
)
