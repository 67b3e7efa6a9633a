"""Accepting a finding of the audit for a time."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Annotated

from bot.context import Context
from bot.core.command import FindingRef, Rest, command
from bot.core.doc import Doc, say
from bot.core.duration import read_duration
from bot.core.errors import NotDone, Refused, UsageError
from bot.core.model import Risk
from bot.core.plan import Advice, FileChange, Plan
from bot.core.steps import Step
from commands.deed import Deed, kept
from commands.findings import Audit, take_audit

WAIVED_FOR = timedelta(days=90)
LONGEST_WAIVER = timedelta(days=730)


@command(risk=Risk.CHANGE)
async def waive(
    ctx: Context,
    finding: FindingRef,
    reason: Annotated[Rest, "REASON"],
    *,
    until: Annotated[str, "DAY|90d"] | None = None,
) -> Doc:
    """Accept one finding for a time, with a reason; it is written into the estate's waiver file.

    `until` is a day (`2026-12-31`) or a time from now (`90d`, which is the default). After that day the
    finding counts again, and the waiver is itself one. Options go before the reason.
    """
    assert ctx.run is not None  # a risky command is only ever called to carry out its plan
    plan = ctx.run.plan
    before = await take_audit(ctx)
    doing = Deed(before.snapshot.root, ctx.run.say, ctx.run.step)
    try:
        await doing.carry_out(plan)
    except NotDone as trouble:
        raise await doing.put_back(f"{plan.subject}: {trouble}") from trouble
    after = await take_audit(ctx)
    waived = next((one for one in after.raw.waived if one.finding.id == plan.subject), None)
    if waived is None:
        raise await doing.put_back(f"{plan.subject} still counts")
    ctx.run.step(Step.DEED_JUDGED)
    done = f"{plan.subject} is waived until {waived.until}, as {plan.files[0].path} says"
    return say(done + await kept(ctx, before.snapshot.root, plan, done))


@waive.preview
async def _(ctx: Context, finding: FindingRef, reason: Rest, *, until: str | None = None) -> Plan:
    import difflib
    from hashlib import sha256

    from audit.waiving import CannotWaive, with_waiver
    from commands.commit import planned

    day = _day(until, ctx.message.at)
    found = await take_audit(ctx)
    one = found.find(finding)
    who = ctx.person.name if ctx.person is not None else ""
    if ctx.redactor.text(reason) != reason:
        raise Refused(
            "the reason holds what looks like a secret; a waiver is kept in the tree, so say it without"
        )
    file = found.snapshot.where.waivers
    had = await asyncio.to_thread(_bytes, found, file)
    try:
        after = with_waiver(found.snapshot, had, one, reason, day, who)
    except CannotWaive as why:
        raise Refused(str(why)) from None
    before_rows, after_rows = ((had or b"").decode("utf-8", "replace"), after.decode("utf-8", "replace"))
    rows = difflib.unified_diff(
        before_rows.splitlines(), after_rows.splitlines(), file, file, lineterm="", n=1
    )
    root = found.snapshot.root
    commits, notes = await planned(ctx.services.hands, [root / file], root)
    return Plan(
        command="waive",
        subject=one.id,
        host="local",
        project="",
        arguments={"until": day.isoformat()},
        calls=(f"write {file}", *commits),
        files=(FileChange(file, sha256(had).hexdigest() if had is not None else "", after),),
        advice=Advice(
            "nothing; until that day the finding does not count",
            f"take its rows out of {file}",
            (f"{one.severity.value}: {one.message} ({one.place})", *notes),
            "\n".join(rows),
        ),
    )


@waive.finds
async def _(ctx: Context, finding: FindingRef, reason: Rest, *, until: str | None = None) -> str:
    found = await take_audit(ctx)
    is_waived = any(one.finding.id == finding for one in found.report.waived)
    return f"{finding} is {'waived' if is_waived else 'not waived'}"


def _bytes(found: Audit, file: str) -> bytes | None:
    """The waiver file as it is; None when there is none. Raises Refused."""
    from estate.compose.files import read_disk
    from estate.compose.source import Unreadable

    try:
        return read_disk(found.snapshot.root / file)
    except FileNotFoundError:
        return None
    except (OSError, Unreadable) as wrong:
        why = (getattr(wrong, "strerror", None) or str(wrong)).lower()
        raise Refused(f"{file} cannot be read: {why}") from None


def _day(until: str | None, now: datetime) -> date:
    """Counted from when it was asked, so that the plan is the same when it is made again. Raises
    UsageError."""
    try:
        day = date.fromisoformat(until) if until is not None and "-" in until else None
        day = day or (now + (read_duration(until) if until is not None else WAIVED_FOR)).date()
    except ValueError as wrong:
        raise UsageError(f"--until 2026-12-31 or --until 90d — {wrong}") from None
    if not now.date() < day <= (now + LONGEST_WAIVER).date():
        raise UsageError("--until a day that lies ahead, and within two years")
    return day
