"""Text → which command. A guess is offered, never run."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.core.command import Command
from bot.core.errors import Unknown
from bot.core.text import one_line

LONGEST_TEXT = 16_000
"""Characters; no command is longer, and what is longer is not looked at."""


@dataclass(frozen=True, slots=True)
class Match:
    """A command and the text after its words, not read yet: first it is decided whether the asker may."""

    command: Command
    rest: str


def match(
    text: str, commands: Collection[Command], prefix: str = "!", *, addressed: bool = False
) -> Match | None:
    """Which command a message means, or None when it is not for us.

    For us is what begins with the prefix and a letter, and, when `addressed` (a mention, a slash command),
    anything at all. Raises Unknown, with what is near, for words that are no command.
    """
    text = unicodedata.normalize("NFC", text[:LONGEST_TEXT]).strip()
    if text.startswith(prefix) and text[len(prefix) : len(prefix) + 1].isalpha():
        text = text[len(prefix) :]
    elif not addressed:
        return None
    if not text:
        return _find("help", commands, prefix)
    return _find(text, commands, prefix)


def _find(text: str, commands: Collection[Command], prefix: str) -> Match:
    typed = [found.group().lower() for found in re.finditer(r"\S+", text)]
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    for command in sorted(commands, key=lambda one: -len(one.words)):
        count = len(command.words)
        if tuple(typed[:count]) == command.words:
            return Match(command, text[ends[count - 1] :])
    raise Unknown(_hint(typed, commands, prefix))


def _hint(typed: list[str], commands: Collection[Command], prefix: str) -> str:
    names = [command.name for command in commands]
    # `test`, `backup nwo`: the family is known, so its members are the answer.
    family = [name for name in names if name.split()[0] == typed[0]]
    said = " ".join(typed[: max((name.count(" ") + 1 for name in names), default=1) if family else 1])
    close = near(said, names) or near(typed[0], names) or family[:1]
    guess = f"did you mean {prefix}{close[0]}?" if close else f"{prefix}help lists what there is"
    return f"{one_line(said, 40)} — {guess}"


def near(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The known words that look like this one, best first."""
    from difflib import get_close_matches  # only ever needed for a mistake

    by_folded = {name.lower(): name for name in known}
    found = get_close_matches(word.lower()[:80], list(by_folded), n=count, cutoff=0.6)
    return [by_folded[name] for name in found]
