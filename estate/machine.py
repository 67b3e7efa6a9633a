"""Looks at the machine: its memory, and what systemd knows of the estate's timers. Blocks; bounded."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from estate.snapshot.machine import Disk, Machine, Timer

SECONDS = 5.0
"""For one question to systemd."""
MOST = 20
"""Timers that are asked about."""
_ASKED = ("LoadState", "UnitFileState", "ActiveState")


def read_machine(
    timers: Sequence[str],
    folders: Sequence[Path] = (),
    proc: Path = Path("/proc"),
    resolv: Path = Path("/etc/resolv.conf"),
) -> Machine | None:
    """`timers`: names of units, `backup.timer`. `folders`: whose file systems are looked at. None where this
    is no Linux."""
    try:
        memory = _memory((proc / "meminfo").read_text())
    except OSError:
        return None
    found: dict[str, Timer] = {}
    no_systemd = ""
    for name in sorted(set(timers))[:MOST]:
        timer = _timer(name)
        if isinstance(timer, str):
            found, no_systemd = {}, timer
            break
        found[name] = timer
    return Machine(*memory, found, no_systemd, _disks(folders), _clock(), _resolvers(resolv))


def _disks(folders: Sequence[Path]) -> dict[str, Disk]:
    found: dict[str, Disk] = {}
    seen: set[int] = set()
    for folder in folders:
        try:
            device, one = folder.stat().st_dev, os.statvfs(folder)
        except OSError:
            continue  # it is another machine's, or not to be seen from here
        if device not in seen:
            seen.add(device)
            size, free = one.f_blocks * one.f_frsize, one.f_bavail * one.f_frsize
            found[str(folder)] = Disk(size, free, one.f_files, one.f_favail)
    return found


def _resolvers(path: Path) -> tuple[str, ...] | None:
    """resolv.conf(5)."""
    try:
        rows = [row.split() for row in path.read_text(errors="replace").splitlines()]
    except OSError:
        return None
    return tuple(row[1] for row in rows if len(row) > 1 and row[0] == "nameserver")


def _clock() -> bool | None:
    """By timedatectl(1)."""
    rows = _asked(["timedatectl", "show", "--property=NTPSynchronized"])
    said = rows.get("NTPSynchronized") if isinstance(rows, dict) else None
    return {"yes": True, "no": False}.get(said or "")


def _memory(text: str) -> tuple[int, int, int]:
    """Swap, memory, what is available, from /proc/meminfo (proc(5)), whose numbers are KiB."""
    pairs = (row.split() for row in text.splitlines())
    known = {row[0].rstrip(":"): int(row[1]) * 1024 for row in pairs if len(row) >= 2 and row[1].isdigit()}
    return known.get("SwapTotal", 0), known.get("MemTotal", 0), known.get("MemAvailable", 0)


def _timer(name: str) -> Timer | str:
    """What systemd says; in words why it says nothing."""
    rows = _asked(["systemctl", "show", f"--property={','.join(_ASKED)}", "--", name])
    if isinstance(rows, str):
        return rows
    if not set(_ASKED) <= rows.keys():
        return f"systemd says nothing of {name}"
    return Timer(*(rows[key] for key in _ASKED))


def _asked(argv: list[str]) -> dict[str, str] | str:
    """`key=value` rows; in words why there are none."""
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
        return f"there is no {argv[0]} here: the bot may be in a container"
    except (OSError, subprocess.SubprocessError) as wrong:
        return f"systemd could not be asked: {wrong}"
    rows = dict(row.partition("=")[::2] for row in done.stdout.splitlines() if "=" in row)
    if done.returncode or not rows:
        said = done.stderr.strip().splitlines()
        return f"systemd says: {said[0] if said else done.returncode}"
    return rows
