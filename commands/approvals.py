"""What people say about plans: yes, no, never mind; and what waits."""

from typing import Annotated

from bot.context import Context
from bot.core.command import Rest, command
from bot.core.doc import Code, Doc, Heading, Line, Table, doc, line
from bot.core.duration import say_duration
from bot.core.errors import Refused
from bot.ports import Approvals, PlanView


@command(votes=True)
async def approve(ctx: Context, code: Annotated[str, "CODE"]) -> Doc:
    """Say yes to a plan: exactly what it shows is done, once.

    The code stands on the plan. Who may say yes is said by the plan's own line of the policy; `!why approve
    CODE` tells who that is. If what the plan would touch has changed since, nothing is run.
    """
    return await _approvals(ctx).approve(ctx.asker, code, ctx.message.id, ctx.tell)


@command(votes=True, stops=True)
async def deny(ctx: Context, code: Annotated[str, "CODE"]) -> Doc:
    """Say no to a plan. One no is enough: it is never run."""
    return await _approvals(ctx).deny(ctx.asker, code, ctx.message.id)


@command(votes=True)
async def cancel(ctx: Context, code: Annotated[str, "CODE"]) -> Doc:
    """Take back what you asked for."""
    return await _approvals(ctx).cancel(ctx.asker, code)


@command(votes=True, name="break-glass")
async def break_glass(ctx: Context, code: Annotated[str, "CODE"], reason: Rest) -> Doc:
    """Run a plan without the yes it wants, after a countdown that anybody may stop.

    For emergencies, by whom the policy names, with a REASON that everybody reads. Everybody who is listed is
    called; a no from anybody stops it. What ran so stays in `!pending` until a second person has approved it.
    """
    return await _approvals(ctx).break_glass(ctx.asker, code, reason)


@command()
async def pending(ctx: Context) -> Doc:
    """What waits for a yes: the code, what it would do, who asked, whose yes it wants, until when."""
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
        line(f"{len(one.yes)} of {one.needed}"),
        line(one.who),
        line(one.room),
        line(one.note or say_duration(one.expires - ctx.now)),
    )


def _approvals(ctx: Context) -> Approvals:
    if ctx.services.approvals is None:
        raise Refused("there are no plans here")
    return ctx.services.approvals
