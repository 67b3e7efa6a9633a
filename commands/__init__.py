"""The commands. `ALL` is the only registry: what is not in it does not exist."""

from bot.core.command import Command
from commands import about, alerts, journal

ALL: tuple[Command, ...] = (
    about.help_,
    about.whoami,
    about.why,
    about.ping,
    alerts.alerts,
    alerts.test_alert,
    journal.journal,
)
