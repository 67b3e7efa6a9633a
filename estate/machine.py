"""Looks at the machine: its memory, and what systemd knows of the estate's timers. Blocks; bounded."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from estate.snapshot.machine import Machine, Timer

SECONDS = 5.0
"""For one question to systemd."""
MOST = 20
"""Timers that are asked about."""
_ASKED = ("LoadState", "UnitFileState", "ActiveState")


def read_machine(timers: Sequence[str], proc: Path = Path("/proc")) -> Machine | None:
    """`timers`: names of units, `backup.timer`. None where this is no Linux."""
    try:
        memory = _memory((proc / "meminfo").read_text())
    except OSError:
        return None
    found: dict[str, Timer] = {}
    for name in sorted(set(timers))[:MOST]:
        timer = _timer(name)
        if isinstance(timer, str):
            return Machine(*memory, no_systemd=timer)
        found[name] = timer
    return Machine(*memory, found)


def _memory(text: str) -> tuple[int, int, int]:
    """Swap, memory, what is available, from /proc/meminfo (proc(5)), whose numbers are KiB."""
    pairs = (row.split() for row in text.splitlines())
    known = {row[0].rstrip(":"): int(row[1]) * 1024 for row in pairs if len(row) >= 2 and row[1].isdigit()}
    return known.get("SwapTotal", 0), known.get("MemTotal", 0), known.get("MemAvailable", 0)


def _timer(name: str) -> Timer | str:
    """What systemd says; in words why it says nothing."""
    argv = ["systemctl", "show", f"--property={','.join(_ASKED)}", "--", name]
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "XDG_RUNTIME_DIR") if key in os.environ}
    try:
        done = subprocess.run(
            argv,
            env=kept,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return "there is no systemctl here: the bot may be in a container"
    except (OSError, subprocess.SubprocessError) as wrong:
        return f"systemd could not be asked: {wrong}"
    rows = dict(row.partition("=")[::2] for row in done.stdout.splitlines() if "=" in row)
    if done.returncode or not set(_ASKED) <= rows.keys():
        said = done.stderr.strip().splitlines()
        return f"systemd says: {said[0] if said else done.returncode}"
    return Timer(*(rows[key] for key in _ASKED))
