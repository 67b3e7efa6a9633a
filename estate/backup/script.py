"""The site's own backup: a script, or a systemd unit. Its exit code is believed no more than its evidence."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.core.errors import NotDone
from bot.core.text import one_line
from estate.backup import child
from estate.backup.message import read_time

LONG = 11 * 3600.0
QUICK = 30.0
_KEPT = {"PATH", "HOME", "LANG", "TMPDIR", "USER", "LOGNAME", "SHELL"}
_ASKED = (
    "Result,ExecMainStatus,ExecMainCode,ActiveState,SubState,LoadState,ExecMainExitTimestamp,InvocationID"
)


@dataclass(frozen=True, slots=True)
class Word:
    """What a script or a unit says of itself."""

    good: bool | None
    """None: it says nothing."""
    words: str
    at: datetime | None = None


def environment() -> dict[str, str]:
    """What it sees of ours: nothing that is secret."""
    return {name: value for name, value in os.environ.items() if name in _KEPT}


async def run_script(argv: Sequence[str], show: Callable[[str], Awaitable[None]]) -> Word:
    """Run it, and say the end of what it said. Raises NotDone when it did not end in time."""
    said: list[str] = []

    def take(line: str) -> None:
        if line.strip():
            said.append(line)
            del said[:-5]

    code = await child.run(argv, env=environment(), seconds=LONG, out=take, err=take)
    last = f": {one_line(said[-1], 200)}" if said else ""
    if code == 127:
        return Word(False, f"{argv[0]} cannot be run{last}")
    return Word(code == 0, f"{argv[0]} ended with {code}{last}", datetime.now(UTC))


def start_argv(unit: str) -> tuple[str, ...]:
    return ("systemctl", "start", "--", unit)


def show_argv(unit: str) -> tuple[str, ...]:
    return ("systemctl", "show", f"--property={_ASKED}", "--timestamp=utc", "--", unit)


async def run_unit(unit: str) -> Word:
    """`systemctl start`, which waits for a unit of type oneshot, then what systemd knows of it."""
    said: list[str] = []
    code = await child.run(start_argv(unit), env=environment(), seconds=LONG, err=said.append)
    if code == 127:
        raise NotDone("nothing was run: there is no systemctl here; I may be in a container")
    word = await ask_unit(unit)
    if code:
        last = f": {one_line(said[-1], 200)}" if said else ""
        return Word(False, f"systemctl start {unit} ended with {code}{last}; {word.words}", word.at)
    return word


async def ask_unit(unit: str) -> Word:
    """What systemd knows of its last run. Raises NotDone when it cannot be asked."""
    said: list[str] = []
    code = await child.run(
        show_argv(unit), env=environment(), seconds=QUICK, out=said.append, err=said.append
    )
    if code:
        last = one_line(said[-1], 200) if said else f"systemctl ended with {code}"
        raise NotDone(f"systemd cannot be asked about {unit}: {last}")
    return read_unit(unit, said)


def read_unit(unit: str, rows: Sequence[str]) -> Word:
    """What `systemctl show` prints. Pure."""
    found: Mapping[str, str] = dict(row.partition("=")[::2] for row in rows if "=" in row)
    if found.get("LoadState") not in {"loaded", None}:
        return Word(False, f"{unit} is {found.get('LoadState')}: systemd knows no such unit")
    at = _at(found.get("ExecMainExitTimestamp", ""))
    state, result, status = (found.get(name, "") for name in ("ActiveState", "Result", "ExecMainStatus"))
    if state in {"activating", "active", "reloading"} and at is None:
        return Word(None, f"{unit} is {state}")
    if at is None:
        return Word(None, f"{unit} has not run since the machine was started")
    good = result == "success" and status in {"", "0"}
    words = f"{unit} ended with {status or '?'} (result {result or '?'}) at {at:%Y-%m-%d %H:%M:%S} UTC"
    return Word(good, words, at)


def _at(text: str) -> datetime | None:
    """`Wed 2026-11-25 03:30:12 UTC`"""
    parts = text.split()
    return read_time(f"{parts[1]}T{parts[2]}+00:00") if len(parts) >= 4 and parts[3] == "UTC" else None
