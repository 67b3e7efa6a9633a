"""What people say about plans: yes, no, never mind; and what waits."""

from datetime import timedelta
from typing import Annotated

from bot.context import Context
from bot.core.command import Rest, command
from bot.core.doc import Code, Doc, Heading, Line, Table, doc, line
from bot.core.duration import say_duration
from bot.core.errors import Refused
from bot.ports import Approvals, PlanView

FRESH = timedelta(seconds=60)
"""So old may the word be that breaks a glass: it is about now."""


@command(votes=True)
async def approve(ctx: Context, code: Annotated[str, "CODE"]) -> Doc:
    """Say yes to a plan: exactly what it shows is done, once.

    The code stands on the plan. Who may say yes is said by the plan's own line of the policy; `!why approve
    CODE` tells who that is. If what the plan would touch has changed since, nothing is run. After a plan ran
    through a broken glass, this signs it off: a second person says that they saw it.
    """
    return await _approvals(ctx).approve(ctx.asker, code, ctx.message.id, ctx.tell)


@command(votes=True, stops=True)
async def deny(ctx: Context, code: Annotated[str, "CODE"]) -> Doc:
    """Say no to a plan. One no is enough: it is never run.

    While a glass is broken and the plan counts down, everybody who is listed may say it.
    """
    return await _approvals(ctx).deny(ctx.asker, code, ctx.message.id)


@command(votes=True)
async def cancel(ctx: Context, code: Annotated[str, "CODE"]) -> Doc:
    """Take back what you asked for."""
    return await _approvals(ctx).cancel(ctx.asker, code)


@command(votes=True)
async def break_glass(ctx: Context, code: Annotated[str, "CODE"], reason: Rest) -> Doc:
    """Run a plan without the yes it wants, after a countdown that anybody here can stop.

    Only for those whom the policy's line `break-glass` names. Everybody in the room is called, with your
    reason; one `!deny CODE` stops it. Afterwards it stays in `!pending` until a second person has signed it
    off with `!approve CODE`. What has changed since the plan was made is not run, as always.
    """
    if ctx.now - ctx.message.at > FRESH:
        ago = say_duration(ctx.now - ctx.message.at)
        raise Refused(f"that was said {ago} ago, and a glass is broken for now; say it again")
    return await _approvals(ctx).break_glass(ctx.asker, code, reason, ctx.message.id)


@command()
async def pending(ctx: Context) -> Doc:
    """What waits for a yes: the code, what it would do, who asked, whose yes it wants, until when.

    What ran through a broken glass waits here too, until a second person has signed it off.
    """
    waiting = await _approvals(ctx).pending()
    if not waiting:
        return doc("nothing waits for a yes")
    head = "1 plan waits" if len(waiting) == 1 else f"{len(waiting)} plans wait"
    header = ("code", "what", "asked by", "yes", "wants", "room", "left")
    return doc(Heading(line(head)), Table(header, tuple(_row(ctx, one) for one in waiting)))


def _row(ctx: Context, one: PlanView) -> tuple[Line, ...]:
    return (
        line(Code(one.code)),
        line(f"{one.command} ", Code(one.subject)),
        line(one.requester),
        line("ran without" if one.unsigned else f"{len(one.yes)} of {one.needed}"),
        line(f"signature: {one.who}" if one.unsigned else one.who),
        line(one.room),
        line(_left(ctx, one)),
    )


def _left(ctx: Context, one: PlanView) -> str:
    if one.unsigned:
        return "until signed off"
    if one.runs is not None:
        return f"runs in {say_duration(max(one.runs - ctx.now, timedelta()))}"
    return say_duration(one.expires - ctx.now)


def _approvals(ctx: Context) -> Approvals:
    if ctx.services.approvals is None:
        raise Refused("there are no plans here")
    return ctx.services.approvals
