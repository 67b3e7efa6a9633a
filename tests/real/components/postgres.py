"""A real PostgreSQL as an image.

As in the official image, its entrypoint makes a cluster; it knows POSTGRES_USER, POSTGRES_DB, PGDATA."""

from pathlib import Path

import docker

from tests.real.components.debian_image import DebianImage

IMAGE = "tocsin-test/postgres:15"
PGDATA = "/var/lib/postgresql/data"
_TOOLS = ("postgres", "initdb", "psql", "createdb", "pg_dump", "pg_dumpall", "pg_restore", "pg_isready")
_ENTRYPOINT = f"""#!/bin/sh
set -e
if [ "$1" = postgres ]; then
  user=${{POSTGRES_USER:-postgres}}
  mkdir -p {PGDATA}
  chown -R postgres {PGDATA} /var/run/postgresql
  if [ ! -s {PGDATA}/PG_VERSION ]; then
    su postgres -s /bin/sh -c "initdb -D {PGDATA} -U $user -A trust --no-sync --locale=C -E UTF8"
    db=${{POSTGRES_DB:-$user}}
    if [ "$db" != postgres ]; then
      echo "create database \\"$db\\"" | su postgres -s /bin/sh -c "postgres --single -D {PGDATA} postgres"
    fi
  fi
  exec su postgres -s /bin/sh -c \\
    "exec postgres -D {PGDATA} -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=GMT -c log_timezone=GMT"
fi
exec "$@"
"""
_APPLETS = ("sh", "su", "mkdir", "chown", "cat", "sleep", "echo", "env", "kill", "true")


def build_postgres(client: docker.DockerClient) -> str:
    """Make IMAGE and return its id: about four seconds."""
    bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    lib = bins.parent / "lib"
    image = DebianImage(_APPLETS, "postgres:x:999:999::/var/lib/postgresql:/bin/sh\n")
    image.folder("var/run/postgresql")
    image.folder("var/lib/postgresql")
    image.file("entrypoint.sh", _ENTRYPOINT, 0o755)
    image.program(*(bins / tool for tool in _TOOLS), lib / "plpgsql.so", lib / "dict_snowball.so")
    image.tree(Path(f"/usr/share/postgresql/{bins.parent.name}"), ("/man", "/contrib"))
    changes = [
        'ENTRYPOINT ["/entrypoint.sh"]',
        'CMD ["postgres"]',
        f"ENV PGDATA={PGDATA} PATH=/bin:{bins}",
        f"VOLUME {PGDATA}",
    ]
    return image.build(client, IMAGE, changes)
