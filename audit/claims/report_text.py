"""What became of a report's claims, as text and as JSON. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from audit.claims.claim import Judged, Reading, Verdict

VERSION = 1
_ORDER = (Verdict.FALSE, Verdict.STALE, Verdict.UNKNOWN, Verdict.TRUE)


def as_text(name: str, reading: Reading, judged: Sequence[Judged]) -> str:
    """The sum first; then what is false, stale, cannot be told, and true, each with its line."""
    rows = [f"{name}: {headline(reading, judged)}"]
    for verdict in _ORDER:
        for one in judged:
            if one.verdict is verdict:
                since = f"since {one.since}; " if one.since else ""
                rows.append(f"{verdict.value:<14} line {one.claim.line:<4} {one.claim.text}")
                rows.append(f"{'':<14} {since}{one.why}")
    if reading.strange:
        rows.append(f"not understood, so not judged ({len(reading.strange)}):")
        rows += [f"{'':<14} line {one.line:<4} {one.text}" for one in reading.strange]
    return "\n".join(rows) + "\n"


def headline(reading: Reading, judged: Sequence[Judged]) -> str:
    """`12 claims: 8 true, 2 false, 1 stale, 1 cannot be told; 30 sentences not understood`"""
    counted = Counter(one.verdict for one in judged)
    said = ", ".join(f"{counted[one]} {one.value}" for one in Verdict)
    words = f"{len(judged)} {'claim' if len(judged) == 1 else 'claims'}: {said}"
    words += f"; {len(reading.strange)} sentences not understood" if reading.strange else ""
    return words + (f"; {reading.ignored} say what should be, not what is" if reading.ignored else "")


def as_json(name: str, reading: Reading, judged: Sequence[Judged]) -> str:
    """docs/claims.schema.json says what stands in it."""
    counted = Counter(one.verdict for one in judged)
    tree: dict[str, Any] = {
        "version": VERSION,
        "report": name,
        "summary": {
            **{one.value: counted[one] for one in Verdict},
            "not understood": len(reading.strange),
            "wishes": reading.ignored,
        },
        "claims": [
            {
                "line": one.claim.line,
                "text": one.claim.text,
                "verdict": one.verdict.value,
                "why": one.why,
                "since": one.since,
            }
            for one in judged
        ],
        "not_understood": [{"line": one.line, "text": one.text} for one in reading.strange],
    }
    return json.dumps(tree, indent=2, ensure_ascii=True) + "\n"
