"""The estate's tree as it was at earlier commits, laid out in a folder elsewhere. Blocks.

git is asked with plumbing only: nothing is checked out, so no hook, no filter and no attribute of the
repository's is run or heeded. Bounded in number, size and time.
"""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from estate.snapshot.git import QUIET, environment

SECONDS = 60.0
"""For one question to git."""
LARGEST = 4 * 1024 * 1024
"""Bytes of one file; a larger one is laid out empty."""
MOST_FILES = 50_000
_FIELDS = "%H%x00%cI%x00%an%x00%s%x00"
_FILE, _PROGRAM, _LINK = "100644", "100755", "120000"


class NoPast(Exception):
    """There is none, or git does not tell; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Commit:
    """`at`: when it was committed, UTC. `author`: a name as git has it, which anybody may write."""

    hash: str
    at: datetime
    author: str
    subject: str

    @property
    def short(self) -> str:
        return self.hash[:10]

    def __str__(self) -> str:
        return f"{self.short} ({self.at:%Y-%m-%d}, {self.author}: {self.subject})"


class Past:
    """The history of the folder `root`, which lies in a git work tree. Use it as a context manager."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._blobs: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Past":
        return self

    def __exit__(self, *_: object) -> None:
        if self._blobs is not None:
            self._blobs.kill()
            self._blobs.communicate()

    def commits(self, most: int, *, since: datetime | None = None) -> tuple[Commit, ...]:
        """Those of the first parent that touch the folder, the newest first. Raises NoPast."""
        words = ["log", "--first-parent", f"--max-count={most}", f"--format={_FIELDS}"]
        words += [f"--since={since.isoformat()}"] if since is not None else []
        said = self._ask([*words, "--no-show-signature", "--no-color", "HEAD", "--", "."])
        fields = said.split("\0")
        return tuple(
            Commit(one.strip(), datetime.fromisoformat(at).astimezone(UTC), _line(author), _line(subject))
            for one, at, author, subject in zip(*(fields[n::4] for n in range(4)), strict=False)
            if one.strip()
        )

    def is_whole(self) -> bool:
        """Whether nothing was cut off: in a shallow clone the oldest commit seems to bring all that there is.
        Raises NoPast."""
        return self._ask(["rev-parse", "--is-shallow-repository"]).strip() == "false"

    def lay_out(self, commit: str, folder: Path, laid: dict[str, tuple[str, str]]) -> int:
        """Make `folder` hold what the commit holds; how many files had to be written or taken away.

        laid: what an earlier call left there (path → mode and blob), brought up to date: only what differs is
        touched. Raises NoPast, OSError.
        """
        wanted = {path: what for path, *what in self._listed(commit)}
        changed = 0
        for path in [path for path, what in laid.items() if wanted.get(path) != list(what)]:
            _take_away(folder, path)
            del laid[path]
            changed += 1
        for path, (mode, blob) in wanted.items():
            if path not in laid:
                self._write(folder / path, mode, blob)
                laid[path] = (mode, blob)
                changed += 1
        return changed

    # ---- git --------------------------------------------------------------------------------------------

    def _listed(self, commit: str) -> Iterator[tuple[str, str, str]]:
        """Path, mode and blob of each file. What no honest tree has is left out."""
        said = self._ask(["ls-tree", "-r", "-z", commit, "--", "."])
        for number, row in enumerate(said.split("\0")):
            if number > MOST_FILES:
                raise NoPast(f"the commit {commit[:10]} has more than {MOST_FILES} files; that is too many")
            head, _, path = row.partition("\t")
            mode, _, blob = head.partition(" blob ")
            parts = PurePosixPath(path).parts
            is_honest = not path.startswith("/") and not {"..", ".git"} & set(parts)
            if blob and mode in {_FILE, _PROGRAM, _LINK} and is_honest:
                yield path, mode, blob

    def _write(self, path: Path, mode: str, blob: str) -> None:
        data = self._blob(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        if mode == _LINK:
            target = os.fsdecode(data)
            # What leads out of the folder leads to the machine's own files of today.
            if not target.startswith("/") and ".." not in PurePosixPath(target).parts:
                path.symlink_to(target)
            return
        path.write_bytes(data)
        path.chmod(0o700 if mode == _PROGRAM else 0o600)

    def _blob(self, name: str) -> bytes:
        """Its bytes; none when it is too large."""
        if self._blobs is None:
            self._blobs = subprocess.Popen(
                ["git", *QUIET, "cat-file", "--batch"],
                cwd=self._root,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        assert self._blobs.stdin is not None
        assert self._blobs.stdout is not None
        try:
            self._blobs.stdin.write(f"{name}\n".encode())
            self._blobs.stdin.flush()
        except BrokenPipeError:
            raise NoPast(f"git in {self._root} ended while it was asked for {name}") from None
        head = self._blobs.stdout.readline().split()
        if len(head) != 3 or not head[2].isdigit():
            raise NoPast(f"git in {self._root} has no blob {name}: is it a shallow or partial clone?")
        size = int(head[2])
        data = b""
        if size <= LARGEST:
            data = self._blobs.stdout.read(size)
        else:
            left = size
            while left:
                left -= len(self._blobs.stdout.read(min(left, LARGEST)))
        self._blobs.stdout.read(1)
        return data

    def _ask(self, words: list[str]) -> str:
        try:
            done = subprocess.run(
                ["git", *QUIET, "--literal-pathspecs", *words],
                cwd=self._root,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise NoPast("there is no git here: install it") from None
        except (OSError, subprocess.SubprocessError) as wrong:
            raise NoPast(f"git could not be asked: {wrong}") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise NoPast(f"git in {self._root} says: {said[0] if said else done.returncode}")
        return done.stdout.decode("utf-8", "surrogateescape")


def _take_away(folder: Path, path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        (folder / path).unlink()
    for parent in list(PurePosixPath(path).parents)[:-1]:
        try:
            (folder / parent).rmdir()
        except OSError:
            return  # there is more in it


def _line(text: str) -> str:
    """One line that may be shown."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", readable)


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder of that name in one of our own (0700), which is gone afterwards. A project at the root of an
    estate is called as its folder is."""
    import tempfile

    parent = Path(tempfile.mkdtemp(prefix="tocsin-"))
    try:
        folder = parent / (name or "estate")
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(parent, ignore_errors=True)
