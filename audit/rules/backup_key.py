"""Where the key to the backup lies."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

from audit.backup_program import makes_backups, outside
from audit.look import Look
from audit.model import Confidence, Failed, Passed, Place, Result, Severity
from audit.places import of_value
from audit.rule import rule
from audit.rules.scripts import code_of
from audit.subject import Subject
from estate.compose.service import Variable

_KEYS = {"RESTIC_PASSWORD", "RUSTIC_PASSWORD", "BORG_PASSPHRASE", "KOPIA_PASSWORD", "GPG_PASSPHRASE"}
"""Variables that hold a key (each program's manual); with `_FILE`, the name of its file."""
_ASSIGNED = re.compile(r"\b(?:RESTIC|RUSTIC)_PASSWORD_FILE=[\"']?(?P<path>/[^\s\"';]+)")
_OPTION = re.compile(r"--password-file[= ][\"']?(?P<path>/[^\s\"';]+)")
_FLAGS = frozenset((
    "-v", "-vv", "--verbose", "-q", "--quiet", "--json", "-x", "--one-file-system", "-n", "--dry-run", "-f",
    "--force", "--exclude-caches", "--no-cache", "--no-scan", "--with-atime", "--insecure-tls", "--no-lock",
))  # fmt: skip
"""restic's options that take no value: what stands after one is a folder (restic-backup(1))."""
_CALL = re.compile(r"\b(?:restic|rustic)\b[^\n;&|]*?\bbackup\b(?P<rest>[^\n;&|]*)")


@rule("BAK-10", Severity.HIGH)
def key_in_the_backup(look: Look) -> Iterator[Result]:
    """The key to the backup lies in what is backed up: lost together, neither can be opened.

    Wrong: a service that makes backups takes its key (`RESTIC_PASSWORD`, `BORG_PASSPHRASE`, …, or the file
    that `…_FILE` names) from a file under a folder that it mounts; or a script or unit calls `restic backup`
    of a folder that its password file is in.
    Not looked at: keys outside of what is backed up; whether somebody has a copy, which no file can tell.
    Disprove: the key is also in a password safe, on another machine, or on paper.
    Mend: put a copy there, and waive this with the word where it is.
    """
    for one in look.subjects:
        if makes_backups(one):
            yield from _of_service(look, one)
    for path, text in look.snapshot.texts.items():
        if path.endswith((".sh", ".service")):
            yield from _of_text(path, code_of(text))


def _of_service(look: Look, one: Subject) -> Iterator[Result]:
    binds = (PurePosixPath(mount.source) for mount in one.mounts if mount.is_bind)
    folders = [PurePosixPath(look.snapshot.relative(source)) for source in binds]
    for name, variable in one.service.environment.items():
        if name.removesuffix("_FILE") not in _KEYS or not variable.text:
            continue
        keys = [outside(one, variable.text)] if name.endswith("_FILE") else _set_in(look, variable)
        held = [(key, folder) for key in keys if key for folder in folders if key.is_relative_to(folder)]
        inside = [(key, folder) for key, folder in held if key != folder]
        if not inside:
            yield Passed(f"{one.full_name} {name}")
            continue
        key, folder = inside[0]
        yield Failed(
            place=of_value(look.snapshot, variable.value, hide=True) if variable.value else one.place,
            message=f"{name} is kept in {key}, which is in what is backed up",
            service=one.full_name,
            key=name,
            evidence=(f"it mounts {_shown(folder)}",),
            disprove="the key is also in a password safe, on another machine, or on paper",
            remedy="keep a copy of the key off this machine, then !waive this with where it is",
            confidence=Confidence.MEDIUM,
        )


def _shown(folder: PurePosixPath) -> str:
    return str(folder) if folder.parts else "the whole estate"


def _set_in(look: Look, variable: Variable) -> list[PurePosixPath | None]:
    """The files that its value stands in."""
    found = [variable.setting.source.path] if variable.setting is not None else []
    if variable.value is not None and variable.setting is None:
        settings = [one.piece.setting for one in variable.value.written if one.piece.setting is not None]
        found = [one.source.path for one in settings] or [variable.value.file]
    return [PurePosixPath(look.snapshot.relative(path)) for path in found]


def _of_text(path: str, text: str) -> Iterator[Result]:
    key = _ASSIGNED.search(text) or _OPTION.search(text)
    if key is None:
        return
    file = PurePosixPath(key["path"])
    folders = {folder for call in _CALL.finditer(text) for folder in _saved(call["rest"])}
    inside = [folder for folder in folders if file.is_relative_to(folder)]
    if not inside:
        if folders:
            yield Passed(path)
        return
    line = text.count("\n", 0, key.start()) + 1
    yield Failed(
        place=Place(path, line, 1, str(file)),
        message=f"the password file {file} is in {min(inside)}, which is backed up",
        key=str(file),
        disprove="the key is also in a password safe, on another machine, or on paper",
        remedy="keep a copy of the key off this machine, then !waive this with where it is",
        confidence=Confidence.MEDIUM,
    )


def _saved(words: str) -> Iterator[PurePosixPath]:
    """The folders that a call names, as far as they stand there."""
    try:
        found = shlex.split(words, comments=True)
    except ValueError:
        return
    for before, word in pairwise(["", *found]):
        takes_it = before.startswith("-") and "=" not in before and before not in _FLAGS
        if word.startswith("/") and not takes_it:
            yield PurePosixPath(word)
