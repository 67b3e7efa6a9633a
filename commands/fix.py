"""Mending a finding of the audit."""

from typing import TYPE_CHECKING

from bot.context import Context
from bot.core.command import FindingRef, command
from bot.core.doc import Doc, say
from bot.core.errors import NotDone, Refused
from bot.core.model import Risk
from bot.core.plan import Advice, Plan
from bot.core.steps import Step
from commands.deed import Deed, kept
from commands.findings import Audit, take_audit

if TYPE_CHECKING:
    from audit.model import Finding


@command(risk=Risk.CHANGE)
async def fix(ctx: Context, finding: FindingRef) -> Doc:
    """Mend one finding: the change is shown first, and counts only if the finding is then gone.

    The id is what `audit` shows: `ENV-01-K7QFA`. Afterwards everything is judged again: when the finding is
    still there, or another one appeared, what was changed is put back.
    """
    assert ctx.run is not None  # a risky command is only ever called to carry out its plan
    plan = ctx.run.plan
    from audit.mended import not_mended

    before = await take_audit(ctx)
    doing = Deed(before.snapshot.root, ctx.run.say, ctx.run.step)
    try:
        await doing.carry_out(plan)
        after = await take_audit(ctx)
        why = not_mended(
            before.raw, after.raw, plan.subject, set(after.snapshot.unread) - set(before.snapshot.unread)
        )
    except NotDone as trouble:
        why = str(trouble)
    if why:
        raise await doing.put_back(f"{plan.subject}: {why}")
    ctx.run.step(Step.DEED_JUDGED)
    done = f"{plan.subject} is mended: judged again, the finding is gone and no other appeared"
    return say(done + await kept(ctx, before.snapshot.root, plan, done))


@fix.preview
async def _(ctx: Context, finding: FindingRef) -> Plan:
    from audit import fixes
    from audit.fixes.changes import CannotFix, by_hand
    from commands.commit import planned

    found = await take_audit(ctx)
    one = found.find(finding)
    fixer = fixes.ALL.get(one.rule)
    if fixer is None:
        raise Refused(by_hand(one))
    try:
        changes = fixer(one, found.snapshot)
    except CannotFix as why:
        raise Refused(str(why)) from None
    root = found.snapshot.root
    commits, notes = await planned(ctx.services.hands, [root / file.path for file in changes.files], root)
    return Plan(
        command="fix",
        subject=one.id,
        host="local",
        project=_project(found, one),
        calls=(*changes.calls, *commits),
        modes=changes.modes,
        files=changes.files,
        advice=Advice(
            changes.interrupts,
            changes.undo,
            (f"{one.severity.value}: {one.message}", *changes.notes, *notes),
            changes.diff,
        ),
    )


@fix.finds
async def _(ctx: Context, finding: FindingRef) -> str:
    found = await take_audit(ctx)
    is_there = any(one.id == finding for one in found.report.findings)
    return f"{finding} is {'still there' if is_there else 'gone'}"


def _project(found: Audit, one: "Finding") -> str:
    """Whose lock is taken: that of the project whose folder the file stands in."""
    folder = one.place.file.rpartition("/")[0]
    for model in found.snapshot.models:
        if found.snapshot.relative(model.directory) == (folder or "."):
            return model.name
    return ""
