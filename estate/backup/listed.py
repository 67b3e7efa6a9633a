"""What the site's own `backup-config.yml` names: a claim, from which no coverage is computed. Blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from estate.backup.coverage import Listed


def listed(root: Path | None) -> Listed:
    """From `*/config/backup-config.yml` and `*/backup-config.yml` below the estate."""
    if root is None:
        return Listed()
    files = sorted([*root.glob("*/config/backup-config.yml"), *root.glob("*/backup-config.yml")])
    paths: list[str] = []
    containers: set[str] = set()
    for file in files:
        for services in _services(file):
            for row in _rows(services, "volumes"):
                if isinstance(row.get("path"), str):
                    paths.append(str((root / row["path"]).resolve()))
            containers |= {
                str(row["container"]) for row in _rows(services, "databases") if row.get("container")
            }
    name = str(files[0].relative_to(root)) if files else ""
    return Listed(name, tuple(paths), frozenset(containers))


def _services(file: Path) -> Iterator[dict[str, Any]]:
    # YAML takes a while to load, and few ask.
    from estate.compose.files import read_disk
    from estate.compose.load import Unreadable, load

    try:
        documents = load(read_disk(file))
    except (OSError, Unreadable):
        return
    for document in documents:
        services = document.get("services") if isinstance(document, dict) else None
        if isinstance(services, dict):
            yield services


def _rows(services: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    rows = services.get(name)
    yield from (row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
