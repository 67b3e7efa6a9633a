"""A rule: a function over what there is, whose docstring is its documentation.

    @rule("ENV-01", Severity.HIGH, fix=Fix.AUTOMATIC)
    def readable_by_others(look: Look) -> Iterator[Result]:
        '''Environment files that others than their owner may read.

        Wrong: …
        '''

Nothing is registered here; `audit.rules.ALL` lists.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from audit.look import Look
from audit.model import Fix, Passed, Result, Severity
from audit.subject import Subject


class Needs(StrEnum):
    """What a rule looks at beside files and Engine: it is not asked where nobody brought that."""

    NOTHING = ""
    MACHINE = "the machine"
    BACKUPS = "the bot's own backups"
    REPOSITORY = "the backup's repository"
    DELIVERY = "the bot's own test alerts"
    PROMETHEUS = "Prometheus itself"
    TRAEFIK = "Traefik itself"
    REGISTRIES = "registries"


Check = Callable[[Look], Iterator[Result]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`needs_engine`: it judges what runs, and is unknown without an Engine. `by_absence`: it finds what is
    not written, and is unknown of a service that extends what could not be read. `whole`: it holds a service
    against its project. Both are unknown of what is put over a file that is not known (`-f`).
    """

    id: str
    severity: Severity
    check: Check
    help: str
    fix: Fix
    needs_engine: bool = False
    peers: tuple[str, ...] = ()
    needs: Needs = Needs.NOTHING
    by_absence: bool = False
    whole: bool = False

    @property
    def title(self) -> str:
        """The first line of the documentation, without its full stop."""
        return self.help.partition("\n")[0].rstrip(".")


def each_service(check: Callable[[Look, Subject], Iterator[Result]]) -> Check:
    """Asked of every service. It passes where nothing is said of it."""

    @functools.wraps(check)
    def judged(look: Look) -> Iterator[Result]:
        for one in look.subjects:
            nothing = True
            for result in check(look, one):
                nothing = False
                yield result
            if nothing:
                yield Passed(one.full_name)

    return judged


def each_proxy(check: Check) -> Check:
    """Asked of every Traefik by itself: `look.proxy` is the one that is looked at."""

    @functools.wraps(check)
    def judged(look: Look) -> Iterator[Result]:
        for one in look.proxies:
            yield from check(look.at(one))

    return judged


def rule(
    name: str,
    severity: Severity,
    *,
    fix: Fix = Fix.ADVICE,
    needs_engine: bool = False,
    peers: tuple[str, ...] = (),
    needs: Needs = Needs.NOTHING,
    by_absence: bool = False,
    whole: bool = False,
) -> Callable[[Check], Rule]:
    """Declare a rule. `peers`: the ids of other programs' rules for the same."""

    def declare(check: Check) -> Rule:
        words = inspect.cleandoc(check.__doc__ or "")
        return Rule(name, severity, check, words, fix, needs_engine, peers, needs, by_absence, whole)

    return declare
