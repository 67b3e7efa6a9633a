"""For each rule: estates where it must fire, where it must not, and a near miss."""

from tests.audit.cases import (
    backup,
    clashes,
    compose,
    documents,
    engine,
    environment,
    hardening,
    health,
    ignored,
    images,
    labels,
    lifetimes,
    live,
    machine,
    names,
    probes,
    published,
    resources,
    scraping,
    scripts,
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
    *clashes.CASES,
    *labels.CASES,
    *resources.CASES,
    *documents.CASES,
    *backup.CASES,
    *hardening.CASES,
    *machine.CASES,
    *engine.CASES,
    *wide.CASES,
    *scripts.CASES,
    *scraping.CASES,
    *live.CASES,
    *probes.CASES,
    *names.CASES,
    *lifetimes.CASES,
    *published.CASES,
    *ignored.CASES,
)
