"""Where a repository lies, by file systems, and who holds its locks."""

import asyncio
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.errors import Upstream
from estate.backup.message import Lock
from estate.backup.whereabouts import look, where_is
from estate.snapshot.repository import Holder, Where

NOW = datetime(2026, 1, 15, tzinfo=UTC)
GONE = 4_000_001
"""More than a kernel gives out as a number."""


class Asked:
    """What restic would say."""

    def __init__(self, repository: str, *locks: Lock, trouble: str = "", wait: float = 0) -> None:
        self.repository = repository
        self._said = (locks, trouble, wait)

    async def locks(self) -> tuple[Lock, ...]:
        locks, trouble, wait = self._said
        await asyncio.sleep(wait)
        if trouble:
            raise Upstream(trouble)
        return locks


def test_a_folder_on_the_file_system_of_the_estate(tmp_path: Path) -> None:
    mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    assert where_is(str(tmp_path), [tmp_path / "none", tmp_path], mounts) == (Where.SAME_DISK, str(tmp_path))
    assert where_is(f"local:{tmp_path}", [tmp_path], mounts)[0] is Where.SAME_DISK
    assert where_is(str(tmp_path), [Path("/proc")], mounts) == (Where.HERE, "")


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_mount_of_another_machine_is_elsewhere(tmp_path: Path, kind: str) -> None:
    nas = tmp_path / "the nas"
    nas.mkdir()
    there = str(nas).replace(" ", r"\040")
    mounts = (
        f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:9 / {there} rw shared:7 - {kind} nas:/x rw\nbroken\n"
    )
    assert where_is(f"{nas}", [tmp_path], mounts) == (Where.ELSEWHERE, "")
    assert where_is(str(tmp_path), [tmp_path], mounts)[0] is Where.SAME_DISK


@pytest.mark.parametrize(
    ("repository", "where"),
    [
        ("s3:s3.example.net/x", Where.ELSEWHERE),
        ("sftp:ann@nas:/srv/x", Where.ELSEWHERE),
        ("rest:https://backup.example.net/x", Where.ELSEWHERE),
        ("rest:http://127.0.0.1:8000/x", Where.UNKNOWN),
        ("/srv/nowhere/at/all", Where.UNKNOWN),
    ],
)
def test_by_its_name(repository: str, where: Where) -> None:
    found, words = where_is(repository, [Path("/")], "")
    assert found is where
    assert bool(words) == (where is Where.UNKNOWN)


async def test_who_holds_it(tmp_path: Path) -> None:
    here = socket.gethostname()
    locks = [Lock(here, os.getpid(), NOW, False), Lock(here, GONE, NOW, True), Lock("other", 7, None, False)]
    found = await look(Asked(str(tmp_path), *locks), [tmp_path])
    assert found.where is Where.SAME_DISK
    assert found.beside == str(tmp_path)
    assert [one.holder for one in found.locks] == [Holder.LIVES, Holder.GONE, Holder.ELSEWHERE]


async def test_one_that_does_not_answer_is_in_it_as_such(tmp_path: Path) -> None:
    found = await look(Asked("s3:x/y", trouble="restic list ended with 1"), [tmp_path])
    assert (found.where, found.no_locks) == (Where.ELSEWHERE, "restic list ended with 1")
    late = await look(Asked("s3:x/y", wait=60), [tmp_path], seconds=0.05)
    assert late.no_locks == "it was not done with its answer within 0.05 s"


async def test_without_proc_the_disk_is_still_known(tmp_path: Path) -> None:
    found = await look(Asked(str(tmp_path)), [tmp_path], mountinfo=tmp_path / "none")
    assert found.where is Where.SAME_DISK
