"""One git repository that keeps the estate's files: what would be in the way of a commit, and the commit.

The machine's and the user's configuration is not read, and nothing of the repository's own is run: no hooks,
no signing, no fsmonitor. Only the named paths are committed, whatever else is staged.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import Upstream
from estate.program import Ended, NoProgram, run

SECONDS = 30.0
BUSY = 5
"""How often a repository that somebody else has locked is asked again, a second apart."""

_QUIET = (
    "-c", "safe.directory=*",  # the tree may belong to another user than we do
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "commit.gpgSign=false",
    "-c", "gc.auto=0",
    "-c", "core.quotePath=false",
)  # fmt: skip
_MIDDLE = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}


class GitFailed(Exception):
    """Nothing was committed; says why."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who is behind a change. `identity` is an account, `matrix:@ann:example.org`: no e-mail is claimed."""

    name: str
    identity: str

    def __str__(self) -> str:
        return f"{_plain(self.name)} <{_plain(self.identity)}>"


@dataclass(frozen=True, slots=True)
class Standing:
    """How files stand in the repository."""

    why_not: str = ""
    """Why nothing may be committed now; empty when it may."""
    not_kept: tuple[Path, ...] = ()
    """Files that git ignores, or was never told of: they are changed and not committed."""


@dataclass(frozen=True, slots=True)
class Repository:
    """`root` is the top of the work tree."""

    root: Path
    folder: Path
    """Where git keeps its own state of this work tree."""
    _environ: Mapping[str, str] = field(repr=False)
    owner: tuple[int, int] | None = None
    """Whose it is, user and group: where we are root and it is somebody else's, git runs as that one. What it
    writes is theirs then, and what the repository runs has their rights, not ours."""

    @classmethod
    async def of(cls, path: Path, environ: Mapping[str, str]) -> "Repository | None":
        """The one that this file lies in; None when it lies in none, or there is no git. Raises Upstream for
        one that git cannot read."""
        shell = _environment(environ)
        folder = path.parent
        try:
            argv = ("git", *_QUIET, "rev-parse", "--show-toplevel", "--absolute-git-dir")
            found = await run(argv, environment=shell, directory=folder, seconds=SECONDS)
        except NoProgram:
            return None
        if not found.ok and "not a git repository" not in found.errors:
            raise Upstream(f"git in {folder}: {_why(found)}")
        rows = found.out.splitlines()
        if not found.ok or len(rows) != 2:
            return None
        owner = _owner(Path(rows[1]))
        if owner is not None:
            same = await run(argv, environment=shell, directory=folder, seconds=SECONDS, owner=owner)
            owner = owner if same.ok and same.out == found.out else None  # it may not come here by itself
        return cls(Path(rows[0]), Path(rows[1]), shell, owner)

    async def standing(self, paths: Sequence[Path]) -> Standing:
        """Whether these may be committed now. Raises Upstream when git does not say."""
        middle = next((words for name, words in _MIDDLE.items() if (self.folder / name).exists()), "")
        if middle:
            return Standing(f"{self.root} is in the middle of {middle}: end that first")
        filtered = await self._filtered(paths)
        if filtered:  # before anything else: also a status runs them
            return Standing(f"{filtered}, a program of the repository's, with my rights: commit it by hand")
        every = ("--untracked-files=all", "--ignored=matching", "--ignore-submodules=all")
        words = ("status", "--porcelain=v2", "--branch", "-z", *every)
        found = await self._ask(*words, "--", *self._inside(paths))
        rows = [row for row in found.out.split("\0") if row]
        if "# branch.head (detached)" in rows:
            return Standing(f"{self.root} is on no branch (detached HEAD): a commit there would be lost")
        not_kept = [
            path for path in paths if f"? {self._name(path)}" in rows or f"! {self._name(path)}" in rows
        ]
        dirty = [row.split(" ", 8)[-1] for row in rows if row[:2] in ("1 ", "2 ", "u ")]
        if dirty:
            return Standing(f"{dirty[0]} has changes that are not committed: commit or undo those first")
        if len(not_kept) < len(paths) and not os.access(self.folder, os.W_OK):
            return Standing(f"I may not write into the repository {self.root}")
        return Standing(not_kept=tuple(not_kept))

    async def commit(
        self, paths: Sequence[Path], subject: str, trailers: Sequence[tuple[str, str]], author: Author
    ) -> str:
        """Commit these paths as they are on the disk, nothing else; the commit's hash. Raises GitFailed."""
        message = "\n".join(
            [_plain(subject), "", *(f"{name}: {_plain(text)}" for name, text in trailers), ""]
        )
        words = ("commit", "--quiet", "--no-verify", "--cleanup=verbatim", "--author", str(author))
        names = self._inside(paths)
        for _ in range(BUSY):
            done = await self._run(*words, "--file", "-", "--only", "--", *names, given=message.encode())
            if done.ok or "index.lock" not in done.errors:
                break
            await asyncio.sleep(1)
        if not done.ok:
            raise GitFailed(f"git in {self.root}: {_why(done)}")
        made = (await self._ask("rev-parse", "HEAD")).out.strip()
        touched = await self._ask("show", "--format=", "--name-only", "-z", made)
        if {name for name in touched.out.split("\0") if name.strip()} != set(names):
            raise GitFailed(
                f"the commit {made[:12]} in {self.root} holds other files than it should: look at it"
            )
        return made

    async def _filtered(self, paths: Sequence[Path]) -> str:
        """Which of them passes a filter (gitattributes(5)) on its way into git; empty when none does."""
        found = await self._ask("check-attr", "-z", "filter", "--", *self._inside(paths))
        words = found.out.split("\0")
        set_ = [(name, value) for name, value in zip(words[::3], words[2::3], strict=False)]
        return next(
            (f"{n} would run the filter {v}" for n, v in set_ if v not in {"unspecified", "unset"}), ""
        )

    def _name(self, path: Path) -> str:
        return str(path.resolve().relative_to(self.root.resolve()))

    def _inside(self, paths: Sequence[Path]) -> list[str]:
        try:
            return [self._name(path) for path in paths]
        except ValueError:
            raise Upstream(f"{paths[0]} is not inside of {self.root}", permanent=True) from None

    async def _ask(self, *words: str) -> Ended:
        found = await self._run(*words)
        if not found.ok:
            raise Upstream(f"git in {self.root}: {_why(found)}")
        return found

    async def _run(self, *words: str, given: bytes | None = None) -> Ended:
        argv = ("git", *_QUIET, "--literal-pathspecs", *words)
        try:
            return await run(
                argv,
                environment=self._environ,
                directory=self.root,
                seconds=SECONDS,
                given=given,
                owner=self.owner,
            )
        except NoProgram as gone:
            raise Upstream(str(gone)) from None


def _owner(folder: Path) -> tuple[int, int] | None:
    """User and group of git's folder; None where that is us, or where we may not be anybody else."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_uid, status.st_gid) if os.geteuid() == 0 and status.st_uid != 0 else None


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """No GIT_* of whoever started us, no configuration of this machine, no question, plain words."""
    return {
        "PATH": environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",  # see estate/snapshot/git.py
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_COMMITTER_NAME": "Tocsin",
        "GIT_COMMITTER_EMAIL": "tocsin@localhost",
    }


def _plain(text: str) -> str:
    """One line that can be no trailer and no author of its own: without line ends, brackets, controls."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f<>]+", " ", text).split()) or "unknown"


def _why(ended: Ended) -> str:
    """git says what is wrong first, and advice after that."""
    rows = [row.strip() for row in ended.errors.splitlines()]
    return next((row for row in rows if row.startswith(("fatal:", "error:"))), ended.last)
