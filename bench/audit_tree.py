"""A tree of compose projects as people have them, the same each time. For the bench of the audit."""

from pathlib import Path
from random import Random

_IMAGES = (
    "nginx:1.27.3", "grafana/grafana", "nextcloud:latest", "ghcr.io/home-assistant/home-assistant:2024.11",
    "linuxserver/sonarr:4.0.11", "vaultwarden/server:1.32.5", "n8nio/n8n:${TAG:-latest}",
)  # fmt: skip
_DATABASES = (
    ("postgres:15.6", "POSTGRES_PASSWORD", "pg_isready -U postgres", "/var/lib/postgresql/data"),
    ("mariadb:10.11.9", "MARIADB_ROOT_PASSWORD", "healthcheck.sh --connect", "/var/lib/mysql"),
    ("redis:7.2.4", "REDIS_PASSWORD", "redis-cli ping", "/data"),
)


def write_tree(root: Path, projects: int) -> None:
    """One folder for each project: its compose file, `.env`, README."""
    random = Random(projects)
    for number in range(projects):
        folder = root / f"{random.choice('abcdefgh')}-app{number:04d}"
        folder.mkdir(parents=True)
        (folder / ".env").write_text(f"DB_PASSWORD=q{random.randrange(10**9)}Zt\nTZ=UTC\nTAG=1.{number}\n")
        (folder / ".env").chmod(0o600 if random.random() < 0.8 else 0o644)
        (folder / "README.md").write_text(f"# App {number}\n\n## Setup\n\n## Usage\n")
        (folder / "docker-compose.yml").write_text(_project(random, number))


def _project(random: Random, number: int) -> str:
    rows = ["services:", "  web:", f"    image: {random.choice(_IMAGES)}"]
    rows += ["    restart: unless-stopped"] if random.random() < 0.7 else []
    rows += ["    env_file: .env", "    environment:", "      - TZ=${TZ}"]
    if random.random() < 0.6:
        rows += ["    labels:", "      - traefik.enable=true"]
        rows += [f"      - traefik.http.routers.app{number}.rule=Host(`app{number}.example.org`)"]
        rows += [f"      - traefik.http.routers.app{number}.entrypoints=websecure"]
    else:
        rows += ["    ports:", f'      - "{8000 + number}:80"']
    rows += ["    volumes:", "      - ./data:/data"]
    if random.random() < 0.5:
        rows += [
            "    healthcheck:",
            '      test: ["CMD", "wget", "-qO-", "http://127.0.0.1/"]',
            "      interval: 30s",
        ]
    if random.random() < 0.5:
        image, variable, probe, folder = random.choice(_DATABASES)
        rows += ["    depends_on: [db]", "  db:", f"    image: {image}", "    environment:"]
        rows += [f"      {variable}: ${{DB_PASSWORD}}", "    volumes:", f"      - db:{folder}"]
        rows += ["    healthcheck:", f'      test: ["CMD-SHELL", "{probe}"]', "volumes:", "  db:"]
    return "\n".join(rows) + "\n"
