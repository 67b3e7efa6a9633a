"""A change of one value, as bytes of one file. Pure: planned here, written in `apply.py`."""

import re
from collections.abc import Set
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from estate.compose.difference import Change, differences
from estate.compose.dotenv import read_dotenv
from estate.compose.files import Files, no_more
from estate.compose.model import Model
from estate.compose.node import scalars
from estate.compose.resolve import resolve_files
from estate.compose.setting import Setting
from estate.compose.source import Source, Span, Unreadable
from estate.compose.template import Origin
from estate.compose.value import Value, Written

_Told = tuple[str, str | bytes, str | None, str | None]


class CannotEdit(ValueError):
    """This value cannot be changed safely; says why."""


class Unresolved(CannotEdit):
    """The project as it stands cannot be resolved, so that nothing can be said of a change."""


class SeveralPlaces(CannotEdit):
    """No single place decides the text."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `span` of `file` are `old` and become `new`; nothing else does."""

    file: Path
    span: Span
    before: str
    """sha256 of the file before, in hexadecimal."""
    after: str
    old: bytes
    new: bytes
    is_env: bool
    """The file is a `.env`, not YAML."""
    changes: tuple[Change, ...] = ()
    """What differs in the resolved model then: at least the value; more, where a variable or an anchor is
    shared."""

    @property
    def services(self) -> tuple[str, ...]:
        """Every service in which something differs then."""
        return tuple(dict.fromkeys(one.service for one in self.changes if one.service))

    def on(self, data: bytes) -> bytes:
        """The bytes after the change. Raises CannotEdit when these are not the bytes that it was planned
        on."""
        if sha256(data).hexdigest() != self.before:
            raise CannotEdit(f"{self.file} has changed since the plan was made")
        return data[: self.span.start] + self.new + data[self.span.end :]

    def reversed(self) -> "Edit":
        """The way back."""
        end = self.span.start + len(self.new)
        span = Span(self.span.start, end, self.span.line, self.span.column)
        changes = tuple(Change(one.path, one.after, one.before) for one in self.changes)
        return Edit(self.file, span, self.after, self.before, self.new, self.old, self.is_env, changes)


def plan_edit(
    model: Model, value: Value, new: str, *, service: str | None = None, approved: Set[str] = frozenset()
) -> Edit:
    """The one splice after which `value` says `new`.

    `service`: whose value it is. An edit that also changes the image of another service is refused, unless
    that service is in `approved`. Raises CannotEdit.
    """
    if model.problems:
        raise Unresolved(f"the project does not resolve: {model.problems[0]}")
    written, text = _chosen(value, new)
    edit = _splice(value, written, text)
    after = _resolved(model, edit)
    changes = differences(model, after)
    _hold(value, new, model, changes, service)
    others = {one.service for one in changes if one.is_image} - {service, *approved, ""}
    if service is not None and others:
        names = ", ".join(sorted(others))
        raise CannotEdit(f"{_place_words(written, value)} also decides the image of {names}")
    return Edit(
        edit.file, edit.span, edit.before, edit.after, edit.old, edit.new, edit.is_env, tuple(changes)
    )


# ---- which piece ----------------------------------------------------------------------------------------


def _chosen(value: Value, new: str) -> tuple[Written, str]:
    """The one piece that has to change, and what it has to say then."""
    if new == value.text:
        raise CannotEdit(f"it says {new} already")
    pieces = value.written
    whole = "".join(one.piece.text for one in pieces)
    wanted = whole[: value.start] + new
    found = []
    before = ""
    for at, one in enumerate(pieces):
        rest = whole[len(before) + len(one.piece.text) :]
        if wanted.startswith(before) and wanted.endswith(rest) and len(wanted) >= len(before) + len(rest):
            found.append((at, wanted[len(before) : len(wanted) - len(rest)]))
        before += one.piece.text
    if not found:
        names = ", ".join(f"${{{name}}}" for name in value.variables)
        raise SeveralPlaces(f"it is put together from several places ({names}); one edit cannot say {new}")
    # A variable with an empty value, next to a written text: the variable is meant to hold what is added.
    at, text = found[-1]
    return pieces[at], text


def _splice(value: Value, written: Written, text: str) -> Edit:
    piece, name = written.piece, (written.piece.variables or ("",))[-1]
    if piece.origin is Origin.SHELL:
        raise CannotEdit(f"{name} comes from the environment of whoever calls Compose, not from a file")
    if piece.origin is Origin.PROJECT:
        raise CannotEdit(f"{name} is the project's name")
    if piece.origin is Origin.UNSET:
        raise CannotEdit(f"{name} is set nowhere: set it in .env first")
    if piece.origin is Origin.ENV_FILE:
        return _env_splice(piece.setting, name, text)
    if written.span is None:
        how = "a block" if value.style in ("|", ">") else "several lines"
        raise CannotEdit(f"it is written as {how}: write it on one line first")
    if value.data is None:
        raise CannotEdit("nothing is written there")
    if piece.text == "$":
        raise CannotEdit("it is written as $$")
    return _edit(value.source, written.span, _encoded(text, value.style, piece.origin), is_env=False)


def _env_splice(setting: Setting | None, name: str, text: str) -> Edit:
    if setting is None:
        raise CannotEdit(f"{name} is set, and it is not known where")
    if not setting.is_literal:
        raise CannotEdit(f"{name} is itself made of variables in {setting.source.path.name}")
    return _edit(setting.source, setting.span, _env_encoded(text, setting.quote), is_env=True)


def _edit(source: Source, span: Span, new: str, *, is_env: bool) -> Edit:
    data, encoded = source.data, new.encode()
    after = data[: span.start] + encoded + data[span.end :]
    old = data[span.start : span.end]
    return Edit(source.path, span, source.digest, sha256(after).hexdigest(), old, encoded, is_env)


# ---- how it is written ----------------------------------------------------------------------------------


def _encoded(text: str, style: str, origin: Origin) -> str:
    if not text.isprintable():
        raise CannotEdit("control characters and line ends cannot be put in place")
    if origin is Origin.DEFAULT:
        if re.search(r"[{}$]", text):
            raise CannotEdit("a default inside ${…} cannot hold { } or $")
    else:
        text = text.replace("$", "$$")
        if not style and not text:
            raise CannotEdit("an empty text needs quotes")
    if style == "'":
        return text.replace("'", "''")
    return text.replace("\\", "\\\\").replace('"', '\\"') if style == '"' else text


def _env_encoded(text: str, quote: str) -> str:
    if not text.isprintable():
        raise CannotEdit("control characters and line ends cannot be put in place")
    if quote == '"':
        return re.sub(r'([\\"$])', r"\\\1", text)
    if quote == "'":
        if "\\" in text or "'" in text:
            raise CannotEdit("single quotes in .env cannot hold ' or \\")
        return text
    if re.search(r"\$| #|\A[#'\"]|\A\s|\s\Z", text):
        raise CannotEdit("it needs quotes in .env")
    return text


# ---- what follows from it -------------------------------------------------------------------------------


def _resolved(model: Model, edit: Edit) -> Model:
    source = model.files.source(edit.file)
    try:
        if source is None:
            raise Unreadable("there is no such file")
        files = model.files.replaced(edit.file, edit.on(source.data))
        _hold_structure(_told(model.files, edit), _told(files, edit))
        after = resolve_files(model.invocation, files)
    except Unreadable as wrong:
        raise CannotEdit(f"{edit.file.name} could not be read any more: {wrong}") from None
    if after.problems:
        raise CannotEdit(f"the project would not resolve any more: {after.problems[0]}")
    return after


def _hold(value: Value, new: str, model: Model, changes: list[Change], service: str | None) -> None:
    if not any(one.after == new and one.before == value.text for one in changes):
        said = next((one.after for one in changes if one.before == value.text), None)
        raise CannotEdit(f"it would read back as {said!r}" if said else "nothing would change by it")
    if any(not one.path[:1] == ("services",) and one.path[:1] == ("project",) for one in changes):
        raise CannotEdit("it would also change which project this is, its files or its profiles")
    if service is not None and not any(one.service == service for one in changes):
        raise CannotEdit(f"{service} would not change by it")


def check(edit: Edit, before: bytes, after: bytes) -> None:
    """Exactly these bytes differ, and exactly one value does, when both are parsed.

    Raises CannotEdit, and Unreadable when the new bytes cannot be parsed.
    """
    if after != before[: edit.span.start] + edit.new + before[edit.span.end :]:
        raise CannotEdit(f"more than the planned bytes of {edit.file} differ")
    files = Files(no_more, {edit.file: before})
    _hold_structure(_told(files, edit), _told(files.replaced(edit.file, after), edit))


def _hold_structure(old: list[_Told], new: list[_Told]) -> None:
    differing = [one for one, other in zip(old, new, strict=False) if one != other]
    if len(old) != len(new) or len(differing) > 1:
        raise CannotEdit("it would change the structure of the file: the text needs quotes")


def _told(files: Files, edit: Edit) -> list[_Told]:
    """Every value of a file in its order, as written."""
    if not edit.is_env:
        found = scalars(files.documents(edit.file))
        return [(one.text, one.style, one.tag, one.anchor) for one in found]
    source = files.source(edit.file)
    settings = read_dotenv(source, lambda name: None).settings.values() if source else ()
    return [(one.name, one.source.data[one.span.start : one.span.end], None, None) for one in settings]


def _place_words(written: Written, value: Value) -> str:
    setting = written.piece.setting
    if setting is not None:
        return f"{setting.name} in {setting.source.path.name}"
    return f"&{value.anchor} in {value.file.name}" if value.anchor else f"{value.file.name}:{value.span}"
