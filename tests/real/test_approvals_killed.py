"""kill -9 at random moments between two people's yes and the end: at most one execution, and always told."""

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.components.engine import Engine
from tests.real.components.synapse import Synapse
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS
from tests.real.test_approvals import House, build, start_web

ENDS = ("done", "failed", "interrupted", "cancelled", "drifted", "expired", "denied", "rolled back")
LONGEST = 0.7
"""Seconds from the yes to the kill: by then a quiet machine has mostly done it all. A stop without grace is
quick, so that the moments fall before, into and after it."""


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    users = ("--user", "adam=U0ADAM0", "--user", "bob=U0BOB00", "--user", "eve=U0EVE00")
    with spawn(*USERS, *users) as remote:
        remote.join(channel="ops", user="U0BOB00")
        yield remote


@pytest.fixture
def house(tmp_path: Path, synapse: Synapse, slack: RemoteSlack, engine: Engine) -> Iterator[House]:
    web = start_web(engine)
    yield from build(tmp_path, synapse, slack, web)
    web.container.remove(force=True)


def stops(house: House, since: int) -> int:
    """How often the Engine stopped it since then, in nanoseconds since 1970. It remembers only its last 256
    events, so they are counted after each kill."""
    wanted = {"container": house.web.container.id, "event": "stop"}
    until = int(time.time()) + 1
    events = house.web.engine.client.events(since=since // 10**9, until=until, filters=wanted, decode=True)
    return sum(1 for event in events if event["timeNano"] > since)


def ends_of(seen: list[Seen], code: str) -> list[str]:
    """How the plan with this code ended, each time that its thread says so."""
    rows = [row for one in seen if f"code {code}" in one.first for t in one.thread for row in t.splitlines()]
    return [word for row in rows for word in ENDS if row.startswith(f"{word}: ")]


def test_dying_at_random_moments_after_two_said_yes(house: House) -> None:
    """The seed is printed; `TOCSIN_KILLS` and `TOCSIN_SEED` change what CI does."""
    kills = int(os.environ.get("TOCSIN_KILLS", "20"))
    seed = int(os.environ.get("TOCSIN_SEED", str(random.randrange(10**6))))
    print(f"TOCSIN_SEED={seed} TOCSIN_KILLS={kills}")
    dice = random.Random(seed)
    tocsin = house.stage.tocsin
    tocsin.config["policy"]["stop"]["votes"] = 1
    tocsin.write(tocsin.config)
    tocsin.start()
    house.ready()
    ends: list[str] = []
    for kill in range(kills):
        house.web.container.start()
        began = time.time_ns()
        house.ann(f"!stop {house.web.name} --grace 0")
        code, _, _ = house.card("stop", after=kill)
        saying = threading.Thread(target=house.both_say_yes, args=(code,))
        saying.start()
        time.sleep(dice.random() * LONGEST)
        tocsin.kill()
        saying.join()
        tocsin.start()
        ends.append(told(house, code))
        least, most = {"done": (1, 1), "cancelled": (0, 0)}.get(ends[-1], (0, 1))
        assert least <= stops(house, began) <= most, f"{code} was {ends[-1]}, kill {kill}"
    print(f"ends: { ({word: ends.count(word) for word in ends}) }")
    house.stage.settled()
    assert set(ends) <= {"done", "cancelled", "interrupted"}
    used = [row["about"]["code"] for row in house.journal() if row["about"].get("state") == "running"]
    assert len(used) == len(set(used)) == kills - ends.count("cancelled")


def told(house: House, code: str) -> str:
    """Wait until both platforms say how it ended; once, and the same."""
    house.stage.until(lambda s: all(ends_of(seen, code) for seen in s.both().values()))
    ends = {tuple(ends_of(seen, code)) for seen in house.stage.both().values()}
    assert len(ends) == 1, (code, ends)
    [(end,)] = ends
    return end
