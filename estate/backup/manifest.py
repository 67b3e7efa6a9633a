"""What a snapshot says of itself: it lies in the snapshot, so that a drill needs nothing else. Pure."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One dump in the spool. `path`: relative to `saved`."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SavedDatabase:
    """One server's dumps. `rows`: database → table → how many before and after the dump; a table whose two
    numbers are the same must have that many when it is loaded. `why_no_rows`: why none were counted."""

    owner: str
    container: str
    kind: str
    program: str
    image: str
    image_id: str
    user: str
    files: tuple[SavedFile, ...]
    rows: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    why_no_rows: str = ""


@dataclass(frozen=True, slots=True)
class SavedSqlite:
    """One SQLite file's copy, and the rows of its tables."""

    owner: str
    source: str
    file: SavedFile
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedItem:
    """One volume or bind mount that is in the snapshot as files."""

    source: str
    path: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One file as it was when the snapshot was made. A file of the same size and time of change in the
    snapshot must have this hash."""

    path: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything of one run. `at`: ISO 8601, UTC."""

    run: str
    at: str
    host: str
    items: tuple[SavedItem, ...] = ()
    databases: tuple[SavedDatabase, ...] = ()
    sqlite: tuple[SavedSqlite, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """Every service that has something in it."""
        names = {name for one in self.items for name in one.owners}
        names |= {one.owner for one in self.databases} | {one.owner for one in self.sqlite}
        return tuple(sorted(names))


def to_json(manifest: Manifest) -> str:
    return json.dumps({"version": VERSION, **asdict(manifest)}, sort_keys=True, indent=1)


def from_json(text: str) -> Manifest:
    """Raises ValueError for what is no manifest of ours."""
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            raise ValueError(f"it is of version {found['version']}")
        return Manifest(
            run=str(found["run"]),
            at=str(found["at"]),
            host=str(found["host"]),
            items=tuple(
                SavedItem(str(one["source"]), str(one["path"]), tuple(map(str, one["owners"])))
                for one in found["items"]
            ),
            databases=tuple(_database(one) for one in found["databases"]),
            sqlite=tuple(
                SavedSqlite(str(one["owner"]), str(one["source"]), _file(one["file"]), dict(one["rows"]))
                for one in found["sqlite"]
            ),
            samples=tuple(Sample(**one) for one in found["samples"]),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise ValueError(f"it is no manifest: {wrong!r}") from None


def _database(found: dict[str, Any]) -> SavedDatabase:
    rows = {
        str(name): {str(table): (int(pair[0]), int(pair[1])) for table, pair in tables.items()}
        for name, tables in found["rows"].items()
    }
    files = tuple(_file(one) for one in found["files"])
    return SavedDatabase(**{**found, "files": files, "rows": rows})


def _file(found: dict[str, Any]) -> SavedFile:
    return SavedFile(str(found["path"]), int(found["size"]), str(found["sha256"]))
