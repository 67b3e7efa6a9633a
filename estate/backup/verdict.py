"""Whether a backup may be called one. Pure. All of it must hold; what does not is named, file by file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from estate.backup.message import Snapshot
from estate.backup.restic import Attempt
from estate.snapshot.backups import FEWER, USUAL


@dataclass(frozen=True, slots=True)
class Size:
    """Of one run."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a run from being whole. `path`: what it is about, if it is about one thing."""

    what: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}" if self.path else self.what


def problems(
    asked: Sequence[str],
    attempt: Attempt,
    snapshot: Snapshot | None,
    held: Mapping[str, int],
    dumps: Mapping[str, int],
    usual: Sequence[Size] = (),
) -> tuple[Problem, ...]:
    """What is wrong with a run; nothing when it is whole.

    asked: the paths that restic was given. snapshot: what `snapshots` lists under its id. held: the size of
    every file that `ls` names in the snapshot's spool. dumps: the size of every file that was spooled.
    """
    found = [Problem(one.text, one.item) for one in attempt.troubles]
    if attempt.exit_code == 3:
        found.append(Problem("restic ended with 3: some files could not be read"))
    elif attempt.exit_code:
        found.append(Problem(f"restic ended with {attempt.exit_code}"))
    if attempt.summary is None:
        found.append(Problem("restic gave no summary"))
    if attempt.errors and not attempt.troubles:
        found.append(Problem(f"restic counted {attempt.errors} errors"))
    if snapshot is None:
        return (*found, Problem("the repository lists no snapshot of this run"))
    missing, more = set(asked) - set(snapshot.paths), set(snapshot.paths) - set(asked)
    found += [Problem("is not in the snapshot", path) for path in sorted(missing)]
    found += [Problem("is in the snapshot and was not asked for", path) for path in sorted(more)]
    for path, size in sorted(dumps.items()):
        if path not in held:
            found.append(Problem("this dump is not in the snapshot", path))
        elif held[path] != size:
            found.append(Problem(f"this dump has {held[path]} bytes in the snapshot, not {size}", path))
    if attempt.summary is not None and len(usual) >= 2:
        found += _shrunk(Size(attempt.summary.files, attempt.summary.size), usual)
    return tuple(dict.fromkeys(found))


def _shrunk(now: Size, usual: Sequence[Size]) -> list[Problem]:
    recent = usual[-USUAL:]
    before = Size(_middle([one.files for one in recent]), _middle([one.size for one in recent]))
    found = []
    if now.files < before.files * FEWER:
        found.append(Problem(f"{now.files} files, and {before.files} are usual: has something been emptied?"))
    if now.size < before.size * FEWER:
        found.append(Problem(f"{now.size} bytes, and {before.size} are usual: has something been emptied?"))
    return found


def _middle(numbers: Sequence[int]) -> int:
    """The lower one of two."""
    return sorted(numbers)[(len(numbers) - 1) // 2]
