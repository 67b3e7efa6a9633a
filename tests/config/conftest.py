"""A folder with a good configuration's secrets in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config import load
from bot.config.model import Config
from bot.core.errors import ConfigError

COMMANDS = (
    "help", "whoami", "why", "ping", "status", "unhealthy", "logs", "alerts", "images", "journal",
    "test alert", "restart", "start", "stop", "pin", "update", "rollback", "fix", "waive",
    "backup", "backup now", "backup verify", "backup drill",
)  # fmt: skip

MINIMAL = """\
http: {listen: "127.0.0.1:9099"}
matrix:
  homeserver: https://matrix.example.org
  user: "@tocsin:example.org"
  access_token_file: secrets/matrix_token
  encryption: off
"""

SECRETS = {
    "matrix_token": "syt_matrix_value",
    "matrix_password": "matrix-password-value",
    "matrix_pickle_key": "pickle-value",
    "slack_bot": "xoxb-bot-value",
    "slack_app": "xapp-app-value",
    "slack_signing": "signing-value",
    "webhook": "webhook-value",
    "restic": "restic-value",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Secrets as an operator would keep them: a file each, 0600."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, value in SECRETS.items():
        (secrets / name).write_text(value + "\n")
        (secrets / name).chmod(0o600)
    return tmp_path


Read = Callable[..., Config]


@pytest.fixture
def read(folder: Path) -> Read:
    """Load this text as config.yml."""

    def read(text: str | bytes, env: dict[str, str] | None = None) -> Config:
        path = folder / "config.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path, env or {}, COMMANDS)

    return read


Mistakes = Callable[..., list[str]]


@pytest.fixture
def mistakes(read: Read, folder: Path) -> Mistakes:
    """What is wrong with this text, as `config.yml:LINE: WHAT — REMEDY`."""

    def mistakes(text: str | bytes, env: dict[str, str] | None = None) -> list[str]:
        try:
            read(text, env)
        except ConfigError as error:
            return [str(mistake).replace(f"{folder}/", "") for mistake in error.mistakes]
        return []

    return mistakes
