"""How old the newest whole backup is, for the card of a change: advice, which binds nobody."""

from collections.abc import Collection

from bot.context import Context
from bot.core.duration import say_duration
from estate.backup import history
from estate.backup.history import EVERYTHING, Result


async def last_backup(ctx: Context, services: Collection[str]) -> list[str]:
    """One line, about backups that hold these services (full names); none where no backups are kept."""
    if ctx.services.backup is None:
        return []
    runs = await history.runs(ctx.services.backup().notes)
    whole = [one for one in runs if one.result is Result.OK and one.scope in {EVERYTHING, *services}]
    if not whole:
        return ["last whole backup: none that I made"]
    return [f"last whole backup: {say_duration(ctx.now - whole[-1].time)} ago, of {whole[-1].scope}"]
