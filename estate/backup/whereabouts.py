"""Where a repository lies, and who has locked it. Reads only; bounded in time."""

import asyncio
import re
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from bot.core.errors import NotDone, Upstream
from estate.address import is_loopback
from estate.backup.message import Lock
from estate.backup.restic import lives
from estate.snapshot.repository import Held, Holder, Repository, Where

SECONDS = 20.0
"""For the repository's answer about its locks."""
_REMOTE = re.compile(r"(sftp|rest|s3|b2|azure|gs|swift|rclone):")
"""restic's backends (restic.readthedocs.io, "Preparing a new repository")."""
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|ceph|glusterfs|lustre|afs|davfs|9p|virtiofs|vboxsf|fuse\.(?:sshfs|rclone|s3fs|glusterfs|davfs\w*)"
)
"""File systems whose disk is another machine's, by their names in mountinfo (proc(5))."""


class Asked(Protocol):
    """See `estate.backup.restic.Restic`."""

    repository: str

    async def locks(self) -> tuple[Lock, ...]: ...


async def look(
    restic: Asked,
    sources: Sequence[Path],
    *,
    mountinfo: Path = Path("/proc/self/mountinfo"),
    host: str | None = None,
    seconds: float = SECONDS,
) -> Repository:
    """`sources`: folders of what is backed up, as we see them. Raises nothing: what was not seen is in it."""
    try:
        mounts = mountinfo.read_text("utf-8", "replace")
    except OSError:
        mounts = ""
    where, words = await asyncio.to_thread(where_is, restic.repository, sources, mounts)
    beside, why = (words, "") if where is not Where.UNKNOWN else ("", words)
    try:
        async with asyncio.timeout(seconds):
            locks = await restic.locks()
    except TimeoutError:
        return Repository(where, beside, why, (), f"it was not done with its answer within {seconds:g} s")
    except (Upstream, NotDone) as trouble:
        return Repository(where, beside, why, (), str(trouble))
    here = socket.gethostname() if host is None else host
    return Repository(where, beside, why, tuple(_held(one, here) for one in locks))


def where_is(repository: str, sources: Iterable[Path], mountinfo: str) -> tuple[Where, str]:
    """With the folder whose file system it shares, or why it is not known where it is."""
    kind = _REMOTE.match(repository)
    if kind is not None:
        if kind[1] == "rest" and is_loopback(repository[len("rest:") :]):
            return Where.UNKNOWN, "it is behind a server on this machine, which may keep it anywhere"
        return Where.ELSEWHERE, ""
    folder = Path(repository.removeprefix("local:"))
    try:
        device = folder.stat().st_dev
    except OSError as trouble:
        return (
            Where.UNKNOWN,
            f"{folder} cannot be seen from here: {(trouble.strerror or 'no reason').lower()}",
        )
    if _NETWORK.fullmatch(_kind_of(folder.resolve(), mountinfo)):
        return Where.ELSEWHERE, ""
    for source in sources:
        try:
            if source.stat().st_dev == device:
                return Where.SAME_DISK, str(source)
        except OSError:
            continue
    return Where.HERE, ""


def _kind_of(folder: Path, mountinfo: str) -> str:
    """The file system's name, of the deepest mount above it; the last of two at one place."""
    deepest, kind = -1, ""
    for row in mountinfo.splitlines():
        before, _, after = row.partition(" - ")
        fields, rest = before.split(), after.split()
        if len(fields) < 5 or not rest:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), rest[0]
    return kind


def _held(lock: Lock, here: str) -> Held:
    if lock.host != here:
        return Held(lock.host, lock.pid, lock.since, Holder.ELSEWHERE)
    return Held(lock.host, lock.pid, lock.since, Holder.LIVES if lives(lock.pid) else Holder.GONE)
