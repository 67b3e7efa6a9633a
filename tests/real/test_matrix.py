"""The Matrix adapter against a real Synapse, read back by people with clients of their own."""

import asyncio
import contextlib
import random
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

from bot.core.doc import Choices, Doc, File, Heading, Mention, Tone, doc, line, say
from bot.core.errors import ConfigError, Scope, Upstream
from bot.core.model import (
    Choice,
    Event,
    Identity,
    Message,
    People,
    Person,
    Room,
    Trust,
    Withdrawal,
    Withdrawn,
)
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
        self.broken = 0
        """How many of the next puts fail."""

    async def put(self, platform: str, events: Sequence[Event], cursor: str | None = None) -> None:
        if self.broken:
            self.broken -= 1
            raise Upstream("the state cannot be written: disk full")
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

        async def here() -> bool:
            await self.look()
            return room_id in self.client.rooms

        if room_id not in self.client.rooms:
            await until(here)
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
    people: People = field(default_factory=People)
    clients: list[Somebody] = field(default_factory=list)
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
        self.clients.append(person)
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

    async def close(self) -> None:
        for somebody in self.clients:
            await somebody.client.close()

    async def heard(self, *texts: str) -> None:
        await until(lambda: set(texts) <= set(self.inbox.said))


_tags = iter(range(10_000))


@pytest.fixture
async def scene(synapse: Synapse, tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(synapse, tmp_path, f"-m{next(_tags)}")
    yield made
    await made.close()


@pytest.fixture
async def own_scene(own_synapse: Synapse, tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(own_synapse, tmp_path, "")
    yield made
    await made.close()


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
        assert platform.link(room, root) == (
            f"https://matrix.to/#/{room.address}/{quote(root, safe='$')}?via=bot.test"
        )
        assert shown.sender == scene.bot
        assert shown.decrypted is encrypted
        assert content["msgtype"] == "m.text"
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
        assert message.trust.encrypted is encrypted
        assert message.trust.room_encrypted is encrypted
        assert not message.trust.verified


# ---- what people say ------------------------------------------------------------------------------------


async def test_an_edit_is_never_a_command_and_withdraws(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    room = await ops_room(scene, ann)
    async with scene.running(scene.platform(room)):
        first = await ann.says(room.address, "!status")
        edit = {
            "m.new_content": {"msgtype": "m.text", "body": "innocent"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": first},
        }
        await ann.says(room.address, "!restart everything", **edit)
        gone = await ann.says(room.address, "!logs")
        await ann.client.room_redact(room.address, gone)
        await ann.says(room.address, "last")
        await scene.heard("last")
    assert "!restart everything" not in scene.inbox.said
    assert "innocent" not in scene.inbox.said
    withdrawn = {e.message_id: e.how for e in scene.inbox.events if isinstance(e, Withdrawn)}
    assert withdrawn == {first: Withdrawal.EDITED, gone: Withdrawal.REDACTED}


async def test_reactions_replies_and_mentions(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    room = await ops_room(scene, ann)
    async with scene.running(scene.platform(room)) as platform:
        plan = await platform.send(room, doc("the plan", Choices("a1", "K7QF")), key="p")
        await ann.sees(plan)
        seeds = [
            event.key
            for event in ann.seen.values()
            if isinstance(event, nio.ReactionEvent) and event.reacts_to == plan
        ]
        yes = {"m.relates_to": {"rel_type": "m.annotation", "event_id": plan, "key": "👍🏽"}}
        await ann.client.room_send(room.address, "m.reaction", yes)
        reply = {"m.relates_to": {"m.in_reply_to": {"event_id": plan}}}
        await ann.says(room.address, f"> <{scene.bot}> the plan\n\nyes", **reply)
        await ann.says(room.address, f"{scene.name('bot')}: ping")
        await ann.says(room.address, "and you?", **{"m.mentions": {"user_ids": [scene.bot]}})
        await scene.heard("yes", "ping", "and you?")
    assert sorted(seeds) == ["✅", "❎"] or not seeds
    choices = [event for event in scene.inbox.events if isinstance(event, Choice)]
    assert [(c.message_id, c.approve, c.by.user_id) for c in choices] == [(plan, True, ann.user)]
    assert scene.inbox.message("yes").reply_to == plan
    assert scene.inbox.message("ping").addressed
    assert scene.inbox.message("and you?").addressed
    assert {e["content"]["m.relates_to"]["key"] for e in scene.server.timeline(ann.token, room.address)
            if e["type"] == "m.reaction" and e["sender"] == scene.bot} == {"✅", "❎"}  # fmt: skip


async def test_a_display_name_twin_is_another_identity(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    twin = await scene.somebody("twin", roles=())
    for person in (ann, twin):
        await person.client.set_displayname("Ann Admin")
    room = await ops_room(scene, ann)
    scene.server.api(
        "POST", f"/_matrix/client/v3/rooms/{room.address}/invite", {"user_id": twin.user}, token=ann.token
    )
    scene.server.join(twin.token, room.address)
    async with scene.running(scene.platform(room)):
        await ann.says(room.address, "by ann")
        await twin.says(room.address, "by twin")
        await scene.heard("by ann", "by twin")
    assert scene.inbox.message("by ann").sender.user_id == ann.user
    assert scene.inbox.message("by twin").sender.user_id == twin.user


# ---- nothing lost, nothing twice ------------------------------------------------------------------------


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_a_gap_of_150_is_filled_after_a_restart(scene: Scene, encrypted: bool) -> None:
    ann = await scene.somebody("ann")
    room = await ops_room(scene, ann, encrypted=encrypted)
    async with scene.running(scene.platform(room)):
        await ann.look()
        await ann.says(room.address, "before")
        await scene.heard("before")
    wanted = [f"number {n}" for n in range(150)]
    for text in wanted:
        await ann.says(room.address, text)
    async with scene.running(scene.platform(room)):
        await ann.says(room.address, "after")
        await scene.heard("after")
    assert scene.inbox.said == ["before", *wanted, "after"]
    assert all(e.trust.encrypted is encrypted for e in scene.inbox.events if isinstance(e, Message))


async def test_what_was_said_before_the_bot_came_is_not_heard(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    other = await ops_room(scene, ann)
    room_id = scene.server.create_room(ann.token)
    room = Room("matrix", room_id, "later")
    async with scene.running(scene.platform(other, room), ready=False) as platform:
        await until(lambda: scene.inbox.puts > 1)
        await ann.says(room_id, "!restart before you came")
        invite = f"/_matrix/client/v3/rooms/{quote(room_id)}/invite"
        scene.server.api("POST", invite, {"user_id": scene.bot}, token=ann.token)

        async def is_ready() -> bool:
            return (await platform.ready()).ok

        await until(is_ready)
        await ann.says(room_id, "!ping now")
        await scene.heard("!ping now")
    assert scene.inbox.said == ["!ping now"]


async def test_the_homeserver_is_killed_and_comes_back(own_scene: Scene) -> None:
    scene = own_scene
    ann = await scene.somebody("ann")
    room = await ops_room(scene, ann, encrypted=True)
    async with scene.running(scene.platform(room)) as platform:
        await ann.look()
        first = await platform.send(room, say("one"), key="one")
        scene.server.stop(hard=True)
        with pytest.raises(Upstream) as refused:
            await platform.send(room, say("two"), key="two")
        assert refused.value.scope is Scope.PLATFORM
        assert not refused.value.permanent
        scene.server.start()
        assert await platform.send(room, say("one"), key="one") == first
        second = await platform.send(room, say("two"), key="two")
        assert (await ann.sees(second)).body == "two"
        await ann.says(room.address, "are you there?")
        await scene.heard("are you there?")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_stopped_at_random_moments_nothing_is_lost_or_said_twice(scene: Scene, encrypted: bool) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann, encrypted=encrypted)
    wanted = [f"number {n}" for n in range(80)]
    moments = random.Random(7)
    async with scene.running(scene.platform(room)):
        await ann.look()

    async def talk() -> None:
        for text in wanted:
            await ann.says(room.address, text)
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(talk())
    restarts = 0
    while not talking.done():
        async with scene.running(scene.platform(room), ready=False):
            await asyncio.sleep(moments.random() * 0.6)
        restarts += 1
    await talking
    async with scene.running(scene.platform(room)):
        await scene.heard(*wanted)
    assert scene.inbox.said == wanted
    assert restarts > 3
    assert not scene.ignored


async def test_what_could_not_be_stored_is_fetched_again(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann, encrypted=True)
    async with scene.running(scene.platform(room)) as platform:
        await ann.look()
        scene.inbox.broken = 2
        await ann.says(room.address, "while the disk is full")
        await scene.heard("while the disk is full")
        assert scene.inbox.broken == 0
        assert (await platform.ready()).ok
    assert scene.inbox.said == ["while the disk is full"]


async def test_a_position_that_the_homeserver_does_not_know_starts_over(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann)
    scene.inbox.position = "nonsense"
    async with scene.running(scene.platform(room)):
        await ann.says(room.address, "and now?")
        await scene.heard("and now?")


async def test_too_fast_for_the_homeserver_says_how_long_to_wait(own_scene: Scene) -> None:
    scene = own_scene
    scene.server.restart(settings={"rc_message": {"per_second": 0.5, "burst_count": 3}})
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann)
    async with scene.running(scene.platform(room)) as platform:
        with pytest.raises(Upstream) as refused:
            for n in range(10):
                await platform.send(room, say(str(n)), key=str(n))
    assert not refused.value.permanent
    assert refused.value.scope is Scope.PLATFORM
    assert 0 < (refused.value.retry_after or 0) <= 10


async def test_the_same_key_shows_once_also_after_a_restart(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    room = await ops_room(scene, ann, encrypted=True)
    whole = Doc(say("with a file").blocks, (File("a.txt", "text/plain", b"a"),))
    async with scene.running(scene.platform(room)) as platform:
        await ann.look()
        first = await platform.send(room, whole, key="k")
    async with scene.running(scene.platform(room)) as platform:
        assert await platform.send(room, whole, key="k") == first
        await platform.edit(room, first, whole, key="e")
        await platform.edit(room, first, whole, key="e")
    mine = [e for e in scene.server.timeline(ann.token, room.address) if e["sender"] == scene.bot]
    kinds = [e["type"] for e in mine if e["type"] != "m.room.member"]
    # The message and its file; the edit and, below it, the file of the edit.
    assert kinds == ["m.room.encrypted"] * 4


# ---- rooms ----------------------------------------------------------------------------------------------


async def test_only_a_listed_person_can_invite_and_only_to_a_configured_room(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    eve = await scene.somebody("eve", roles=())
    scene.platform()
    good = scene.server.create_room(ann.token, invite=(scene.bot,), alias=scene.name("good"))
    unknown = scene.server.create_room(ann.token, invite=(scene.bot,))
    hers = scene.server.create_room(eve.token, invite=(scene.bot,))
    rooms = (Room("matrix", f"#{scene.name('good')}:bot.test", "good"), Room("matrix", hers, "hers"))
    async with scene.running(scene.platform(*rooms), ready=False) as platform:

        async def joined_good() -> bool:
            return scene.inbox.puts > 1 and "good" not in (await platform.ready()).why

        await until(joined_good)
        state = await platform.ready()
        sent = await platform.send(rooms[0], say("by alias"), key="a")
        with pytest.raises(Upstream) as refused:
            await platform.send(rooms[1], say("no"), key="b")
    assert not state.ok
    assert "hers" in state.why
    assert "good" not in state.why
    assert refused.value.permanent
    assert refused.value.scope is Scope.ROOM
    assert sent in {e["event_id"] for e in scene.server.timeline(ann.token, good)}
    token = scene.account["access_token"]
    joined = scene.server.api("GET", "/_matrix/client/v3/joined_rooms", token=token)["joined_rooms"]
    assert joined == [good]
    assert unknown not in joined


async def test_an_invitation_from_before_the_last_sync_counts_once_its_sender_is_listed(scene: Scene) -> None:
    ann = await scene.somebody("ann", roles=())
    room = await ops_room(scene, ann) if scene.platform() else None
    assert room is not None
    async with scene.running(scene.platform(room), ready=False):
        await until(lambda: scene.inbox.puts > 1)
    scene.list(Person("ann", frozenset({Identity("matrix", ann.user)}), ("operator",)))
    async with scene.running(scene.platform(room)):
        pass


async def test_an_upgraded_room_is_followed(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    body = {"preset": "private_chat", "invite": [scene.bot], "room_version": "10"}
    old = scene.server.api("POST", "/_matrix/client/v3/createRoom", body, token=ann.token)["room_id"]
    room = Room("matrix", old, "ops")
    async with scene.running(scene.platform(room)) as platform:
        path = f"/_matrix/client/v3/rooms/{quote(old)}/upgrade"
        new = scene.server.api("POST", path, {"new_version": "11"}, token=ann.token)["replacement_room"]
        invite = f"/_matrix/client/v3/rooms/{quote(new)}/invite"
        with contextlib.suppress(Exception):
            scene.server.api("POST", invite, {"user_id": scene.bot}, token=ann.token)

        async def moved() -> bool:
            with contextlib.suppress(Upstream):
                sent = await platform.send(room, say("moved"), key="m")
                return sent in {e["event_id"] for e in scene.server.timeline(ann.token, new)}
            return False

        await until(moved)
        await ann.says(new, "hello over here")
        await scene.heard("hello over here")
        assert scene.inbox.message("hello over here").room == room


async def test_whom_a_room_has_silenced_asks_nothing_and_power_is_no_role(scene: Scene) -> None:
    ann, bob = await scene.somebody("ann"), await scene.somebody("bob")
    eve = await scene.somebody("eve", roles=())
    scene.platform()
    room_id = scene.server.create_room(ann.token, invite=(scene.bot, bob.user, eve.user))
    room = Room("matrix", room_id, "ops")
    for one in (bob, eve):
        scene.server.api("POST", f"/_matrix/client/v3/join/{quote(room_id)}", {}, token=one.token)
    async with scene.running(scene.platform(room)):
        await bob.says(room_id, "!status before")
        await scene.heard("!status before")
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/state/m.room.power_levels"
        levels = scene.server.api("GET", path, token=ann.token)
        levels["users"] |= {bob.user: -1, eve.user: 100}
        scene.server.api("PUT", path, levels, token=ann.token)
        with pytest.raises(AssertionError, match="M_FORBIDDEN"):
            await bob.says(room_id, "!status after")
        await eve.says(room_id, "!status of an admin of the room")
        await scene.heard("!status of an admin of the room")
        assert "!status after" not in scene.inbox.said
        asked = scene.inbox.message("!status of an admin of the room")
        assert asked.trust == Trust(), "power is no proof of anything"


async def test_a_move_out_of_an_encrypted_room_into_the_clear_is_not_followed(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await encrypted_room(scene, ann)
    async with scene.running(scene.platform(room)) as platform:
        bare = scene.server.create_room(ann.token, invite=(scene.bot,))
        gone = f"/_matrix/client/v3/rooms/{quote(room.address)}/state/m.room.tombstone"
        body = {"body": "moved", "replacement_room": bare}
        scene.server.api("PUT", gone, body, token=ann.token)

        async def said_so() -> bool:
            return "was encrypted and has moved" in (await platform.ready()).why

        await until(said_so)
        with pytest.raises(Upstream, match="encrypt that one") as refused:
            await platform.send(room, say("secret"), key="bare")
        assert refused.value.permanent
        await ann.says(bare, "said in the clear")
        secret = {"algorithm": "m.megolm.v1.aes-sha2"}
        path = f"/_matrix/client/v3/rooms/{quote(bare)}/state/m.room.encryption"
        scene.server.api("PUT", path, secret, token=ann.token)
        await until(lambda: ready_again(platform))
        assert await platform.send(room, say("secret"), key="sealed")
    assert not [one for one in scene.inbox.events if getattr(one, "text", "") == "said in the clear"]


async def ready_again(platform: MatrixPlatform) -> bool:
    return (await platform.ready()).ok


async def test_a_room_of_version_12(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    body = {"preset": "private_chat", "invite": [scene.bot], "room_version": "12"}
    room_id = scene.server.api("POST", "/_matrix/client/v3/createRoom", body, token=ann.token)["room_id"]
    assert ":" not in room_id
    room = Room("matrix", room_id, "ops")
    async with scene.running(scene.platform(room)) as platform:
        sent = await platform.send(room, say("in twelve"), key="t")
        assert (await ann.sees(sent)).body == "in twelve"
        await ann.says(room_id, "heard in twelve")
        await scene.heard("heard in twelve")


# ---- who it really was ----------------------------------------------------------------------------------


async def encrypted_room(scene: Scene, *people: Somebody) -> Room:
    room = await ops_room(scene, people[0], encrypted=True)
    for person in people[1:]:
        invite = f"/_matrix/client/v3/rooms/{quote(room.address)}/invite"
        scene.server.api("POST", invite, {"user_id": person.user}, token=people[0].token)
        scene.server.join(person.token, room.address)
    return room


async def test_a_replayed_ciphertext_is_refused_after_a_restart(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await encrypted_room(scene, ann)
    async with scene.running(scene.platform(room)):
        said = await ann.says(room.address, "!restart db")
        await scene.heard("!restart db")
    wire = next(e for e in scene.server.timeline(ann.token, room.address) if e["event_id"] == said)
    async with scene.running(scene.platform(room)) as platform:
        again = scene.server.send(ann.token, room.address, wire["content"], kind="m.room.encrypted")
        await ann.says(room.address, "afterwards")
        await scene.heard("afterwards")
        assert platform.counters["replayed"] == 1
    assert scene.inbox.said == ["!restart db", "afterwards"]
    assert [(one.id, one.sender, one.worth_telling) for one in scene.ignored] == [(again, ann.user, True)]


async def test_a_forged_sender_counts_no_more_than_clear_text(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    mallory = await scene.somebody("mallory", roles=())
    scene.list(Person("ann", frozenset({Identity("matrix", ann.user)}), ("operator",), (ann.fingerprint,)))
    scene.platform()
    room = await encrypted_room(scene, ann, mallory)
    async with scene.running(scene.platform(room)):
        await ann.says(room.address, "really ann")
        await mallory.says(room.address, "really mallory")
        await scene.heard("really ann", "really mallory")
        _, sealed = mallory.client.encrypt(
            room.address, "m.room.message", {"msgtype": "m.text", "body": "!restart db"}
        )
        scene.server.send(ann.token, room.address, sealed, kind="m.room.encrypted")
        scene.server.send(
            ann.token,
            room.address,
            sealed | {"device_id": ann.account["device_id"]},
            kind="m.room.encrypted",
        )
        scene.server.send(ann.token, room.address, {"msgtype": "m.text", "body": "in the clear"})
        await scene.heard("!restart db", "in the clear")
    assert scene.inbox.message("really ann").trust.verified
    forged = scene.inbox.message("!restart db")
    assert forged.sender.user_id == ann.user
    assert forged.trust.room_encrypted
    assert not forged.trust.encrypted
    assert not forged.trust.verified
    assert "not one of" in forged.trust.why
    clear = scene.inbox.message("in the clear")
    assert clear.trust.room_encrypted
    assert not clear.trust.encrypted
    assert scene.inbox.said.count("!restart db") == 1


async def test_listed_and_cross_signed_devices_are_verified_and_others_not(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    bob = await scene.somebody("bob")
    eve = await scene.somebody("eve")
    identity = keys.Identity.new()
    client = "/_matrix/client/v3/keys"
    scene.server.api("POST", f"{client}/device_signing/upload", identity.upload(bob.user), token=bob.token)
    answer = scene.server.api("POST", f"{client}/query", {"device_keys": {bob.user: []}}, token=bob.token)
    entry = answer["device_keys"][bob.user][bob.account["device_id"]]
    signed = {bob.user: {bob.account["device_id"]: identity.sign_device(bob.user, entry)}}
    assert not scene.server.api("POST", f"{client}/signatures/upload", signed, token=bob.token)["failures"]
    spaced = " ".join(ann.fingerprint[n : n + 4] for n in range(0, 43, 4))
    for somebody, name, listed in ((ann, "ann", spaced), (bob, "bob", identity.public), (eve, "eve", "x")):
        scene.list(Person(name, frozenset({Identity("matrix", somebody.user)}), ("operator",), (listed,)))
    scene.platform()
    room = await encrypted_room(scene, ann, bob, eve)
    platform = scene.platform(room, encryption="required")
    async with scene.running(platform):
        plan = await platform.send(room, doc("plan", Choices("a1", "K7QF")), key="p")
        for somebody in (ann, bob, eve):
            await somebody.says(room.address, f"by {somebody.user}")
        reply = {"m.relates_to": {"m.in_reply_to": {"event_id": plan}}}
        await ann.says(room.address, "yes", **reply)
        await scene.heard("yes", *(f"by {somebody.user}" for somebody in (ann, bob, eve)))
    verified = [scene.inbox.message(f"by {one.user}").trust.verified for one in (ann, bob, eve)]
    assert verified == [True, True, False]
    assert "neither listed" in scene.inbox.message(f"by {eve.user}").trust.why
    # Where only proof counts, a reply's target is not believed: the homeserver can change it.
    assert scene.inbox.message("yes").reply_to is None
    assert not [e for e in scene.server.timeline(ann.token, room.address) if e["type"] == "m.reaction"]


async def test_nothing_goes_in_the_clear_where_it_must_not(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    secret, clear = await ops_room(scene, ann, encrypted=True), await ops_room(scene, ann)
    async with scene.running(scene.platform(secret, encryption="off"), ready=False) as platform:
        with pytest.raises(Upstream, match="encrypted") as refused:
            await until_sent(platform, secret)
        assert refused.value.permanent
    async with scene.running(scene.platform(clear, encryption="required"), ready=False) as platform:
        with pytest.raises(Upstream, match="not encrypted"):
            await until_sent(platform, clear)
        assert "not encrypted" in (await platform.ready()).why
    for room in (secret, clear):
        mine = [e for e in scene.server.timeline(ann.token, room.address) if e["sender"] == scene.bot]
        assert {e["type"] for e in mine} <= {"m.room.member"}


async def until_sent(platform: MatrixPlatform, room: Room) -> None:
    """Send once the bot is in the room."""

    async def inside() -> bool:
        why = (await platform.ready()).why
        return "not in room" not in why and "not connected" not in why

    await until(inside)
    await platform.send(room, say("secret words"), key="s")


# ---- coming in ------------------------------------------------------------------------------------------


def own_devices(scene: Scene) -> dict[str, Any]:
    token = scene.clients[0].token
    query = {"device_keys": {scene.bot: []}}
    found: dict[str, Any] = scene.server.api("POST", "/_matrix/client/v3/keys/query", query, token=token)
    return found


async def test_a_password_logs_in_once_and_the_device_is_cross_signed(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.server.register(scene.name("bot"), "the password")
    room = await ops_room(scene, ann, encrypted=True)
    for _ in range(2):
        async with scene.running(scene.platform(room, password="the password")) as platform:
            await ann.look()
            sent = await platform.send(room, say("hello"), key="h")
            assert (await ann.sees(sent)).body == "hello"
    found = own_devices(scene)
    published = keys.Published.of(found, scene.bot)
    assert set(published.devices) == {"TOCSIN"}
    master = keys.public(published.master, scene.bot, "master")
    device = published.devices["TOCSIN"]["keys"]
    own = keys.Device("TOCSIN", device["ed25519:TOCSIN"], device["curve25519:TOCSIN"])
    assert master is not None
    assert keys.vouched(scene.bot, own, [master], published)
    directory = scene.root / "matrix"
    assert directory.stat().st_mode & 0o777 == 0o700
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert not any(b"the password" in path.read_bytes() for path in files)


async def test_a_lost_store_takes_a_new_device_with_a_password(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.server.register(scene.name("bot"), "the password")
    room = await ops_room(scene, ann, encrypted=True)
    async with scene.running(scene.platform(room, password="the password")):
        pass
    for path in (scene.root / "matrix" / "store").iterdir():
        path.unlink()
    async with scene.running(scene.platform(room, password="the password")) as platform:
        await ann.look()
        sent = await platform.send(room, say("on a new device"), key="n")
        assert (await ann.sees(sent)).body == "on a new device"
    published = keys.Published.of(own_devices(scene), scene.bot)
    assert len(published.devices) == 2
    master = keys.public(published.master, scene.bot, "master")
    new = next(name for name in published.devices if name != "TOCSIN")
    entry = published.devices[new]["keys"]
    own = keys.Device(new, entry[f"ed25519:{new}"], entry[f"curve25519:{new}"])
    assert keys.vouched(scene.bot, own, [master or ""], published)


async def test_a_lost_store_with_a_token_is_the_operators_mistake(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann, encrypted=True)
    async with scene.running(scene.platform(room)):
        pass
    for path in (scene.root / "matrix" / "store").iterdir():
        path.unlink()
    platform = scene.platform(room)
    with pytest.raises(ConfigError, match=r"matrix\.device.*log in anew"):
        await platform.preflight()
    await platform.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"access_token": "nonsense"}, "refuses the token"),
        ({"device": "OTHER"}, "belongs to the device"),
        ({"password": "wrong", "access_token": None}, "refuses it"),
        ({"user": "@other:bot.test"}, "belongs to"),
        ({"pickle_key": None}, "is missing"),
    ],
)
async def test_the_operators_mistakes_stop_the_start(
    scene: Scene, settings: dict[str, Any], words: str
) -> None:
    scene.platform()
    given = {
        "homeserver": scene.server.url,
        "user": scene.bot,
        "device": scene.account["device_id"],
        "access_token": scene.account["access_token"],
        "pickle_key": "k",
    }
    platform = MatrixPlatform(
        Settings(**(given | settings)), (), lambda: scene.people, scene.root / "m", WallClock()
    )
    with pytest.raises(ConfigError, match=words):
        await platform.preflight()
    await platform.close()


async def test_another_pickle_key_is_the_operators_mistake(scene: Scene) -> None:
    scene.platform()
    platform = scene.platform()
    await platform.preflight()
    await platform.close()
    platform = scene.platform(pickle_key="another")
    with pytest.raises(ConfigError, match="cannot be opened"):
        await platform.preflight()
    await platform.close()


async def test_a_token_that_dies_while_running_is_said_and_retried_slowly(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann)
    async with scene.running(scene.platform(room)) as platform:
        scene.server.api("POST", "/_matrix/client/v3/logout", {}, token=scene.account["access_token"])

        async def said() -> bool:
            return "M_UNKNOWN_TOKEN" in (await platform.ready()).why

        await until(said)
        with pytest.raises(Upstream) as refused:
            await platform.send(room, say("x"), key="x")
        assert not refused.value.permanent


async def test_an_unreachable_homeserver_is_nobodys_mistake(tmp_path: Path) -> None:
    settings = Settings("http://127.0.0.1:9", "@bot:bot.test", access_token="t", pickle_key="k")
    platform = MatrixPlatform(settings, (), People, tmp_path / "m", WallClock())
    await platform.preflight()
    state = await platform.ready()
    await platform.close()
    assert not state.ok
    assert "cannot be reached" in state.why


async def test_a_homeserver_that_hangs_does_not_block_the_end(tmp_path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(f"http://127.0.0.1:{port}", "@bot:bot.test", access_token="t", pickle_key="k")
    platform = MatrixPlatform(settings, (), People, tmp_path / "m", WallClock())
    task = asyncio.create_task(platform.run(NotedInbox()))
    await asyncio.sleep(0.2)
    began = time.monotonic()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await platform.close()
    assert time.monotonic() - began < 20
    server.close()


async def test_a_message_whose_key_comes_late_is_heard_then(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    scene.platform()
    room = await ops_room(scene, ann, encrypted=True)
    async with scene.running(scene.platform(room)) as platform:
        await ann.says(room.address, "the key is there")
        await scene.heard("the key is there")
        olm = ann.client.olm
        assert olm is not None
        olm.create_outbound_group_session(room.address)
        session = olm.outbound_group_sessions[room.address]
        key = {
            "algorithm": "m.megolm.v1.aes-sha2",
            "room_id": room.address,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        session.shared = True  # a client that believes it has told everybody
        await ann.says(room.address, "the key comes later")
        await until(lambda: platform.counters["unreadable"] == 1)
        assert "the key comes later" not in scene.inbox.said
        device_id = scene.account["device_id"]
        device = ann.client.device_store[scene.bot][device_id]
        sealed = olm._olm_encrypt(olm.session_store.get(device.curve25519), device, "m.room_key", key)
        path = "/_matrix/client/v3/sendToDevice/m.room.encrypted/late"
        scene.server.api("PUT", path, {"messages": {scene.bot: {device_id: sealed}}}, token=ann.token)
        await scene.heard("the key comes later")
    assert scene.inbox.message("the key comes later").trust.encrypted


async def test_a_device_that_was_logged_out_speaks_for_nobody(scene: Scene) -> None:
    ann = await scene.somebody("ann")
    bob = await scene.somebody("bob", roles=())
    scene.list(Person("ann", frozenset({Identity("matrix", ann.user)}), ("admin",), (ann.fingerprint,)))
    scene.platform()
    room = await encrypted_room(scene, ann, bob)
    async with scene.running(scene.platform(room)):
        await ann.says(room.address, "still here")
        await scene.heard("still here")
        _, sealed = ann.client.encrypt(
            room.address, "m.room.message", {"msgtype": "m.text", "body": "from a stolen laptop"}
        )
        other = scene.server.login(scene.name("ann"))
        scene.server.api("POST", "/_matrix/client/v3/logout", {}, token=ann.token)
        scene.server.send(other["access_token"], room.address, sealed, kind="m.room.encrypted")
        await scene.heard("from a stolen laptop")
    assert scene.inbox.message("still here").trust.verified
    late = scene.inbox.message("from a stolen laptop").trust
    assert not late.verified
    assert not late.encrypted
