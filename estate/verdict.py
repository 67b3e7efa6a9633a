"""Whether a container is as well as it was before something was done to it. Pure.

The bar is the state before: a service that was unhealthy and still is was not made worse, and that is said.
"""

from dataclasses import dataclass
from datetime import timedelta

from estate.model import Detail, Health, State

STEADY = timedelta(seconds=3)
"""Without a healthcheck: how long it must keep running to be called so."""
MARGIN = timedelta(seconds=15)
"""Beyond what the healthcheck's own numbers allow."""
LONGEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`settled`: nothing more is to be waited for. `well`: no worse than before."""

    settled: bool
    well: bool
    words: str


def patience(detail: Detail) -> timedelta:
    """How long to wait for a verdict: what the healthcheck may take by its own numbers, and a margin."""
    return min(detail.patience + MARGIN, LONGEST)


def judge(before: Detail, now: Detail, steady: timedelta) -> Verdict:
    """What to make of it. `steady`: for how long it runs without having started anew."""
    state, words = now.container.state, condition(now)
    if state is State.RUNNING:
        return _running(before, now, steady, words)
    finished = state is State.EXITED and now.exit_code == 0 and now.restart_policy in {"no", "on-failure"}
    if finished:
        return Verdict(True, True, f"{words}: it ran to its end")
    hopeless = state in {State.EXITED, State.DEAD} and now.restart_policy == "no"
    # It was meant to run: that it did not run before either is no excuse.
    return Verdict(hopeless, False, words)


def _running(before: Detail, now: Detail, steady: timedelta, words: str) -> Verdict:
    match now.container.health:
        case Health.HEALTHY:
            return Verdict(True, True, words)
        case Health.NONE:
            return Verdict(steady >= STEADY, steady >= STEADY, words)
        case Health.STARTING:
            return Verdict(False, False, f"{words}, and no verdict of its healthcheck yet")
        case Health.UNHEALTHY:
            was = before.container.state is State.RUNNING and before.container.health is Health.UNHEALTHY
            return Verdict(True, was, f"{words}, as before" if was else words)


def condition(detail: Detail) -> str:
    """`running, healthy`; `exited (137)`; `running, no healthcheck`."""
    one = detail.container
    if one.state is State.RUNNING:
        return f"running, {'no healthcheck' if one.health is Health.NONE else one.health.value}"
    code = f" ({detail.exit_code})" if detail.exit_code is not None and one.state is State.EXITED else ""
    return f"{one.state.value}{code}"
