"""Update: a service goes to another version, and back by itself if it is not as well there."""

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import Doc
from bot.core.model import Risk
from bot.core.plan import Plan


@command(risk=Risk.CHANGE)
async def update(ctx: Context, service: ServiceRef, version: str, *, major: bool = False) -> Doc:
    """Bring one service to another version, and back if it is not as well there.

    The image is pulled by the digest that the plan shows. When the new container is not as well as the old
    one was, the file's bytes and the old image, by its id, are put back. A database does not cross a major
    version without `--major`: its data would not survive the way back.
    """
    from commands.rollout import carry_out

    return await carry_out(ctx, "updated")


@update.preview
async def _(ctx: Context, service: ServiceRef, version: str, *, major: bool = False) -> Plan:
    from commands import updating

    return await updating.plan(ctx, service, version, major=major)


@update.finds
async def _(ctx: Context, service: ServiceRef, version: str, *, major: bool = False) -> str:
    from commands import updating

    return await updating.found(ctx, service, version, major=major)
