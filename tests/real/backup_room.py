"""A room in which backups are asked for: real restic, and a real Engine's containers."""

import itertools
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.core.doc import Doc, plain
from bot.testing import FakeNotes
from estate.backup.keeper import Keeper
from estate.backup.settings import Settings
from estate.docker import DockerEngine
from tests.plans import Plans, plans

PASSWORD = "restic-says-nothing-of-this"
_numbers = itertools.count(1)


def restic(repository: Path, *words: str, check: bool = True) -> str:
    env = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(repository)}
    env["RESTIC_CACHE_DIR"] = str(repository.parent / "cache-of-tests")
    done = subprocess.run(["restic", *words], env=env, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class BackupRoom:
    """Ask in it."""

    talk: Plans
    keeper: Keeper

    async def run(self, command: str, seat: str = "ann") -> list[str]:
        """Ask, say yes, and all that is said until it ends."""
        card = await self.talk.ask(seat, command, id=f"m{next(_numbers)}")
        found = re.search(r"^!approve ([A-Z0-9]{4,6})$", card, re.MULTILINE)
        assert found, card
        said: list[str] = []

        async def tell(document: Doc) -> None:
            said.append(plain(document))

        message = self.talk.message(seat, f"!approve {found.group(1)}", id=f"m{next(_numbers)}")
        answer = await self.talk.engine.handle(message, tell)
        assert answer is not None
        assert answer.doc is not None
        return [*said, plain(answer.doc)]


@asynccontextmanager
async def backup_room(host: str, repository: Path, folder: Path) -> AsyncIterator[Callable[..., BackupRoom]]:
    """Make one with the given settings: `make(max_age=…)`. `host`: the Engine's address."""
    engine = DockerEngine(host)
    try:
        async with plans(folder) as talk:

            def make(**settings: object) -> BackupRoom:
                given = {"repository": str(repository), "password": PASSWORD, **settings}
                where = Settings("restic", folder / "state", "testhost", **given)  # type: ignore[arg-type]
                keeper = Keeper(where, FakeNotes(), talk.clock.now)
                talk.clock.at = datetime.now(UTC)
                talk.with_services(engines=(engine,), backup=lambda: keeper, journal=talk.real_journal)
                return BackupRoom(talk, keeper)

            yield make
    finally:
        await engine.close()
