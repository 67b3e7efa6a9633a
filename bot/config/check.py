"""`tocsin check`: what is wrong with the configuration, in words."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from bot.config import load
from bot.config.model import Config
from bot.core.errors import ConfigError

Ask = Callable[[Config, TextIO], bool]
"""Tries each thing that the configuration names, prints a line for each, says whether all was well."""


def run(
    path: Path,
    online: Ask | None,
    out: TextIO,
    *,
    env: Mapping[str, str],
    commands: Collection[str] = (),
) -> int:
    """Print the report and return the exit code: 0 good, 1 `online` found something, 2 mistakes.

    online: `bot.doctor.ask` for `--online`; it lives a floor above, so it is handed in.
    """
    try:
        config = load(path, env, commands)
    except ConfigError as error:
        out.write(report(error))
        return 2
    out.write(report(config))
    if online is not None and not online(replace(config, warnings=()), out):
        return 1
    return 0


def report(result: Config | ConfigError) -> str:
    """All mistakes and their number; or the warnings and what was read. Ends in a line end. No secrets."""
    if isinstance(result, ConfigError):
        return (
            "".join(f"{mistake}\n" for mistake in result.mistakes)
            + _count(len(result.mistakes), "mistake")
            + "\n"
        )
    lines = [f"warning: {warning}" for warning in result.warnings]
    return "\n".join([*lines, f"good: {summary(result)}"]) + "\n"


def summary(config: Config) -> str:
    """`matrix and slack, 2 rooms, 3 people, 4 rules, 1 endpoint with 2 routes, on 127.0.0.1:9099`."""
    platforms = [name for name in ("matrix", "slack") if getattr(config, name) is not None]
    endpoints = config.alerts.endpoints.values()
    routes = sum(len(endpoint.routes) for endpoint in endpoints)
    host = f"[{config.http.host}]" if ":" in config.http.host else config.http.host
    parts = [
        " and ".join(platforms) or "console",
        _count(len(config.rooms), "room"),
        _count(len(config.people.everyone), "person", "people"),
        _count(len(config.policy.rules), "rule"),
        f"{_count(len(endpoints), 'endpoint')} with {_count(routes, 'route')}",
        f"on {host}:{config.http.port}",
    ]
    return ", ".join(parts)


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
