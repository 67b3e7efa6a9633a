"""What there is to save, by the mounts of containers: each row is a mount and what becomes of it."""

from dataclasses import replace

import pytest

from estate.backup.database import Kind, detect
from estate.backup.item import Item, LeftOut, Method, Need, Place, Sort, survey
from estate.model import Detail, Mount, State
from tests.plans import detail


def there(source: str) -> Place:
    return Place(source, Sort.FOLDER)


def volume(name: str, destination: str = "/srv/data", *, writable: bool = True) -> Mount:
    return Mount("volume", f"/var/lib/docker/volumes/{name}/_data", destination, name, writable)


def bind(source: str, destination: str = "/srv/data", *, writable: bool = True) -> Mount:
    return Mount("bind", source, destination, "", writable)


def box(service: str, *mounts: Mount, **more: object) -> tuple[str, Detail]:
    found = replace(detail(service), mounts=mounts, **more)  # type: ignore[arg-type]
    return f"shop/{service}", found


def server(service: str, image: str, *mounts: Mount, **more: object) -> tuple[str, Detail]:
    name, found = box(service, *mounts, **more)
    return name, replace(found, container=replace(found.container, image=image))


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        (bind("/var/run/docker.sock", "/var/run/docker.sock"), "a socket"),
        (bind("/proc", "/host/proc"), "the system's own"),
        (bind("/sys/fs/cgroup", "/cgroup"), "the system's own"),
        (bind("/dev/dri", "/dev/dri"), "the system's own"),
        (bind("/etc/localtime", "/etc/localtime"), "the system's own"),
        (bind("/", "/rootfs"), "the whole host"),
        (bind("/var/lib/docker/containers", "/logs"), "the Engine's own"),
        (volume("web_cache"), "a cache, by its name"),
        (bind("/srv/web", "/var/cache"), "a cache, by its name"),
        (bind("/srv/infra/prometheus.yml", "/etc/prometheus.yml", writable=False), "read-only"),
    ],
)
def test_what_needs_no_backup_says_why(mount: Mount, why: str) -> None:
    need = survey([box("web", mount)], there)
    assert need.items == ()
    [left] = need.left_out
    assert left.why.startswith(why)


def test_tmpfs_is_nothing() -> None:
    assert survey([box("web", Mount("tmpfs", "", "/run"))], there) == Need()


def test_one_source_is_one_item_with_all_its_owners() -> None:
    pairs = [
        box("web", volume("data")),
        box("job", volume("data", "/in", writable=False)),
        box("x", bind("/a")),
    ]
    items = survey(pairs, there).items
    assert [(one.title, one.owners) for one in items] == [
        ("volume data", ("shop/web", "shop/job")),
        ("bind /a", ("shop/x",)),
    ]
    assert survey(pairs, there).of("shop/job").items == (items[0],)


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (Place("/a", Sort.SOCKET), "a socket"),
        (Place("/a", Sort.OTHER), "a device or a pipe"),
        (Place("/a", Sort.FOLDER, in_git=True), "git has it"),
    ],
)
def test_what_stands_there_decides(place: Place, wanted: str) -> None:
    [left] = survey([box("web", bind("/a"))], lambda _: place).left_out
    assert left == LeftOut("/a", ("shop/web",), wanted)


@pytest.mark.parametrize("place", [Place("/a", Sort.MISSING, "no such file"), Place("/a\nb", Sort.FOLDER)])
def test_what_cannot_be_read_is_no_item_that_is_left_out(place: Place) -> None:
    [item] = survey([box("web", bind("/a"))], lambda _: place).items
    assert item.method is Method.NONE
    assert item.why


def test_a_symlink_is_followed() -> None:
    [item] = survey([box("web", bind("/a"))], lambda _: Place("/mnt/really", Sort.FOLDER)).items
    assert (item.source, item.path) == ("/a", "/mnt/really")


def test_a_databases_folder_is_not_copied() -> None:
    pairs = [
        server("db", "postgres:15", volume("pg", "/var/lib/postgresql/data"), volume("more", "/backups"))
    ]
    items = {one.title: one.method for one in survey(pairs, there).items}
    assert items == {"database shop-db-1": Method.DUMP, "volume more": Method.FILES}


def test_a_database_that_does_not_run_cannot_be_dumped() -> None:
    name, found = server("db", "postgres:15", volume("pg", "/var/lib/postgresql/data"))
    stopped = replace(found, container=replace(found.container, state=State.EXITED))
    [item] = survey([(name, stopped)], there).items
    assert (item.method, item.why) == (Method.NONE, "it is exited, so its own tool cannot dump it")


def test_a_database_without_a_tool_says_so() -> None:
    [item] = survey([server("db", "mongo:7", volume("m", "/data/db"))], there).items
    assert item.method is Method.NONE
    assert "no tool for mongod" in item.why


def test_an_anonymous_database_is_an_item_too() -> None:
    [item] = survey([server("db", "redis:7")], there).items
    assert isinstance(item, Item)
    assert item.method is Method.DUMP


@pytest.mark.parametrize(
    ("image", "command", "kind"),
    [
        ("postgres:15", ("docker-entrypoint.sh", "postgres"), Kind.POSTGRES),
        ("ghcr.io/x/postgis@sha256:" + "a" * 64, (), Kind.POSTGRES),
        ("registry:5000/own/db:1", ("/entrypoint", "/usr/lib/postgresql/15/bin/postgres"), Kind.POSTGRES),
        ("mariadb:11", ("docker-entrypoint.sh", "mariadbd"), Kind.MYSQL),
        ("percona", (), Kind.MYSQL),
        ("valkey/valkey:8", ("docker-entrypoint.sh", "valkey-server"), Kind.REDIS),
        ("mongo", (), Kind.OTHER),
        ("nginx", ("nginx", "-g", "daemon off;"), None),
        ("postgres:15", ("sh", "-c", "pg_dump …"), None),
        ("prometheus-postgres-exporter", ("/exporter",), None),
        ("redis-commander", (), None),
    ],
)
def test_which_server_it_is(image: str, command: tuple[str, ...], kind: Kind | None) -> None:
    _, found = server("db", image, command=command)
    database = detect(found)
    assert (database.kind if database else None) is kind


def test_a_label_decides() -> None:
    _, found = server("db", "own/thing:1")
    labels = {**found.container.labels, "io.tocsin.database": "postgres"}
    labelled = detect(replace(found, container=replace(found.container, labels=labels)))
    assert labelled is not None
    assert labelled.kind is Kind.POSTGRES
    _, found = server("db", "postgres:15", command=("postgres",))
    labels = {**found.container.labels, "io.tocsin.database": "none"}
    assert detect(replace(found, container=replace(found.container, labels=labels))) is None


def test_passwords_go_into_the_environment() -> None:
    _, pg = server("db", "postgres", environment={"POSTGRES_PASSWORD": "s3cret", "POSTGRES_USER": "app"})
    _, my = server("db", "mariadb", environment={"MARIADB_ROOT_PASSWORD": "s3cret"})
    _, mine = server("db", "mysql", environment={"MYSQL_USER": "u", "MYSQL_PASSWORD_FILE": "/run/secrets/p"})
    _, red = server("db", "redis", command=("redis-server", "--requirepass", "s3cret"))
    found = [detect(one) for one in (pg, my, mine, red)]
    assert [one.environment for one in found if one] == [
        {"PGPASSWORD": "s3cret"},
        {"MYSQL_PWD": "s3cret"},
        {},
        {"REDISCLI_AUTH": "s3cret"},
    ]
    assert "s3cret" not in repr(found)
    assert found[2] is not None
    assert (found[2].user, found[2].password_file) == ("u", "/run/secrets/p")
