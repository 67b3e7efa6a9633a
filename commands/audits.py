"""The audit in a room: what is wrong with the estate."""

from typing import TYPE_CHECKING, Annotated

from bot.context import Context
from bot.core.command import FindingRef, ServiceRef, command
from bot.core.doc import (
    Block,
    Code,
    Doc,
    Fields,
    Heading,
    Items,
    Line,
    Paragraph,
    Strong,
    Tone,
    doc,
    line,
)
from bot.core.model import Risk
from commands.audit_card import SHOWN, TONES, shown
from commands.audit_news import against, last_of
from commands.findings import Audit, is_rule, take_audit
from commands.look import look

if TYPE_CHECKING:
    from audit.model import Finding, Report

# ---- reading --------------------------------------------------------------------------------------------


@command(risk=Risk.READ)
async def audit(ctx: Context, about: Annotated[ServiceRef, "SERVICE|RULE"] | None = None) -> Doc:
    """What is wrong with the estate, the worst first; all of it as a file.

    With a service's name: what is wrong with that one. With a rule's id (`IMG-01`): what it found, and what
    it means by wrong. What could not be read is unknown, never well.
    """
    found = await take_audit(ctx)
    if about is None:
        return await _whole(ctx, found)
    if is_rule(about):
        return _of_rule(found.report, about.upper())
    thing = (await look(ctx.services)).find(about)
    return _of_service(found.report, thing.full_name, thing.service.file if thing.service else "")


async def _whole(ctx: Context, found: Audit) -> Doc:
    """Against the last one that was kept. Where no clock keeps one, this one is what the next is held
    against."""
    last = await last_of(ctx.services, found)
    compared = against(found, last)
    if ctx.services.audits is not None and not ctx.services.daily:
        from audit.comparison import after

        kept = after(last.standings, found.report, compared, ctx.now)
        await ctx.services.audits.keep(found.snapshot.root, ctx.now, kept, found.snapshot.no_engine)
    return shown(found, compared, ctx.now, f"{ctx.services.prefix}finding ID says more about one")


@command(risk=Risk.READ, name="finding")
async def finding_(ctx: Context, finding: FindingRef) -> Doc:
    """All that is known about one finding: where, how, since when, what would prove it wrong, the remedy."""
    from audit.continuity import since

    found = await take_audit(ctx)
    compared = against(found, await last_of(ctx.services, found))
    waived = next((one for one in found.report.waived if one.finding.id == finding), None)
    if waived is None:
        one = found.find(finding)
        words = since(compared.standing(one.id), ctx.now)
        return _one(one, *([("since", line(words))] if words else []))
    where = line(f"until {waived.until}: {waived.reason} ", Code(str(waived.where)))
    return _one(waived.finding, ("waived", where))


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
    return TONES[worst.value] if worst is not None else (Tone.GOOD, "🟢")


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
    tone, symbol = TONES[one.severity.value]
    head = line(f"{one.severity.value} ", Code(one.id), f": {one.message}")
    return doc(
        Heading(head, tone, symbol),
        Fields(tuple(pairs)),
        f"{one.title}. audit {one.rule} says what that rule means.",
    )
