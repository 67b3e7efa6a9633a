"""tests/scenarios/pin.txt, played to the console on a real Engine. CODE is the newest plan's."""

from pathlib import Path

from tests.real.components.engine import Engine
from tests.real.components.registry import Registry
from tests.real.compose_site import ILL, WELL, ComposeSite
from tests.real.pipe import Pipe
from tests.scenarios.test_transcripts import HERE, exchanges, fits

FILE = """\
services:
  grafana:
    image: {}
    network_mode: none
    restart: unless-stopped
"""


def test_transcript(tmp_path: Path, engine: Engine, registry: Registry) -> None:
    site = ComposeSite(tmp_path, engine, registry, project="monitoring", name="grafana")
    site.push(WELL, "latest", "11", "11.2", "11.2.0")
    site.files({"compose.yml": FILE.format(f"{site.repository}:latest")})
    site.up()
    site.healthy("grafana")
    site.push(WELL, "11.3.0")
    site.push(ILL, "12.0.0")
    pipe = Pipe(engine, tmp_path, site.estate)
    code = ""
    try:
        for typed, expected in exchanges((HERE / "pin.txt").read_text("utf-8")):
            said = pipe.ask(typed[2:].replace("CODE", code))
            assert fits(expected, said), f"{typed}\nexpected {expected}\nsaid     {said}"
            code = said[-1].removeprefix("!approve ") if said[-1].startswith("!approve ") else code
    finally:
        pipe.end()
        site.down()
