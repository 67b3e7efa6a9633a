"""`!test alert`: a synthetic alert through the real webhook, back into the room that asked.

Only an alert that this process posted itself is routed so: its label must carry a number that is known here.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.delivery import Delivery, Op
from bot.core.model import Room
from bot.ports import Clock

LABEL = "tocsin_test"
NAME = "TocsinTest"

Post = Callable[[bytes], Awaitable[None]]
"""Posts a body to our own webhook over HTTP. Raises Upstream when it is not answered with 2xx."""
Proved = Callable[[str, datetime], Awaitable[None]]
"""A room's name, and when an alert was seen to arrive in it."""


@dataclass(slots=True)
class _Test:
    room: str
    by: str
    at: datetime
    started: float
    lane: str = ""
    expected: set[str] | None = None
    arrived: dict[str, float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Rehearsal:
    """Posts tests, recognises them on their way, and takes their time. `bot.ports.AlertTest`."""

    def __init__(
        self,
        post: Post,
        clock: Clock,
        ticks: Callable[[], float] = time.perf_counter,
        proved: Proved | None = None,
    ) -> None:
        """proved: is told of each room whose test arrived everywhere."""
        self._post = post
        self._clock = clock
        self._ticks = ticks
        self._proved = proved
        self._tests: dict[str, _Test] = {}

    async def ring(self, room: str, by: str) -> str:
        """Post the test; its id. Raises Upstream when our own webhook does not take it."""
        test_id = secrets.token_hex(8)
        test = self._tests[test_id] = _Test(room, by, self._clock.now(), self._ticks())
        try:
            await self._post(_body(test_id, test, None))
        except BaseException:
            del self._tests[test_id]
            raise
        return test_id

    async def arrival(self, test_id: str, within: timedelta) -> dict[str, float]:
        """Milliseconds from the post to each place that showed it. Resolves the test when all have."""
        test = self._tests[test_id]
        try:
            async with asyncio.timeout(within.total_seconds()):
                while test.expected is None or not test.expected <= set(test.arrived):
                    test.news.clear()
                    await test.news.wait()
            if self._proved is not None:
                await self._proved(test.room, self._clock.now())
        except TimeoutError:
            pass
        await self._post(_body(test_id, test, self._clock.now()))
        self._forget()
        return dict(test.arrived)

    # ---- on its way

    def room_of(self, labels: Mapping[str, str]) -> str | None:
        """Where a test alert of ours goes; None for every other alert."""
        test = self._tests.get(labels.get(LABEL, ""))
        return test.room if test is not None else None

    def told(self, labels: Mapping[str, str], lane: str, places: Sequence[Room]) -> None:
        """The bridge has put it on its way to these places."""
        test = self._tests.get(labels.get(LABEL, ""))
        if test is not None and test.expected is None:
            test.lane = lane
            test.expected = {place.place for place in places}
            test.news.set()

    def delivered(self, delivery: Delivery) -> None:
        """The outbox has delivered something: perhaps the root of a test."""
        what = delivery.what
        for test in self._tests.values():
            if test.lane == what.lane and what.op is Op.ROOT:
                test.arrived.setdefault(what.room.place, (self._ticks() - test.started) * 1000)
                test.news.set()

    def _forget(self) -> None:
        # An hour is enough for the resolution to pass; the room it goes to is kept in the group by then.
        old = self._clock.now() - timedelta(hours=1)
        self._tests = {key: test for key, test in self._tests.items() if test.at > old}


def _body(test_id: str, test: _Test, ended: datetime | None) -> bytes:
    """Alertmanager's webhook, version 4."""
    status = "firing" if ended is None else "resolved"
    labels = {"alertname": NAME, "severity": "info", LABEL: test_id}
    annotations = {"summary": f"a test that {test.by} asked for; nothing is wrong"}
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": _stamp(test.at),
        "endsAt": _stamp(ended) if ended is not None else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": test_id,
    }
    payload = {
        "version": "4",
        "groupKey": f'{{}}:{{{LABEL}="{test_id}"}}',
        "status": status,
        "receiver": "tocsin",
        "groupLabels": {LABEL: test_id},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [alert],
    }
    return json.dumps(payload).encode()


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
