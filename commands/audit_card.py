"""An audit as a card: ten lines, and all of it as a file."""

from datetime import datetime
from typing import TYPE_CHECKING

from bot.core.doc import Block, Doc, File, Heading, Items, Paragraph, Strong, Tone, doc, line
from commands.findings import Audit

if TYPE_CHECKING:
    from audit.comparison import Comparison
    from audit.model import Report

SHOWN = 8
"""Lines between the first and the last."""
TONES = {
    "critical": (Tone.BAD, "🔴"),
    "high": (Tone.BAD, "🔴"),
    "medium": (Tone.WARN, "🟡"),
    "low": (Tone.INFO, "🔵"),
    "info": (Tone.INFO, "🔵"),
}


def shown(found: Audit, compared: "Comparison", now: datetime, read_on: str) -> Doc:
    """What is wrong, the worst first; a finding that is new or back says so."""
    from audit.continuity import in_short
    from audit.summary import groups, headline, unknown_words

    report = found.report
    each = groups(report.findings)
    unknown, changed = unknown_words(report), in_short(compared)
    fresh = {one.id for one in compared.new} | {one.id for one, _ in compared.back}
    room = SHOWN - bool(unknown) - bool(changed)
    rows = []
    for group in each[:room]:
        is_new = any(one.id in fresh for one in group.findings)
        words = Strong(f"{group.first.severity.value}{', new' if is_new else ''}")
        rows.append(line(words, " ", group.words))
    rows += [line(unknown)] if unknown else []
    rows += [line(changed)] if changed else []
    more = f"{len(each) - room} more rules found something; " if len(each) > room else ""
    blocks: list[Block] = [heading(headline(report), report), *([Items(tuple(rows))] if rows else [])]
    blocks.append(Paragraph(line(f"{more}{read_on}")))
    return doc(*blocks, files=[File("audit.md", "text/markdown", markdown(found, compared, now).encode())])


def markdown(found: Audit, compared: "Comparison", now: datetime) -> str:
    """The whole report."""
    from audit.continuity import for_report
    from audit.look import Look
    from audit.report_markdown import About, as_markdown

    root = found.snapshot.root
    about = About(root.name or str(root), "Tocsin", for_report(compared, now))
    return as_markdown(found.report, Look(found.snapshot, found.snapshot.taken), about)


def heading(words: str, report: "Report") -> Heading:
    """In the colour of the worst."""
    worst = min((one.severity for one in report.findings), key=lambda one: one.rank, default=None)
    if worst is None:
        tone, symbol = (Tone.WARN, "🟡") if report.unknown else (Tone.GOOD, "🟢")
    else:
        tone, symbol = TONES[worst.value]
    return Heading(line(words), tone, symbol)
