"""What restic says, read tolerantly: JSON and plain text mixed, on both streams, in every version. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. Bytes."""

    share: float
    done: int
    total: int
    seconds_left: int | None = None
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a backup. `snapshot` is the short id before restic 0.15, the whole one since."""

    snapshot: str
    files: int
    size: int
    """Bytes that were processed."""
    added: int = 0
    """Bytes that were new to the repository."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong, with the file it was about, if it says so."""

    text: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot, by its whole id."""

    id: str
    at: datetime
    paths: tuple[str, ...]
    tags: tuple[str, ...] = ()
    host: str = ""

    @property
    def short(self) -> str:
        return self.id[:8]

    def tagged(self, prefix: str) -> tuple[str, ...]:
        """`tagged("svc")` of the tags `svc:a`, `svc:b`: a, b."""
        return tuple(tag.partition(":")[2] for tag in self.tags if tag.startswith(f"{prefix}:"))


@dataclass(frozen=True, slots=True)
class Node:
    """One file or folder in a snapshot."""

    path: str
    kind: str
    size: int
    mtime: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Who has locked the repository."""

    host: str
    pid: int
    since: datetime | None
    exclusive: bool


Said = Progress | Summary | Trouble | None


def read_said(line: str) -> Said:
    """A line of `restic backup --json`, from either stream; None for what tells nothing."""
    line = line.strip()
    found = _json(line)
    if found is None:
        return Trouble(line) if line else None
    match found.get("message_type"):
        case "status":
            return _progress(found)
        case "summary":
            return Summary(
                snapshot=str(found.get("snapshot_id") or ""),
                files=_int(found.get("total_files_processed")),
                size=_int(found.get("total_bytes_processed")),
                added=_int(found.get("data_added")),
            )
        case "error" | "exit_error":
            return _trouble(found)
        case _:
            return None


def _progress(found: Mapping[str, Any]) -> Progress:
    share = found.get("percent_done")
    left = found.get("seconds_remaining")
    return Progress(
        share=min(max(float(share), 0.0), 1.0) if isinstance(share, int | float) else 0.0,
        done=_int(found.get("bytes_done")),
        total=_int(found.get("total_bytes")),
        seconds_left=_int(left) if left is not None else None,
        errors=_int(found.get("error_count")),
    )


def _trouble(found: Mapping[str, Any]) -> Trouble:
    error = found.get("error")
    words = str(found.get("message") or "")
    if isinstance(error, Mapping):
        # 0.14 gives Go's error as it is: {"Op": "open", "Path": "/x", "Err": 13}.
        words = str(error.get("message") or "") or f"{error.get('Op', 'error')}: {_errno(error.get('Err'))}"
    elif error:
        words = str(error)
    return Trouble(words or "error", str(found.get("item") or ""))


def _errno(number: object) -> str:
    import os

    return os.strerror(number).lower() if isinstance(number, int) else str(number)


def read_snapshots(text: str) -> tuple[Snapshot, ...]:
    """What `restic snapshots --json` prints, oldest first. Raises ValueError when there is no list in it."""
    rows = next((found for line in text.splitlines() if isinstance(found := _any(line), list)), _any(text))
    if not isinstance(rows, list):
        raise ValueError("restic printed no list of snapshots")
    found = [one for row in rows if isinstance(row, Mapping) and (one := _snapshot(row)) is not None]
    return tuple(sorted(found, key=lambda one: one.at))


def _snapshot(row: Mapping[str, Any]) -> Snapshot | None:
    at = read_time(row.get("time"))
    if at is None or not row.get("id"):
        return None
    paths, tags = (tuple(str(one) for one in row.get(name) or ()) for name in ("paths", "tags"))
    return Snapshot(str(row["id"]), at, paths, tags, str(row.get("hostname") or ""))


def read_node(line: str) -> Node | None:
    """A line of `restic ls --json`; None for what is no file or folder."""
    found = _json(line)
    if found is None or (found.get("struct_type") or found.get("message_type")) != "node":
        return None
    return Node(
        str(found.get("path") or ""),
        str(found.get("type") or ""),
        _int(found.get("size")),
        str(found.get("mtime") or ""),
    )


def read_lock(text: str) -> Lock | None:
    """What `restic cat lock ID` prints."""
    found = _any(text)
    if not isinstance(found, Mapping):
        return None
    since = read_time(found.get("time"))
    return Lock(
        str(found.get("hostname") or "?"), _int(found.get("pid")), since, bool(found.get("exclusive"))
    )


def read_time(text: object) -> datetime | None:
    """Go's RFC 3339, with nanoseconds and any zone, in UTC."""
    import re

    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _json(line: str) -> dict[str, Any] | None:
    found = _any(line) if line.startswith("{") else None
    return found if isinstance(found, dict) else None


def _any(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0
