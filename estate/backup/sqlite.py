"""SQLite files in volumes: found by their header, copied by SQLite's own backup, and checked. Blocks."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from bot.core.errors import NotDone

HEADER = b"SQLite format 3\x00"
MOST_FILES = 200_000
"""Files whose beginning is looked at in one item."""
LONGEST_LOOK = 20.0
"""Seconds."""
BUSY = 30.0
"""Seconds to wait for a writer."""


def find(folder: Path) -> tuple[tuple[Path, ...], bool]:
    """The SQLite files below, and whether all of it was looked at."""
    found: list[Path] = []
    deadline = time.monotonic() + LONGEST_LOOK
    for number, path in enumerate(_files(folder), start=1):
        if number > MOST_FILES or time.monotonic() > deadline:
            return tuple(sorted(found)), False
        if _is_sqlite(path):
            found.append(path)
    return tuple(sorted(found)), True


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in names)


def _is_sqlite(path: Path) -> bool:
    try:
        # O_NONBLOCK: a pipe among them must not hold us.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.read(handle, len(HEADER)) == HEADER
    except OSError:
        return False
    finally:
        os.close(handle)


def copy(source: Path, target: Path) -> dict[str, int]:
    """Copy it as it is at one moment, and check the copy; the rows of each table. Raises NotDone."""
    import sqlite3

    target.touch(0o600, exist_ok=False)
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, timeout=BUSY)) as live,
            closing(sqlite3.connect(target)) as copied,
        ):
            live.backup(copied, pages=4096, sleep=0.05)
            copied.execute("PRAGMA journal_mode=DELETE")
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except (sqlite3.Error, OSError) as wrong:
        raise NotDone(f"{source} cannot be copied by SQLite: {wrong}") from wrong
    return check(target)


def check(path: Path) -> dict[str, int]:
    """Its own integrity check, and the rows of each table. Raises NotDone."""
    import sqlite3

    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            [verdict] = database.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise NotDone(f"{path.name}: SQLite says {verdict}")
            return _count(database)
    except sqlite3.Error as wrong:
        raise NotDone(f"{path.name} cannot be read by SQLite: {wrong}") from wrong


def _count(database: object) -> dict[str, int]:
    import sqlite3

    assert isinstance(database, sqlite3.Connection)
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    found: dict[str, int] = {}
    for (name,) in rows:
        quoted = '"' + str(name).replace('"', '""') + '"'
        try:
            [found[str(name)]] = database.execute(f"SELECT count(*) FROM {quoted}").fetchone()  # noqa: S608 - quoted
        except sqlite3.OperationalError:
            continue  # a virtual table whose module is not here
    return found


def file_name(source: Path) -> str:
    """Of the copy: unique, and one sees whose it is."""
    return f"{hashlib.sha256(os.fsencode(source)).hexdigest()[:12]}-{quote(source.name, safe=' ')}"
