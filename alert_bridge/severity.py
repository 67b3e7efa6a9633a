"""How bad an alert says it is: a word, a symbol and a tone, from its labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.core.doc import Tone


class Severity(StrEnum):
    """From worst to least; NONE is "the labels do not say"."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Look:
    """How a severity is shown. `colour` is six hex digits for platforms that have colours."""

    word: str
    symbol: str
    tone: Tone
    colour: str


LOOKS: Mapping[Severity, Look] = {
    Severity.CRITICAL: Look("critical", "🔥", Tone.BAD, "#b3261e"),
    Severity.ERROR: Look("error", "🔴", Tone.BAD, "#c2410c"),
    Severity.WARNING: Look("warning", "🟠", Tone.WARN, "#8a6100"),
    Severity.INFO: Look("info", "🔵", Tone.INFO, "#1f5fa8"),
    Severity.NONE: Look("", "🔔", Tone.WARN, "#5f5f5f"),
}
RESOLVED = Look("", "✅", Tone.GOOD, "#1a7f37")

_LABELS = ("severity", "priority", "level")
_SPELLINGS: Mapping[Severity, str] = {
    Severity.CRITICAL: "critical crit page emergency emerg fatal disaster panic p0 p1 sev0 sev1",
    Severity.ERROR: "error err major high alert p2 sev2",
    Severity.WARNING: "warning warn minor medium average ticket p3 sev3",
    Severity.INFO: "info information informational notice low debug ok p4 p5 sev4 sev5",
}
_WORDS = {word: severity for severity, words in _SPELLINGS.items() for word in words.split()}
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def severity_of(labels: Mapping[str, str]) -> Severity:
    """The first of the labels severity, priority, level whose value is a known word."""
    for name in _LABELS:
        found = _WORDS.get(labels.get(name, "").strip().lower())
        if found is not None:
            return found
    return Severity.NONE


def rank(severity: Severity) -> int:
    """0 is the worst; for sorting."""
    # What says nothing stands before "info": it may be anything.
    return 2 if severity is Severity.NONE else _RANK[severity]


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of several; NONE when there are none."""
    return min(severities, key=rank, default=Severity.NONE)
