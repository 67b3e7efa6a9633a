"""The nouns of an audit. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.letters import ALPHABET

LETTERS = 5
"""Of a finding's id, after its rule: 25^5 are ten million."""


class Severity(StrEnum):
    """How bad it is where it stands; ranking adds where that is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """How sure the rule is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Kind(StrEnum):
    """Where the evidence is from."""

    FILES = "files"
    ENGINE = "engine"
    BOTH = "both"


class Fix(StrEnum):
    """How a finding may be mended."""

    AUTOMATIC = "A"
    """By `fix` or another command, after a yes."""
    CONSENT = "C"
    """A change that a person has to look at."""
    ADVICE = "M"
    """By a person."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file, from 1; `line` 1, `column` 1 where the whole file is meant; `file` empty where it is
    about what runs. `text`: what stands
    there."""

    file: str
    line: int = 1
    column: int = 1
    text: str = ""

    def __str__(self) -> str:
        if not self.file:
            return "what runs"
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column > 1 else "")


@dataclass(frozen=True, slots=True)
class Passed:
    """What was looked at, and is well."""

    subject: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be judged, and why."""

    subject: str
    why: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """What a rule found. `key` tells apart what one rule finds twice at one service in one file; it must not
    change when lines move. `severity` None: the rule's own."""

    place: Place
    message: str
    service: str = ""
    """By its full name; empty when it is about none."""
    key: str = ""
    evidence: tuple[str, ...] = ()
    disprove: str = ""
    remedy: str = ""
    severity: Severity | None = None
    confidence: Confidence = Confidence.HIGH
    kind: Kind = Kind.FILES
    fix: Fix | None = None
    """None: the rule's own."""


Result = Passed | Unknown | Failed


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect. `id` is the same at the next audit, as long as it is the same defect."""

    id: str
    rule: str
    title: str
    severity: Severity
    service: str
    place: Place
    message: str
    evidence: tuple[str, ...]
    kind: Kind
    confidence: Confidence
    disprove: str
    remedy: str
    fix: Fix
    peers: tuple[str, ...] = ()
    """The ids of other programs' rules for the same."""
    score: float = 0.0
    """What it is ranked by; says nothing by itself."""
    why_ranked: str = ""

    @property
    def target(self) -> str:
        """What it is about, for people: a file where the whole of it is meant, else the service."""
        is_whole = (self.place.line, self.place.column, self.place.text) == (1, 1, "")
        return self.place.file if is_whole and self.place.file else self.service or self.place.file


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that somebody accepted."""

    finding: Finding
    reason: str
    until: str
    where: Place


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A rule that could not be decided about something."""

    rule: str
    subject: str
    why: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Findings are ranked, the first is the one to mend first. `passed`: rule → how much was well."""

    findings: tuple[Finding, ...] = ()
    unknown: tuple[NotJudged, ...] = ()
    waived: tuple[Waived, ...] = ()
    passed: Mapping[str, int] = field(default_factory=dict)
    services: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Rules that were not asked, with the reason."""

    def count(self, severity: Severity) -> int:
        return sum(one.severity is severity for one in self.findings)


def finding_id(rule: str, *parts: str, letters: int = LETTERS) -> str:
    """`ENV-01-K7QFA`: the rule, and letters without look-alikes that stand for what it is about."""
    digest = hashlib.sha256("\0".join((rule, *parts)).encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:16], "big")
    word = ""
    for _ in range(letters):
        number, at = divmod(number, len(ALPHABET))
        word += ALPHABET[at]
    return f"{rule}-{word}"
