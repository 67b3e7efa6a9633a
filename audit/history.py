"""When findings came, went, and came back, over a row of commits. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from audit.comparison import Standing, compare
from audit.comparison import after as standings_after
from audit.model import Finding, Report
from estate.past import Commit

BLIND = frozenset({"ENV-01", "ENV-06", "CMP-08"})
"""Rules about what git does not keep: modes, and files that it ignores."""


@dataclass(frozen=True, slots=True)
class Span:
    """A finding was there: from a commit on, until another mended it. `since` None: it was there already at
    the first commit that was looked at. `until` None: it is there now."""

    since: Commit | None
    until: Commit | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One finding over time. `finding`: as it was last seen."""

    finding: Finding
    spans: tuple[Span, ...]

    @property
    def is_there(self) -> bool:
        return self.spans[-1].until is None

    @property
    def came_back(self) -> bool:
        return len(self.spans) > 1


@dataclass(frozen=True, slots=True)
class History:
    """`first`, `last`: of the commits that were looked at. `whole`: the first has no parent. Stories: what is
    there now in the order of its weight, then what was mended, the newest first."""

    first: Commit
    last: Commit
    commits: int
    whole: bool
    stories: tuple[Story, ...]


def tell(judged: Iterable[tuple[Commit, Report]], *, whole: bool) -> History | None:
    """From the oldest to the newest; None where there is none. What a commit made unreadable is neither gone
    nor back."""
    stories: dict[str, Story] = {}
    first: Commit | None = None
    last: Commit | None = None
    newest = Report()
    known: tuple[Standing, ...] = ()
    count = 0
    for commit, taken in judged:
        # Waived or not: that somebody accepts it does not mend it.
        accepted = tuple(one.finding for one in taken.waived)
        report = replace(taken, findings=(*taken.findings, *accepted), waived=())
        compared = compare(known, first.at if first else None, report)
        known = standings_after(known, report, compared, commit.at)
        for one in report.findings:
            _seen(stories, one, commit if first is not None or whole else None)
        for standing in compared.gone:
            _ended(stories, standing.id, commit)
        first, last, newest, count = first or commit, commit, report, count + 1
    if first is None or last is None:
        return None
    return History(first, last, count, whole, _ordered(stories, newest))


def _seen(stories: dict[str, Story], finding: Finding, commit: Commit | None) -> None:
    had = stories.get(finding.id)
    if had is None:
        stories[finding.id] = Story(finding, (Span(commit),))
    elif had.is_there:
        stories[finding.id] = replace(had, finding=finding)
    else:
        stories[finding.id] = Story(finding, (*had.spans, Span(commit)))


def _ended(stories: dict[str, Story], name: str, commit: Commit) -> None:
    had = stories[name]
    stories[name] = replace(had, spans=(*had.spans[:-1], replace(had.spans[-1], until=commit)))


def _ordered(stories: dict[str, Story], newest: Report) -> tuple[Story, ...]:
    place = {one.id: number for number, one in enumerate(newest.findings)}
    there = sorted(
        (one for one in stories.values() if one.is_there),
        key=lambda one: (place.get(one.finding.id, len(place)), one.finding.id),
    )
    gone = [one for one in stories.values() if not one.is_there]
    return (*there, *sorted(gone, key=_when_mended))


def _when_mended(one: Story) -> tuple[float, str]:
    until = one.spans[-1].until
    return (-until.at.timestamp() if until else 0.0, one.finding.id)


def counts(found: History) -> tuple[int, int, int]:
    """There now, mended, came back."""
    there: Sequence[Story] = [one for one in found.stories if one.is_there]
    back = [one for one in found.stories if one.came_back]
    return len(there), len(found.stories) - len(there), len(back)
