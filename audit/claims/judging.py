"""Claims, held against now and against earlier commits. Pure: whoever asks brings the worlds."""

from collections.abc import Callable, Iterable, Sequence

from audit.claims.claim import Claim, Judged, Verdict
from audit.claims.world import World

UNCOMMITTED = "changes that are not committed"


def judge(claims: Sequence[Claim], now: World) -> list[Judged]:
    """As the estate is; what is false may still be stale, which `aged` tells."""
    found = []
    for one in claims:
        answer = one.ask(now)
        verdict = {True: Verdict.TRUE, False: Verdict.FALSE, None: Verdict.UNKNOWN}[answer.holds]
        found.append(Judged(one, verdict, answer.why))
    return found


def aged(judged: Sequence[Judged], past: Iterable[tuple[str, Callable[[], World]]]) -> list[Judged]:
    """Of what is false: what was true once is stale since the commit that changed it.

    past: the newest first, each with its words and how to see the estate as it was after it; each is looked
    at only while something is left to be told. What an Engine is needed for stays false: nobody knows what
    ran then.
    """
    found = list(judged)
    open_ = {at for at, one in enumerate(found) if one.verdict is Verdict.FALSE}
    changed_by = UNCOMMITTED
    for words, see in past:
        if not open_:
            break
        world = see()
        for at in sorted(open_):
            answer = found[at].claim.ask(world)
            if answer.holds:
                found[at] = Judged(found[at].claim, Verdict.STALE, found[at].why, changed_by)
                open_.discard(at)
            elif answer.holds is None and _never(found[at].claim, world):
                open_.discard(at)
        changed_by = words
    return found


def _never(claim: Claim, world: World) -> bool:
    """Whether no commit can tell it: it is about what runs."""
    return (
        world.is_past
        and all(one.ask(world).holds is None for one in claim.questions)
        and any(world.no_engine in one.ask(world).why for one in claim.questions)
    )
