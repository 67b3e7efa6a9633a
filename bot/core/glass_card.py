"""A broken glass as the room sees it: a message that calls everybody, and lines on the plan's card. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.core.approval import RAN, Approval, State
from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    Heading,
    Line,
    Mention,
    Paragraph,
    Span,
    Strong,
    Text,
    Tone,
    doc,
    line,
)
from bot.core.duration import say_duration
from bot.core.glass import Glass

SYMBOL = "🔨"
CALLED = 15
"""Names in one line: platforms bound what stands in a line, and nobody may be left out."""


def alarm(
    approval: Approval, command: str, subject: str, everyone: Sequence[str], now: datetime, prefix: str = "!"
) -> Doc:
    """What is said to the whole room when the countdown begins. Its plain text ends with `!deny CODE`."""
    glass = approval.glass
    assert glass is not None  # an alarm is about one
    left = say_duration(glass.runs - now)
    no = f"{prefix}deny {approval.code}"
    how = f"Any of you can stop it until then: with the button or ❎, by answering no, or with {no}"
    return doc(
        _heading(command, subject, Tone.BAD),
        Fields((*_facts(approval, glass), ("runs", line(f"{_clock(glass.runs)}, in {left}")))),
        *(_called(everyone)),
        line(how),
        Choices(approval.id, approval.code, prefix=prefix, stop=True),
    )


def alarm_over(approval: Approval, command: str, subject: str, said: Line) -> Doc:
    """The same message when nothing can be stopped any more: it calls nobody and has no button."""
    glass = approval.glass
    assert glass is not None  # an alarm is about one
    return doc(_heading(command, subject, Tone.NONE), Fields(tuple(_facts(approval, glass))), said)


def glass_lines(approval: Approval) -> list[Line]:
    """What the plan's own card says about its glass."""
    glass = approval.glass
    if glass is None:
        return []
    who = (Strong(glass.person), Text(" ("), Code(str(glass.identity)), Text(")"))
    lines = [line("glass broken by ", *who, f": {glass.reason}")]
    if not glass.needed:
        lines.append(line("the votes came before it was needed"))
    elif approval.state is State.COUNTDOWN:
        lines.append(line(f"runs {_clock(glass.runs)}, unless somebody says no"))
    elif glass.signed is not None:
        signed = glass.signed
        lines.append(line("signed off by ", Strong(signed.person), " (", Code(str(signed.identity)), ")"))
    elif approval.state in RAN:
        lines.append(line("not signed off yet: that takes another person than ", Strong(glass.person)))
    return lines


def unsigned(approval: Approval, signers: Sequence[str], prefix: str = "!") -> Line:
    """What is said after it ran, to those whose signature it wants."""
    glass = approval.glass
    assert glass is not None  # only what ran through one is unsigned
    spans: list[Span | str] = [f"{approval.code} ran without the yes it wants. "]
    if signers:
        spans += [*_mentions(signers), ": "]
    spans += [f"to sign off that you saw it, type {prefix}approve {approval.code}"]
    return line(*spans)


def _heading(command: str, subject: str, tone: Tone) -> Heading:
    return Heading(line("glass broken: ", f"{command} ", Code(subject)), tone, SYMBOL)


def _facts(approval: Approval, glass: Glass) -> Iterator[tuple[str, Line]]:
    yield "by", line(Strong(glass.person), " (", Code(str(glass.identity)), ")")
    yield "reason", line(glass.reason)
    yield "plan", line("sha256 ", Code(approval.digest[:16]), ", code ", Code(approval.code))


def _called(everyone: Sequence[str]) -> Iterator[Block]:
    for start in range(0, len(everyone), CALLED):
        yield Paragraph(line(*_mentions(everyone[start : start + CALLED])))


def _mentions(names: Sequence[str]) -> list[Span | str]:
    spans: list[Span | str] = []
    for name in names:
        spans += [*([" "] if spans else []), Mention(name)]
    return spans


def _clock(at: datetime) -> str:
    return f"at {at:%H:%M:%S} UTC"
