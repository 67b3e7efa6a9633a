"""`audit-waivers.yml`: findings that somebody accepted, why, and until when. Pure.

    waivers:
      - rule: IMG-01
        target: shop/web
        reason: the vendor has no versions
        until: 2026-12-31

`rule` and `target` may hold `*`; `target` is a service, a file or a finding's id. A waiver counts until the
end of its last day (UTC). One that has run out, or that cannot be read, waives nothing and is itself a
finding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fnmatch import fnmatchcase

from audit.model import Finding, Place
from audit.places import of_tree
from estate.compose.value import Rows, Section, Tree, child, text_of
from estate.snapshot.document import Document
from estate.snapshot.model import Snapshot

KEYS = ("rule", "target", "reason", "until")
_ALSO = {"by", "since", "note"}


@dataclass(frozen=True, slots=True)
class Waiver:
    rule: str
    target: str
    reason: str
    until: date
    place: Place

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        if not fnmatchcase(finding.rule, self.rule):
            return False
        names = (finding.id, finding.service, finding.service.rpartition("/")[2], finding.place.file)
        return any(name and fnmatchcase(name, self.target) for name in names)

    def has_ended(self, now: datetime) -> bool:
        """`now` is aware."""
        return now.astimezone(UTC) > datetime.combine(self.until, time.max, UTC)


@dataclass(frozen=True, slots=True)
class Bad:
    """What stands in the file and is no waiver."""

    place: Place
    why: str


@dataclass(frozen=True, slots=True)
class Waivers:
    waivers: tuple[Waiver, ...] = ()
    bad: tuple[Bad, ...] = ()


def read_waivers(snapshot: Snapshot) -> Waivers:
    """What the estate's waiver file says. Raises nothing."""
    document = snapshot.documents.get(snapshot.where.waivers)
    if document is None:
        return Waivers()
    return waivers_in(snapshot, document)


def waivers_in(snapshot: Snapshot, document: Document) -> Waivers:
    if document.wrong:
        return Waivers(bad=(Bad(Place(document.path), f"it cannot be read: {document.wrong}"),))
    if document.tree is None:
        return Waivers()
    rows = rows_of(document.tree)
    if rows is None:
        return Waivers(bad=(Bad(Place(document.path), "it has no list `waivers:`"),))
    found = [_waiver(snapshot, document.path, one) for one in rows]
    return Waivers(
        tuple(one for one in found if isinstance(one, Waiver)),
        tuple(one for one in found if isinstance(one, Bad)),
    )


def rows_of(tree: Tree | None) -> Sequence[Tree] | None:
    """The list under `waivers:`, or the file itself where it is a list; None where there is none."""
    rows = tree if isinstance(tree, Rows) else child(tree, "waivers")
    if isinstance(rows, Rows):
        return rows
    is_empty = (
        isinstance(tree, Section)
        and "waivers" in tree
        and not isinstance(rows, Section)
        and not text_of(rows)
    )
    return [] if is_empty else None


def _waiver(snapshot: Snapshot, file: str, tree: Tree) -> Waiver | Bad:
    place = of_tree(snapshot, tree, file)
    if not isinstance(tree, Section):
        return Bad(place, "it is no waiver: rule, target, reason and until are wanted")
    strange = [key for key in tree if key not in {*KEYS, *_ALSO}]
    missing = [key for key in KEYS if not (text_of(tree.get(key)) or "").strip()]
    if strange or missing:
        words = [f"it has no {', '.join(missing)}"] if missing else []
        words += [f"{', '.join(strange)} is no key of a waiver"] if strange else []
        return Bad(place, "; ".join(words))
    rule, target, reason, until = (str(text_of(tree[key])).strip() for key in KEYS)
    try:
        day = date.fromisoformat(until)
    except ValueError:
        return Bad(place, f"until: {until} is no day; write it as 2026-12-31")
    return Waiver(rule, target, reason, day, place)


def covering(waivers: Waivers, finding: Finding, now: datetime) -> Iterator[Waiver]:
    """The waivers that hold now and are about this finding."""
    return (one for one in waivers.waivers if not one.has_ended(now) and one.covers(finding))
