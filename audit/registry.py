"""SERVICES.yml: what the team says that it runs. Pure.

`services:` is a list of `{id, name, dir, url, type, status, depends_on, description, domain | domains, ports,
database}`.
"""

from dataclasses import dataclass

from audit.model import Place
from audit.places import of_key, of_tree
from estate.compose.value import Rows, Section, Tree, child, text_of, texts_of
from estate.snapshot.document import Document
from estate.snapshot.model import Snapshot

REQUIRED = ("id", "name", "dir", "type", "status")
KNOWN = frozenset({*REQUIRED, "url", "depends_on", "description", "domain", "domains", "ports", "database"})
TYPES = ("infra", "app", "db")
STATUSES = ("running", "configured", "deprecated")


@dataclass(frozen=True, slots=True)
class Entry:
    """One service as the registry knows it; empty texts where it says nothing."""

    id: str
    folder: str
    type: str
    status: str
    domains: tuple[str, ...]
    depends_on: tuple[str, ...]
    place: Place
    tree: Section

    def at(self, snapshot: Snapshot, key: str) -> Place:
        """Where one of its keys stands."""
        return of_key(snapshot, self.tree, key, self.place.file)


@dataclass(frozen=True, slots=True)
class Registry:
    """`wrong`: why it cannot be read as a registry; then there are no entries."""

    file: str
    entries: tuple[Entry, ...] = ()
    strange: tuple[Place, ...] = ()
    """Rows that are no mapping."""
    wrong: str = ""


def read_registry(snapshot: Snapshot) -> Registry | None:
    """None where there is no such file, or where it is a compose file."""
    file = snapshot.where.services
    document = snapshot.documents.get(file)
    if document is None:
        why = snapshot.unread.get(file)
        return Registry(file, wrong=why) if why else None
    return _read(snapshot, document)


def _read(snapshot: Snapshot, document: Document) -> Registry:
    if document.wrong:
        return Registry(document.path, wrong=document.wrong)
    rows = child(document.tree, "services")
    if not isinstance(rows, Rows):
        return Registry(document.path, wrong="it has no list `services:`")
    entries, strange = [], []
    for one in rows:
        place = of_tree(snapshot, one, document.path)
        if isinstance(one, Section):
            entries.append(_entry(one, place))
        else:
            strange.append(place)
    return Registry(document.path, tuple(entries), tuple(strange))


def _entry(tree: Section, place: Place) -> Entry:
    def said(key: str) -> str:
        return (text_of(tree.get(key)) or "").strip()

    domains: list[Tree | None] = [tree.get("domain"), tree.get("domains")]
    return Entry(
        id=said("id"),
        folder=said("dir").strip("/").removeprefix("./"),
        type=said("type").lower(),
        status=said("status").lower(),
        domains=tuple(text for one in domains for text in texts_of(one)),
        depends_on=tuple(texts_of(tree.get("depends_on"))),
        place=Place(place.file, place.line, place.column, f"id: {said('id')}"),
        tree=tree,
    )
