"""How the estate's backups stand, as a room sees it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.doc import (
    Block,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Line,
    Paragraph,
    Strong,
    Table,
    Tone,
    doc,
    line,
    plain,
)
from bot.core.duration import say_duration, say_roughly
from estate.backup.coverage import Cover, Covered
from estate.backup.history import PARTS, Drilled, Ran, Result, Verified, last_good
from estate.backup.item import LeftOut, Method
from estate.backup.save import say_bytes

SHOWN = 20
_HEADER = ("service", "what", "state", "last", "how")
_TONE = {
    Cover.COVERED: Tone.GOOD,
    Cover.STALE: Tone.WARN,
    Cover.CONFIG_ONLY: Tone.BAD,
    Cover.UNCOVERED: Tone.BAD,
    Cover.UNKNOWN: Tone.WARN,
}
_ORDER = [Cover.UNCOVERED, Cover.CONFIG_ONLY, Cover.UNKNOWN, Cover.STALE, Cover.COVERED]
_SYMBOL = {Tone.GOOD: "🟢", Tone.WARN: "🟡", Tone.BAD: "🔴"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that the answer is made of. `place`: where backups go, in words; empty: nowhere."""

    covered: Sequence[Covered]
    left_out: Sequence[LeftOut]
    runs: Sequence[Ran]
    verified: Verified
    drills: Mapping[str, Drilled]
    place: str
    schedule: str
    how_to: str = ""
    trouble: str = ""
    notes: Sequence[Line] = ()


def standing_card(standing: Standing, now: datetime) -> Doc:
    """The sum first, what is not covered before what is."""
    rows = sorted(
        standing.covered, key=lambda one: (_ORDER.index(one.cover), one.item.owners, one.item.title)
    )
    table = [_row(one, now) for one in rows]
    blocks: list[Block | str | Line] = [_heading(standing, now), Fields(tuple(_fields(standing, now)))]
    files = []
    if table:
        blocks.append(Table(_HEADER, tuple(table[:SHOWN])))
    if len(table) > SHOWN or standing.left_out:
        whole = (
            doc(Table(_HEADER, tuple(table)), *_left(standing.left_out))
            if table
            else doc(*_left(standing.left_out))
        )
        files.append(File("backup.txt", "text/plain", plain(whole).encode()))
    notes = list(standing.notes)
    if standing.left_out:
        count = len(standing.left_out)
        words = "1 mount needs" if count == 1 else f"{count} mounts need"
        notes.append(line(f"{words} no backup, by rule; the file says which and why"))
    if notes:
        blocks.append(Items(tuple(notes)))
    return doc(*blocks, files=files)


def _heading(standing: Standing, now: datetime) -> Heading:
    counts = Counter(one.cover for one in standing.covered)
    total = len(standing.covered)
    parts = [f"{counts[Cover.COVERED]} of {total} covered"]
    parts += [f"{counts[one]} {one.value}" for one in _ORDER if one is not Cover.COVERED and counts[one]]
    good = last_good(standing.runs)
    parts.append(
        f"last good {say_roughly(now - good.time)} ago" if good else "no good backup of everything yet"
    )
    worst = next((one for one in _ORDER if counts[one]), Cover.COVERED)
    tone = _TONE[worst] if good or worst is not Cover.COVERED else Tone.WARN
    return Heading(line(", ".join(parts)), tone, _SYMBOL[tone])


def _fields(standing: Standing, now: datetime) -> list[tuple[str, Line]]:
    where = standing.place or "nowhere: no backup is configured"
    pairs = [("goes into", line(where))]
    if standing.how_to:
        pairs.append(("to configure it", line(standing.how_to)))
    if standing.trouble:
        pairs.append(("trouble", line(Strong(standing.trouble))))
    if standing.runs:
        pairs.append(("last run", line(say_ran(standing.runs[-1], now))))
    pairs.append(("read back", line(say_verified(standing.verified, now))))
    if standing.drills:
        told = sorted(standing.drills.items(), key=lambda pair: pair[1].at, reverse=True)[:5]
        pairs.append(("drills", line("; ".join(_drilled(name, one, now) for name, one in told))))
    pairs.append(("by itself", line(standing.schedule or "never: estate.backup.schedule says when")))
    return pairs


def say_ran(ran: Ran, now: datetime) -> str:
    """`partial, 3 h ago, of everything, by ann: snapshot …; not whole: …`"""
    words = f"{ran.result.value}, {say_duration(now - ran.time)} ago, of {ran.scope}, by {ran.by}"
    words += (
        f": snapshot {ran.snapshot[:8]}, {ran.files} files, {say_bytes(ran.size)}" if ran.snapshot else ""
    )
    if ran.result is not Result.OK and ran.problems:
        more = f", and {len(ran.problems) - 1} more" if len(ran.problems) > 1 else ""
        words += f"; {ran.problems[0]}{more}"
    return words


def say_verified(found: Verified, now: datetime) -> str:
    """When all of it was last read, and what was found."""
    if found.failed:
        return f"NOT WELL: {found.failed}"
    if not found.done:
        return "never"
    if found.full is not None:
        return f"all of it within the last {say_duration(now - found.full)}, well"
    return f"{len(found.done)} of {PARTS} parts, well; not all of it yet"


def _drilled(name: str, one: Drilled, now: datetime) -> str:
    verdict = "restored" if one.ok else "FAILED"
    return f"{name} {verdict} {say_roughly(now - datetime.fromisoformat(one.at))} ago"


def _row(one: Covered, now: datetime) -> tuple[Line, ...]:
    item = one.item
    how = {Method.FILES: "its files", Method.DUMP: "its own tool", Method.NONE: "not"}[item.method]
    last = f"{say_roughly(now - one.at)} ago" if one.at else "never"
    owners = ", ".join(item.owners[:3]) + (
        f" and {len(item.owners) - 3} more" if len(item.owners) > 3 else ""
    )
    state = line(one.cover.value if one.cover is Cover.COVERED else Strong(one.cover.value))
    why = f"{how}: {one.why}" if one.why and item.method is not Method.NONE else one.why or how
    return line(owners), line(Code(item.title)), state, line(last), line(why)


def _left(left_out: Sequence[LeftOut]) -> list[Block]:
    rows = tuple((line(", ".join(one.owners)), line(one.source), line(one.why)) for one in left_out)
    return [Paragraph(line("needs no backup:")), Table(("service", "mount", "why"), rows)] if rows else []
