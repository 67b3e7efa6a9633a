"""backup.txt, played to a console over the real plans, a fake Engine, a real folder and the real restic."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.platforms.console import Console
from bot.testing import FakeNotes
from estate.backup.keeper import Keeper
from estate.backup.settings import Settings
from estate.model import Mount
from tests.plans import codes, detail, plans
from tests.scenarios.test_transcripts import HERE, exchanges, fits


async def test_transcript(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "one.txt").write_text("one")
    volume = Mount("volume", str(data), "/srv/data", "shop_data")
    socket = Mount("bind", "/var/run/docker.sock", "/var/run/docker.sock")
    web = replace(detail("web"), mounts=(volume, socket))
    mongo = detail("mongo")
    mongo = replace(mongo, container=replace(mongo.container, image="mongo:7"))
    said: list[str] = []
    pick = codes("ACDE", "FGHJ", "KMNP", "QRTU", "VWXY")
    async with plans(tmp_path, web, mongo, pick=pick) as talk:
        talk.clock.at = datetime.now(UTC)
        settings = Settings("restic", tmp_path / "b", "here", str(tmp_path / "repository"), trial=True)
        keeper = Keeper(settings, FakeNotes(), talk.clock.now)
        talk.with_services(backup=lambda: keeper, journal=talk.real_journal)
        console = Console(write=said.append, files=tmp_path / "files")
        for typed, expected in exchanges((HERE / "backup.txt").read_text("utf-8")):
            said.clear()
            await console.line(typed[2:], talk.engine.handle, talk.journal, talk.clock)
            lines = "".join(said).splitlines()
            assert fits(expected, lines), f"{typed}\nexpected {expected}\nsaid     {lines}"
