"""A history as text and as JSON. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from audit.history import BLIND, History, Span, Story, counts
from bot.core.text import one_line
from estate.past import Commit

VERSION = 1


def as_text(found: History) -> str:
    """The sum, then each finding with the commits that brought and mended it."""
    return "\n".join(one_line(row) for row in _rows(found)) + "\n"


def _rows(found: History) -> Iterator[str]:
    there, mended, back = counts(found)
    span = f"{found.first.at:%Y-%m-%d} to {found.last.at:%Y-%m-%d}"
    commits = f"{found.commits} {'commit' if found.commits == 1 else 'commits'}"
    yield f"{commits}, {span}: {there} findings there now, {mended} mended, {back} came back"
    yield f"not judged, since git does not keep what they look at: {', '.join(sorted(BLIND))}, and what runs"
    for one in found.stories:
        state = "there now" if one.is_there else "mended"
        finding = one.finding
        yield f"{finding.severity.value:<9}{finding.id} {finding.target}: {finding.message} ({state})"
        for each in one.spans:
            yield f"         {_since(each, found)}"
            if each.until is not None:
                yield f"         mended by {each.until}"


def _since(span: Span, found: History) -> str:
    return f"since {span.since}" if span.since is not None else f"since before {found.first}"


def as_json(found: History) -> str:
    """docs/history.schema.json says what stands in it."""
    there, mended, back = counts(found)
    tree: dict[str, Any] = {
        "version": VERSION,
        "summary": {
            "commits": found.commits,
            "first": _commit(found.first),
            "last": _commit(found.last),
            "whole": found.whole,
            "there": there,
            "mended": mended,
            "came_back": back,
            "not_judged": sorted(BLIND),
        },
        "findings": [_story(one) for one in found.stories],
    }
    return json.dumps(tree, indent=2, ensure_ascii=True) + "\n"


def _story(one: Story) -> dict[str, Any]:
    finding = one.finding
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "service": finding.service,
        "file": finding.place.file,
        "message": finding.message,
        "there": one.is_there,
        "spans": [
            {
                "since": _commit(each.since) if each.since else None,
                "until": _commit(each.until) if each.until else None,
            }
            for each in one.spans
        ],
    }


def _commit(one: Commit) -> dict[str, str]:
    return {
        "hash": one.hash,
        "at": one.at.isoformat(),
        "author": one_line(one.author, 200),
        "subject": one_line(one.subject, 200),
    }
