"""What must never be said aloud: known values, and what looks like a secret. Pure.

Two nets. Known values (from `.env` files and environments) are found wherever they stand, also overlapping,
also URL-, JSON-, base64- or hex-encoded. Shapes (`password=…`, `Authorization: …`, tokens, private keys,
URLs with a password, long random strings) catch what nobody listed. Redact before cutting: a value that is
cut in half is no longer known.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from urllib.parse import quote, quote_plus

from bot.core.text import many_lines, one_line

MARK = "‹redacted›"
"""What stands where a secret stood."""

SHORTEST = 4
"""Characters: a shorter value is never looked for, it would black out half of every answer."""
FREE_STANDING = 8
"""Characters: a shorter value counts only as a word of its own (`abc4`, not the middle of `xabc4y`)."""
_HEAD = 4
"""Characters of a needle that the pattern looks for; the rest is compared after a hit."""


class Redactor:
    """Blacks out `values` and what looks like a secret. Build it once per set of values; it is immutable."""

    __slots__ = ("_known", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = frozenset(values)
        self._known: tuple[_Known, ...] = (_Known(self.values),)

    def plus(self, values: Iterable[str]) -> "Redactor":
        """One that knows these values too (a container's environment). Costs only what is new."""
        more = frozenset(values) - self.values
        if not more:
            return self
        both = Redactor(more)
        both.values, both._known = self.values | more, (*self._known, *both._known)
        return both

    def text(self, text: str) -> str:
        """The text without a secret, nor a part of one."""
        return _shapes(self.black_out(text))

    def black_out(self, text: str) -> str:
        """Without the known values, however they overlap."""
        parts, at = [], 0
        for start, end in _merged(hit for known in self._known for hit in known.hits(text)):
            parts += [text[at:start], MARK]
            at = end
        return "".join([*parts, text[at:]]) if parts else text


# ---- known values ---------------------------------------------------------------------------------------


class _Known:
    """Finds known values in all their forms; also where they overlap."""

    __slots__ = ("_heads", "_needles")

    def __init__(self, values: frozenset[str]) -> None:
        needles: dict[str, dict[str, _Form]] = {}
        for value in values:
            for needle, form in _forms(value):
                needles.setdefault(needle[:_HEAD], {}).setdefault(needle, form)
        self._needles = needles
        self._heads = _any_of(needles) if needles else None

    def hits(self, text: str) -> Iterator[tuple[int, int]]:
        """Where values stand: begin and end, in no order."""
        heads = self._heads
        found = heads.search(text) if heads else None
        while found:
            start = found.start()
            for needle, form in self._needles[found.group()].items():
                if text.startswith(needle, start) and (hit := form.extent(text, start, start + len(needle))):
                    yield hit
            found = heads.search(text, start + 1) if heads else None


class _Form:
    """How far a found needle reaches, and whether it counts there."""

    def __init__(self, word: bool = False, token: bool = False) -> None:
        self.word, self.token = word, token

    def extent(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        if self.word and (_alnum(text, start - 1) or _alnum(text, end)):
            return None
        if self.token:
            while start and text[start - 1] in _BASE64:
                start -= 1
            while end < len(text) and text[end] in _BASE64_END:
                end += 1
        return start, end


_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_BASE64_END = _BASE64 | {"="}
_ANYWHERE, _WORD, _TOKEN = _Form(), _Form(word=True), _Form(token=True)


def _alnum(text: str, index: int) -> bool:
    return 0 <= index < len(text) and text[index].isalnum()


def _forms(value: str) -> Iterator[tuple[str, _Form]]:
    """Every spelling of a value that may turn up in a log, a URL, a header or a JSON file."""
    value = value.strip()
    if len(value) < SHORTEST or value in MARK:
        return
    for needle in {value, *(row.strip() for row in value.splitlines() if len(row.strip()) >= FREE_STANDING)}:
        plain = _ANYWHERE if len(needle) >= FREE_STANDING else _WORD
        for spelled in _spellings(needle):
            yield spelled, plain
    raw = value.encode("utf-8", "surrogatepass")
    for encoded in _base64_forms(raw):
        yield encoded, _TOKEN
    yield raw.hex(), _ANYWHERE
    yield raw.hex().upper(), _ANYWHERE


def _spellings(value: str) -> set[str]:
    spelled = {value, one_line(value), many_lines(value)}
    if not value.isalnum() or not value.isascii():
        quoted = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
        spelled |= {*quoted, value.replace("'", "''"), value.replace("'", "'\\''"), value.replace("$", "$$")}
        spelled |= {json.dumps(text)[1:-1] for text in quoted[:1]}
        spelled |= {text.replace("/", "\\/") for text in quoted[:2]}
        for url in _url_forms(value):
            spelled |= {url, re.sub(r"%[0-9A-F]{2}", lambda m: m.group().lower(), url)}
        spelled |= {one_line(text) for text in tuple(spelled)}
    return spelled


def _url_forms(value: str) -> set[str]:
    return {
        quote(value, safe="", errors="replace"),
        quote(value, errors="replace"),
        quote_plus(value, errors="replace"),
    }


def _base64_forms(raw: bytes) -> set[str]:
    """The characters that every base64 of text around `raw` must contain, at each of the three offsets."""
    found = {base64.b64encode(raw).decode()}
    for offset, lost in ((0, 0), (1, 2), (2, 3)):
        padded = base64.b64encode(b"\0" * offset + raw).decode()
        whole = (offset + len(raw)) * 8 // 6
        found.add(padded[lost:whole])
    found = {text for text in found if len(text) >= FREE_STANDING}
    return found | {text.translate(_URLSAFE) for text in found}


_URLSAFE = str.maketrans("+/", "-_")


def _any_of(heads: Iterable[str]) -> re.Pattern[str]:
    """One pattern for many short strings: by first character, so that most places fail at once."""
    groups = groupby(sorted(heads), key=lambda head: head[0])
    return re.compile(
        "|".join(
            f"{re.escape(first)}(?:{'|'.join(re.escape(head[1:]) for head in same)})"
            for first, same in groups
        )
    )


def _merged(hits: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Touching and overlapping hits as one."""
    at: tuple[int, int] | None = None
    for start, end in sorted(hits):
        if at and start <= at[1]:
            at = (at[0], max(at[1], end))
            continue
        if at:
            yield at
        at = (start, end)
    if at:
        yield at


# ---- shapes ---------------------------------------------------------------------------------------------

_NAMES = r"""(?i:
    pass(?:word|wd|phrase|code)|pwd|secret|token|credentials?|(?<![a-z])dsn(?![a-z])|htpasswd|
    (?:api|access|private|encryption|encrypt|signing|secret|master|license|jwt|session|hmac|app|auth|account|
       storage|shared|service[_-]?role|anon)[_-]?key
)"""
_NAME_TAIL = r"(?:s|\d{1,3})?(?:[_.-][A-Za-z0-9_.-]{0,60}|(?<=[a-z])[A-Z][A-Za-z0-9]{0,60})?"
"""What may follow in the same name: `SECRET_KEY_BASE`, `tokenValue`; not `secretary`."""
_HINT = "file|path|env|name|id|url|type|count|ttl|expiry|expires|lifetime|length|policy|limit"
_POINTER = re.compile(rf"(?:[_.-](?i:{_HINT})|(?<=[a-z])(?:{'|'.join(map(str.title, _HINT.split('|')))}))\Z")
"""A name that ends like this points to a secret, or counts it."""

_PUNCTUATION = r""",;&"'{}()\[\]<>|"""
_JOINT = rf"[{_PUNCTUATION}](?=[^\s{_PUNCTUATION}])(?![\w.-]{{1,60}}=)"
"""Punctuation that goes on within a value, as in `pa,ss(w` but not in `password=x,user=y`."""
_BARE = rf"(?:{_JOINT})?[^\s{_PUNCTUATION}]+(?:{_JOINT}[^\s{_PUNCTUATION}]+)*"
_QUOTED = r"""\$\{[^}\n]*\}?|\\+"(?:(?!\\+")[^\n])*(?:\\+")?|"(?:\\.|[^"\\\n])*"?|\\*'[^'\n]*'?"""

_VENDORS = r"""
    \bxox[a-z]-[A-Za-z0-9-]{4,}|\bxapp-[A-Za-z0-9-]{4,}|\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{12,}
    |\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bsk-[\w-]{16,}
    |\b[srp]k_(?:live|test)_\w{8,}|\bAIza[\w-]{30,}|\bhv[sb]\.[\w-]{16,}
    |\bsyt_[\w-]{8,}|\bnpm_[A-Za-z0-9]{30,}|\bdop_v1_\w{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}
    |\bAGE-SECRET-KEY-1[A-Z0-9]{20,}
    |\$2[abxy]\$\d\d\$[./A-Za-z0-9]{20,}|\$(?:argon2\w{0,3}|apr1|[156y])\$[^\s"',:]{8,}
    |(?<=hooks\.slack\.com/)[\w/-]{10,}|(?<=discord\.com/api/webhooks/)[\w/-]{10,}"""
"""Tokens that their makers gave a shape of their own, each with a mark in it (_MARKS)."""
_UNMARKED = r"\bs\.[A-Za-z0-9]{24}\b|\b\d{8,10}:[\w-]{35}(?![\w-])"
"""As above, by their length alone: Vault's older tokens, Telegram's."""

_SHAPES = rf"""
(?P<pem>-----BEGIN[ ][A-Z0-9 ]{{0,40}}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
    (?s:.*?)(?:-----END[ ][A-Z0-9 ]{{0,40}}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----|\Z))
|(?P<header>(?i:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{{0,30}}(?:key|token|auth|secret)))
    (?P<header_is>\\*["']?\s{{0,4}}[:=]\s{{0,4}}\\*["']?)
    (?P<header_value>(?i:(?:bearer|basic|token|negotiate|bot)\s+)[^\s"',\\]+|[^\r\n⏎"'\\]+)
|(?P<scheme>\b(?i:bearer|basic)\s{{1,4}})(?=[^\s"']{{0,400}}[\d=])(?P<scheme_value>[A-Za-z0-9._~+/=-]{{8,}})
|(?P<vendor>{_VENDORS}|{_UNMARKED})
|(?P<jwt>\beyJ[A-Za-z0-9_-]{{6,}}\.[A-Za-z0-9_-]{{2,}}(?:\.[A-Za-z0-9_-]*)*)
|(?P<url>(?<=://)[^\s/@:"'<>]{{0,128}}:)(?!\d{{1,5}}[/?\#])(?P<url_value>[^\s"'<>]{{1,512}})(?=@[\w\[])
|(?<=://)(?P<userinfo>[^\s/@:"'<>]{{12,256}})(?=@[\w\[])
|(?:^|(?<=⏎))(?P<row>(?P<indent>[ \t]*)(?:-[ ]|export[ ]+)?["']?[A-Z0-9_]{{0,60}}?(?i:[\w.-]{{0,40}}?)
    {_NAMES}{_NAME_TAIL}["']?)
    (?P<row_is>[ \t]{{0,4}}:[ \t]{{1,8}}|=)
    (?P<row_value>[|>][0-9+-]{{0,2}}[ \t]*(?:\n(?P=indent)[ \t]+[^\n]*)+
        |(?<=[ \t])[^\s"'|>&*{{\[][^\n⏎]*?(?=[ \t]+\#|⏎|$)
        |(?<=[A-Z0-9]=)[^\s"'][^\n⏎]*?(?=[ \t]+\#|⏎|$))
|(?P<name>{_NAMES}{_NAME_TAIL})
    (?P<is>\\*["']?\s{{0,4}}(?:=>|:=|=|:(?!//))[ \t]{{0,4}})
    (?P<value>{_QUOTED}|{_BARE})
"""


@cache
def _shape() -> re.Pattern[str]:
    return re.compile(_SHAPES, re.VERBOSE | re.MULTILINE)


@cache
def _long() -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}")


@cache
def _vendor() -> re.Pattern[str]:
    return re.compile(f"{_VENDORS}|{_UNMARKED}", re.VERBOSE | re.MULTILINE)


@cache
def _unmarked() -> re.Pattern[str]:
    return re.compile(_UNMARKED)


_NAMED = ("pass", "pwd", "secret", "token", "credential", "dsn", "key", "auth", "cookie")
_TELLING = ("bearer", "basic", "://", "eyj")
"""Every shape but a vendor's own has one of these in it, in any case; one of _NAMED with a `:`, a `=` or a
row of dashes beside it."""


def _shapes(text: str) -> str:
    if len(text) < FREE_STANDING:
        return text
    # Two passes: a long name before a value (`GF_SECURITY_ADMIN_PASSWORD=…`) is a long token too.
    return _long().sub(_replace_long, _first_pass(text))


_MARKS = (
    *("xox", "xapp-", "AKIA", "ASIA", "AGPA", "AIDA", "AROA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "sk-", "k_live_", "k_test_", "AIza", "hvs.", "hvb.", "syt_", "npm_"),
    *("dop_v1_", "SG.", "AGE-SECRET-KEY-", "$", "slack.com/", "discord.com/"),
)
"""Every token of _VENDORS has one of these in it."""


def _may_tell(lower: str) -> bool:
    if (":" in lower or "=" in lower or "-----" in lower) and any(word in lower for word in _NAMED):
        return True
    return any(word in lower for word in _TELLING)


def _first_pass(text: str) -> str:
    """What has no telling word is most of all text, and needs but a third of the time."""
    if text.isascii():  # beyond it there are letters that count as others without their case
        lower = text.lower()
        if not _may_tell(lower):
            pattern = _vendor() if any(mark in text for mark in _MARKS) else _unmarked()
            return pattern.sub(MARK, text)
    return _shape().sub(_replace, text)


def _replace(found: re.Match[str]) -> str:
    part = found.group
    match found.lastgroup:
        case "header_value":
            return f"{part('header')}{part('header_is')}{MARK}"
        case "scheme_value":
            return f"{part('scheme')}{MARK}"
        case "url_value":
            return f"{part('url')}{MARK}"
        case "row_value":
            return f"{part('row')}{part('row_is')}{_value(part('row'), part('row_value'))}"
        case "value":
            return f"{part('name')}{part('is')}{_value(part('name'), part('value'))}"
        case _:
            return MARK


_HARMLESS = re.compile(
    r"(?i:true|false|null|none|nil|yes|no|on|off|~|-+|\*+|x+|redacted)\Z|\$\{\w+\}\Z|\$[A-Z_][A-Z0-9_]*\Z"
)


def _value(name: str, value: str) -> str:
    bare, name = value.strip("\\\"'"), name.strip("\"'")
    if not bare or not bare.replace(MARK, "") or _HARMLESS.match(bare):
        return value
    counts = bare.isdigit() and (len(bare) < SHORTEST or name.lower().endswith("tokens"))
    if counts or _POINTER.search(name):
        return value
    quotes = re.match(r"\\*[\"']?", value)
    opening = quotes.group() if quotes else ""
    closing = opening if opening and value.endswith(opening) and len(value) > len(opening) else ""
    return f"{opening}{MARK}{closing}"


_HEX = frozenset("0123456789abcdefABCDEF-")
_FINGERPRINT = re.compile(r"(?i:sha\d{1,3}[:-]|ed25519:|[$!])\Z")


def _replace_long(found: re.Match[str]) -> str:
    before = found.string[max(found.start() - 8, 0) : found.start()]
    return MARK if _random(found.group(), before) else found.group()


def _random(token: str, before: str) -> bool:
    """Whether a long token looks drawn by lot. Hex (digests, ids, commits, UUIDs) and fingerprints do not
    count: they are facts that answers are made of."""
    if set(token) <= _HEX or _FINGERPRINT.search(before):
        return False
    return any(_mixed(piece) for piece in re.split(r"[/_-]+", token)) or _mixed(token.replace("/", ""))


def _mixed(piece: str) -> bool:
    """Words in it are shorter than language makes them: `aZ3kQ9…`, not `HighLatencyFor95Percent`."""
    # As below, and most are. In one case, only figures beside letters count.
    if len(piece) < (28 if piece.islower() or piece.isupper() else 20):
        return False
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", piece)
    length = sum(map(len, words))
    kinds = {"d" if c.isdigit() else "u" if c.isupper() else "l" for c in piece if c.isalnum()}
    if set(piece) <= _HEX or max(Counter(piece).values(), default=0) > length * 0.3:
        return False
    if len(kinds) == 3:
        return length >= 20 and length < 3.5 * len(words)
    return len(kinds) == 2 and length >= (28 if "d" in kinds else 24) and length < 2.5 * len(words)
