"""What is wrong with a container, and why, from what the Engine knows. Pure.

Wrong is: unhealthy; starting for longer than its own healthcheck allows, or with a probe that can never work;
restarting, also when it happens to be up between two falls; ended with an error, or ended at all although its
restart policy says that it should run; dead, paused, created and never started; a process killed for lack of
memory. Not wrong is what ended with 0 and has no such policy: a job that is done.
"""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from estate.model import Container, Detail, Health, Probe, State

YOUNG = timedelta(minutes=10)
"""A container that restarted and has been up for less than this may fall again."""
GRACE = timedelta(seconds=60)
"""Between `create` and `start`."""
OUTPUT_LINES = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """`kind` in one or two words, since when, and what is known about why, the telling thing first."""

    kind: str
    since: datetime | None
    why: tuple[str, ...]
    about: bool = False
    """`since` is reckoned, not read."""
    ended: bool = False
    """Its last words may stand in its log."""


def suspicious(container: Container) -> bool:
    """Whether it is worth a closer look, judged by the list alone."""
    if container.state is not State.RUNNING:
        return True
    young = re.match(r"Up (?:Less than|About|\d+ seconds?|[1-9] minutes?\b)", container.status)
    return container.health in {Health.UNHEALTHY, Health.STARTING} or bool(young)


def diagnose(detail: Detail, now: datetime) -> Trouble | None:
    """What is wrong with it, or None."""
    match detail.container.state:
        case State.RESTARTING:
            return _restarting(detail)
        case State.EXITED:
            return _exited(detail)
        case State.DEAD | State.REMOVING:
            error = (detail.error,) if detail.error else ("the Engine could not remove it: docker rm -f",)
            return Trouble(detail.container.state.value, detail.finished, error, ended=True)
        case State.PAUSED:
            return Trouble("paused", None, ("somebody paused it: docker unpause",))
        case State.CREATED:
            return _created(detail, now)
        case State.RUNNING:
            return _running(detail, now)


def _running(detail: Detail, now: datetime) -> Trouble | None:
    up = now - detail.started if detail.started else YOUNG
    missing = any(missing_binary(probe, detail.health_command) for probe in detail.probes[-1:])
    if detail.restarts and up < YOUNG and detail.restart_policy != "no":
        return _restarting(detail)
    if detail.container.health is Health.UNHEALTHY:
        since, about = failing_since(detail)
        return Trouble("unhealthy", since, (*_probe_words(detail), memory(detail)), about)
    if detail.container.health is Health.STARTING and (missing or up > detail.patience):
        words = _probe_words(detail) or ("no probe has ended yet",)
        return Trouble("stuck starting", detail.started, (*words, memory(detail)))
    if detail.oom_killed:
        return Trouble("short of memory", detail.started, (memory(detail),))
    return None


def _restarting(detail: Detail) -> Trouble:
    times = f"restarted {detail.restarts} {'time' if detail.restarts == 1 else 'times'} so far"
    ended = (exit_words(detail),) if detail.exit_code is not None else ()
    why = (*ended, *((detail.error,) if detail.error else ()), times, memory(detail))
    return Trouble("restarting", detail.finished, why, ended=True)


def _exited(detail: Detail) -> Trouble | None:
    should_run = detail.restart_policy in {"always", "unless-stopped"}
    if not detail.exit_code and not should_run and not detail.oom_killed:
        return None
    policy = f"its restart policy, {detail.restart_policy}, says that it should run: somebody stopped it"
    why = [exit_words(detail), *([detail.error] if detail.error else [])]
    why += [policy] if should_run else []
    return Trouble("exited", detail.finished, (*why, memory(detail)), ended=True)


def _created(detail: Detail, now: datetime) -> Trouble | None:
    created = detail.container.created
    if not detail.error and now - created < GRACE:
        return None
    if binary := _exec_target(detail.error):
        why: tuple[str, ...] = (f"its command {binary} is not in the image", detail.error)
    else:
        why = (detail.error or "it was created and never started",)
    return Trouble("created", created, why)


# ---- probes ---------------------------------------------------------------------------------------------


def failing_since(detail: Detail) -> tuple[datetime | None, bool]:
    """Since when the probes fail, and whether that is reckoned: the Engine keeps the last five only."""
    failed = [probe for probe in detail.probes if probe.exit_code != 0][-max(detail.failing_streak, 1) :]
    if not failed:
        return detail.started, True
    first, last = failed[0].at, failed[-1].at
    before = detail.failing_streak - len(failed)
    if before <= 0 or len(failed) < 2:
        return first, before > 0
    reckoned = first - before * (last - first) / (len(failed) - 1)
    return max(reckoned, detail.started or reckoned), True


def _probe_words(detail: Detail) -> tuple[str, ...]:
    if not detail.probes:
        return ()
    probe = detail.probes[-1]
    binary = missing_binary(probe, detail.health_command)
    first = (f"the probe {binary} is not in the image",) if binary else ()
    said = last_lines(probe.output, OUTPUT_LINES)
    if probe.output.startswith("Health check exceeded timeout"):
        ended = "the last probe did not end in time"
    elif probe.exit_code < 0:
        ended = "the last probe could not be started (exit code -1)"
    else:
        ended = f"the last probe ended with exit code {probe.exit_code}"
    streak = detail.failing_streak
    row = f"{streak} probes failed in a row" if streak != 1 else "1 probe failed"
    return (*first, f"{ended}: {said}" if said else f"{ended} and said nothing", row)


_OCI = re.compile(
    r'exec: \\*"(?P<name>[^"\\]+)\\*": (?:executable file not found|stat [^:]+: no such file|no such file)'
)
_SHELL = re.compile(r"(?:^|[\s:])(?P<name>[\w./+-]+): (?:command )?not found\b", re.MULTILINE)
_NO_FILE = re.compile(r"(?:^|: )(?P<name>/[\w./+-]+): No such file or directory", re.MULTILINE)


def missing_binary(probe: Probe, command: Sequence[str]) -> str | None:
    """The program that a failed probe wanted and the image does not have, by what the probe said."""
    if probe.exit_code == 0:
        return None
    if name := _exec_target(probe.output):
        return name
    words = set(re.split(r"[\s;|&()'\"`$]+", " ".join(command)))
    for pattern in (_SHELL, _NO_FILE) if probe.exit_code == 127 else (_SHELL,):
        for found in pattern.finditer(probe.output):
            if found.group("name") in words or probe.exit_code == 127:
                return found.group("name")
    if probe.exit_code == 127 and not probe.output.strip():
        return next((word for word in command[1:2] for word in word.split()[:1]), None)
    return None


def _exec_target(text: str) -> str | None:
    found = _OCI.search(text)
    return found.group("name") if found else None


def last_lines(text: str, count: int) -> str:
    """The last lines that say something, as one."""
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    return " / ".join(row if len(row) <= 300 else row[:299] + "…" for row in rows[-count:])


# ---- ends -----------------------------------------------------------------------------------------------

_CODES = {
    125: "the Engine could not start it",
    126: "its command is not executable",
    127: "its command was not found",
}


def exit_words(detail: Detail) -> str:
    """`exit code 137: killed (SIGKILL), for lack of memory`."""
    code = detail.exit_code or 0
    if code in _CODES:
        return f"exit code {code}: {_CODES[code]}"
    if code <= 128:
        return f"exit code {code}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return f"exit code {code}"
    if name == "SIGKILL":
        cause = ", for lack of memory" if detail.oom_killed else ""
        return f"exit code {code}: killed ({name}){cause}"
    return f"exit code {code}: ended by {name}"


def memory(detail: Detail) -> str:
    """Whether it was out of memory, and what its limit is."""
    limit = f"limit {detail.memory_limit / 1024**2:.0f} MiB" if detail.memory_limit else "no limit of its own"
    return f"out of memory ({limit})" if detail.oom_killed else f"not out of memory ({limit})"
