"""What the Matrix adapter keeps on disk beside nio's store: the login, the replay guard, moved rooms."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Key = tuple[str, str, int]
Seen = tuple[str, int]


def private_directory(path: Path) -> Path:
    """Make it, 0700."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as a whole, 0600, on disk when it returns."""
    draft = path.with_name(path.name + ".new")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(fd, 0o600)
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    draft.replace(path)


@dataclass(frozen=True, slots=True)
class Login:
    """An access token and the device it belongs to."""

    user: str
    device: str
    token: str

    def __repr__(self) -> str:
        return f"<login of {self.user} on {self.device}>"


def load_login(path: Path) -> Login | None:
    """None when there is none, or none that can be read."""
    try:
        return Login(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def save_login(path: Path, login: Login) -> None:
    write_private(path, json.dumps(asdict(login)).encode())


def load_moves(path: Path) -> dict[str, str]:
    """Old room id → the room it moved to."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(old): str(new) for old, new in found.items()} if isinstance(found, dict) else {}


def save_moves(path: Path, moves: dict[str, str]) -> None:
    write_private(path, json.dumps(moves, sort_keys=True).encode())


class ReplayGuard(MutableMapping[Key, Seen]):
    """Which message of which megolm session came in which event, for ever.

    nio keeps this in memory only, so after a restart an old ciphertext, posted again, would count as new.
    A small SQLite file; writes are on disk when they return.
    """

    def __init__(self, path: Path) -> None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(fd, 0o600)
        os.close(fd)
        self._db = sqlite3.connect(path, isolation_level=None)
        for sql in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE IF NOT EXISTS seen (sender_key TEXT, session TEXT, number INTEGER, event TEXT, "
            "at INTEGER, PRIMARY KEY (sender_key, session, number)) WITHOUT ROWID",
        ):
            self._db.execute(sql)

    def __getitem__(self, key: Key) -> Seen:
        row: Any = self._db.execute(
            "SELECT event, at FROM seen WHERE sender_key = ? AND session = ? AND number = ?", key
        ).fetchone()
        if row is None:
            raise KeyError(key)
        return (row[0], row[1])

    def __setitem__(self, key: Key, value: Seen) -> None:
        self._db.execute("INSERT OR REPLACE INTO seen VALUES (?,?,?,?,?)", (*key, *value))

    def __delitem__(self, key: Key) -> None:
        self._db.execute("DELETE FROM seen WHERE sender_key = ? AND session = ? AND number = ?", key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._db.execute("SELECT sender_key, session, number FROM seen").fetchall())

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM seen").fetchone()[0])

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
