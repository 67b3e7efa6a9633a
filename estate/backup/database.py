"""Which containers are databases, and how one speaks to them. Pure."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from estate.model import Container, Detail
from estate.reference import parse_reference


class Kind(StrEnum):
    """A database server, by whose tool it is dumped."""

    POSTGRES = "postgres"
    MYSQL = "mysql"
    REDIS = "redis"
    OTHER = "other"
    """One that there is no tool for here. Its files, copied while it writes, are no backup."""


@dataclass(frozen=True, slots=True)
class Database:
    """A server in a container. `environment` is for the tools that are run inside it, and never shown."""

    kind: Kind
    container: Container
    folder: str
    """Where its files are, inside the container."""
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    password_file: str = ""
    """A path inside the container that holds the password, where the environment does not."""
    program: str = ""
    """What it is, for people: `mongod`."""


_SERVERS: Mapping[str, Kind] = {
    "postgres": Kind.POSTGRES,
    "mysqld": Kind.MYSQL,
    "mariadbd": Kind.MYSQL,
    "redis-server": Kind.REDIS,
    "valkey-server": Kind.REDIS,
    "mongod": Kind.OTHER,
    "influxd": Kind.OTHER,
    "cockroach": Kind.OTHER,
    "clickhouse-server": Kind.OTHER,
    "etcd": Kind.OTHER,
    "couchdb": Kind.OTHER,
    "neo4j": Kind.OTHER,
}
"""Process 1, or what an entrypoint is told to start."""
_IMAGES: Mapping[str, str] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "postgis": "postgres",
    "pgvector": "postgres",
    "timescaledb": "postgres",
    "timescaledb-ha": "postgres",
    "mysql": "mysqld",
    "mysql-server": "mysqld",
    "mariadb": "mariadbd",
    "percona": "mysqld",
    "percona-server": "mysqld",
    "redis": "redis-server",
    "redis-stack-server": "redis-server",
    "valkey": "valkey-server",
    "mongo": "mongod",
    "mongodb": "mongod",
    "influxdb": "influxd",
    "clickhouse": "clickhouse-server",
    "couchdb": "couchdb",
    "neo4j": "neo4j",
    "etcd": "etcd",
}
"""The last part of an image's name, and the server that is in it."""
_FOLDERS: Mapping[Kind, str] = {
    Kind.POSTGRES: "/var/lib/postgresql",
    Kind.MYSQL: "/var/lib/mysql",
    Kind.REDIS: "/data",
}
_OTHER_FOLDERS: Mapping[str, str] = {
    "mongod": "/data/db",
    "influxd": "/var/lib/influxdb",
    "clickhouse-server": "/var/lib/clickhouse",
    "couchdb": "/opt/couchdb/data",
    "neo4j": "/data",
    "etcd": "/etcd-data",
    "cockroach": "/cockroach/cockroach-data",
}


def detect(detail: Detail) -> Database | None:
    """The database server that this container is, by what it was started as, its image, or its label
    `io.tocsin.database` (postgres, mysql, redis, or none)."""
    program = _program(detail)
    if program not in _SERVERS:
        return None
    match _SERVERS[program]:
        case Kind.POSTGRES:
            return _postgres(detail)
        case Kind.MYSQL:
            return _mysql(detail, program)
        case Kind.REDIS:
            return _redis(detail, program)
        case Kind.OTHER:
            folder = _OTHER_FOLDERS.get(program, "/data")
            return Database(Kind.OTHER, detail.container, folder, program=program)


def _program(detail: Detail) -> str:
    labelled = detail.container.labels.get("io.tocsin.database", "")
    if labelled:
        return _IMAGES.get(labelled, labelled)
    started = (posixpath.basename(word) for word in detail.command[:4] if not word.startswith("-"))
    found = next((word for word in started if word in _SERVERS), "")
    if found:
        return found
    repository = parse_reference(detail.container.image).repository or ""
    name = repository.rpartition("/")[2]
    # An image of that name may be run for its tools: then something else was started.
    shell = detail.command and posixpath.basename(detail.command[0]) in {
        "sh",
        "bash",
        "sleep",
        "cron",
        "crond",
    }
    return "" if shell else _IMAGES.get(name, "")


def _postgres(detail: Detail) -> Database:
    given = detail.environment
    password = given.get("POSTGRES_PASSWORD") or given.get("POSTGRESQL_PASSWORD", "")
    return Database(
        Kind.POSTGRES,
        detail.container,
        given.get("PGDATA") or _FOLDERS[Kind.POSTGRES],
        user=given.get("POSTGRES_USER") or given.get("POSTGRESQL_USERNAME") or "postgres",
        environment={"PGPASSWORD": password} if password else {},
        password_file=given.get("POSTGRES_PASSWORD_FILE", ""),
        program="postgres",
    )


def _mysql(detail: Detail, program: str) -> Database:
    given = detail.environment
    for user, names in (
        ("root", ("MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD")),
        (given.get("MARIADB_USER") or given.get("MYSQL_USER", ""), ("MARIADB_PASSWORD", "MYSQL_PASSWORD")),
    ):
        password = next((given[name] for name in names if given.get(name)), "")
        file = next((given[f"{name}_FILE"] for name in names if given.get(f"{name}_FILE")), "")
        if user and (password or file):
            break
    else:
        user, password, file = "root", "", ""
    folder = _option(detail.command, "--datadir") or _FOLDERS[Kind.MYSQL]
    secret = {"MYSQL_PWD": password} if password else {}
    return Database(Kind.MYSQL, detail.container, folder, user, secret, file, program)


def _redis(detail: Detail, program: str) -> Database:
    given = detail.environment
    password = given.get("REDIS_PASSWORD") or _option(detail.command, "--requirepass")
    folder = _option(detail.command, "--dir") or _FOLDERS[Kind.REDIS]
    secret = {"REDISCLI_AUTH": password} if password else {}
    file = given.get("REDIS_PASSWORD_FILE", "")
    return Database(Kind.REDIS, detail.container, folder, "", secret, file, program)


def _option(words: Sequence[str], name: str) -> str:
    for index, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and index + 1 < len(words):
            return words[index + 1]
    return ""
