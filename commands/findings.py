"""What the audit's commands share: an audit of this moment, and the finding that somebody means."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.context import Context, Services
from bot.core.errors import Refused, Unknown
from bot.core.redact import Redactor
from bot.core.text import one_line

if TYPE_CHECKING:
    from datetime import datetime

    from audit.model import Finding, Report
    from estate.snapshot.model import Snapshot

_ID = re.compile(r"[A-Z]{2,5}-\d\d-[A-Z0-9]{5,12}\Z", re.IGNORECASE)
_RULE = re.compile(r"[A-Z]{2,5}-\d\d\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Audit:
    """One moment. `report` may be said; `raw` holds the rules' own words, which may not."""

    snapshot: "Snapshot"
    raw: "Report"
    report: "Report"

    def find(self, typed: str) -> "Finding":
        """The finding with this id, in words that may be said. Raises Unknown, Refused."""
        name = typed.strip().upper()
        found = next((one for one in self.report.findings if one.id == name), None)
        if found is not None:
            return found
        waived = next((one for one in self.report.waived if one.finding.id == name), None)
        if waived is not None:
            raise Refused(f"{name} is waived until {waived.until}: {waived.reason}")
        raise Unknown(f"{one_line(typed, 40)} — {self._near(name)}")

    def _near(self, name: str) -> str:
        rule = name.rpartition("-")[0]
        same = [one.id for one in self.report.findings if one.rule in {rule, name}]
        if same:
            more = f" and {len(same) - 5} more" if len(same) > 5 else ""
            return f"no finding is called that now; there is {', '.join(same[:5])}{more}"
        return "no finding is called that now; it may be mended: audit lists what there is"


async def take_audit(ctx: Context) -> Audit:
    """Judge everything now. Raises Refused where there is no tree."""
    return await audit_of(ctx.services, ctx.now, ctx.redactor)


async def audit_of(services: Services, now: "datetime", redactor: Redactor) -> Audit:
    if services.snapshots is None:
        raise Refused("there is no estate to audit: estate.root in the configuration names its folder")
    snapshot = await services.snapshots.take(now)
    return await asyncio.to_thread(_judge, snapshot, now, redactor)


def _judge(snapshot: "Snapshot", now: "datetime", redactor: Redactor) -> Audit:
    from audit.cleaning import cleaned, secrets_of
    from audit.engine import evaluate
    from audit.rules import ALL

    raw = evaluate(snapshot, ALL, now=now)
    return Audit(snapshot, raw, cleaned(raw, redactor.plus(secrets_of(snapshot))))


def is_finding(typed: str) -> bool:
    """Whether it is written like a finding's id."""
    return bool(_ID.match(typed.strip()))


def is_rule(typed: str) -> bool:
    """Whether it is written like a rule's id."""
    return bool(_RULE.match(typed.strip()))


async def finding_names(services: Services, typed: str) -> Sequence[str]:
    """Every name of what a finding is about: what roles' targets and the policy's lines are held against.
    Raises Unknown, Refused."""
    from datetime import UTC, datetime

    audit = await audit_of(services, datetime.now(UTC), Redactor())
    found = audit.find(typed)
    return tuple(
        dict.fromkeys(
            filter(None, (found.id, found.service, found.service.rpartition("/")[2], found.place.file))
        )
    )
