"""Several services of one project change their images together. Pure: planned here, written in `apply.py`."""

from collections.abc import Mapping
from pathlib import Path

from estate.compose.edit import CannotEdit, Edit, plan_edit
from estate.compose.model import Model
from estate.compose.resolve import resolve_files


def plan_edits(model: Model, wanted: Mapping[str, str]) -> tuple[Edit, ...]:
    """One after the other, each planned on what the one before leaves: service → its image afterwards.

    A place that several of them share is written once. Raises CannotEdit: also when a service that is not
    named here would change with one that is, or when one would not end as it is wanted.
    """
    edits: list[Edit] = []
    for service, new in wanted.items():
        value = model.services[service].image
        if value is None:
            raise CannotEdit(f"{service} names no image")
        if value.text == new and edits:
            continue  # one that shares its place was written already
        edit = plan_edit(model, value, new, service=service, approved=frozenset(wanted))
        edits.append(edit)
        model = _after(model, edit)
    for service, new in wanted.items():
        value = model.services[service].image
        if value is None or value.text != new:
            said = value.text if value else "nothing"
            raise CannotEdit(f"{service} would say {said}, for it shares its place with another service")
    return tuple(edits)


def written(model: Model, edits: tuple[Edit, ...]) -> dict[Path, tuple[bytes, bytes]]:
    """Each file's bytes before and after all of them. Raises CannotEdit when these are not the files that
    they were planned on."""
    found: dict[Path, tuple[bytes, bytes]] = {}
    for edit in edits:
        source = model.files.source(edit.file)
        first = source.data if source is not None else b""
        before, now = found.get(edit.file, (first, first))
        found[edit.file] = (before, edit.on(now))
    return found


def _after(model: Model, edit: Edit) -> Model:
    source = model.files.source(edit.file)
    assert source is not None  # it was planned on these bytes
    return resolve_files(model.invocation, model.files.replaced(edit.file, edit.on(source.data)))
