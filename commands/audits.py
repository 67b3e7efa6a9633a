"""The audit in a room: what is wrong with the estate, and what mends or accepts it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bot.context import Context
from bot.core.command import FindingRef, Rest, ServiceRef, command
from bot.core.doc import (
    Block,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Line,
    Paragraph,
    Strong,
    Tone,
    doc,
    line,
    say,
)
from bot.core.duration import read_duration
from bot.core.errors import NotDone, Refused, RolledBack, UsageError
from bot.core.model import Risk
from bot.core.plan import Advice, FileChange, Plan
from commands.findings import Audit, is_rule, take_audit
from commands.look import look

if TYPE_CHECKING:
    from audit.model import Finding, Report

SHOWN = 8
"""Lines between the first and the last."""
WAIVED_FOR = timedelta(days=90)
LONGEST_WAIVER = timedelta(days=730)
_TONES = {
    "critical": (Tone.BAD, "🔴"),
    "high": (Tone.BAD, "🔴"),
    "medium": (Tone.WARN, "🟡"),
    "low": (Tone.INFO, "🔵"),
    "info": (Tone.INFO, "🔵"),
}


# ---- reading --------------------------------------------------------------------------------------------


@command(risk=Risk.READ)
async def audit(ctx: Context, about: Annotated[ServiceRef, "SERVICE|RULE"] | None = None) -> Doc:
    """What is wrong with the estate, the worst first; all of it as a file.

    With a service's name: what is wrong with that one. With a rule's id (`IMG-01`): what it found, and what
    it means by wrong. What could not be read is unknown, never well.
    """
    found = await take_audit(ctx)
    if about is None:
        return _shown(found.report, "!finding ID says more about one")
    if is_rule(about):
        return _of_rule(found.report, about.upper())
    thing = (await look(ctx.services)).find(about)
    return _of_service(found.report, thing.full_name, thing.service.file if thing.service else "")


@command(risk=Risk.READ, name="finding")
async def finding_(ctx: Context, finding: FindingRef) -> Doc:
    """All that is known about one finding: where, how, what would prove it wrong, what mends it."""
    found = await take_audit(ctx)
    waived = next((one for one in found.report.waived if one.finding.id == finding), None)
    if waived is None:
        return _one(found.find(finding))
    where = line(f"until {waived.until}: {waived.reason} ", Code(str(waived.where)))
    return _one(waived.finding, ("waived", where))


def _shown(report: "Report", read_on: str) -> Doc:
    from audit.report_text import whole
    from audit.summary import groups, headline, unknown_words

    each = groups(report.findings)
    unknown = unknown_words(report)
    room = SHOWN - bool(unknown)
    rows = [line(Strong(group.first.severity.value), " ", group.words) for group in each[:room]]
    rows += [line(unknown)] if unknown else []
    more = f"{len(each) - room} more rules found something; " if len(each) > room else ""
    heading = _heading(headline(report), report)
    blocks: list[Block] = [heading, *([Items(tuple(rows))] if rows else [])]
    blocks.append(Paragraph(line(f"{more}{read_on}")))
    return doc(*blocks, files=[File("audit.txt", "text/plain", whole(report).encode())])


def _heading(words: str, report: "Report") -> Heading:
    worst = min((one.severity for one in report.findings), key=lambda one: one.rank, default=None)
    if worst is None:
        tone, symbol = (Tone.WARN, "🟡") if report.unknown else (Tone.GOOD, "🟢")
    else:
        tone, symbol = _TONES[worst.value]
    return Heading(line(words), tone, symbol)


def _of_rule(report: "Report", name: str) -> Doc:
    from audit.rules import BY_ID
    from bot.core.errors import Unknown

    rule = BY_ID.get(name)
    if rule is None:
        raise Unknown(f"{name} — no rule is called that; the rules are {', '.join(BY_ID)}")
    findings = [one for one in report.findings if one.rule == name]
    unknown = [one for one in report.unknown if one.rule == name]
    words = f"{name}: {len(findings)} found, {report.passed.get(name, 0)} passed"
    words += f", {len(unknown)} unknown" if unknown else ""
    waived = [one for one in report.waived if one.finding.rule == name]
    words += f", {len(waived)} waived" if waived else ""
    blocks: list[Block | str] = [Heading(line(words), *_tone(findings)), rule.title + "."]
    blocks += [Paragraph(line(row)) for row in _paragraphs(rule.help)]
    blocks += _listed(findings)
    return doc(*blocks)


def _paragraphs(text: str) -> list[str]:
    """The documentation after its first line, each paragraph and label on a line of its own."""
    rows: list[str] = []
    for row in text.splitlines()[1:]:
        label = row.split(":")[0] in {"Wrong", "Disprove", "Mend", "Not looked at"}
        if row.strip() and rows and not label:
            rows[-1] = f"{rows[-1]} {row.strip()}".strip()
        else:
            rows.append(row.strip())
    return [row for row in rows if row]


def _of_service(report: "Report", full_name: str, file: str) -> Doc:
    folder = file.rpartition("/")[0]
    findings = [
        one
        for one in report.findings
        if one.service == full_name
        or (not one.service and folder and one.place.file.startswith(f"{folder}/"))
    ]
    count = len(findings)
    words = f"{full_name}: {count or 'no'} {'finding' if count == 1 else 'findings'}"
    return doc(Heading(line(words), *_tone(findings)), *_listed(findings))


def _tone(findings: "list[Finding]") -> tuple[Tone, str]:
    worst = min((one.severity for one in findings), key=lambda one: one.rank, default=None)
    return _TONES[worst.value] if worst is not None else (Tone.GOOD, "🟢")


def _listed(findings: "list[Finding]") -> list[Block]:
    rows = tuple(_row(one) for one in findings[:SHOWN])
    blocks: list[Block] = [Items(rows)] if rows else []
    if len(findings) > SHOWN:
        blocks.append(
            Paragraph(line(f"and {len(findings) - SHOWN} more; audit without a name has all in its file"))
        )
    return blocks


def _row(one: "Finding") -> Line:
    return line(
        Strong(one.severity.value), " ", Code(one.id), f" {one.target}: {one.message} ", Code(str(one.place))
    )


def _one(one: "Finding", *more: tuple[str, Line]) -> Doc:
    pairs: list[tuple[str, Line]] = [("where", line(Code(str(one.place)), f" {one.place.text}".rstrip()))]
    pairs += [("service", line(Code(one.service)))] if one.service else []
    pairs += [("evidence", line("; ".join(one.evidence)))] if one.evidence else []
    pairs.append(("known from", line(f"{one.kind.value}, confidence {one.confidence.value}")))
    pairs += [("ranked", line(one.why_ranked))] if one.why_ranked else []
    pairs += [("wrong if", line(one.disprove))] if one.disprove else []
    pairs += [("mend", line(Code(one.remedy)))] if one.remedy else []
    pairs += [("as others call it", line(", ".join(one.peers)))] if one.peers else []
    pairs += more
    tone, symbol = _TONES[one.severity.value]
    head = line(f"{one.severity.value} ", Code(one.id), f": {one.message}")
    return doc(
        Heading(head, tone, symbol),
        Fields(tuple(pairs)),
        f"{one.title}. audit {one.rule} says what that rule means.",
    )


# ---- fix ------------------------------------------------------------------------------------------------


@command(risk=Risk.CHANGE)
async def fix(ctx: Context, finding: FindingRef) -> Doc:
    """Mend one finding: the change is shown first, and counts only if the finding is then gone.

    The id is what `audit` shows: `ENV-01-K7QFA`. Afterwards everything is judged again: when the finding is
    still there, or another one appeared, what was changed is put back.
    """
    assert ctx.run is not None  # a risky command is only ever called to carry out its plan
    plan = ctx.run.plan
    before = await take_audit(ctx)
    doing = _Doing(before.snapshot.root, ctx.run.say)
    try:
        await doing.carry_out(plan)
        after = await take_audit(ctx)
        why = _not_mended(before, after, plan.subject)
    except NotDone as trouble:
        why = str(trouble)
    if why:
        raise await doing.put_back(f"{plan.subject}: {why}")
    return say(f"{plan.subject} is mended: judged again, the finding is gone and no other appeared")


class _Doing:
    """What was changed so far, so that it can be put back."""

    def __init__(self, root: Path, tell: Callable[[str], Awaitable[None]]) -> None:
        self._root = root
        self._tell = tell
        self._undo: list[tuple[str, Callable[[], None]]] = []

    async def carry_out(self, plan: Plan) -> None:
        """The plan's modes and files, and nothing else. Raises NotDone."""
        from estate.modes import change_mode, undo_mode
        from estate.rewrite import restore, rewrite

        for mode in plan.modes:
            await self._tell(f"{mode.path}: mode {mode.before} → {mode.after}")
            await asyncio.to_thread(change_mode, self._root, mode)
            self._undo.append((mode.path, partial(undo_mode, self._root, mode)))
        for file in plan.files:
            await self._tell(f"writing {file.path}")
            had = await asyncio.to_thread(rewrite, self._root, file)
            self._undo.append((file.path, partial(restore, self._root, file, had)))

    async def put_back(self, why: str) -> NotDone:
        """Everything, the last first; what is to be raised."""
        left = []
        for path, undo in reversed(self._undo):
            try:
                await asyncio.to_thread(undo)
            except NotDone as trouble:
                left.append(f"{path} could not be put back: {trouble}")
        if left:
            return NotDone(f"{why}; {'; '.join(left)}")
        if not self._undo:
            return NotDone(why)
        return RolledBack(f"{why}; {', '.join(path for path, _ in self._undo)} is as it was before")


@fix.preview
async def _(ctx: Context, finding: FindingRef) -> Plan:
    from audit import fixes
    from audit.fixes.changes import CannotFix

    found = await take_audit(ctx)
    one = found.find(finding)
    fixer = fixes.ALL.get(one.rule)
    if fixer is None:
        raise Refused(f"no command mends {one.rule} yet; what does: {one.remedy}")
    try:
        changes = fixer(one, found.snapshot)
    except CannotFix as why:
        raise Refused(str(why)) from None
    return Plan(
        command="fix",
        subject=one.id,
        host="local",
        project=_project(found, one),
        calls=changes.calls,
        modes=changes.modes,
        files=changes.files,
        advice=Advice(
            changes.interrupts,
            changes.undo,
            (f"{one.severity.value}: {one.message}", *changes.notes),
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


def _not_mended(before: Audit, after: Audit, name: str) -> str:
    """Why it does not count; empty when it does. What runs changes by itself and is not asked."""
    if any(one.id == name for one in after.raw.findings):
        return "the finding is still there"
    known = {one.id for one in before.raw.findings} | {one.finding.id for one in before.raw.waived}
    new = [one.id for one in after.raw.findings if one.id not in known and one.kind.value == "files"]
    if new:
        return f"it would bring {', '.join(new[:5])}"
    unread = sorted(set(after.snapshot.unread) - set(before.snapshot.unread))
    return f"{unread[0]} could not be read any more" if unread else ""


# ---- waive ----------------------------------------------------------------------------------------------


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
    doing = _Doing(before.snapshot.root, ctx.run.say)
    try:
        await doing.carry_out(plan)
    except NotDone as trouble:
        raise await doing.put_back(f"{plan.subject}: {trouble}") from trouble
    after = await take_audit(ctx)
    waived = next((one for one in after.raw.waived if one.finding.id == plan.subject), None)
    if waived is None:
        raise await doing.put_back(f"{plan.subject} still counts")
    return say(f"{plan.subject} is waived until {waived.until}, as {plan.files[0].path} says")


@waive.preview
async def _(ctx: Context, finding: FindingRef, reason: Rest, *, until: str | None = None) -> Plan:
    import difflib
    from hashlib import sha256

    from audit.waiving import CannotWaive, with_waiver

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
    return Plan(
        command="waive",
        subject=one.id,
        host="local",
        project="",
        arguments={"until": day.isoformat()},
        calls=(f"write {file}",),
        files=(FileChange(file, sha256(had).hexdigest() if had is not None else "", after),),
        advice=Advice(
            "nothing; until that day the finding does not count",
            f"take its rows out of {file}",
            (f"{one.severity.value}: {one.message} ({one.place})", *_uncommitted(found, file)),
            "\n".join(rows),
        ),
    )


def _uncommitted(found: Audit, file: str) -> tuple[str, ...]:
    git = found.snapshot.git
    return (f"{file} is written, and not committed: that is left to you",) if git and not git.trouble else ()


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
