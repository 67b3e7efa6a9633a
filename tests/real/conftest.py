"""The real components as fixtures. What is shared is started once; what a test may break it gets its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.components import broken_estate as broken
from tests.real.components import images
from tests.real.components.alertmanager import Alertmanager, pair, webhook_config
from tests.real.components.engine import Engine
from tests.real.components.prometheus import Prometheus
from tests.real.components.registry import Registry
from tests.real.components.synapse import Synapse


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """One homeserver without rate limits for the whole run. Make users and rooms of your own in it.

    A test that kills it, or wants limits, starts its own: `Synapse(tmp_path / "hs").start()`.
    """
    server = Synapse(tmp_path_factory.mktemp("synapse")).start()
    yield server
    server.stop()


@pytest.fixture
def own_synapse(tmp_path: Path) -> Iterator[Synapse]:
    """A homeserver for this test alone, which it may stop, kill and restart."""
    server = Synapse(tmp_path / "synapse").start()
    yield server
    server.stop()


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Callable[..., Alertmanager]]:
    """Start one Alertmanager: `alertmanager(url, token="…", group_wait="1s", …)`, see `webhook_config`."""
    with contextlib.ExitStack() as stack:

        def start(url: str, **options: object) -> Alertmanager:
            config = webhook_config(url, **options)  # type: ignore[arg-type]
            server = Alertmanager(tmp_path / "alertmanager", config).start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def alertmanagers(tmp_path: Path) -> Iterator[Callable[..., tuple[Alertmanager, Alertmanager]]]:
    """Start a pair that gossips: `first, second = alertmanagers(url, token="…", …)`."""
    with contextlib.ExitStack() as stack:

        def start(url: str, **options: object) -> tuple[Alertmanager, Alertmanager]:
            members = pair(tmp_path / "alertmanagers", webhook_config(url, **options))  # type: ignore[arg-type]
            for member in members:
                stack.callback(member.stop)
            return members

        yield start


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[..., Prometheus]]:
    """Start one Prometheus: `prometheus(rules=[…], targets=["host:port"], alertmanagers=["host:port"])`."""
    with contextlib.ExitStack() as stack:

        def start(**options: object) -> Prometheus:
            server = Prometheus(tmp_path / "prometheus", **options).start()  # type: ignore[arg-type]
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One Docker Engine for the whole run, with the images of `images.HOUSE`. Its address: `engine.host`."""
    server = Engine(tmp_path_factory.mktemp("engine")).start()
    try:
        images.build_house(server.client)
        yield server
    finally:
        server.remove()


@pytest.fixture
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An Engine for this test alone, which it may stop, kill and restart."""
    server = Engine(tmp_path_factory.mktemp("own")).start()
    try:
        images.build_house(server.client)
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def broken_estate(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project `shop` of `components/broken_estate.py`, running in `engine`. Its compose file's path.

    It is gone again after each file of tests: others look at all that runs in the Engine.
    """
    file = broken.start(engine, tmp_path_factory.mktemp("estate") / "shop")
    yield file
    engine.compose(file.parent, "down", "--timeout", "0")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One Docker registry for the whole run. The Engine speaks plain HTTP to it, since it is on loopback."""
    server = Registry(tmp_path_factory.mktemp("registry")).start()
    yield server
    server.stop()
