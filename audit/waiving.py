"""A waiver as bytes of the waiver file: appended, nothing else of it changed. Pure."""

import json
from datetime import date

from audit.model import Finding
from audit.waivers import rows_of, waivers_in
from bot.core.text import one_line
from estate.compose.value import Rows, Section
from estate.snapshot.document import Document
from estate.snapshot.model import Snapshot

HEAD = "# Findings that somebody accepted, why, and until when. !waive adds to it, people may edit it.\n"
HEAD += "waivers:\n"
LONGEST_REASON = 500


class CannotWaive(Exception):
    """The file cannot be added to without changing what stands there; says what to write by hand."""


def with_waiver(
    snapshot: Snapshot, before: bytes | None, finding: Finding, reason: str, until: date, by: str
) -> bytes:
    """The file's bytes with one more waiver at its end. `before`: None when there is no file. Raises
    CannotWaive."""
    file, had = snapshot.where.waivers, before or b""
    document = Document(file, had)
    if document.tree is None and not document.wrong:
        joint = b"" if not had or had.endswith(b"\n") else b"\n"
        after = had + joint + (HEAD + _row(finding, reason, until, by, "  ")).encode()
    else:
        after = _appended(had, document, finding, reason, until, by)
    old, new = waivers_in(snapshot, document), waivers_in(snapshot, Document(file, after))
    # Read again: exactly one more, and it covers the finding.
    grown = len(new.waivers) == len(old.waivers) + 1 and len(new.bad) == len(old.bad)
    if not after.startswith(had) or not grown or not new.waivers[-1].covers(finding):
        raise CannotWaive(
            f"{file} is written in a way that I cannot add to; add by hand:\n{_plain(finding, until)}"
        )
    return after


def _appended(
    before: bytes, document: Document, finding: Finding, reason: str, until: date, by: str
) -> bytes:
    indent = _indent(document)
    if document.wrong or indent is None:
        why = document.wrong or "its waivers are not one row below the other"
        raise CannotWaive(f"{document.path}: {why}; add by hand:\n{_plain(finding, until)}")
    newline = "\r\n" if b"\r\n" in before else "\n"
    row = _row(finding, reason, until, by, indent)
    joint = "" if before.endswith(b"\n") else newline
    return before + (joint + row.replace("\n", newline)).encode()


def _indent(document: Document) -> str | None:
    """How far the rows of the list stand in; None when a row at the end of the file would not be one of
    them."""
    tree = document.tree
    rows = rows_of(tree)
    if rows is None:
        return None
    if isinstance(tree, Section) and list(tree)[-1:] != ["waivers"]:
        return None
    if not rows:
        return "  " if isinstance(tree, Section) else None
    first = rows[0]
    if not isinstance(rows, Rows) or not isinstance(first, Section) or first.span is None:
        return None
    line = document.text.splitlines()[first.span.line - 1].removeprefix("\ufeff")
    dash = len(line) - len(line.lstrip(" "))
    return " " * dash if line.lstrip(" ").startswith("- ") else None


def _row(finding: Finding, reason: str, until: date, by: str, indent: str) -> str:
    """Texts from people are quoted as JSON, which YAML reads too."""
    note = one_line(f"{finding.target}: {finding.message}", 200)
    pairs = [
        f"- rule: {finding.rule}",
        f"  target: {finding.id}",
        f"  reason: {json.dumps(one_line(reason, LONGEST_REASON), ensure_ascii=False)}",
        f"  until: {until.isoformat()}",
        f"  by: {json.dumps(by, ensure_ascii=False)}",
        f"  note: {json.dumps(note, ensure_ascii=False)}",
    ]
    return "".join(f"{indent}{pair}\n" for pair in pairs)


def _plain(finding: Finding, until: date) -> str:
    return f"- rule: {finding.rule}\n  target: {finding.id}\n  reason: …\n  until: {until.isoformat()}"
