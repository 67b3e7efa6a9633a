"""restic, as a program: 0.14 and newer. The password goes by its environment and is never said."""

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import NotDone, Upstream
from bot.core.text import one_line
from estate.backup import child
from estate.backup.message import (
    Lock,
    Node,
    Progress,
    Snapshot,
    Summary,
    Trouble,
    read_lock,
    read_node,
    read_said,
    read_snapshots,
)
from estate.snapshot.repository import STALE

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes: all snapshots are one line."""
QUICK = 300.0
"""Seconds for a question to the repository."""
LONG = 11 * 3600.0
_KEPT = {
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
}
_PREFIXES = ("AWS_", "B2_", "AZURE_", "GOOGLE_", "OS_", "ST_", "RCLONE_")
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
RUN = "RUN"
"""What stands in a plan for the number of the run, which is made when it starts."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one `restic backup` went."""

    exit_code: int
    summary: Summary | None
    troubles: tuple[Trouble, ...] = ()
    errors: int = 0

    @property
    def skipped(self) -> tuple[str, ...]:
        """Sources that were not there: restic before 0.19 leaves them out and ends with 0."""
        return tuple(one.text for one in self.troubles if "skipping" in one.text)


@dataclass(slots=True)
class _Heard:
    """What a running backup has said so far."""

    troubles: list[Trouble] = field(default_factory=list)
    summary: Summary | None = None
    errors: int = 0


class Restic:
    """One repository. Everything raises Upstream, in restic's own words, when it cannot be asked."""

    def __init__(
        self, repository: str, password: str, cache: Path, *, environ: Mapping[str, str] | None = None
    ) -> None:
        environ = os.environ if environ is None else environ
        self.repository = repository
        self._environ = {
            name: value
            for name, value in environ.items()
            if name in _KEPT or name.upper() in _PROXIES or name.startswith(_PREFIXES)
        } | {
            "RESTIC_REPOSITORY": repository,
            "RESTIC_PASSWORD": password,
            "RESTIC_CACHE_DIR": str(cache),
            "RESTIC_PROGRESS_FPS": "1",
        }

    @property
    def environment(self) -> tuple[str, ...]:
        """The names of what restic sees."""
        return tuple(sorted(self._environ))

    # ---- the commands, as a plan shows them -------------------------------------------------------------

    @staticmethod
    def backup_argv(paths: Path, host: str, services: Sequence[str], run: str = RUN) -> tuple[str, ...]:
        tags = [word for name in services for word in ("--tag", f"svc:{name}")]
        argv = ["restic", "backup", "--json", "--host", host, *tags, "--tag", f"run:{run}"]
        return (*argv, "--files-from-verbatim", str(paths))

    @staticmethod
    def restore_argv(snapshot: str, target: Path, paths: Sequence[str]) -> tuple[str, ...]:
        # What --include gets is a pattern: what means something in one is taken as it is.
        wanted = [word for path in paths for word in ("--include", _literal(path))]
        return ("restic", "restore", snapshot, "--target", str(target), *wanted)

    @staticmethod
    def check_argv(part: int, parts: int) -> tuple[str, ...]:
        return ("restic", "check", f"--read-data-subset={part}/{parts}")

    # ---- running them -----------------------------------------------------------------------------------

    async def init(self) -> None:
        """Make the repository. Raises Upstream."""
        await self._ask(("restic", "init"))

    async def exists(self) -> bool:
        """Whether there is a repository that this password opens. Raises Upstream for all but its absence."""
        try:
            await self._ask(("restic", "cat", "config", "--no-lock"))
        except Upstream as trouble:
            if "Is there a repository" in str(trouble) or "does not exist" in str(trouble):
                return False
            raise
        return True

    async def backup(self, argv: Sequence[str], progress: Callable[[Progress], None]) -> Attempt:
        """Run it; how it went. Raises NotDone when it took too long."""
        heard = _Heard()

        def out(line: str) -> None:
            match read_said(line):
                case Progress() as found:
                    heard.errors = max(heard.errors, found.errors)
                    progress(found)
                case Summary() as found:
                    heard.summary = found
                case Trouble() as found if len(heard.troubles) < 1000:
                    heard.troubles.append(found)
                case _:
                    pass

        code = await child.run(argv, env=self._environ, seconds=LONG, out=out, err=out)
        return Attempt(code, heard.summary, tuple(heard.troubles), heard.errors)

    async def run(self, argv: Sequence[str], seconds: float = LONG) -> tuple[int, tuple[str, ...]]:
        """Run it; its exit code and the end of what it said on both streams."""
        said: list[str] = []

        def take(line: str) -> None:
            if line.strip():
                said.append(line)
                del said[:-200]

        code = await child.run(argv, env=self._environ, seconds=seconds, out=take, err=take)
        return code, tuple(said)

    async def snapshots(self, tag: str = "") -> tuple[Snapshot, ...]:
        """Oldest first."""
        tagged = ("--tag", tag) if tag else ()
        said = await self._ask(("restic", "snapshots", "--json", "--no-lock", *tagged))
        try:
            return read_snapshots(said)
        except ValueError as wrong:
            raise Upstream(str(wrong)) from None

    async def nodes(
        self, snapshot: str, folders: Sequence[str], take: Callable[[Node], None], *, deep: bool = False
    ) -> None:
        """Give these paths and what is directly in them to `take`; all that is below them when `deep`."""

        def out(line: str) -> None:
            node = read_node(line)
            if node is not None:
                take(node)

        recursive = ("--recursive",) if deep else ()
        argv = ("restic", "ls", "--json", "--no-lock", *recursive, snapshot, *folders)
        said: list[str] = []
        code = await child.run(argv, env=self._environ, seconds=QUICK, out=out, err=said.append)
        if code:
            raise _failed("restic ls", code, said)

    async def fetch(self, snapshot: str, path: str, into: Path) -> None:
        """One file of a snapshot into a new file."""
        argv = ("restic", "dump", "--no-lock", snapshot, path)
        said: list[str] = []
        code = await child.run(argv, env=self._environ, seconds=QUICK, err=said.append, into=into)
        if code:
            raise _failed("restic dump", code, said)

    async def locks(self) -> tuple[Lock, ...]:
        """Who has locked it now."""
        found = []
        for name in (await self._ask(("restic", "list", "locks", "--no-lock"))).split():
            lock = read_lock(await self._ask(("restic", "cat", "lock", name, "--no-lock")))
            if lock is not None:
                found.append(lock)
        return tuple(found)

    async def version(self) -> str:
        """`restic 0.14.0`"""
        said = await self._ask(("restic", "version"))
        return " ".join(said.split()[:2])

    async def _ask(self, argv: Sequence[str]) -> str:
        out: list[str] = []
        err: list[str] = []
        try:
            code = await child.run(
                argv, env=self._environ, seconds=QUICK, out=out.append, err=err.append, longest=LARGEST_ANSWER
            )
        except NotDone as late:
            raise Upstream(str(late)) from late
        if code:
            raise _failed(" ".join(argv[:2]), code, err or out)
        return "\n".join(out)


def _failed(what: str, code: int, said: Sequence[str]) -> Upstream:
    if code == 127:
        return Upstream(
            "there is no restic here: install it (Debian: apt-get install restic)", permanent=True
        )
    rows = [row for row in said if row.strip()]
    words = one_line(" ".join(rows[-3:]), 400)
    return Upstream(f"{what} ended with {code}: {words or 'it said nothing'}")


def is_locked(said: Sequence[str]) -> bool:
    """Whether this is what restic says when somebody else has the repository."""
    return any("already locked" in row or "unable to create lock" in row for row in said)


def say_lock(lock: Lock, now: float, *, here: str | None = None) -> str:
    """Who has it, and whether anybody does. Never removed from here."""
    here = socket.gethostname() if here is None else here
    age = now - lock.since.timestamp() if lock.since is not None else 0.0
    who = f"locked by process {lock.pid} on {lock.host}"
    since = f" since {lock.since:%Y-%m-%d %H:%M:%S} UTC" if lock.since is not None else ""
    if lock.host != here:
        return f"{who}{since}: that is another host, so look there; restic unlock removes what is nobody's"
    if lives(lock.pid):
        return f"{who}{since}, which runs: wait for it"
    if age > STALE.total_seconds():
        return f"{who}{since}, which is gone: the lock is stale, restic unlock removes it"
    return f"{who}{since}, which is gone: restic unlock removes the lock"


def lives(pid: int) -> bool:
    """Whether a process of this machine has that number now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return pid > 0


def now() -> float:
    """Seconds since the epoch, for the age of a lock."""
    return time.time()


def _literal(path: str) -> str:
    """A path as a pattern that matches it alone."""
    for char in "\\*?[":
        path = path.replace(char, f"\\{char}")
    return path
