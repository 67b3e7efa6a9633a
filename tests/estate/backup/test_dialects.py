"""What each database server is asked, word for word, and what is seen of a dump that is not whole."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import NotDone
from bot.testing import FakeEngine
from estate.backup.database import Database, Kind, detect
from estate.backup.dialect import Dialect, dialect
from estate.backup.postgres import conninfo
from estate.backup.shell import Shell, file_name
from estate.model import Container
from tests.plans import detail

# Three keys and one that expires, as `redis-cli --rdb -` of 7.0.15 writes it: with the mark of 40 bytes that
# ends a transfer of unknown length.
REDIS = bytes.fromhex(
    "524544495330303130fa0972656469732d76657206372e302e3135fa0a72656469732d62697473c040fa056374696d65"
    "c26060066bfa08757365642d6d656dc238ae0f00fa0e7265706c2d73747265616d2d6462c000fa077265706c2d696428"
    "61633730323830666532643062306436336361356432393636653038333431613230376236383263fa0b7265706c2d6f"
    "6666736574c000fa08616f662d62617365c000fe00fb040100026b33017600026b320176fc16a6f710a2010000000174"
    "017600026b310176ff90e5db593a77377634353963373434346133333233376536333266363331303534373161653034"
    "636461623261666263"
)


def shell(kind: Kind, scratch: Path, answers: dict[str, str], **given: object) -> tuple[Shell, FakeEngine]:
    """A server whose programs answer by a word that is in what they are asked; all else is not there."""

    def programs(container: Container, argv: Sequence[str]) -> tuple[int, bytes, str]:
        found = next((said for word, said in answers.items() if word in " ".join(argv)), None)
        return (0, found.encode(), "") if found is not None else (127, b"", "executable file not found")

    engine = FakeEngine([detail("db")], programs=programs)
    database = Database(kind, engine.details[0].container, "/data", **given)  # type: ignore[arg-type]
    return Shell(engine, database, scratch), engine


def asked(engine: FakeEngine) -> list[str]:
    return [call.removeprefix("execute shop-db-1 ") for call in engine.calls]


async def test_postgres(tmp_path: Path) -> None:
    here, engine = shell(Kind.POSTGRES, tmp_path, {"pg_database": '["app", "a=b"]'}, user="wiki")
    dumps = await dialect(Kind.POSTGRES).look(here)
    assert [(one.name, one.file, " ".join(one.argv)) for one in dumps] == [
        ("", "globals.sql", "pg_dumpall -w -U wiki --globals-only"),
        ("app", "app.dump", "pg_dump -w -U wiki -Fc -d app"),
        ("a=b", "a%3Db.dump", "pg_dump -w -U wiki -Fc -d dbname='a=b'"),
    ]
    assert all(call.startswith("psql -X -w -A -t -U wiki -d template1 -c select") for call in asked(engine))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tool", ["mariadb-dump", "mysqldump"])
async def test_mysql(tmp_path: Path, tool: str) -> None:
    answers = {f"{tool} --version": "x", "schema_name": "app\nmysql\nsys\ninformation_schema\n"}
    secret = {"MYSQL_PWD": "s3cret"}
    here, engine = shell(Kind.MYSQL, tmp_path, answers, user="root", environment=secret)
    dumps = await dialect(Kind.MYSQL).look(here)
    words = "--user=root --single-transaction --routines --events --hex-blob --databases"
    assert [" ".join(one.argv) for one in dumps] == [f"{tool} {words} app", f"{tool} {words} mysql"]
    assert "s3cret" not in " ".join(asked(engine))


async def test_redis(tmp_path: Path) -> None:
    answers = {
        "PING": "PONG",
        "keyspace": "# Keyspace\r\ndb0:keys=4,expires=1,avg_ttl=9\r\ndb3:keys=2,expires=2\r\n",
    }
    here, _ = shell(Kind.REDIS, tmp_path, answers, program="redis-server")
    [dump] = await dialect(Kind.REDIS).look(here)
    assert dump.argv == ("redis-cli", "--rdb", "-")
    assert await dialect(Kind.REDIS).count(here, [""]) == {"": {"db0": 3, "db3": 0}}


@pytest.mark.parametrize(
    ("tongue", "name", "data", "flaw"),
    [
        (dialect(Kind.REDIS), "dump.rdb", REDIS, None),
        (dialect(Kind.REDIS), "dump.rdb", REDIS[:-40], None),
        (dialect(Kind.REDIS), "dump.rdb", REDIS[:-60], "cut off"),
        (dialect(Kind.REDIS), "dump.rdb", b"", "no snapshot"),
        (dialect(Kind.REDIS), "dump.rdb", b"REDIS0010", "cut off"),
        (dialect(Kind.MYSQL), "a.sql", b"x" * 9000 + b"\n-- Dump completed on 2026-01-01\n", None),
        (dialect(Kind.MYSQL), "a.sql", b"-- Dump completed\n" + b"x" * 9000, "cut off"),
        (dialect(Kind.MYSQL), "a.sql", b"", "cut off"),
        (
            dialect(Kind.POSTGRES),
            "globals.sql",
            b"--\n-- PostgreSQL database cluster dump complete\n--\n",
            None,
        ),
        (dialect(Kind.POSTGRES), "globals.sql", b"CREATE ROLE", "cut off"),
        (dialect(Kind.POSTGRES), "app.dump", b"PGDMP\x01", None),
        (dialect(Kind.POSTGRES), "app.dump", b"", "no archive"),
    ],
)
def test_flaws(tmp_path: Path, tongue: Dialect, name: str, data: bytes, flaw: str | None) -> None:
    (tmp_path / name).write_bytes(data)
    found = tongue.flaw(tmp_path / name)
    assert (found is None) if flaw is None else (found is not None and flaw in found)


def test_the_mark_at_the_end_of_a_transfer_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(REDIS)
    dialect(Kind.REDIS).flaw(tmp_path / "dump.rdb")
    assert (tmp_path / "dump.rdb").read_bytes() == REDIS[:-40]


async def test_a_tool_that_fails_is_told_with_its_own_words(tmp_path: Path) -> None:
    engine = FakeEngine(
        [detail("db")], programs=lambda container, argv: (1, b"", "psql: error: no password\n")
    )
    here = Shell(engine, Database(Kind.POSTGRES, engine.details[0].container, "/data"), tmp_path)
    with pytest.raises(NotDone, match="psql in shop-db-1 ended with 1: psql: error: no password"):
        await dialect(Kind.POSTGRES).look(here)


async def test_a_password_in_a_file_is_read_there(tmp_path: Path) -> None:
    given = replace(detail("db"), environment={"POSTGRES_PASSWORD_FILE": "/run/secrets/pg"})
    given = replace(given, container=replace(given.container, image="postgres:15"))
    seen: list[object] = []

    class Listening(FakeEngine):
        async def execute(self, container, argv, **more):  # type: ignore[no-untyped-def]
            seen.append(more["environment"])
            return await super().execute(container, argv, **more)

    engine = Listening(
        [given], programs=lambda container, argv: (0, b"pw\n" if argv[0] == "cat" else b"[]", "")
    )
    database = detect(given)
    assert database is not None
    await dialect(Kind.POSTGRES).look(Shell(engine, database, tmp_path))
    assert seen == [{}, {"PGPASSWORD": "pw"}]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("app", "app"),
        ("a-b_1", "a-b_1"),
        ("-x", "dbname='-x'"),
        ("a'b", "dbname='a\\'b'"),
        ("host=x", "dbname='host=x'"),
    ],
)
def test_a_databases_name_is_no_connection(name: str, shown: str) -> None:
    assert conninfo(name) == shown


def test_a_databases_name_is_no_path() -> None:
    assert "/" not in file_name("../../etc/passwd")
    assert file_name("..") not in {"..", "."}
