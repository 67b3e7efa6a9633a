"""A real MariaDB as an image.

As in the official image, its entrypoint makes the files with a first server that listens on its socket only.
It knows MARIADB_ROOT_PASSWORD, MARIADB_USER, MARIADB_PASSWORD, MARIADB_DATABASE."""

from pathlib import Path

import docker

from tests.real.components.debian_image import DebianImage

IMAGE = "tocsin-test/mariadb:10.11"
DATA = "/var/lib/mysql"
_SHARE = Path("/usr/share/mysql")
# As mariadb-install-db gives them to it.
_TABLES = ("mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data", "mysql_sys_schema")
_FILES = " ".join(f"{_SHARE}/{name}.sql" for name in _TABLES)
_ENTRYPOINT = f"""#!/bin/sh
set -e
if [ "$1" = mariadbd ]; then
  shift
  set -- mariadbd --no-defaults --user=mysql --datadir={DATA} --socket=/run/mysqld/mysqld.sock \\
    --innodb-flush-log-at-trx-commit=0 --bind-address=127.0.0.1 "$@"
  chown -R mysql {DATA} /run/mysqld
  if [ ! -d {DATA}/mysql ]; then
    (printf "create database mysql;\\nuse mysql;\\nset @auth_root_socket=null;\\n"; cat {_FILES}) |
      mariadbd --no-defaults --user=mysql --datadir={DATA} --bootstrap
    "$@" --skip-networking &
    until mariadb -e "select 1" >/dev/null 2>&1; do sleep 0.1; done
    if [ -n "$MARIADB_DATABASE" ]; then mariadb -e "create database \\`$MARIADB_DATABASE\\`"; fi
    if [ -n "$MARIADB_USER" ]; then
      mariadb -e "create user '$MARIADB_USER'@'%' identified by '$MARIADB_PASSWORD'"
      mariadb -e "grant all on \\`$MARIADB_DATABASE\\`.* to '$MARIADB_USER'@'%'"
    fi
    mariadb -e "create user root@'%' identified by '$MARIADB_ROOT_PASSWORD'; grant all on *.* to root@'%' with grant option; delete from mysql.global_priv where User = '' or Host not in ('%', 'localhost'); alter user root@localhost identified by '$MARIADB_ROOT_PASSWORD'"
    kill $!
    wait $! || true
  fi
  exec "$@"
fi
exec "$@"
"""  # noqa: E501
_APPLETS = ("sh", "mkdir", "chown", "cat", "sleep", "echo", "kill", "true")


def build_mariadb(client: docker.DockerClient) -> str:
    """Make IMAGE and return its id."""
    image = DebianImage(_APPLETS, "mysql:x:999:999::/var/lib/mysql:/bin/sh\n")
    image.folder("run/mysqld")
    image.folder("var/lib/mysql")
    image.file("entrypoint.sh", _ENTRYPOINT, 0o755)
    image.program(Path("/usr/sbin/mariadbd"), Path("/usr/bin/mariadb"), Path("/usr/bin/mariadb-dump"))
    for name in _TABLES:
        image.tree(_SHARE / f"{name}.sql")
    for name in ("english", "charsets"):
        image.tree(_SHARE / name)
    changes = [
        'ENTRYPOINT ["/entrypoint.sh"]',
        'CMD ["mariadbd"]',
        "ENV PATH=/bin:/usr/bin:/usr/sbin",
        f"VOLUME {DATA}",
    ]
    return image.build(client, IMAGE, changes)
