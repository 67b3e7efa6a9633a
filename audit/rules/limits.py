"""Traefik's rate limits, by their numbers (doc.traefik.io/traefik/middlewares/http/ratelimit)."""

import re
from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity, Unknown
from audit.rule import each_proxy, rule
from audit.traefik import Middleware

STRICT = 20
"""Requests at once that one page of an ordinary web application makes."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@rule("TRF-10", Severity.LOW)
@each_proxy
def odd_limit(look: Look) -> Iterator[Result]:
    """A rate limit whose numbers let everything through, or stop one person with one page.

    Wrong: `average` is 0, which Traefik takes for no limit; or a client may make fewer than 20 requests at
    once (`burst`, which is 1 unless it is written) and fewer than one a second after that, so that the first
    page with its pictures is answered with 429.
    Not looked at: what clients really send, which the access log tells.
    Disprove: the router serves an API whose clients call that seldom.
    Mend: `average` 50 to 100, `burst` twice that, for people; less for a login.
    """
    for one in look.proxy.middlewares.values():
        if "ratelimit" not in one.kinds:
            continue
        numbers = _numbers(one)
        if numbers is None:
            yield Unknown(one.full_name, "its numbers are not written as numbers", one.place)
            continue
        average, burst = numbers
        wrong = _wrong(average, burst)
        if not wrong:
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=one.place,
            message=f"{one.full_name} {wrong}",
            key=one.full_name,
            evidence=(f"{average:g} requests a second on average, {burst:g} at once",),
            disprove="the access log shows clients that stay below it",
            remedy=f"give {one.name} an average that fits what clients send, and a burst of twice that",
            confidence=Confidence.HIGH if average == 0 else Confidence.MEDIUM,
        )


def _wrong(average: float, burst: float) -> str:
    if average == 0:
        return "has the average 0, which is no limit at all"
    if burst < STRICT and average < 1:
        return f"lets one client make {burst:g} requests at once: an ordinary page makes more"
    return ""


def _numbers(one: Middleware) -> tuple[float, float] | None:
    """Requests a second, and at once; None where a text is no number."""
    try:
        average = float(one.keys.get("ratelimit.average", "0") or "0")
        burst = float(one.keys.get("ratelimit.burst", "1") or "1")
    except ValueError:
        return None
    period = _seconds(one.keys.get("ratelimit.period", "1s") or "1s")
    return None if period is None or period <= 0 else (average / period, burst)


def _seconds(text: str) -> float | None:
    if text.isdigit():
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None
