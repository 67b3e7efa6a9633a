"""Where a run keeps its state: on the disk of the project, never on a file system in memory."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.numbers import median, ms
from bench.peers import CACHE


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that goes at the end."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def machine() -> str:
    """One line on what was measured on: cores, load, and what an fsync costs here."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, load {load:.1f} before the start, an fsync of 4 KB costs {ms(_fsync())} ms"
    )


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used: what a busy machine does not blur."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _fsync() -> float:
    with scratch() as folder, (folder / "probe").open("wb", buffering=0) as file:
        took = []
        for _ in range(20):
            file.write(bytes(4096))
            began = time.monotonic()
            os.fsync(file.fileno())
            took.append(time.monotonic() - began)
    return median(took)
