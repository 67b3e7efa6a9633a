"""The configuration: one YAML file and its secrets → a frozen Config; or all mistakes at once."""

from collections.abc import Collection, Mapping
from pathlib import Path

from bot.config.model import Config


def load(path: Path, env: Mapping[str, str], commands: Collection[str] = ()) -> Config:
    """See `bot.config.loading.load`."""
    from bot.config.loading import load as read  # the console has no file: it never pays for YAML

    return read(path, env, commands)


def reload(
    old: Config, path: Path, env: Mapping[str, str], commands: Collection[str] = ()
) -> tuple[Config, list[str]]:
    """See `bot.config.reloading.reload`."""
    from bot.config.reloading import reload as again

    return again(old, path, env, commands)
