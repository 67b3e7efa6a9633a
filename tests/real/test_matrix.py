"""The Matrix adapter against a real Synapse, read back by people with clients of their own."""

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nio
import pytest
from nio.crypto import decrypt_attachment

from bot.core.doc import Choices, Code, Doc, File, Heading, Mention, Tone, doc, line, say
from bot.core.errors import ConfigError, Scope, Upstream
from bot.core.model import Choice, Event, Identity, Message, People, Person, Room, Withdrawal, Withdrawn
from bot.platforms import matrix_keys as keys
from bot.platforms.matrix import Ignored, MatrixPlatform, Settings
from tests.real.components.synapse import Synapse


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class NotedInbox:
    """An inbox that outlives the adapter, as the store does."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.position: str | None = None
        self.puts = 0

    async def put(self, platform: str, events: Sequence[Event], cursor: str | None = None) -> None:
        known = {event.id for event in self.events}
        self.events += [event for event in events if event.id not in known]
        self.position = cursor
        self.puts += 1

    async def cursor(self, platform: str) -> str | None:
        return self.position

    async def remember(self, key: str, value: str) -> bool:
        return True

    async def recall(self, key: str) -> str | None:
        return None

    @property
    def said(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Message)]

    def message(self, text: str) -> Message:
        return next(event for event in self.events if isinstance(event, Message) and event.text == text)


class Somebody:
    """A person with a client that can encrypt. Remembers everything it was shown."""

    def __init__(self, server: Synapse, account: dict[str, str], store: Path) -> None:
        store.mkdir(parents=True, exist_ok=True)
        self.server, self.account, self.user = server, account, account["user_id"]
        self.token = account["access_token"]
        config = nio.AsyncClientConfig(
            encryption_enabled=True, pickle_key="p", request_timeout=20, max_timeouts=5, max_limit_exceeded=2
        )
        self.client = nio.AsyncClient(
            server.url, self.user, device_id=account["device_id"], store_path=str(store), config=config
        )
        self.client.restore_login(self.user, account["device_id"], self.token)
        self.seen: dict[str, Any] = {}

    @property
    def fingerprint(self) -> str:
        assert self.client.olm is not None
        return str(self.client.olm.account.identity_keys["ed25519"])

    async def look(self) -> None:
        """One sync, and what the keys need."""
        answer = await self.client.sync(timeout=300, full_state=not self.seen)
        assert isinstance(answer, nio.SyncResponse), answer
        for info in answer.rooms.join.values():
            self.seen |= {event.event_id: event for event in info.timeline.events}
        self.seen.setdefault("", None)
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
        await self.client.send_to_device_messages()

    async def sees(self, event_id: str) -> Any:
        """The event, decrypted where it was encrypted; waits for it."""

        async def there() -> bool:
            await self.look()
            return event_id in self.seen

        await until(there)
        return self.seen[event_id]

    async def says(self, room_id: str, text: str, **more: Any) -> str:
        content = {"msgtype": "m.text", "body": text, **more}
        answer = await self.client.room_send(
            room_id, "m.room.message", content, ignore_unverified_devices=True
        )
        assert isinstance(answer, nio.RoomSendResponse), answer
        return str(answer.event_id)


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)


@dataclass
class Scene:
    """A homeserver, the bot's account and state, and the people it knows."""

    server: Synapse
    root: Path
    tag: str
    people: People = People()
    inbox: NotedInbox = field(default_factory=NotedInbox)
    ignored: list[Ignored] = field(default_factory=list)
    account: dict[str, str] = field(default_factory=dict)

    def name(self, who: str) -> str:
        return f"{who}{self.tag}"

    @property
    def bot(self) -> str:
        return f"@{self.name('bot')}:bot.test"

    async def somebody(self, who: str, *, roles: tuple[str, ...] = ("operator",)) -> Somebody:
        """A new account with a client, listed as a person when it has roles."""
        account = self.server.register(self.name(who))
        person = Somebody(self.server, account, self.root / who)
        await person.look()
        if roles:
            self.list(Person(who, frozenset({Identity("matrix", person.user)}), roles))
        return person

    def list(self, person: Person) -> None:
        others = tuple(known for known in self.people.everyone if known.name != person.name)
        self.people = People((*others, person))

    def platform(self, *rooms: Room, encryption: str = "optional", **settings: Any) -> MatrixPlatform:
        if not self.account and "password" not in settings:
            self.account = self.server.register(self.name("bot"))
        given: dict[str, Any] = {"encryption": encryption, "pickle_key": "secret of the pickle"}
        if "password" not in settings:
            given |= {"device": self.account["device_id"], "access_token": self.account["access_token"]}
        return MatrixPlatform(
            Settings(self.server.url, self.bot, **(given | settings)),
            rooms,
            lambda: self.people,
            self.root / "matrix",
            WallClock(),
            on_ignored=self._ignore,
        )

    async def _ignore(self, room: Room, what: Ignored) -> None:
        self.ignored.append(what)

    @contextlib.asynccontextmanager
    async def running(self, platform: MatrixPlatform, *, ready: bool = True) -> AsyncIterator[MatrixPlatform]:
        await platform.preflight()
        task = asyncio.create_task(platform.run(self.inbox))
        try:
            if ready:

                async def is_ready() -> bool:
                    assert not task.done(), task.exception()
                    return (await platform.ready()).ok

                await until(is_ready)
            yield platform
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await platform.close()

    async def heard(self, *texts: str) -> None:
        await until(lambda: set(texts) <= set(self.inbox.said))


_tags = iter(range(10_000))


@pytest.fixture
def scene(synapse: Synapse, tmp_path: Path) -> Scene:
    return Scene(synapse, tmp_path, f"-m{next(_tags)}")


@pytest.fixture
def own_scene(own_synapse: Synapse, tmp_path: Path) -> Scene:
    return Scene(own_synapse, tmp_path, "")


async def ops_room(scene: Scene, owner: Somebody, *, encrypted: bool = False, alias: str = "") -> Room:
    room_id = scene.server.create_room(owner.token, invite=(scene.bot,), encrypted=encrypted, alias=alias)
    return Room("matrix", room_id, "ops")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_says_edits_threads_and_attaches(scene: Scene, encrypted: bool) -> None:
    ann = await scene.somebody("ann")
    platform = scene.platform()
    room = await ops_room(scene, ann, encrypted=encrypted)
    platform = scene.platform(room)
    async with scene.running(platform):
        await ann.look()
        root = await platform.send(
            room,
            doc(Heading(line("FIRING disk <full>"), Tone.BAD, "🔴"), line("for ", Mention("ann"))),
            key="a",
        )
        shown = await ann.sees(root)
        content = shown.source["content"]
        assert shown.sender == scene.bot
        assert (shown.decrypted if encrypted else True) and content["msgtype"] == "m.text"
        assert content["body"] == "🔴 FIRING disk <full>\nfor @ann"
        assert "disk &lt;full&gt;" in content["formatted_body"]
        assert content["m.mentions"] == {"user_ids": [ann.user]}

        await platform.edit(room, root, doc(Heading(line("RESOLVED"), Tone.GOOD, "✅")), key="b")
        below = await platform.send(room, say("one more"), key="c", thread=root)
        picture = File("plot.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(40))
        await platform.send(room, Doc(say("files").blocks, (picture,)), key="d", thread=root)
        reply = (await ann.sees(below)).source["content"]
        assert reply["msgtype"] == "m.notice"
        assert reply["m.relates_to"]["rel_type"] == "m.thread"
        assert reply["m.relates_to"]["event_id"] == root

        def of_type(kind: str) -> list[Any]:
            found = (event for event in ann.seen.values() if event is not None)
            return [e for e in found if e.source.get("content", {}).get("msgtype") == kind]

        async def image_is_there() -> bool:
            await ann.look()
            return bool(of_type("m.image"))

        await until(image_is_there)
        edits = [
            event.source["content"]
            for event in ann.seen.values()
            if event is not None and "m.new_content" in event.source.get("content", {})
        ]
        assert [edit["m.new_content"]["body"] for edit in edits] == ["✅ RESOLVED"]
        assert edits[0]["m.relates_to"] == {"rel_type": "m.replace", "event_id": root}
        image = of_type("m.image")[0].source["content"]
        assert image["m.relates_to"]["event_id"] == root
        if encrypted:
            got = await ann.client.download(mxc=image["file"]["url"])
            sealed = image["file"]
            assert (
                decrypt_attachment(got.body, sealed["key"]["k"], sealed["hashes"]["sha256"], sealed["iv"])
                == picture.content
            )
        else:
            got = await ann.client.download(mxc=image["url"])
            assert got.body == picture.content
        wire = {event["type"] for event in scene.server.timeline(ann.token, room.address)}
        assert ("m.room.message" in wire) is not encrypted

        await ann.says(room.address, "!status")
        await scene.heard("!status")
        message = scene.inbox.message("!status")
        assert message.sender == Identity("matrix", ann.user)
        assert message.room == room
        assert message.trust.encrypted is encrypted and message.trust.room_encrypted is encrypted
        assert not message.trust.verified
    await ann.client.close()
