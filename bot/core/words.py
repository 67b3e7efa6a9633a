"""Cutting a line into words: quotes without a shell, and nothing in a word that the eye cannot see.

There are no escapes, no variables, no substitution. `"` quotes anywhere; `'` only where a word or an option's
value begins, so that `don't` is a word. A phone's `“…”` and `—since` count as `"…"` and `--since`.
"""

import re
import unicodedata
from dataclasses import dataclass

_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_CURLY = str.maketrans("“”„‟", '""""')
_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"}


class BadWord(ValueError):
    """A word that cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `bare` when no quote was in it: only then can it be an option."""

    text: str
    bare: bool


class Words:
    """A line, read from left to right. What was not asked for is not looked at, so free text may hold
    what words may not (an apostrophe, a line end)."""

    def __init__(self, line: str) -> None:
        self._line = unicodedata.normalize("NFC", line)
        self._at = 0

    def _skip(self) -> None:
        while self._at < len(self._line) and self._line[self._at].isspace():
            self._at += 1

    @property
    def more(self) -> bool:
        self._skip()
        return self._at < len(self._line)

    def peek(self) -> str:
        """The next characters up to a space, as they stand."""
        self._skip()
        match = re.match(r"\S*", self._line[self._at :])
        return match.group() if match else ""

    def rest(self) -> str:
        """All that is left, as it was written. Raises BadWord for characters that cannot be seen."""
        text = self._line[self._at :].strip()
        self._at = len(self._line)
        refuse_unseen(text, but="\n\t\u200d")
        return text

    def next(self) -> Word:
        """The next word. Raises BadWord for a quote without its partner and for deceiving characters."""
        self._skip()
        word = self._cut()
        if word.bare and re.match(r"[—–][A-Za-z]", word.text):
            word = Word("--" + word.text[1:], bare=True)
        refuse_unseen(word.text)
        refuse_mixed(word.text)
        return word

    def _cut(self) -> Word:
        line, start, out, bare = self._line.translate(_CURLY), self._at, [], True
        while self._at < len(line) and not line[self._at].isspace():
            char = line[self._at]
            opens = char == '"' or (char == "'" and (self._at == start or line[self._at - 1] == "="))
            if not opens:
                out.append(char)
                self._at += 1
                continue
            # An option keeps its name outside the quotes: --grep="two words" is still an option.
            bare = bare and bool(out) and out[0] == "-"
            end = line.find(char, self._at + 1)
            if end < 0:
                raise BadWord(f"the quote {char} has no partner")
            out.append(line[self._at + 1 : end])
            self._at = end + 1
        return Word("".join(out), bare)


def refuse_unseen(text: str, but: str = "") -> None:
    """Raise BadWord, with the code points, when `text` holds control, format or bidi characters."""
    if text.isascii() and text.isprintable():
        return
    found = [char for char in text if unicodedata.category(char) in _UNSEEN and char not in but]
    if found:
        raise BadWord(f"it holds characters that cannot be seen: {_code_points(found)}")


def refuse_mixed(text: str) -> None:
    """Raise BadWord, with the code points, when a word mixes scripts to look like another."""
    if text.isascii():
        return
    for word in text.split():
        scripts = {char: _script(char) for char in word if char.isalpha()}
        if len(set(scripts.values())) > 1 and set(scripts.values()) != {"LATIN", "EAST ASIAN"}:
            strange = [char for char in scripts if not char.isascii()]
            raise BadWord(f"{word} mixes scripts: {_code_points(strange)}")


def _script(char: str) -> str:
    first = unicodedata.name(char, "UNNAMED").split(" ")[0]
    return "EAST ASIAN" if first in _EAST_ASIAN else first


def _code_points(chars: list[str]) -> str:
    unique = list(dict.fromkeys(chars))
    named = [f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip() for char in unique[:5]]
    return ", ".join(named) + (" and more" if len(unique) > 5 else "")
