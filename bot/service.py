"""`tocsin run`: the bot as a service, from its configuration to its last word."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from pathlib import Path

import commands
from bot import logs
from bot.app import App, docker_engines, secret_values
from bot.config import load, reload
from bot.config.model import Config
from bot.core.errors import ConfigError
from bot.core.journal import Entry, Kind
from bot.core.model import Room
from bot.core.steps import OnStep, no_step
from bot.ports import Platform

log = logging.getLogger("tocsin")


async def serve(path: Path, env: Mapping[str, str], *, on_step: OnStep = no_step) -> int:
    """Run until SIGTERM or SIGINT; 0. Raises ConfigError for the operator's mistakes, and only at start."""
    names = [command.name for command in commands.ALL]
    config = load(path, env, names)
    logs.configure(secret_values(config))
    for warning in config.warnings:
        log.warning("%s", warning)
    app = App(config, platforms, on_step=on_step, engines=docker_engines(config))
    await app.open()
    try:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, app.stop)
        port = await app.listen()
        await app.preflight()
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(_again(app, path, env, names)))
        await app.begin()
        log.info("%s listens on %s:%s", config.name, config.http.host, port)
        await app.wait()
        log.info("%s stops", config.name)
    finally:
        await app.close()
    return 0


async def _again(app: App, path: Path, env: Mapping[str, str], names: list[str]) -> None:
    """SIGHUP: people, roles, policy and routes are read again. A bad file keeps the old ones and says so."""
    try:
        config, changes = reload(app.config, path, env, names)
    except ConfigError as error:
        log.error("SIGHUP: the old configuration stays, for the new one has mistakes:")
        for mistake in error.mistakes:
            log.error("  %s", mistake)
        return
    logs.configure(secret_values(config))
    await app.reconfigure(config, changes)
    log.info("SIGHUP: %s", "; ".join(changes) or "nothing has changed")


def platforms(app: App) -> list[Platform]:
    """The platforms that the configuration names. Each SDK is imported only where it is used."""
    config = app.config
    found: list[Platform] = []
    if config.matrix is not None:
        found.append(_matrix(app, config))
    if config.slack is not None:
        found.append(_slack(app, config))
    return found


def _matrix(app: App, config: Config) -> Platform:
    from bot.platforms.matrix import Ignored, MatrixPlatform, Settings

    given = config.matrix
    assert given is not None  # asked before

    async def ignored(room: Room, what: Ignored) -> None:
        about = {"id": what.id, "ignored": what.why}
        await app.journal.write(Entry(Kind.REFUSAL, f"matrix:{what.sender}", place=room.place, about=about))

    settings = Settings(
        homeserver=given.homeserver,
        user=given.user,
        device=given.device,
        access_token=given.access_token.value if given.access_token else None,
        password=given.password.value if given.password else None,
        pickle_key=given.pickle_key.value if given.pickle_key else None,
        encryption=given.encryption,
    )
    rooms = [place for places in config.rooms.values() for place in places if place.platform == "matrix"]
    return MatrixPlatform(
        settings,
        rooms,
        lambda: app.config.people,
        config.state / "matrix",
        app.clock,
        on_ignored=ignored,
    )


def _slack(app: App, config: Config) -> Platform:
    from bot.platforms.slack import Settings, SlackPlatform
    from bot.platforms.slack_event import Ignored

    given = config.slack
    assert given is not None  # asked before
    settings = Settings(
        team=given.team,
        bot_token=given.bot_token.value,
        app_token=given.app_token.value if given.app_token else None,
        signing_secret=given.signing_secret.value if given.signing_secret else None,
        api_url=given.api_url,
    )

    async def ignored(room: Room, what: Ignored) -> None:
        about = {"id": what.id, "ignored": what.why}
        await app.journal.write(Entry(Kind.REFUSAL, f"slack:{what.sender}", place=room.place, about=about))

    rooms = [place for places in config.rooms.values() for place in places if place.platform == "slack"]
    return SlackPlatform(
        settings,
        rooms=rooms,
        people=lambda: app.config.people,
        clock=app.clock,
        prefix=config.prefix,
        on_ignored=ignored,
    )
