"""One small estate, and what one rule must make of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from estate.model import Facts, Image
from estate.snapshot.backups import Backups
from estate.snapshot.live import Live
from estate.snapshot.machine import Machine
from estate.snapshot.published import Published
from tests.audit.estate import Runs


class Must(StrEnum):
    FIRE = "fire"
    PASS = "pass"
    NEAR = "near"
    """It looks like what the rule means, and is not: the rule must not fire."""
    UNKNOWN = "unknown"
    """It cannot be judged; that is neither a pass nor a finding."""


@dataclass(frozen=True)
class Case:
    """`at`: where the first finding stands. `says`: words in its message, or in why it is not
    known. `runs` None: no Engine."""

    rule: str
    must: Must
    what: str
    files: Mapping[str, str | bytes]
    at: str = ""
    says: str = ""
    severity: str = ""
    confidence: str = ""
    count: int = 0
    modes: Mapping[str, int] = field(default_factory=dict)
    git: bool = False
    links: Sequence[str] = ()
    """Folders that git keeps as other repositories' commits."""
    runs: Sequence[Runs] | None = None
    machine: Machine | None = None
    backups: Backups | None = None
    delivery: Mapping[str, datetime | None] | None = None
    facts: Facts | None = None
    images: Sequence[Image] = ()
    no_facts: str = ""
    published: Published | None = None
    live: Live = field(default_factory=Live)


def app(body: str) -> dict[str, str | bytes]:
    """A project `app` whose compose file has these services."""
    return {"app/compose.yml": f"services:\n{body}"}


def web(*lines: str, image: str = "nginx:1.99.3") -> str:
    """A service `web` with these lines; of a version that no table of ends will ever have."""
    return f"  web:\n    image: {image}\n" + "".join(f"    {line}\n" for line in lines)
