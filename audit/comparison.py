"""An audit against the last one: new, still there, back again, gone. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from audit.model import Finding, NotJudged, Report

FORGOTTEN = timedelta(days=400)
"""What has been gone for so long is new when it comes again."""
MOST = 5000
"""Standings that are kept; of those that are gone the oldest go first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one finding over the audits. `times`: how often it came. `gone_at` None: it is
    there."""

    id: str
    rule: str
    service: str
    severity: str
    file: str
    message: str
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None = None
    times: int = 1
    waived: bool = False
    """It was waived when it was last seen."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`before`: when the last audit was; None: there was none, and nothing is called new."""

    before: datetime | None = None
    new: tuple[Finding, ...] = ()
    back: tuple[tuple[Finding, Standing], ...] = ()
    still: tuple[tuple[Finding, Standing], ...] = ()
    gone: tuple[Standing, ...] = ()
    unjudged: tuple[Standing, ...] = ()
    """They were there, and this time nobody could tell."""

    @property
    def changed(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.new or self.back or self.gone)

    def standing(self, name: str) -> Standing | None:
        """What is known of a finding that is there."""
        return next((known for one, known in (*self.still, *self.back) if one.id == name), None)


def compare(known: Sequence[Standing], before: datetime | None, report: Report) -> Comparison:
    """`report` against what is known. A waived finding is neither new nor gone."""
    by_id = {one.id: one for one in known}
    new, back, still = [], [], []
    for one in report.findings:
        had = by_id.get(one.id)
        if had is None:
            new.append(one)
        elif had.gone_at is not None:
            back.append((one, had))
        else:
            still.append((one, had))
    here = {one.id for one in report.findings} | {one.finding.id for one in report.waived}
    # What was only ever waived was never told, so that it is gone is no news either.
    away = [one for one in known if one.gone_at is None and one.id not in here and not one.waived]
    blind = [one for one in away if _is_unjudged(one, report)]
    gone = [one for one in away if one not in blind]
    first = before is None
    return Comparison(
        before,
        () if first else tuple(new),
        tuple(back),
        tuple(still),
        tuple(gone),
        tuple(blind),
    )


def after(
    known: Sequence[Standing], report: Report, compared: Comparison, now: datetime
) -> tuple[Standing, ...]:
    """What is known from now on."""
    by_id = {one.id: one for one in known}
    found: dict[str, Standing] = {}
    waived = {one.finding.id for one in report.waived}
    for one in (*report.findings, *(accepted.finding for accepted in report.waived)):
        had = by_id.get(one.id)
        fresh = Standing(
            one.id,
            one.rule,
            one.service,
            one.severity.value,
            one.place.file,
            one.message,
            now,
            now,
            waived=one.id in waived,
        )
        if had is not None:
            times = had.times + (had.gone_at is not None)
            fresh = replace(fresh, first_seen=had.first_seen, times=times)
        found[one.id] = fresh
    gone = {one.id for one in compared.gone}
    for old in known:
        if old.id not in found and not (old.waived and old.gone_at is None):
            found[old.id] = replace(old, gone_at=now) if old.id in gone else old
    kept = [each for each in found.values() if each.gone_at is None or now - each.gone_at < FORGOTTEN]
    kept.sort(
        key=lambda each: (each.gone_at is not None, -(each.gone_at or each.last_seen).timestamp(), each.id)
    )
    return tuple(kept[:MOST])


def _is_unjudged(one: Standing, report: Report) -> bool:
    """Whether its rule was not asked, or its file or service could not be read this time."""
    if one.rule in report.left_out:
        return True
    if any(each.rule == "CMP-01" and each.place.file == one.file != "" for each in report.findings):
        return one.rule != "CMP-01"
    return any(_covers(each, one) for each in report.unknown)


def _covers(unknown: NotJudged, one: Standing) -> bool:
    if unknown.place is not None and unknown.place.file == one.file != "":
        return True
    if unknown.rule != one.rule:
        return False
    subject = unknown.subject
    is_named = subject in {one.service, one.file} or f"{one.service}/".startswith(f"{subject}/")
    return is_named or "/" not in subject


def to_json(known: Iterable[Standing]) -> list[dict[str, Any]]:
    """As plain JSON."""
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(one).items()
        }
        for one in known
    ]


def from_json(rows: Iterable[dict[str, Any]]) -> tuple[Standing, ...]:
    """Raises ValueError, KeyError, TypeError for what `to_json` did not write."""
    return tuple(
        Standing(
            **{
                **row,
                "first_seen": datetime.fromisoformat(row["first_seen"]),
                "last_seen": datetime.fromisoformat(row["last_seen"]),
                "gone_at": datetime.fromisoformat(row["gone_at"]) if row["gone_at"] else None,
            }
        )
        for row in rows
    )
