"""MariaDB and Redis: dumped by their own tools, restored into a throw-away server, and counted."""

import itertools
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.models.containers import Container

from estate.model import THROWAWAY
from tests.real.backup_room import BackupRoom, backup_room, restic
from tests.real.components.engine import Engine
from tests.real.components.mariadb import DATA, build_mariadb
from tests.real.components.mariadb import IMAGE as MARIADB
from tests.real.components.redis import IMAGE as REDIS
from tests.real.components.redis import build_redis

_numbers = itertools.count(1)
SECRET = "tiger-in-a-tank"


@dataclass
class Server:
    """One database in a project of its own; its service is `db`."""

    engine: Engine
    name: str
    container: Container

    def says(self, *argv: str, environment: dict[str, str] | None = None) -> str:
        code, said = self.container.exec_run(list(argv), environment=environment or {})
        assert code == 0, said
        return str(said.decode())

    def until(self, *argv: str, environment: dict[str, str] | None = None) -> None:
        deadline = time.monotonic() + 90
        while self.container.exec_run(list(argv), environment=environment or {})[0]:
            self.container.reload()
            assert self.container.status == "running", self.container.logs().decode()
            assert time.monotonic() < deadline, self.container.logs().decode()
            time.sleep(0.2)

    def throwaways(self) -> list[str]:
        found = self.engine.client.containers.list(all=True, filters={"label": THROWAWAY})
        return [str(one.name) for one in found]


@pytest.fixture(scope="module")
def images(engine: Engine) -> None:
    build_mariadb(engine.client)
    build_redis(engine.client)


@pytest.fixture
def start(engine: Engine, images: None) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def begin(image: str, folder: str, command: Sequence[str] = (), **environment: str) -> Server:
        name = f"house{os.getpid()}x{next(_numbers)}"
        volume = engine.client.volumes.create(f"{name}_db")
        container = engine.client.containers.run(
            image,
            list(command) or None,
            detach=True,
            network_mode="none",
            name=f"{name}-db-1",
            labels={"com.docker.compose.project": name, "com.docker.compose.service": "db"},
            volumes={volume.name: {"bind": folder, "mode": "rw"}},
            environment=environment,
        )
        made.append(Server(engine, name, container))
        return made[-1]

    yield begin
    for one in made:
        one.container.remove(force=True)
        engine.client.volumes.get(f"{one.name}_db").remove(force=True)


@pytest.fixture
def mariadb(start: Callable[..., Server]) -> Server:
    one = start(
        MARIADB,
        DATA,
        MARIADB_ROOT_PASSWORD=SECRET,
        MARIADB_DATABASE="shop",
        MARIADB_USER="shop",
        MARIADB_PASSWORD="also-a-secret",
    )
    one.until("mariadb", "-h127.0.0.1", "-uroot", "-e", "select 1", environment={"MYSQL_PWD": SECRET})
    sql(one, "create table shop.orders (id int primary key, what varchar(80)) engine=innodb")
    sql(one, NUMBERS)
    sql(one, "create table shop.`odd ``one` (x blob); insert into shop.`odd ``one` values (x'00ff0a27')")
    sql(one, "create view shop.seen as select what from shop.orders")
    sql(one, "create database `dash-and space`; create table `dash-and space`.t (x int)")
    sql(one, "create trigger shop.counted before insert on shop.orders for each row set new.what = 'x'")
    return one


NUMBERS = (
    "insert into shop.orders with recursive n(i) as (select 1 union all select i + 1 from n where i < 777)"
    " select i, concat('thing ', i) from n"
)


def sql(one: Server, query: str) -> str:
    return one.says("mariadb", "-uroot", "-N", "-e", query, environment={"MYSQL_PWD": SECRET})


@pytest.fixture
def redis(start: Callable[..., Server]) -> Server:
    one = start(REDIS, "/data", ["redis-server", "--requirepass", SECRET, "--save", ""])
    one.until("redis-cli", "-e", "PING", environment={"REDISCLI_AUTH": SECRET})
    for number in range(25):
        keys(one, "SET", f"key {number}", "value " * 50)
    keys(one, "-n", "3", "RPUSH", "a list", "1", "2", "3")
    keys(one, "SET", "for a while", "x", "EX", "9000")
    return one


def keys(one: Server, *words: str) -> str:
    return one.says("redis-cli", *words, environment={"REDISCLI_AUTH": SECRET})


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    restic(path, "init")
    return path


@pytest.fixture
async def room(engine: Engine, repository: Path, tmp_path: Path) -> AsyncIterator[Callable[..., BackupRoom]]:
    async with backup_room(engine.host, repository, tmp_path) as make:
        yield make


async def journal(here: BackupRoom) -> list[dict[str, object]]:
    rows = await here.talk.real_journal.tail(50)
    return [row.entry.about for row in rows if row.entry.kind == "backup"]


async def test_mariadb_is_dumped_and_its_drill_counts_the_same(
    room: Callable[..., BackupRoom], mariadb: Server
) -> None:
    here = room()
    card = await here.talk.ask("ann", f"!backup now {mariadb.name}/db", id="first")
    assert "mariadb-dump --user=root --single-transaction" in card
    assert "tiger" not in card
    [*progress, last] = await here.run(f"!backup now {mariadb.name}/db")
    assert last.startswith(f"done: {mariadb.name}/db is saved whole: snapshot "), (progress, last)
    sql(mariadb, "delete from shop.orders")  # what is live now is not what is compared with
    [*progress, last] = await here.run(f"!backup drill {mariadb.name}/db")
    assert last.startswith(f"done: {mariadb.name}/db was restored from snapshot "), (progress, last)
    assert f"{mariadb.name}-db-1: tables: 3, rows: 778, as recorded" in last
    [drilled] = [row["drill"] for row in await journal(here) if row.get("drill")]
    assert drilled["databases"][0]["loaded"] == {  # type: ignore[index]
        "dash-and space": {"dash-and space.t": 0},
        "shop": {"shop.odd `one": 1, "shop.orders": 777},
    }
    assert "tiger" not in json.dumps(await journal(here))
    assert mariadb.throwaways() == []
    standing = await here.talk.ask("ann", "!backup")
    assert re.search(rf"{mariadb.name}/db +database {mariadb.name}-db-1 +covered", standing), standing


async def test_a_table_that_mariadb_cannot_read_is_partial(
    room: Callable[..., BackupRoom], mariadb: Server, repository: Path
) -> None:
    here = room()
    mariadb.container.stop(timeout=20)
    files = mariadb.engine.root / "data" / "volumes" / f"{mariadb.name}_db" / "_data"
    table = files / "shop" / "orders.ibd"
    table.write_bytes(os.urandom(table.stat().st_size))
    mariadb.container.start()
    mariadb.until("mariadb", "-h127.0.0.1", "-uroot", "-e", "select 1", environment={"MYSQL_PWD": SECRET})
    [*progress, last] = await here.run(f"!backup now {mariadb.name}/db")
    assert last.startswith("failed: partial: "), (progress, last)
    assert "mariadb-dump in" in last
    listed = restic(repository, "ls", "latest")
    assert "shop.sql" not in listed, "half a dump looks like one"
    assert "uncovered" in await here.talk.ask("ann", "!backup")


async def test_a_password_that_was_changed_is_told(room: Callable[..., BackupRoom], mariadb: Server) -> None:
    here = room()
    sql(
        mariadb,
        "alter user root@localhost identified by 'another'; alter user root@'%' identified by 'other'",
    )
    card = await here.talk.ask("ann", f"!backup now {mariadb.name}/db", id="first")
    assert "Access denied" in card, card
    assert "tiger" not in card
    [*progress, last] = await here.run(f"!backup now {mariadb.name}/db")
    assert last.startswith("failed: "), (progress, last)
    assert "Access denied" in "\n".join([*progress, last])


async def test_redis_is_dumped_and_its_drill_counts_the_same(
    room: Callable[..., BackupRoom], redis: Server
) -> None:
    here = room()
    card = await here.talk.ask("ann", f"!backup now {redis.name}/db", id="first")
    assert "redis-cli --rdb -" in card
    assert "tiger" not in card
    [*progress, last] = await here.run(f"!backup now {redis.name}/db")
    assert last.startswith(f"done: {redis.name}/db is saved whole: snapshot "), (progress, last)
    keys(redis, "FLUSHALL")
    [*progress, last] = await here.run(f"!backup drill {redis.name}/db")
    assert last.startswith(f"done: {redis.name}/db was restored from snapshot "), (progress, last)
    assert f"{redis.name}-db-1: tables: 2, rows: 26, as recorded" in last
    [drilled] = [row["drill"] for row in await journal(here) if row.get("drill")]
    assert drilled["databases"][0]["loaded"] == {"": {"db0": 25, "db3": 1}}  # type: ignore[index]
    assert redis.throwaways() == []


async def test_a_redis_that_may_not_be_asked_is_told(room: Callable[..., BackupRoom], redis: Server) -> None:
    here = room()
    keys(redis, "CONFIG", "SET", "requirepass", "another")
    card = await here.talk.ask("ann", f"!backup now {redis.name}/db", id="first")
    assert "redis-cli in" in card, card
    assert "NOAUTH" in card, card
    assert "tiger" not in card
    [*progress, last] = await here.run(f"!backup now {redis.name}/db")
    assert last.startswith("failed: "), (progress, last)
