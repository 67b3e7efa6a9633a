"""A stand-in homeserver: as much of Matrix's client API as a bot needs, with an answer time that can be set.

    python -m bench.homeserver PORT

It knows one account and joins it to every room in ROOMS. It keeps counts and times, no messages, so that an
hour of load does not make it grow. Times are CLOCK_MONOTONIC, which every process of a machine shares.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from aiohttp import web

USER = "@bot:bench.test"
DEVICE = "BENCH"
TOKEN = "bench-token"
ROOMS = ("!bench:bench.test",)
KEPT = 20_000
"""Arrivals whose time is kept; of more than these, none."""

JSON = dict[str, Any]


class Homeserver:
    """`delay` is in seconds; None is for never."""

    def __init__(self) -> None:
        self.delay: float | None = 0.0
        self.counts: Counter[str] = Counter()
        self.arrivals: list[float] = []
        self.arrived = asyncio.Condition()
        self.said: set[str] = set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=256 * 1024 * 1024)
        v3 = "/_matrix/client/v3"
        add = app.router.add_route
        add("GET", "/_matrix/client/versions", self.versions)
        add("GET", f"{v3}/account/whoami", self.whoami)
        add("GET", f"{v3}/sync", self.sync)
        add("GET", f"{v3}/joined_rooms", self.joined_rooms)
        add("GET", f"{v3}/rooms/{{room}}/joined_members", self.joined_members)
        add("GET", f"{v3}/profile/{{user}}/displayname", self.name)
        add("GET", f"{v3}/capabilities", self.nothing)
        add("POST", f"{v3}/keys/{{what}}", self.keys)
        add("POST", f"{v3}/join/{{room}}", self.join)
        add("POST", f"{v3}/rooms/{{room}}/join", self.join)
        add("POST", f"{v3}/user/{{user}}/filter", self.filter)
        add("PUT", f"{v3}/rooms/{{room}}/send/{{kind}}/{{txn}}", self.send)
        add("PUT", f"{v3}/sendToDevice/{{kind}}/{{txn}}", self.nothing)
        for prefix in ("/_matrix/client/v1/media", "/_matrix/media/v3"):
            add("GET", f"{prefix}/config", self.media_config)
        add("POST", "/_matrix/media/v3/upload", self.upload)
        add("POST", "/bench/set", self.set)
        add("GET", "/bench/seen", self.seen)
        return app

    # ---- Matrix

    async def versions(self, request: web.Request) -> web.Response:
        return web.json_response({"versions": ["v1.1", "v1.11"], "unstable_features": {}})

    async def whoami(self, request: web.Request) -> web.Response:
        return web.json_response({"user_id": USER, "device_id": DEVICE})

    async def name(self, request: web.Request) -> web.Response:
        return web.json_response({"displayname": "bot"})

    async def joined_rooms(self, request: web.Request) -> web.Response:
        return web.json_response({"joined_rooms": list(ROOMS)})

    async def joined_members(self, request: web.Request) -> web.Response:
        return web.json_response({"joined": {USER: {"display_name": "bot", "avatar_url": None}}})

    async def keys(self, request: web.Request) -> web.Response:
        return web.json_response({"device_keys": {}, "failures": {}, "one_time_key_counts": {}})

    async def join(self, request: web.Request) -> web.Response:
        return web.json_response({"room_id": request.match_info["room"]})

    async def filter(self, request: web.Request) -> web.Response:
        return web.json_response({"filter_id": "1"})

    async def nothing(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def media_config(self, request: web.Request) -> web.Response:
        return web.json_response({"m.upload.size": 50 * 1024 * 1024})

    async def upload(self, request: web.Request) -> web.Response:
        size = 0
        async for chunk in request.content.iter_chunked(1 << 16):
            size += len(chunk)
        self.counts["uploads"] += 1
        self.counts["uploaded bytes"] += size
        await self._take_time()
        return web.json_response({"content_uri": f"mxc://bench.test/{self.counts['uploads']}"})

    async def sync(self, request: web.Request) -> web.Response:
        first = "since" not in request.query or "full_state" in request.query
        if not first or "bench" in request.query.get("since", ""):
            await asyncio.sleep(min(int(request.query.get("timeout", "0")) / 1000, 30.0))
        rooms = {room: _joined() for room in ROOMS} if first else {}
        return web.json_response(
            {
                "next_batch": "bench",
                "rooms": {"join": rooms, "invite": {}, "leave": {}},
                "to_device": {"events": []},
                "device_lists": {"changed": [], "left": []},
                "device_one_time_keys_count": {},
                "presence": {"events": []},
                "account_data": {"events": []},
            }
        )

    async def send(self, request: web.Request) -> web.Response:
        at = time.monotonic()
        txn = request.match_info["txn"]
        content = json.loads(await request.read())
        if txn not in self.said:
            if len(self.said) < KEPT:
                self.said.add(txn)
            self.counts[_kind(content)] += 1
            self.counts["messages"] += 1
            if len(self.arrivals) < KEPT:
                self.arrivals.append(at)
            async with self.arrived:
                self.arrived.notify_all()
        await self._take_time()
        self.counts["answered"] += 1
        return web.json_response({"event_id": f"$bench{self.counts['answered']}"})

    async def _take_time(self) -> None:
        if self.delay is None:
            await asyncio.Event().wait()
        elif self.delay:
            await asyncio.sleep(self.delay)

    # ---- for the bench

    async def set(self, request: web.Request) -> web.Response:
        """`{"delay": seconds or null}`; all counts start again."""
        self.delay = (await request.json())["delay"]
        self.counts.clear()
        self.arrivals.clear()
        self.said.clear()
        return web.json_response({})

    async def seen(self, request: web.Request) -> web.Response:
        """Counts, and the times of arrivals after the first `after`. `wait`: until there is one, or 10 s."""
        after = int(request.query.get("after", "0"))
        if "wait" in request.query:
            try:
                async with asyncio.timeout(10), self.arrived:
                    await self.arrived.wait_for(lambda: len(self.arrivals) > after)
            except TimeoutError:
                pass
        return web.json_response({"counts": dict(self.counts), "arrivals": self.arrivals[after:]})


def _kind(content: JSON) -> str:
    relation = content.get("m.relates_to") or {}
    return {"m.replace": "edits", "m.thread": "thread lines"}.get(str(relation.get("rel_type")), "roots")


def _joined() -> JSON:
    def state(kind: str, content: JSON, key: str = "") -> JSON:
        return {
            "type": kind,
            "state_key": key,
            "sender": USER,
            "event_id": f"$state-{kind}",
            "origin_server_ts": 1,
            "content": content,
        }

    member = state("m.room.member", {"membership": "join", "displayname": "bot"}, USER)
    events = [
        state("m.room.create", {"creator": USER, "room_version": "10"}),
        member,
        state("m.room.power_levels", {"users": {USER: 100}}),
        state("m.room.join_rules", {"join_rule": "invite"}),
    ]
    return {
        "timeline": {"events": [], "limited": False, "prev_batch": "before"},
        "state": {"events": events},
        "ephemeral": {"events": []},
        "account_data": {"events": []},
        "unread_notifications": {"notification_count": 0, "highlight_count": 0},
        "summary": {"m.joined_member_count": 1, "m.invited_member_count": 0},
    }


async def main(port: int) -> None:
    runner = web.AppRunner(Homeserver().app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
