"""Which finding comes first: how bad, how exposed, how many hang on it, how sure. Pure."""

from audit.look import Look
from audit.model import Confidence, Severity

_SEVERITY = {
    Severity.CRITICAL: 100.0,
    Severity.HIGH: 40.0,
    Severity.MEDIUM: 15.0,
    Severity.LOW: 5.0,
    Severity.INFO: 1.0,
}
_CONFIDENCE = {Confidence.HIGH: 1.0, Confidence.MEDIUM: 0.8, Confidence.LOW: 0.5}
SOCKET, PUBLIC = 1.6, 1.4
MOST_DEPENDENTS = 10
MOST = 2.5
"""Times its own weight, at most: where it stands never lifts a finding over the next worse severity."""


def score(look: Look, service: str, severity: Severity, confidence: Confidence) -> tuple[float, str]:
    """The number, and what made it more than the severity alone, in words."""
    value = 1.0
    words = []
    subject = look.by_name.get(service)
    if subject is not None:
        if subject.holds_socket:
            value *= SOCKET
            words.append("it holds the docker socket")
        if look.is_public(subject):
            value *= PUBLIC
            words.append("it is reached from outside")
        dependents = len(look.dependents.get(service, ()))
        if dependents:
            value *= 1 + min(dependents, MOST_DEPENDENTS) / 10
            words.append(f"{dependents} {'depends' if dependents == 1 else 'depend'} on it")
    return round(_SEVERITY[severity] * _CONFIDENCE[confidence] * min(value, MOST), 2), "; ".join(words)
