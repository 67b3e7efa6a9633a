"""Backups: how they stand; making, reading back and trying one. `backup_work` does it, loaded when asked."""

from datetime import timedelta

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import Doc
from bot.core.model import Risk
from bot.core.plan import Plan

LONGEST = timedelta(hours=12)


@command(risk=Risk.READ)
async def backup(ctx: Context) -> Doc:
    """How backups stand: what is covered by what snapshots really hold, the last run, what was read back.

    What there is to save is taken from the mounts of all containers. A database's folder counts only through
    a dump by the database's own tool.
    """
    from commands import backup_work

    return await backup_work.standing(ctx)


@command(risk=Risk.CHANGE, name="backup now", longest=LONGEST)
async def now(ctx: Context, service: ServiceRef | None = None) -> Doc:
    """Back up one service, or everything: databases by their own tools, volumes and binds by their files.

    It is called done only when the snapshot holds every path that was asked for, every dump is whole, and no
    error was seen. Anything less is partial, and failed.
    """
    from commands import backup_work

    return await backup_work.now(ctx, service)


@now.preview
async def _(ctx: Context, service: ServiceRef | None = None) -> Plan:
    from commands import backup_work

    return await backup_work.plan_now(ctx, service)


@now.finds
async def _(ctx: Context, service: ServiceRef | None = None) -> str:
    from commands import backup_work

    return await backup_work.find_now(ctx, service)


@command(risk=Risk.CHANGE, name="backup verify", longest=LONGEST)
async def verify(ctx: Context) -> Doc:
    """Check the repository's structure, and read the next part of its data back.

    Each time reads another part; seven in a row have read all of it.
    """
    from commands import backup_work

    return await backup_work.verify(ctx)


@verify.preview
async def _(ctx: Context) -> Plan:
    from commands import backup_work

    return await backup_work.plan_verify(ctx)


@verify.finds
async def _(ctx: Context) -> str:
    from commands import backup_work

    return await backup_work.find_verify(ctx)


@command(risk=Risk.CHANGE, name="backup drill", longest=LONGEST)
async def drill(ctx: Context, service: ServiceRef) -> Doc:
    """Restore the newest snapshot of a service into a scratch folder, load its dumps, and compare.

    Files are compared by size, sampled ones by hash; a dump is loaded into a throw-away database of the same
    image, without network, and its tables and rows are compared with what was counted when it was made.
    """
    from commands import backup_work

    return await backup_work.drill(ctx, service)


@drill.preview
async def _(ctx: Context, service: ServiceRef) -> Plan:
    from commands import backup_work

    return await backup_work.plan_drill(ctx, service)


@drill.finds
async def _(ctx: Context, service: ServiceRef) -> str:
    from commands import backup_work

    return await backup_work.find_drill(ctx, service)
