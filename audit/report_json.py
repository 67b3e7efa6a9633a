"""A report as JSON: docs/audit.schema.json says what stands in it. Pure."""

import json
from typing import Any

from audit.model import Finding, NotJudged, Report, Severity, Waived

VERSION = 1


def as_json(report: Report) -> str:
    """One object with a line end; each finding on a line of its own, as grep and diff like it."""
    parts = (f"{json.dumps(key)}: {_laid_out(value)}" for key, value in as_object(report).items())
    return "{\n  " + ",\n  ".join(parts) + "\n}\n"


def _laid_out(value: Any) -> str:
    if isinstance(value, list) and value:
        rows = ",\n    ".join(map(json.dumps, value))
        return f"[\n    {rows}\n  ]"
    return json.dumps(value, indent=2).replace("\n", "\n  ")


def as_object(report: Report) -> dict[str, Any]:
    return {
        "version": VERSION,
        "summary": {
            "services": report.services,
            "findings": len(report.findings),
            "by_severity": {one.value: report.count(one) for one in Severity},
            "passed": sum(report.passed.values()),
            "passed_by_rule": dict(sorted(report.passed.items())),
            "unknown": len(report.unknown),
            "waived": len(report.waived),
            "not_asked": dict(report.left_out),
        },
        "findings": [finding_object(one) for one in report.findings],
        "unknown": [_unknown(one) for one in report.unknown],
        "waived": [_waived(one) for one in report.waived],
    }


def finding_object(one: Finding) -> dict[str, Any]:
    return {
        "id": one.id,
        "rule": one.rule,
        "title": one.title,
        "severity": one.severity.value,
        "service": one.service,
        "file": one.place.file,
        "line": one.place.line,
        "column": one.place.column,
        "text": one.place.text,
        "message": one.message,
        "evidence": list(one.evidence),
        "kind": one.kind.value,
        "confidence": one.confidence.value,
        "disprove": one.disprove,
        "remedy": one.remedy,
        "fix": one.fix.value,
        "peers": list(one.peers),
        "score": one.score,
    }


def _unknown(one: NotJudged) -> dict[str, Any]:
    file, line = (one.place.file, one.place.line) if one.place else ("", 1)
    return {"rule": one.rule, "subject": one.subject, "file": file, "line": line, "why": one.why}


def _waived(one: Waived) -> dict[str, Any]:
    at = {"file": one.where.file, "line": one.where.line}
    return {"reason": one.reason, "until": one.until, "by": at, "finding": finding_object(one.finding)}
