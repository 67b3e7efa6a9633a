"""A plan as the room sees it. Pure.

Nothing that is executed stands outside of the card and its file: what is too long for the card is in the
file, and the file's digest is on the card.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.approval import OPEN, Approval, State, Vote
from bot.core.doc import (
    Block,
    Choices,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Line,
    Mention,
    Paragraph,
    Pre,
    Span,
    Strong,
    Text,
    Tone,
    doc,
    line,
)
from bot.core.duration import say_duration
from bot.core.glass_card import SYMBOL, glass_lines
from bot.core.model import Identity
from bot.core.plan import Plan
from bot.core.policy import Ask

LONGEST = 2400
"""Characters of commands and diff on a card, so that no platform has to cut it."""
MOST_LINES = 30
NAMED = 6
"""People who are named, and called, as those who may say yes."""

_LOOKS: dict[State, tuple[str, Tone]] = {
    State.ASKED: ("📝", Tone.INFO),
    State.COUNTDOWN: (SYMBOL, Tone.BAD),
    State.APPROVED: ("⏳", Tone.INFO),
    State.RUNNING: ("⏳", Tone.INFO),
    State.DONE: ("✅", Tone.GOOD),
    State.FAILED: ("❌", Tone.BAD),
    State.ROLLED_BACK: ("↩️", Tone.WARN),
    State.INTERRUPTED: ("⚠️", Tone.BAD),
    State.DRIFTED: ("✋", Tone.WARN),
    State.DENIED: ("🚫", Tone.WARN),
    State.CANCELLED: ("🚫", Tone.WARN),
    State.EXPIRED: ("⌛", Tone.NONE),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked, and who may say yes, by name."""

    name: str
    identity: Identity
    voters: tuple[str, ...]


Clean = Callable[[str], str]
"""Blacks out secrets. What is in the file is cleaned before its digest is taken, so that the two agree."""


def plan_card(
    plan: Plan, approval: Approval, asked: Asked, now: datetime, prefix: str = "!", clean: Clean = str
) -> Doc:
    """The card as it is first shown. Its plain text ends with the bare line `!approve CODE`, unless nobody
    needs to say yes."""
    shown, files = _executed(plan, clean)
    advice = plan.advice
    pairs: list[tuple[str, Line]] = [
        ("what", line(Strong(plan.command), " ", Code(plan.subject), *_arguments(plan))),
        ("where", line(Code(plan.host), *((", project ", Code(plan.project)) if plan.project else ()))),
        ("asked by", line(Strong(asked.name), " (", Code(str(asked.identity)), ")")),
    ]
    pairs += [("interrupted", line(advice.interrupts))] if advice.interrupts else []
    pairs += [("undone by", line(advice.undo))] if advice.undo else []
    pairs.append(("who may say yes", _voters(approval, asked)))
    pairs.append(("by the policy's line", line(Code(approval.rule.key))))
    if approval.needed:
        left = say_duration(approval.expires - now)
        pairs.append(("until", line(f"{approval.expires:%Y-%m-%d %H:%M:%S} UTC ({left})")))
    pairs.append(("plan", line("sha256 ", Code(approval.digest[:16]), ", code ", Code(approval.code))))
    blocks: list[Block | str | Line] = [_heading(approval, plan.subject, plan.command), Fields(tuple(pairs))]
    blocks += shown
    if advice.notes:
        blocks.append(Items(tuple(line(note) for note in advice.notes)))
    if approval.needed:
        question = f"{plan.command} {plan.subject}?"
        blocks.append(Choices(approval.id, approval.code, question, prefix))
    return doc(*blocks, files=files)


def moved_card(first: Doc, approval: Approval, command: str, subject: str, tail: Sequence[Line] = ()) -> Doc:
    """The card in a later state: the same plan, who said what, and `tail` last. Its files stay where they
    were first attached."""
    kept = [block for block in first.blocks if not isinstance(block, Heading | Choices)]
    choices = [block for block in first.blocks if isinstance(block, Choices)]
    votes = [*(_vote(vote, approval) for vote in approval.votes), *glass_lines(approval)]
    blocks: list[Block] = [_heading(approval, subject, command), *kept]
    blocks += [Items(tuple(votes))] if votes else []
    blocks += [Paragraph(spans) for spans in tail]
    return Doc((*blocks, *(choices if approval.state in OPEN else ())))


def verdict_word(state: State) -> str:
    """How the last line begins: `done: `, `drifted: `, …"""
    return f"{state.value}: "


def ended(document: Doc, state: State) -> Doc:
    """What an execution found, with its last line marked as such."""
    *before, last = document.blocks or (Paragraph(line("")),)
    if isinstance(last, Paragraph):
        return replace(document, blocks=(*before, Paragraph((Text(verdict_word(state)), *last.spans))))
    closing = Paragraph(line(f"{verdict_word(state)}see above"))
    return replace(document, blocks=(*before, last, closing))


def _heading(approval: Approval, subject: str, command: str) -> Heading:
    symbol, tone = _LOOKS[approval.state]
    words: tuple[Span | str, ...] = (Text(f"{command} "), Code(subject))
    match approval.state:
        case State.ASKED:
            said: tuple[Span | str, ...] = (f"{approval.requester} asks: ", *words)
        case State.COUNTDOWN:
            said = ("glass broken: ", *words)
        case State.APPROVED:
            said = ("approved: ", *words)
        case other:
            said = (verdict_word(other), *words)
    return Heading(line(*said), tone, symbol)


def _arguments(plan: Plan) -> tuple[str, ...]:
    pairs = sorted(plan.arguments.items())
    given = ", ".join(name if value is True else f"{name} {value}" for name, value in pairs)
    return (f" ({given})",) if given else ()


def _voters(approval: Approval, asked: Asked) -> Line:
    if not approval.needed:
        return line("nobody needs to: the policy asks nobody")
    rule = approval.rule
    if rule.ask is Ask.CONFIRM:
        return line(asked.name, ", who asked, or whoever may ask for the same")
    spans: list[Span | str] = [f"{approval.needed} of {rule.by}: "]
    for index, name in enumerate(asked.voters[:NAMED]):
        spans += [", " if index else "", Mention(name)]
    if len(asked.voters) > NAMED:
        spans.append(f" and {len(asked.voters) - NAMED} more")
    if not asked.voters:
        spans.append("nobody else holds that role, so nobody can")
    spans.append("" if rule.self_approval else f"; not {asked.name}")
    return line(*(span for span in spans if span))


def _vote(vote: Vote, approval: Approval) -> Line:
    word = "yes" if vote.approve else "no"
    of = f", {len(approval.yes)} of {approval.needed}" if vote.approve and approval.needed > 1 else ""
    return line(f"{word}: ", Strong(vote.person), " (", Code(str(vote.identity)), f"){of}")


def _executed(plan: Plan, clean: Clean) -> tuple[list[Block | str | Line], list[File]]:
    """Diff and commands, or how they begin and the file that has them all."""
    calls = [*plan.calls, *(" ".join(_quoted(word) for word in words) for words in plan.argv)]
    commands, diff = clean("\n".join((*_unseen(plan), *calls))), clean(plan.advice.diff)
    whole = "\n".join(part for part in (diff, commands) if part)
    if len(whole) <= LONGEST and whole.count("\n") < MOST_LINES:
        blocks: list[Block | str | Line] = []
        blocks += [Pre(diff, "diff")] if diff else []
        blocks += [Pre(commands, "console")] if commands else []
        return blocks, []
    content = clean(f"{whole}\n\n{plan.canonical}\n").encode("utf-8", "replace")
    sha = hashlib.sha256(content).hexdigest()
    rows = whole.split("\n")
    first = "\n".join(row[:200] for row in rows[:10])
    note = line(f"These are the first of {len(rows)} lines. All of it is in ", Code("plan.txt"),
                ", sha256 ", Code(sha))  # fmt: skip
    return [Pre(first, "diff" if diff else "console"), note], [File("plan.txt", "text/plain", content)]


def _unseen(plan: Plan) -> Iterator[str]:
    """The files that are written and that the diff does not name: nothing is done that is not shown."""
    for change in plan.files:
        if change.path not in plan.advice.diff:
            after = hashlib.sha256(change.after).hexdigest()
            yield f"write {change.path}: sha256 {change.before[:16] or 'nothing'} → {after[:16]}"


def _quoted(word: str) -> str:
    """For reading, as a shell would want it; no shell ever gets it."""
    import shlex

    return shlex.quote(word)
