"""What a reply to a plan says: yes, no, or nothing that is clear. Pure. Never a guess."""

import re
from dataclasses import dataclass

from bot.core.plan import ALPHABET, LONGEST_CODE, SHORTEST_CODE, as_code

_YES = """
approve, approved, i approve, yes, y, yep, yeah, ok, okay, k, sure, go, go ahead, go for it, do it, lgtm,
looks good, looks good to me, ship it, confirm, confirmed, agreed, +1, 👍, ✅, ✔, ☑, 👌
"""
_NO = """
deny, denied, i deny, no, n, nope, no way, nay, reject, rejected, refuse, refused, stop, don't, dont, do not,
don't do it, dont do it, do not do it, cancel, abort, -1, 👎, ❌, ❎, 🚫, ✖
"""
YES, NO = (frozenset(" ".join(one.split()) for one in words.split(",")) for words in (_YES, _NO))
_CODE = re.compile(rf"[{ALPHABET}]{{{SHORTEST_CODE},{LONGEST_CODE}}}")
_TONES = dict.fromkeys([*range(0x1F3FB, 0x1F400), 0xFE0F, 0xFE0E, 0x200D])


@dataclass(frozen=True, slots=True)
class Reply:
    """`approve` is None when it is neither a clear yes nor a clear no. `code` when one was given."""

    approve: bool | None
    code: str | None = None
    hints: bool = False
    """It is unclear and yet has a word of yes or no in it."""


def read_reply(text: str) -> Reply:
    """The whole reply must be a word of yes or of no, with or without a code: "yes, but later" is unclear."""
    words = text.translate(_TONES).replace("’", "'").split()
    said = _verdict(words)
    if said is not None:
        return Reply(said)
    for word in (words[0], words[-1]) if len(words) > 1 else ():
        # "what" could be a code: it is one only beside a clear word.
        said = _verdict([other for other in words if other is not word]) if _is_code(word) else None
        if said is not None:
            return Reply(said, as_code(word))
    single = {word.casefold().strip(" .!,;:?`'\"") for word in words}
    return Reply(None, None, bool(single & (YES | NO)))


def _verdict(words: list[str]) -> bool | None:
    said = " ".join(words).casefold().strip(" .!,;:`'\"")
    said = re.sub(r"[,.!]? (please|thanks|thank you)$", "", said)
    if said in YES:
        return True
    return False if said in NO else None


def _is_code(word: str) -> bool:
    bare = as_code(word)
    return bool(_CODE.fullmatch(bare)) and bare.casefold() not in YES | NO
