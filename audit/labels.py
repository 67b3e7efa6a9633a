"""A service's labels with their places. Pure."""

from audit.model import Place
from audit.places import of_span, of_value
from estate.compose.service import ResolvedService
from estate.compose.value import Rows, Section, Value
from estate.snapshot.model import Snapshot


def open_labels(service: ResolvedService) -> dict[str, str]:
    """All of them, with `${NAME}` in the place of what nobody sets."""
    found = dict(service.labels)
    tree = service.tree.get("labels")
    if isinstance(tree, Section):
        found |= {key: one.open_text for key, one in tree.items() if isinstance(one, Value) and one.unset}
    for one in tree if isinstance(tree, Rows) else ():
        if isinstance(one, Value) and one.unset:
            key, _, text = one.open_text.partition("=")
            found |= {key: text} if key in found else {}
    return found


def label_place(snapshot: Snapshot, service: ResolvedService, key: str, file: str) -> Place:
    """Where a label is written; else where the service is."""
    tree = service.tree.get("labels")
    if isinstance(tree, Section):
        value = tree.get(key)
        if isinstance(value, Value):
            at = of_value(snapshot, value)
            return Place(at.file, at.line, at.column, f"{key}={at.text}")
    for one in tree if isinstance(tree, Rows) else ():
        if isinstance(one, Value) and one.text.partition("=")[0] == key:
            return of_value(snapshot, one)
    return of_span(snapshot, service.at, file, f"{service.name}:")
