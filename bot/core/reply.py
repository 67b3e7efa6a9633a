"""What a reply to a plan says: yes, no, or nothing that is clear. Pure. Never a guess."""

import re
from dataclasses import dataclass

from bot.core.letters import ALPHABET
from bot.core.plan import LONGEST_CODE, SHORTEST_CODE, as_code

_YES = """
approve, approved, i approve, approve it, approve this, yes, y, yep, yup, yeah, yes do it, yes go ahead,
ok, okay, k, ok do it, ok go ahead, sure, go, go ahead, go for it, do it, lgtm, looks good, looks good to me,
sounds good, fine by me, ship it, confirm, confirmed, i confirm, agreed, absolutely, +1
"""
_NO = """
deny, denied, i deny, deny it, deny this, no, n, nope, no way, nay, never, reject, rejected, refuse, refused,
stop, stop it, stop this, don't, dont, do not, don't do it, dont do it, do not do it, no don't, cancel, abort,
-1
"""
_SIGNS = {
    "👍": True, "✅": True, "✔": True, "☑": True, "👌": True, "🆗": True,
    "👎": False, "❌": False, "❎": False, "🚫": False, "✖": False, "🛑": False,
    ":+1:": True, ":thumbsup:": True, ":white_check_mark:": True, ":heavy_check_mark:": True,
    ":ballot_box_with_check:": True, ":ok_hand:": True, ":ok:": True,
    ":-1:": False, ":thumbsdown:": False, ":x:": False, ":negative_squared_cross_mark:": False,
    ":no_entry_sign:": False, ":no_entry:": False, ":heavy_multiplication_x:": False,
    ":octagonal_sign:": False,
}  # fmt: skip
"""Signs, and the words by which Slack's messages name them."""
_SURE = frozenset({"approve", "approved", "i approve", "deny", "denied", "i deny", "reject", "rejected"})
YES, NO = (frozenset(" ".join(one.split()) for one in words.split(",")) for words in (_YES, _NO))
_CODE = re.compile(rf"[{ALPHABET}]{{{SHORTEST_CODE},{LONGEST_CODE}}}")
_TONE_WORDS = re.compile(r":(?::skin-tone-[2-6]:)")
_TONES = dict.fromkeys([*range(0x1F3FB, 0x1F400), 0xFE0F, 0xFE0E, 0x200D])


@dataclass(frozen=True, slots=True)
class Reply:
    """`approve` is None when it is neither a clear yes nor a clear no. `code` when one was given."""

    approve: bool | None
    code: str | None = None
    hints: bool = False
    """It is unclear and yet has a word of yes or no in it."""
    sure: bool = False
    """Nobody says these words about anything but a plan: `approve`, not `ok`."""


def read_reply(text: str) -> Reply:
    """The whole reply must be a word of yes or of no, with or without a code: "yes, but later" is unclear."""
    words = _TONE_WORDS.sub(":", text.translate(_TONES)).replace("’", "'").split()
    said = _verdict(words)
    if said is not None:
        return Reply(said, sure=_bare([word for word in words if word not in _SIGNS]) in _SURE)
    for word in (words[0], words[-1]) if len(words) > 1 else ():
        # "what" could be a code: it is one only beside a clear word.
        said = _verdict([other for other in words if other is not word]) if _is_code(word) else None
        if said is not None:
            return Reply(said, as_code(word), sure=True)
    single = {word.casefold().strip(" .!,;:?`'\"") for word in words}
    return Reply(None, None, bool(single & (YES | NO) or set(words) & set(_SIGNS)))


def _verdict(words: list[str]) -> bool | None:
    """What words and signs say together: they must not contradict each other."""
    signs = {_SIGNS[word] for word in words if word in _SIGNS}
    said = _bare([word for word in words if word not in _SIGNS])
    if said:
        if said not in YES | NO:
            return None
        signs.add(said in YES)
    return signs.pop() if len(signs) == 1 else None


def _bare(words: list[str]) -> str:
    said = " ".join(words).casefold().strip(" .!,;:`'\"")
    said = re.sub(r"[,.!]? (please|thanks|thank you)$", "", said)
    return said if said in YES | NO else re.sub(r"[,.!] ", " ", said)


def _is_code(word: str) -> bool:
    bare = as_code(word)
    return bool(_CODE.fullmatch(bare)) and bare.casefold() not in YES | NO
