"""For each rule: estates where it must fire, where it must not, and a near miss."""

from tests.audit.cases import (
    backup,
    compose,
    documents,
    environment,
    health,
    images,
    machine,
    resources,
    traefik,
    wide,
)
from tests.audit.cases.case import Case, Must

__all__ = ["ALL", "Case", "Must"]

ALL: tuple[Case, ...] = (
    *images.CASES,
    *environment.CASES,
    *health.CASES,
    *traefik.CASES,
    *compose.CASES,
    *resources.CASES,
    *documents.CASES,
    *backup.CASES,
    *machine.CASES,
    *wide.CASES,
)
