"""Backups on real parts: a Docker Engine, PostgreSQL, restic. What is not whole is never called done."""

import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from docker.models.containers import Container

from audit.engine import evaluate
from audit.rules import ALL, BY_ID
from bot.backups import Witness
from bot.config.model import Estate
from bot.core.steps import Step
from bot.snapshots import LateSnapshots
from estate.docker import DockerEngine
from estate.model import THROWAWAY
from estate.snapshot.backups import Backups
from estate.snapshot.model import Snapshot
from tests.audit.estate import write
from tests.real.backup_room import PASSWORD, BackupRoom, backup_room, restic
from tests.real.components.engine import Engine
from tests.real.components.postgres import IMAGE, build_postgres

_numbers = itertools.count(1)
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Shop:
    """A database with two tables and a volume with files: the project `shopN`."""

    engine: Engine
    name: str
    database: Container
    web: Container
    files: Path

    def sql(self, query: str) -> str:
        code, said = self.database.exec_run(
            ["psql", "-X", "-A", "-t", "-U", "shop", "-d", "shop", "-c", query]
        )
        assert code == 0, said
        return str(said.decode().strip())

    def answers(self) -> None:
        deadline = time.monotonic() + 60
        while self.database.exec_run(["pg_isready", "-h", "127.0.0.1", "-U", "shop", "-d", "shop"])[0]:
            assert time.monotonic() < deadline, self.database.logs().decode()
            time.sleep(0.2)

    def throwaways(self) -> list[str]:
        found = self.engine.client.containers.list(all=True, filters={"label": THROWAWAY})
        return [str(one.name) for one in found]


@pytest.fixture(scope="session")
def postgres_image(engine: Engine) -> str:
    return build_postgres(engine.client)


@pytest.fixture
def shop(engine: Engine, postgres_image: str) -> Iterator[Shop]:
    name = f"shop{os.getpid()}x{next(_numbers)}"
    volumes = [engine.client.volumes.create(f"{name}_{what}") for what in ("db", "data")]

    def start(service: str, image: str, volume: str, inside: str, **more: object) -> Container:
        labels = {"com.docker.compose.project": name, "com.docker.compose.service": service}
        return engine.client.containers.run(
            image,
            detach=True,
            network_mode="none",
            name=f"{name}-{service}-1",
            labels=labels,
            volumes={volume: {"bind": inside, "mode": "rw"}},
            **more,
        )

    environment = {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "tiger-in-a-tank"}
    database = start("db", IMAGE, f"{name}_db", "/var/lib/postgresql/data", environment=environment)
    web = start("web", "tocsin-test/plain:1", f"{name}_data", "/srv/data")
    files = engine.root / "data" / "volumes" / f"{name}_data" / "_data"
    found = Shop(engine, name, database, web, files)
    (files / "pictures").mkdir()
    for number in range(30):
        (files / "pictures" / f"{number}.jpg").write_bytes(os.urandom(2000))
    with closing(sqlite3.connect(files / "app.db")) as app:
        app.execute("create table visits (who text)")
        app.executemany("insert into visits values (?)", [("ann",)] * 17)
        app.commit()
    found.answers()
    found.sql("create table orders (id int, what text)")
    found.sql("insert into orders select n, 'thing ' || n from generate_series(1, 1234) n")
    found.sql('create schema "odd one"; create table "odd one"."it\'s" (x int)')
    yield found
    for container in (database, web):
        container.remove(force=True)
    for volume in volumes:
        volume.remove(force=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    restic(path, "init")
    return path


@pytest.fixture
async def room(shop: Shop, repository: Path, tmp_path: Path) -> AsyncIterator[Callable[..., BackupRoom]]:
    async with backup_room(shop.engine.host, repository, tmp_path) as make:
        yield make


# ---- what must work -------------------------------------------------------------------------------------


async def test_a_backup_and_its_drill(room: Callable[..., BackupRoom], shop: Shop, repository: Path) -> None:
    here = room()
    card = await here.talk.ask("ann", f"!backup now {shop.name}/db", id="first")
    assert "pg_dump -w -U shop -Fc -d shop" in card
    assert "tiger" not in card
    [*progress, last] = await here.run(f"!backup now {shop.name}/db")
    assert last.startswith(f"done: {shop.name}/db is saved whole: snapshot "), (progress, last)
    [*progress, last] = await here.run(f"!backup now {shop.name}/web")
    assert last.startswith(f"done: {shop.name}/web is saved whole: snapshot "), (progress, last)
    assert "SQLite files copied and checked: 1" in last
    assert len(json.loads(restic(repository, "snapshots", "--json"))) == 2
    assert not here.keeper.spool.root.exists()

    shop.sql("delete from orders")  # what is live now is not what is compared with
    [*progress, last] = await here.run(f"!backup drill {shop.name}/db")
    assert last.startswith(f"done: {shop.name}/db was restored from snapshot "), (progress, last)
    assert f"{shop.name}-db-1: tables: 2, rows: 1234, as recorded" in last
    [*progress, last] = await here.run(f"!backup drill {shop.name}/web")
    assert last.startswith(f"done: {shop.name}/web was restored"), (progress, last)
    assert "app.db: tables: 1, rows: 17, as recorded" in last
    assert shop.throwaways() == []
    assert not here.keeper.spool.scratch.exists()
    rows = [row.entry.about for row in await here.talk.real_journal.tail(50) if row.entry.kind == "backup"]
    [drilled] = [row["drill"] for row in rows if "drill" in row and row["drill"]["owner"].endswith("/db")]
    assert drilled["databases"][0]["loaded"]["shop"] == {"public.orders": 1234, "odd one.it's": 0}
    assert "tiger" not in json.dumps(rows)

    standing = await here.talk.ask("ann", "!backup")
    assert re.search(rf"{shop.name}/db +database {shop.name}-db-1 +covered", standing), standing
    assert re.search(rf"{shop.name}/web +volume {shop.name}_data +covered", standing), standing


async def test_seven_verifies_read_all_of_it(room: Callable[..., BackupRoom], shop: Shop) -> None:
    here = room()
    await here.run(f"!backup now {shop.name}/web")
    for part in range(1, 8):
        [*_, last] = await here.run("!backup verify")
        assert last.startswith(f"done: part {part} of 7 is well; "), last
    assert "all of it was read within the last" in last


# ---- what must never be called done ---------------------------------------------------------------------


async def test_a_dump_that_fails(room: Callable[..., BackupRoom], shop: Shop, repository: Path) -> None:
    here = room()
    path = shop.sql("select pg_relation_filepath('orders')")
    shop.database.stop(timeout=5)
    file = shop.files.parent.parent / f"{shop.name}_db" / "_data" / path
    file.write_bytes(os.urandom(file.stat().st_size))  # a table that PostgreSQL cannot read
    shop.database.start()
    shop.answers()
    [*progress, last] = await here.run(f"!backup now {shop.name}/db")
    assert last.startswith("failed: partial: "), (progress, last)
    assert "pg_dump in" in last
    assert "invalid page" in last
    listed = restic(repository, "ls", "latest")
    assert "shop.dump" not in listed, "half a dump looks like one"
    assert "uncovered" in await here.talk.ask("ann", "!backup")


async def test_a_path_that_goes_missing(room: Callable[..., BackupRoom], shop: Shop, tmp_path: Path) -> None:
    here = room()
    real = here.keeper.spool.ready

    def ready() -> None:
        real()
        shop.files.rename(shop.files.with_name("moved"))

    here.keeper.spool.ready = ready  # type: ignore[method-assign]
    try:
        [*progress, last] = await here.run(f"!backup now {shop.name}/web")
    finally:
        shop.files.with_name("moved").rename(shop.files)
    assert last.startswith("failed: partial: "), (progress, last)
    assert f"{shop.files}: is not in the snapshot" in "\n".join(progress)


async def test_a_file_that_cannot_be_read(room: Callable[..., BackupRoom], shop: Shop) -> None:
    here = room()
    blocked = shop.files / "blocked"
    blocked.touch()
    # Opens, and cannot be read, not even by root.
    subprocess.run(["mount", "--bind", f"/proc/{os.getpid()}/mem", blocked], check=True)
    try:
        [*progress, last] = await here.run(f"!backup now {shop.name}/web")
    finally:
        subprocess.run(["umount", "--lazy", blocked], check=True)
    assert last.startswith("failed: partial: "), (progress, last)
    assert any(str(blocked) in row for row in progress), progress
    standing = await here.talk.ask("ann", "!backup")
    assert re.search(rf"volume {shop.name}_data +uncovered", standing), standing


def locks(repository: Path) -> list[str]:
    """A lock that is still being written has another name, and is none."""
    names = (path.name for path in (repository / "locks").iterdir())
    return [name for name in names if re.fullmatch(r"[0-9a-f]{64}", name)]


async def test_a_locked_repository(room: Callable[..., BackupRoom], shop: Shop, repository: Path) -> None:
    here = room()
    env = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(repository)}
    for number in range(40):
        (shop.files / f"big{number}").write_bytes(os.urandom(1_000_000))
    restic(repository, "backup", str(shop.files))
    holder = subprocess.Popen(["restic", "check", "--read-data"], env=env, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not locks(repository):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert locks(repository), "it ended before it was killed"
    [*_, last] = await here.run(f"!backup now {shop.name}/web")
    assert last.startswith("failed: nothing was saved: the repository is locked by process "), last
    assert "restic unlock" in last
    assert locks(repository), "a lock must never be removed by us"
    [*_, last] = await here.run("!backup verify")
    assert last.startswith("failed: nothing was read: the repository is locked by process "), last

    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    lies = await here.keeper.whereabouts([shop.files])
    backups = Backups(timedelta(days=1), repository=lies)
    report = evaluate(Snapshot(shop.files, in_an_hour, backups=backups), ALL)
    said = {one.rule: one.message for one in report.findings}
    assert f"process {holder.pid} on {socket.gethostname()}" in said["BAK-11"]
    same = shop.files.stat().st_dev == repository.stat().st_dev
    assert (str(shop.files) in said["BAK-08"]) == same


async def test_the_audit_goes_by_what_snapshots_hold(
    room: Callable[..., BackupRoom], shop: Shop, tmp_path: Path
) -> None:
    """A set that names it proves nothing, and what no set names may well be saved."""
    here = room()
    write(
        tmp_path / "estate",
        {
            f"{shop.name}/compose.yml": f"""\
services:
  db: {{image: '{IMAGE}', volumes: ['db:/var/lib/postgresql/data']}}
  web: {{image: 'tocsin-test/plain:1', volumes: ['data:/srv/data']}}
volumes: {{db: , data: }}
""",
            "backup/backup-config.yml": (
                f"services:\n  databases: []\n  volumes: [{{name: {shop.name}_data}}]\n"
            ),
        },
    )
    engine = DockerEngine(shop.engine.host)

    witness = Witness(here.keeper, lambda: datetime.now(UTC))

    async def judged() -> tuple[dict[str, str], int, Sequence[object]]:
        snapshots = LateSnapshots(tmp_path / "estate", Estate(), [engine], backups=witness.backups)
        report = evaluate(await snapshots.take(datetime.now(UTC)), [BY_ID["BAK-01"]])
        ours = [one for one in report.findings if one.service.startswith(shop.name)]
        return {one.service: one.message for one in ours}, report.passed.get("BAK-01", 0), report.unknown

    try:
        found, passed, unknown = await judged()
        assert set(found) == {f"{shop.name}/db", f"{shop.name}/web"}
        assert "no snapshot has it" in found[f"{shop.name}/web"]
        assert (passed, unknown) == (0, ())
        [*_, last] = await here.run(f"!backup now {shop.name}/web")
        assert last.startswith("done: "), last
        found, passed, unknown = await judged()
        assert set(found) == {f"{shop.name}/db"}
        [*_, last] = await here.run(f"!backup now {shop.name}/db")
        assert last.startswith("done: "), last
        assert (await judged())[0] == {}
    finally:
        await engine.close()


async def test_a_corrupt_pack(room: Callable[..., BackupRoom], shop: Shop, repository: Path) -> None:
    here = room()
    [*_, last] = await here.run(f"!backup now {shop.name}/web")
    assert last.startswith("done: ")
    pack = max(
        (path for path in (repository / "data").rglob("*") if path.is_file()), key=lambda p: p.stat().st_size
    )
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 0xFF
    pack.chmod(0o600)
    pack.write_bytes(bytes(data))
    said = [(await here.run("!backup verify"))[-1] for _ in range(7)]
    assert any(one.startswith("failed: the repository is not well: ") for one in said), said
    assert not any("all of it was read" in one for one in said)
    [*_, last] = await here.run(f"!backup drill {shop.name}/web")
    assert last.startswith("failed: "), last
    assert "NOT WELL" in await here.talk.ask("ann", "!backup")


async def test_a_full_disk(room: Callable[..., BackupRoom], shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", tmp_path / "state"], check=True)
    try:
        here = room()
        shop.sql(
            "insert into orders select n, md5(n::text) || md5((n+1)::text) from generate_series(1, 30000) n"
        )
        [*progress, last] = await here.run(f"!backup now {shop.name}/db")
        assert last.startswith("failed: "), (progress, last)
        assert "No space left" in "\n".join([*progress, last])
        assert shop.throwaways() == []
    finally:
        subprocess.run(["umount", "--lazy", tmp_path / "state"], check=True)


# ---- kill -9 --------------------------------------------------------------------------------------------


class Mortal:
    """A console with a state that outlives it, which dies at a step."""

    def __init__(self, shop: Shop, folder: Path, die: str = "") -> None:
        (folder / "estate").mkdir(exist_ok=True)
        argv = [sys.executable, "-m", "tests.real.mortal", "--console", str(folder / "s")]
        argv += ["--estate", str(folder / "estate"), "--die", die]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": shop.engine.host}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )

    def says(self, *lines: str, seconds: float = 90) -> str:
        """All that it says to these lines, until its end."""
        out, err = self.process.communicate("".join(f"{line}\n" for line in lines), timeout=seconds)
        assert "Traceback" not in err, err
        return out

    def ask(self, line: str) -> list[str]:
        """What is printed up to the next answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n/end\n")
        self.process.stdin.flush()
        said: list[str] = []
        while (row := self.process.stdout.readline()) and not row.startswith("unknown: /end "):
            said.append(row.rstrip("\n"))
        return said


@pytest.mark.parametrize(
    "step",
    [Step.BACKUP_DUMPED, Step.BACKUP_STORED, Step.BACKUP_CHECKED, Step.DRILL_RESTORED, Step.DRILL_CREATED,
     Step.DRILL_COMPARED],
    ids=lambda step: step.value,
)  # fmt: skip
def test_dying_at_a_step(shop: Shop, tmp_path: Path, step: Step) -> None:
    command = f"!backup now {shop.name}/db"
    if step.value.startswith("drill"):
        whole = Mortal(shop, tmp_path)
        code = whole.ask(command)[-1].removeprefix("!approve ")
        assert whole.ask(f"!approve {code}")[-1].startswith("done: ")
        whole.says()
        command = f"!backup drill {shop.name}/db"
    mortal = Mortal(shop, tmp_path, die=step.value)
    code = mortal.ask(command)[-1].removeprefix("!approve ")
    said = mortal.ask(f"!approve {code}")
    assert mortal.process.wait(30) == -signal.SIGKILL
    mortal.says()
    assert not any(row.startswith("done: ") for row in said), said
    state = tmp_path / "s" / "backup"
    if step is Step.DRILL_CREATED:
        assert len(shop.throwaways()) == 1

    again = Mortal(shop, tmp_path)
    standing = "\n".join(again.ask("!backup"))
    assert not (state / "spool").exists()
    assert not (state / "scratch").exists()
    deadline = time.monotonic() + 20
    while shop.throwaways():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    refused = "\n".join(again.ask(f"!approve {code}"))
    assert "interrupted" in standing + refused, (standing, refused)
    assert "done" not in refused
    if step.value.startswith("backup"):
        assert "no good backup of everything yet" in standing
        # Before restic there is no snapshot; after it there is one that nobody looked at.
        how = "uncovered" if step is Step.BACKUP_DUMPED else "unknown"
        assert re.search(rf"{shop.name}/db +database {shop.name}-db-1 +{how}", standing), standing
    again.says()
