"""Images that nobody mends any more."""

from collections.abc import Iterator
from datetime import timedelta

from audit.lifetimes import TABLE_OF, end_of, moved
from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity
from audit.places import of_value
from audit.rule import rule

SOON = timedelta(days=180)


@rule("IMG-09", Severity.MEDIUM)
def ended_version(look: Look) -> Iterator[Result]:
    """The version of an image is at the end of its life: what is found in it is not mended.

    Wrong: by a table that is shipped with this tool (`audit/lifetimes.py`, dated), its publisher's free
    support ended before today. Low: it ends within 180 days. Databases are worth a plan: their data has to
    be moved.
    Not looked at: what the table does not have; what is built here; tags without a number.
    Disprove: the publisher's page, or somebody who is paid to mend it.
    Mend: the next version that is mended; after a backup, where it keeps data.
    """
    for one in look.subjects:
        value, image = one.service.image, one.image
        end = end_of(image) if image is not None and not one.service.is_built else None
        if end is None or value is None or image is None:
            continue
        left = end.on - look.now.date()
        if left > SOON:
            yield Passed(one.full_name)
            continue
        first = f"!backup now {one.full_name}, then " if one.keeps_data else ""
        words = f"ended on {end.on}" if left <= timedelta(0) else f"ends on {end.on}"
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{image.repository} {end.spoken} {words}: what is found in it later is not mended",
            service=one.full_name,
            evidence=(f"resolved: {value.text}", f"a table of {TABLE_OF}"),
            disprove="the publisher's page says that it is still mended",
            remedy=f"{first}plan the way to a version that is mended",
            severity=None if left <= timedelta(0) else Severity.LOW,
            confidence=Confidence.HIGH if left <= timedelta(0) else Confidence.MEDIUM,
        )


@rule("IMG-10", Severity.MEDIUM)
def left_repository(look: Look) -> Iterator[Result]:
    """An image's repository was given up, or goes on elsewhere: no newer version will come to it.

    Wrong: by a table that is shipped with this tool (`audit/lifetimes.py`, dated), after the publishers' own
    words.
    Not looked at: mirrors, whose host is another one.
    Disprove: the repository got a version this month.
    Mend: the one that takes its place.
    """
    for one in look.subjects:
        value, image = one.service.image, one.image
        if value is None or image is None or one.service.is_built:
            continue
        words = moved(image)
        if not words:
            yield Passed(one.full_name)
            continue
        yield Failed(
            place=of_value(look.snapshot, value),
            message=f"{image.repository}: {words}",
            service=one.full_name,
            evidence=(f"resolved: {value.text}", f"a table of {TABLE_OF}"),
            disprove="its repository got a version this month",
            remedy="change to the one that takes its place",
            confidence=Confidence.MEDIUM,
        )
