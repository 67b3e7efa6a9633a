"""Rollback: a service goes back to what the journal says ran before."""

from bot.context import Context
from bot.core.command import ServiceRef, command
from bot.core.doc import Doc
from bot.core.model import Risk
from bot.core.plan import Plan


@command(risk=Risk.CHANGE)
async def rollback(ctx: Context, service: ServiceRef) -> Doc:
    """Bring one service back to the image that the journal says ran before.

    By the image's id, or by the digest that the journal has of it when it is not here any more.
    """
    from commands.rollout import carry_out

    return await carry_out(ctx, "rolled back")


@rollback.preview
async def _(ctx: Context, service: ServiceRef) -> Plan:
    from commands import rolling_back

    return await rolling_back.plan(ctx, service)


@rollback.finds
async def _(ctx: Context, service: ServiceRef) -> str:
    from commands import rolling_back

    return await rolling_back.found(ctx, service)
