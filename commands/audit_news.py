"""What changed since the last audit, and how it is said."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.context import Services
from bot.core.doc import Block, Code, Doc, File, Items, Line, Paragraph, Strong, doc, line
from bot.core.redact import Redactor
from bot.ports import AuditNews, LastAudit
from commands.audit_card import heading, markdown, shown
from commands.findings import Audit, audit_of

if TYPE_CHECKING:
    from audit.comparison import Comparison

SHOWN = 12
"""Lines of each sort; the file has all."""


async def news(services: Services, now: datetime, redactor: Redactor) -> AuditNews:
    """Take an audit and hold it against the last one. Raises Refused where there is no tree."""
    found = await audit_of(services, now, redactor)
    last = await last_of(services, found)
    return await asyncio.to_thread(_news, found, last, now)


async def last_of(services: Services, found: Audit) -> LastAudit:
    """What was kept of the last audit of this estate."""
    return await services.audits.last(found.snapshot.root) if services.audits is not None else LastAudit()


def against(found: Audit, last: LastAudit) -> "Comparison":
    from audit.comparison import compare

    return compare(last.standings, last.at, found.report)


def _news(found: Audit, last: LastAudit, now: datetime) -> AuditNews:
    from audit.comparison import after

    compared = against(found, last)
    blind = found.snapshot.no_engine
    kept = after(last.standings, found.report, compared, now)
    said = _said(found, compared, last, blind, now)
    return AuditNews(found.snapshot.root, now, kept, blind, said, _about(found, compared, blind))


def _said(found: Audit, compared: "Comparison", last: LastAudit, blind: str, now: datetime) -> Doc | None:
    """None where nothing changed: the same trouble is not told every day."""
    if last.at is None:
        return shown(found, compared, now, "the first audit of this estate; from now on I say what changes")
    is_blind = bool(blind) and not last.blind
    if not compared.changed and not is_blind:
        return None
    return _changes(found, compared, now, blind if is_blind else "")


def _changes(found: Audit, compared: "Comparison", now: datetime, blind: str) -> Doc:
    from audit.continuity import in_short

    blocks: list[Block | str] = [heading(f"audit {in_short(compared)}", found.report)]
    new = [_row("new", one.severity.value, one.id, f"{one.target}: {one.message}") for one in compared.new]
    back = [
        _row("back", one.severity.value, one.id, f"{one.target}: {one.message}") for one, _ in compared.back
    ]
    gone = [
        _row("gone", one.severity, one.id, f"{one.service or one.file}: {one.message}")
        for one in compared.gone
    ]
    for rows in (new, back, gone):
        if rows:
            blocks.append(Items(tuple(rows[:SHOWN])))
        if len(rows) > SHOWN:
            blocks.append(Paragraph(line(f"and {len(rows) - SHOWN} more; the file has all")))
    if blind:
        blocks.append(Paragraph(line(f"what runs could not be judged: {blind}")))
    return doc(*blocks, files=[File("audit.md", "text/markdown", markdown(found, compared, now).encode())])


def _row(what: str, severity: str, name: str, words: str) -> Line:
    return line(Strong(what), f" {severity} ", Code(name), f" {words}")


def _about(found: Audit, compared: "Comparison", blind: str) -> Mapping[str, Any]:
    return {
        "findings": len(found.report.findings),
        "unknown": len(found.report.unknown),
        "new": [one.id for one in compared.new][:200],
        "back": [one.id for one, _ in compared.back][:200],
        "gone": [one.id for one in compared.gone][:200],
        **({"blind": blind} if blind else {}),
    }
