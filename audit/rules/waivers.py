"""What was accepted, and for how long."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Failed, Passed, Result, Severity
from audit.rule import rule


@rule("WVR-01", Severity.MEDIUM)
def ended(look: Look) -> Iterator[Result]:
    """A waiver has run out: what it accepted counts again.

    Wrong: its `until` has passed (the end of that day, UTC).
    Mend: mend the finding; or accept it again, with a new reason and day.
    """
    for one in look.waivers.waivers:
        if not one.has_ended(look.now):
            yield Passed(f"{one.rule} {one.target}")
            continue
        yield Failed(
            place=one.place,
            message=f"the waiver of {one.rule} for {one.target} ran out on {one.until}",
            key=f"{one.rule} {one.target} {one.until}",
            evidence=(f"reason given then: {one.reason}",),
            disprove="its day lies ahead",
            remedy=f"mend {one.rule}, or accept it again with !waive; then take this one out",
        )


@rule("WVR-02", Severity.MEDIUM)
def unreadable(look: Look) -> Iterator[Result]:
    """A waiver cannot be read, so it waives nothing.

    Wrong: it has no rule, target, reason or until; `until` is no day; a key is none of a waiver; or the whole
    file does not parse.
    """
    for one in look.waivers.bad:
        yield Failed(
            place=one.place,
            message=f"this is no waiver: {one.why}",
            key=f"{one.why}",
            disprove="it holds rule, target, reason and until, which is a day",
            remedy="write rule, target, reason and until",
        )
    if not look.waivers.bad and look.snapshot.where.waivers in look.snapshot.documents:
        yield Passed(look.snapshot.where.waivers)
