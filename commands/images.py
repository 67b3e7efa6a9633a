"""The images that are in use, and how surely they are what they say."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.context import Context
from bot.core.command import command
from bot.core.doc import (
    Code,
    Doc,
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
from bot.core.duration import say_roughly
from bot.core.errors import Upstream
from bot.core.model import Risk
from bot.ports import Engine
from commands.look import look_running
from estate.model import Container, Image
from estate.reference import parse_reference, short_reference

SHOWN = 40
_SYMBOL = {Tone.GOOD: "🟢", Tone.WARN: "🟡"}
_HEADER = ("image", "holds", "digest", "size", "age", "used by")


@command(risk=Risk.READ)
async def images(ctx: Context) -> Doc:
    """The images in use: tag, whether it floats, digest, size, age. Unused ones are counted.

    A tag floats when tomorrow's pull may bring another image: `latest`, no tag, a channel, a partial version.
    """
    view = await look_running(ctx.services)
    found, away = await _images(view.engines.values())
    by_id = {(image.host, image.id): image for image in found}
    using: dict[tuple[str, str, str], list[Container]] = defaultdict(list)
    for container in view.containers:
        using[container.host, container.image_id, container.image].append(container)
    rows = [
        _cells(asked, by_id.get((host, image_id)), users, ctx.now)
        for (host, image_id, asked), users in sorted(using.items(), key=lambda item: item[0][2])
    ]
    floating = sum(1 for _, _, asked in using if _floats(asked))
    used = {(host, image_id) for host, image_id, _ in using}
    notes = [*view.notes(), *(line(Strong("not seen: "), why) for why in away)]
    return _document(rows, floating, [one for key, one in by_id.items() if key not in used], notes)


async def _images(engines: Iterable[Engine]) -> tuple[list[Image], list[str]]:
    answers = await asyncio.gather(*(engine.images() for engine in engines), return_exceptions=True)
    found: list[Image] = []
    away: list[str] = []
    for answer in answers:
        if isinstance(answer, Upstream):
            away.append(str(answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found += answer
    return found, away


def _document(
    rows: Sequence[tuple[Line, ...]], floating: int, unused: Sequence[Image], notes: Sequence[Line]
) -> Doc:
    tone = Tone.WARN if floating else Tone.GOOD
    words = f"{len(rows)} {'image' if len(rows) == 1 else 'images'} in use, {floating or 'none'} floating"
    heading = Heading(line(words), tone, _SYMBOL[tone])
    size = sum(image.size for image in unused)
    tail = [line(f"{len(unused)} unused, {say_size(size)}")] if unused else []
    items = [Items((*tail, *notes))] if tail or notes else []
    if not rows:
        return doc(heading, *items)
    whole = Table(_HEADER, tuple(rows))
    if len(rows) <= SHOWN:
        return doc(heading, whole, *items)
    first = Table(_HEADER, tuple(rows[:SHOWN]))
    more = Paragraph(line(f"and {len(rows) - SHOWN} more, all of them in the file"))
    file = File("images.txt", "text/plain", plain(doc(heading, whole)).encode())
    return doc(heading, first, more, *items, files=[file])


def _cells(asked: str, image: Image | None, users: Sequence[Container], now: datetime) -> tuple[Line, ...]:
    floats = _floats(asked)
    holds = line(Strong(f"floats: {floats.replace(': ', ', so ')}")) if floats else line("exact")
    names = [user.service or user.name for user in users]
    used_by = ", ".join(dict.fromkeys(names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    age = say_roughly(now - image.created) if image and image.created else "?"
    size = say_size(image.size) if image else "gone"
    return (
        line(Code(short_reference(asked))),
        holds,
        line(_digest(image)),
        line(size),
        line(age),
        line(used_by),
    )


def _floats(asked: str) -> str:
    """A container that shows a bare id lost its tag: another image took it, which is what floating means."""
    reference = parse_reference(asked)
    return "its tag went to another image" if not reference.repository else reference.floats


def _digest(image: Image | None) -> str:
    if image is None or not image.digests:
        return "none: local only"
    digests = dict.fromkeys(one.rpartition("@sha256:")[2][:12] for one in image.digests)
    return next(iter(digests)) + (f" and {len(digests) - 1} more" if len(digests) > 1 else "")


def say_size(size: int) -> str:
    """Bytes as people say them: `412 MB`, as Docker does by powers of ten."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
