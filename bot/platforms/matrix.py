"""Matrix: what people say in its rooms comes in, Docs go out. The only file that knows nio.

nio keeps the keys and the rooms' state, by its client without I/O; every request is ours, so each is bounded,
each failure has one form, and no event of a stranger can stop the loop.
"""

import asyncio
import contextlib
import logging
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import nio
from nio.crypto import encrypt_attachment

from bot.core.backoff import delay
from bot.core.doc import Doc
from bot.core.errors import ConfigError, Mistake, Scope, Upstream
from bot.core.model import Event, Identity, People, Readiness, Room
from bot.platforms import matrix_event as events
from bot.platforms import matrix_keys as keys
from bot.platforms.matrix_doors import FILTER, FRESH, Doors, compact, items, part
from bot.platforms.matrix_event import Ears, Heard, Ignored
from bot.platforms.matrix_http import DENIED, JSON, Answer, Wire
from bot.platforms.matrix_login import Doorman, Settings, lost_store, store_file
from bot.platforms.matrix_rooms import Book
from bot.platforms.matrix_send import UPLOAD_TIMEOUT, Sender
from bot.platforms.matrix_state import Login, ReplayGuard, load_moves, private_directory
from bot.platforms.matrix_trust import Witness
from bot.ports import Clock, Inbox, Pace

__all__ = ["Ignored", "MatrixPlatform", "Settings"]

log = logging.getLogger("tocsin.matrix")

LONG_POLL = 30.0
"""Seconds a sync waits at the homeserver for news."""
SILENCE = timedelta(seconds=90)
"""Without an answer for so long, we are not connected."""
GAP_LIMIT = 2000
"""Events that are fetched to fill one gap in a room; what is older is not read, and said."""
FIRST_SYNC = 10.0
"""Seconds that a message waits for the first sync after a start."""
SEND_TIMEOUT = 60.0
KEY_TIMEOUT = 8_000
"""Milliseconds that the homeserver may ask other servers for keys."""
UNREADABLE_KEPT = timedelta(minutes=10)
"""How long an event whose key has not come is tried again."""

T = TypeVar("T")


class Crypto:
    """One device's keys and what is known of the rooms: nio's client, fed by hand."""

    def __init__(self, wire: Wire, login: Login, directory: Path, pickle_key: str | None) -> None:
        self._wire = wire
        self.login = login
        self.published: dict[str, keys.Published] = {}
        self._failed: dict[str, float] = {}
        self._guard: ReplayGuard | None = None
        store = private_directory(directory / "store")
        config = nio.ClientConfig(
            encryption_enabled=pickle_key is not None, store_sync_tokens=False, pickle_key=pickle_key or ""
        )
        self.client = nio.Client(login.user, login.device, store_path=str(store), config=config)
        self.client.restore_login(login.user, login.device, login.token)
        for file in store.iterdir():
            file.chmod(0o600)
        if self.client.olm is not None:
            self._guard = ReplayGuard(directory / "replay.sqlite")
            self.client.olm.message_index_store = self._guard

    def close(self) -> None:
        if self._guard is not None:
            self._guard.close()
        store = self.client.store
        if store is not None:
            with contextlib.suppress(Exception):
                store.database.close()

    @property
    def fingerprint(self) -> str | None:
        """Our device's ed25519 key."""
        return None if self.client.olm is None else str(self.client.olm.account.identity_keys["ed25519"])

    def joined(self, room_id: str) -> bool:
        return room_id in self.client.rooms

    def encrypted(self, room_id: str) -> bool:
        """Once encrypted, always encrypted: the homeserver cannot take it back."""
        room = self.client.rooms.get(room_id)
        return room_id in self.client.encrypted_rooms or (room is not None and bool(room.encrypted))

    # ---- feeding: each piece alone, so that a malformed one spoils nothing else

    def _feed(self, part: JSON) -> Any:
        self.client.next_batch = ""
        response = nio.SyncResponse.from_dict({"next_batch": "fed", **part})
        if not isinstance(response, nio.SyncResponse):
            raise ValueError(str(response))
        self.client.receive_response(response)
        return response

    def _try_feed(self, part: JSON, what: str) -> Any:
        try:
            return self._feed(part)
        except Exception:
            log.warning("matrix: %s cannot be read and is skipped", what, exc_info=True)
            return None

    def feed_devices(self, messages: Iterable[Any]) -> int:
        """To-device messages: room keys, above all. Returns how many there were."""
        count = 0
        for count, message in enumerate(messages, 1):  # noqa: B007
            self._try_feed({"to_device": {"events": [message]}}, "a to-device message")
        return count

    def feed_lists(self, answer: Mapping[str, Any]) -> None:
        """Whose devices changed, and how many of our one-time keys are left."""
        lists = answer.get("device_lists")
        if isinstance(lists, dict):
            self._try_feed({"device_lists": lists}, "the list of changed devices")
        counts = answer.get("device_one_time_keys_count")
        count = counts.get("signed_curve25519", 0) if isinstance(counts, dict) else None
        if self.client.olm is not None and isinstance(count, int):
            # nio overlooks the 0 that asks loudest for new keys.
            self.client.olm.uploaded_key_count = count

    def feed_room(self, room_id: str, state: list[Any], timeline: list[Any]) -> list[Heard]:
        """State and timeline of a joined room; the timeline comes back, decrypted."""
        try:
            response = self._feed(_room(room_id, state, timeline))
            found = response.rooms.join[room_id].timeline.events
        except Exception:
            log.warning("matrix: a batch of %s is malformed; reading it event by event", room_id)
            found = []
            for raw in state:
                self._try_feed(_room(room_id, [raw], []), f"a state event of {room_id}")
            for raw in timeline:
                response = self._try_feed(_room(room_id, [], [raw]), f"an event of {room_id}")
                found += response.rooms.join[room_id].timeline.events if response is not None else []
        clear = {event.event_id: event for event in found if getattr(event, "decrypted", False)}
        return [self._heard(room_id, raw, clear) for raw in timeline if isinstance(raw, dict)]

    def leave(self, room_id: str) -> None:
        self.client.rooms.pop(room_id, None)
        self.client.invited_rooms.pop(room_id, None)

    def _heard(self, room_id: str, raw: JSON, clear: Mapping[str, Any]) -> Heard:
        if raw.get("type") != "m.room.encrypted":
            return Heard(raw)
        event = clear.get(str(raw.get("event_id")))
        return self.decrypt(room_id, raw) if event is None else self._opened(room_id, raw, event)

    def decrypt(self, room_id: str, raw: JSON) -> Heard:
        """One encrypted event, outside a sync: from a gap, or one whose key came late."""
        if raw.get("type") != "m.room.encrypted":
            return Heard(raw)
        try:
            event = nio.Event.parse_event(raw)
            if not isinstance(event, nio.MegolmEvent) or self.client.olm is None:
                return Heard(raw, unreadable="not an event that this device can decrypt")
            event.room_id = room_id
            return self._opened(room_id, raw, self.client.decrypt_event(event))
        except nio.EncryptionError as trouble:
            return Heard(raw, unreadable=str(trouble), replayed="replay" in str(trouble))
        except Exception:
            log.warning("matrix: an encrypted event of %s is malformed", room_id, exc_info=True)
            return Heard(raw, unreadable="malformed")

    def _opened(self, room_id: str, raw: JSON, event: Any) -> Heard:
        if not getattr(event, "decrypted", False) or not isinstance(event.source, dict):
            return Heard(raw, unreadable="its payload is malformed")
        session = self.client.olm.inbound_group_store.get(room_id, event.sender_key, event.session_id)
        if session is None:
            return Heard(raw, unreadable="its session is gone")
        return Heard(
            {**raw, "type": event.source.get("type"), "content": event.source.get("content")},
            sender_key=str(event.sender_key),
            signed_by=str(session.ed25519),
            forwarded=bool(session.forwarding_chain),
        )

    # ---- devices

    async def device(self, user: str, sender_key: str) -> keys.Device | None:
        """The user's device with this curve25519 key, asked for when it is not known. None: none has it."""
        store = self.client.device_store
        found = store.device_from_sender_key(user, sender_key)
        if found is None or user in self.client.users_for_key_query:
            await self.query({user})
            found = store.device_from_sender_key(user, sender_key)
        return None if found is None else keys.Device(found.id, found.ed25519, found.curve25519)

    async def publications(self, user: str) -> keys.Published:
        """What the user has published, of this process's last look."""
        if user not in self.published or user in self.client.users_for_key_query:
            await self.query({user})
        return self.published.get(user, keys.Published({}))

    async def query(self, users: set[str]) -> None:
        """Ask for these users' devices. Raises Upstream."""
        body = {"device_keys": {user: [] for user in users}, "timeout": KEY_TIMEOUT}
        answer = await self._wire.call("POST", "keys", "query", body=body)
        found, failures = answer.get("device_keys"), answer.get("failures")
        broken = set(failures) if isinstance(failures, dict) else set()
        for user in users:
            self.client.users_for_key_query.discard(user)
            if user.partition(":")[2] in broken:
                self._failed[user] = asyncio.get_running_loop().time() + 300
                continue
            self._failed.pop(user, None)
            self.published[user] = keys.Published.of(answer, user)
            devices = found.get(user, {}) if isinstance(found, dict) else {}
            self._receive(nio.KeysQueryResponse({user: devices}, {}), f"the devices of {user}")

    def _receive(self, response: Any, what: str) -> None:
        try:
            self.client.receive_response(response)
        except Exception:
            log.warning("matrix: %s cannot be read and are skipped", what, exc_info=True)

    async def housekeeping(self) -> None:
        """What the keys need after a sync. Raises Upstream."""
        client = self.client
        if client.olm is None:
            return
        if client.should_upload_keys:
            answer = await self._wire.call("POST", "keys", "upload", body=client.olm.share_keys())
            counts = answer.get("one_time_key_counts")
            count = counts.get("signed_curve25519", 0) if isinstance(counts, dict) else 0
            client.receive_response(nio.KeysUploadResponse(0, count))
        now = asyncio.get_running_loop().time()
        again = {user for user, when in self._failed.items() if when <= now}
        wanted = set(client.users_for_key_query) | again
        if wanted:
            await self.query(wanted)
        if client.should_claim_keys:
            await self._claim(client.get_users_for_key_claiming())
        for message in list(client.outgoing_to_device_messages):
            await self._to_device(message.type, message.as_dict())
            client.receive_response(nio.ToDeviceResponse(message))

    async def _claim(self, wanted: Mapping[str, Iterable[str]]) -> None:
        ask = {user: dict.fromkeys(devices, "signed_curve25519") for user, devices in wanted.items()}
        body = {"one_time_keys": ask, "timeout": KEY_TIMEOUT}
        answer = await self._wire.call("POST", "keys", "claim", body=body)
        found = answer.get("one_time_keys")
        for user, devices in (found if isinstance(found, dict) else {}).items():
            self._receive(nio.KeysClaimResponse({user: devices}, {}), f"the one-time keys of {user}")

    async def _to_device(self, kind: str, body: JSON) -> None:
        await self._wire.call("PUT", "sendToDevice", kind, str(uuid4()), body=body)

    # ---- sealing

    async def seal(self, room_id: str, kind: str, content: JSON) -> tuple[str, JSON]:
        """The event as it may go out: encrypted where the room is. One at a time per room."""
        if not self.encrypted(room_id):
            return kind, content
        olm, room = self.client.olm, self.client.rooms[room_id]
        if olm is None:
            raise Upstream(
                f"{room_id} is encrypted and matrix.encryption is off: nothing is sent there in the clear",
                permanent=True,
                scope=Scope.ROOM,
            )
        if not room.members_synced:
            answer = await self._wire.call("GET", "rooms", room_id, "joined_members")
            members = nio.JoinedMembersResponse.from_dict(answer, room_id)
            if not isinstance(members, nio.JoinedMembersResponse):
                raise Upstream(f"the members of {room_id} cannot be read", scope=Scope.ROOM)
            self.client.receive_response(members)
        if self.client.users_for_key_query:
            await self.query(set(self.client.users_for_key_query))
        if olm.should_share_group_session(room_id):
            await self._share(room_id)
        sealed_kind, sealed = self.client.encrypt(room_id, kind, content)
        return sealed_kind, dict(sealed)

    def seal_file(self, data: bytes) -> tuple[bytes, JSON]:
        """The encrypted bytes, and what opens them (the `file` object, without its `url`)."""
        sealed, opener = encrypt_attachment(data)
        return sealed, dict(opener)

    async def _share(self, room_id: str) -> None:
        """Give the room's key to every device in it. nio's own would go on when some could not be reached."""
        missing = self.client.get_missing_sessions(room_id)
        if missing:
            await self._claim(missing)
        olm = self.client.olm
        while True:
            users = list(self.client.rooms[room_id].users)
            batches = list(olm.share_group_session_parallel(room_id, users, ignore_unverified_devices=True))
            session = olm.outbound_group_sessions[room_id]
            for devices, body in batches:
                await self._to_device("m.room.encrypted", body)
                session.users_shared_with.update(devices)
            # A device that appeared meanwhile gets it too.
            if not batches:
                session.shared = True
                return


def _room(room_id: str, state: list[Any], timeline: list[Any]) -> JSON:
    return {"rooms": {"join": {room_id: {"state": {"events": state}, "timeline": {"events": timeline}}}}}


class MatrixPlatform:
    """One Matrix account in the configured rooms. Implements `bot.ports.Platform`.

    directory: where keys, login and guards are kept, made 0700. people: who is listed now.
    on_ignored: told of what was tried and does not count (unreadable, replayed); for the journal.
    """

    pace: Pace | None = None
    idempotent = True

    def __init__(
        self,
        settings: Settings,
        rooms: Iterable[Room],
        people: Callable[[], People],
        directory: Path,
        clock: Clock,
        *,
        name: str = "matrix",
        on_ignored: Callable[[Room, Ignored], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.counters: Counter[str] = Counter()
        """unreadable, replayed, gap_unread: how often, since the start."""
        self._settings = settings
        self._people = people
        self._directory = private_directory(directory)
        self._clock = clock
        self._on_ignored = on_ignored
        self._wire = Wire(settings.homeserver)
        self._doorman = Doorman(self._wire, settings, directory)
        self._book = Book(rooms, load_moves(directory / "moves.json"))
        self._doors = Doors(self._wire, self._book, name, settings.user, people, directory / "moves.json")
        self._witness = Witness(name, settings.user, people)
        self._sender = Sender(self._wire, self._accounts, votes=settings.encryption != "required")
        self._crypto: Crypto | None = None
        self._names: tuple[str, ...] = ()
        self._opening = asyncio.Lock()
        self._synced = asyncio.Event()
        self._last: datetime | None = None
        self._trouble = "not connected yet"
        self._keys_trouble = ""
        self._start_over = False
        self._introduced = False
        self._told: set[tuple[str, str]] = set()
        self._unreadable: deque[tuple[datetime, Room, str, Heard]] = deque(maxlen=200)

    # ---- bot.ports.Platform

    async def preflight(self) -> None:
        """Raises ConfigError for refused credentials, another user or device, or a lost key store."""
        try:
            await self._open()
        except Upstream as trouble:
            self._trouble = str(trouble)
            log.warning("matrix: %s; will keep trying", trouble)

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. Every failure waits before the next try, longer each time, with jitter."""
        attempts = 0
        while True:
            try:
                await self._open()
                await self._turn(inbox)
                attempts = 0
                continue
            except ConfigError as mistake:
                # At start this ends the process; while running only readiness says it.
                self._trouble, asked = str(mistake), 60.0
            except Upstream as trouble:
                self._trouble, asked = str(trouble), trouble.retry_after or 0.0
                self._after(trouble)
            log.warning("matrix: %s", self._trouble)
            await asyncio.sleep(delay(attempts, asked=asked, spread=random.random()))
            attempts += 1

    async def send(self, room: Room, doc: Doc, *, key: str, thread: str | None = None) -> str:
        """One message, its files below it. The same key shows once, for as long as the homeserver remembers
        transactions (Synapse: a day)."""
        return await self._bounded(self._say(room, doc, key, thread), doc)

    async def edit(self, room: Room, message_id: str, doc: Doc, *, key: str) -> None:
        """Files of an edit go below the message, each once as long as its bytes stay the same."""
        await self._bounded(self._rewrite(room, message_id, doc, key), doc)

    async def find(self, room: Room, key: str, *, thread: str | None = None, since: datetime) -> str | None:
        """Never asked: a repeated send is harmless."""
        return None

    async def whisper(self, room: Room, to: Identity, doc: Doc, *, key: str) -> None:
        """Matrix cannot say something to one person in a room: it is said to all, addressed to them."""
        await self._bounded(self._say(room, doc, key, None, to.user_id), doc)

    def link(self, room: Room, message_id: str) -> str | None:
        """Every client opens matrix.to itself; nobody's browser goes there."""
        room_id = self._book.id_of(room.address)
        if room_id is None:
            return None
        via = self._settings.user.partition(":")[2]
        return (
            f"https://matrix.to/#/{quote(room_id, safe='!:')}/{quote(message_id, safe='$')}"
            f"?via={quote(via, safe=':')}"
        )

    async def ready(self) -> Readiness:
        """Connected, in every configured room, and where `required` asks for it, these are encrypted."""
        crypto = self._crypto
        if crypto is None or self._last is None or not self._synced.is_set():
            return Readiness(False, f"not connected to {self._settings.homeserver}: {self._trouble}")
        silent = self._clock.now() - self._last
        if silent > SILENCE:
            seconds = int(silent.total_seconds())
            return Readiness(
                False, f"no answer from {self._settings.homeserver} for {seconds} s: {self._trouble}"
            )
        wrong = [words for room in self._book.rooms if (words := self._wrong_with(room, crypto))]
        if self._keys_trouble:
            wrong.append(self._keys_trouble)
        return Readiness(not wrong, "; ".join(wrong))

    async def close(self) -> None:
        """Let go, within 5 seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wire.close(), 5)
        crypto, self._crypto = self._crypto, None
        if crypto is not None:
            crypto.close()

    # ---- coming in

    async def _open(self) -> Crypto:
        async with self._opening:
            if self._crypto is not None:
                return self._crypto
            login, on_server = await self._doorman.enter()
            crypto = await self._open_store(login)
            if on_server is not None and crypto.fingerprint not in (None, on_server):
                crypto.close()
                if not self._doorman.can_log_in:
                    raise lost_store(login)
                log.warning(
                    "matrix: device %s has other keys than `state`; taking a new device", login.device
                )
                login, _ = await self._doorman.anew()
                crypto = await self._open_store(login)
            self._crypto = crypto
            await self._learn_name(login)
            return crypto

    async def _open_store(self, login: Login) -> Crypto:
        secret = None if self._settings.encryption == "off" else self._settings.pickle_key
        if secret is None and self._settings.encryption != "off":
            raise ConfigError(Mistake("matrix.pickle_key", "is missing", "write one, or set encryption: off"))
        try:
            return Crypto(self._wire, login, self._directory, secret)
        except Exception as trouble:
            path = store_file(self._directory / "store", login)
            raise ConfigError(
                Mistake(
                    "matrix.pickle_key",
                    f"the key store {path} cannot be opened: {type(trouble).__name__}",
                    "give the pickle key it was made with; without it a new login (a new device) is needed",
                )
            ) from trouble

    async def _learn_name(self, login: Login) -> None:
        with contextlib.suppress(Upstream):
            answer = await self._wire.call("GET", "profile", login.user, "displayname")
            name = answer.get("displayname")
            self._names = (name,) if isinstance(name, str) and name.strip() else ()

    async def _introduce(self, crypto: Crypto) -> None:
        """Cross-sign our device, once per start. Nothing depends on it."""
        if self._introduced or crypto.fingerprint is None:
            return
        self._introduced = True
        try:
            log.info("matrix: own device: %s", await self._doorman.introduce(crypto.login))
        except (Upstream, ValueError, OSError) as trouble:
            log.warning("matrix: own device is not cross-signed: %s", trouble)

    def _after(self, trouble: Upstream) -> None:
        if not isinstance(trouble, Answer):
            return
        if trouble.errcode in DENIED:
            # A password brings a new login; a token may be mended on the server.
            crypto, self._crypto = self._crypto, None
            self._introduced = False
            if crypto is not None:
                crypto.close()
                self._synced.clear()
        elif trouble.status == 400 and trouble.request == "sync":
            self._start_over = True

    # ---- the sync loop

    async def _turn(self, inbox: Inbox) -> None:
        """One sync: what was said and the position become durable together."""
        crypto = self._crypto
        assert crypto is not None
        since = None if self._start_over else await inbox.cursor(self.name)
        first = not self._synced.is_set()
        await self._doors.resolve()
        began = self._clock.now()
        answer = await self._sync(since, first)
        token = answer.get("next_batch")
        if not isinstance(token, str):
            raise Upstream("sync: the homeserver answers without a position", scope=Scope.PLATFORM)
        if self._start_over:
            log.error("matrix: the homeserver does not know our position any more; what was said is not read")
        found = await self._digest(crypto, answer, since)
        self._doors.entering = {one for one in self._doors.entering if not crypto.joined(one)}
        await inbox.put(self.name, found, token)
        self._start_over = False
        await self._keep_keys(crypto)
        ids = [self._book.id_of(room.address) for room in self._book.rooms]
        if first and not all(room_id is not None and crypto.joined(room_id) for room_id in ids):
            await self._doors.look()
        await self._doors.accept()
        await self._tell_declined(inbox)
        self._last = self._clock.now()
        self._trouble = "connected"
        self._synced.set()
        quick = self._last - began < timedelta(seconds=1)
        if quick and token == since and not first and not self._doors.hurry:
            await asyncio.sleep(1)  # a homeserver that does not wait must not make us spin

    async def _sync(self, since: str | None, first: bool) -> JSON:
        wait = 0.0 if first or self._doors.hurry else LONG_POLL
        self._doors.hurry = False
        query = {
            "timeout": str(int(wait * 1000)),
            "set_presence": "offline",
            "filter": compact(FRESH if since is None else FILTER),
        }
        if since is not None:
            query["since"] = since
            if first:
                # nio has forgotten who is in the rooms; only this tells it again.
                query["full_state"] = "true"
        return await self._wire.call("GET", "sync", query=query, timeout=120.0 if first else wait + 15)

    async def _digest(self, crypto: Crypto, answer: JSON, since: str | None) -> list[Event]:
        """Everything one sync brought. Raises Upstream when a part is missing: then nothing counts."""
        came = crypto.feed_devices(items(part(answer, "to_device").get("events")))
        crypto.feed_lists(answer)  # before the rooms: who lost a device says nothing with it any more
        found: list[Event] = []
        for room_id, joined in part(answer, "rooms", "join").items():
            if isinstance(joined, dict):
                found += await self._joined(crypto, str(room_id), joined, since)
        for room_id in part(answer, "rooms", "leave"):
            crypto.leave(room_id)
            self._doors.entering.discard(room_id)
        self._doors.note(answer)
        if came:
            found += await self._try_again(crypto)
        return found

    async def _joined(self, crypto: Crypto, room_id: str, joined: JSON, since: str | None) -> list[Event]:
        timeline = part(joined, "timeline")
        state, raws = items(part(joined, "state").get("events")), items(timeline.get("events"))
        heard = crypto.feed_room(room_id, state, raws)
        await self._doors.follow(room_id, [*state, *raws])
        room = self._book.at(room_id)
        if room is None or since is None or self._laid_bare(room, crypto):
            return []
        me = crypto.login.user
        came_in = any(events.after_own_join([one.raw], me)[1] for one in heard)
        if timeline.get("limited") and not came_in and isinstance(timeline.get("prev_batch"), str):
            back = await self._fill(crypto, room, room_id, timeline["prev_batch"], since)
            heard = [*back, *heard]
        fresh, _ = events.after_own_join([one.raw for one in heard], me)
        heard = heard[len(heard) - len(fresh) :]
        return [event for one in heard if (event := await self._judge(crypto, room, room_id, one))]

    async def _fill(self, crypto: Crypto, room: Room, room_id: str, start: str, since: str) -> list[Heard]:
        """The events between the last sync and this one's timeline, oldest first."""
        found: list[JSON] = []
        position: str | None = start
        while position is not None and len(found) < GAP_LIMIT:
            query = {"from": position, "to": since, "dir": "b", "limit": "100"}
            answer = await self._wire.call("GET", "rooms", room_id, "messages", query=query)
            chunk = [raw for raw in items(answer.get("chunk")) if isinstance(raw, dict)]
            found += chunk
            if any(events.after_own_join([raw], crypto.login.user)[1] for raw in chunk):
                break
            following = answer.get("end")
            position = following if chunk and isinstance(following, str) else None
        if len(found) >= GAP_LIMIT:
            self.counters["gap_unread"] += 1
            log.error(
                "matrix: more was said in %s than %d events; what is older is not read", room, GAP_LIMIT
            )
        else:
            log.info("matrix: filled a gap of %d events in %s", len(found), room.name or room.address)
        return [crypto.decrypt(room_id, raw) for raw in reversed(found)]

    async def _try_again(self, crypto: Crypto) -> list[Event]:
        """Events whose key had not come: perhaps it has now."""
        found: list[Event] = []
        oldest = self._clock.now() - UNREADABLE_KEPT
        waiting, self._unreadable = self._unreadable, deque(maxlen=self._unreadable.maxlen)
        for at, room, room_id, one in waiting:
            if at < oldest:
                continue
            heard = crypto.decrypt(room_id, dict(one.raw))
            if heard.unreadable:
                self._unreadable.append((at, room, room_id, one))
                continue
            event = await self._judge(crypto, room, room_id, heard)
            found += [event] if event else []
        return found

    async def _judge(self, crypto: Crypto, room: Room, room_id: str, heard: Heard) -> Event | None:
        """What an event says, with what is proved of its sender."""
        if heard.unreadable:
            await self._cannot_read(room, room_id, heard)
            return None
        ears = Ears(crypto.login.user, self._names, relations=self._settings.encryption != "required")
        trust = await self._witness.trust(crypto, room_id, heard)
        found = events.read(heard.raw, room=room, ears=ears, trust=trust, now=self._clock.now())
        return None if isinstance(found, Ignored) else found

    async def _cannot_read(self, room: Room, room_id: str, heard: Heard) -> None:
        raw = heard.raw
        unsigned = raw.get("unsigned")
        if isinstance(unsigned, dict) and "redacted_because" in unsigned:
            return
        kind = "replayed" if heard.replayed else "unreadable"
        self.counters[kind] += 1
        event_id, sender = str(raw.get("event_id")), str(raw.get("sender"))
        log.warning("matrix: %s event %s of %s: %s", kind, event_id, sender, heard.unreadable)
        if not heard.replayed:
            self._unreadable.append((self._clock.now(), room, room_id, heard))
        if self._on_ignored is not None:
            words = "a replayed message" if heard.replayed else "a message that this device cannot decrypt"
            await self._on_ignored(room, Ignored(event_id, sender, words, worth_telling=True))

    async def _keep_keys(self, crypto: Crypto) -> None:
        try:
            await crypto.housekeeping()
            self._keys_trouble = ""
        except Upstream as trouble:
            if isinstance(trouble, Answer) and trouble.errcode in DENIED:
                raise
            self._keys_trouble = f"the keys cannot be kept up: {trouble}"
            log.warning("matrix: %s", self._keys_trouble)
        else:
            await self._introduce(crypto)

    async def _tell_declined(self, inbox: Inbox) -> None:
        """Each invitation that is not followed is told once, also over restarts."""
        for (room_id, who), why in list(self._doors.declined.items()):
            if (room_id, who) in self._told or await inbox.recall(f"declined:{room_id}:{who}") is not None:
                continue
            self._told.add((room_id, who))
            log.warning("matrix: %s is not followed: %s of %s", room_id, why, who)
            if self._on_ignored is not None:
                what = Ignored(room_id, who, why, worth_telling=True)
                await self._on_ignored(Room(self.name, room_id), what)
            await inbox.remember(f"declined:{room_id}:{who}", why)

    # ---- rooms

    def _wrong_with(self, room: Room, crypto: Crypto) -> str:
        shown = f"{room.name} ({room.address})" if room.name else room.address
        room_id = self._book.id_of(room.address)
        if room_id is None:
            return f"room {shown} cannot be found: {self._book.trouble.get(room.address, 'not asked yet')}"
        if not crypto.joined(room_id):
            return f"not in room {shown}: a listed person must invite {self._settings.user}"
        if self._settings.encryption == "required" and not crypto.encrypted(room_id):
            return f"room {shown} is not encrypted, and matrix.encryption is required"
        if self._settings.encryption == "off" and crypto.encrypted(room_id):
            return f"room {shown} is encrypted, and matrix.encryption is off"
        if self._laid_bare(room, crypto):
            return f"room {shown} was encrypted and has moved to {room_id}, which is not: encrypt that one"
        return ""

    def _laid_bare(self, room: Room, crypto: Crypto) -> bool:
        """Whether the room lost its encryption by a move: who can announce one could listen, and speak for
        anybody, where only ciphertext counted."""
        *before, here = self._book.way(room.address) or [room.address]
        return not crypto.encrypted(here) and any(crypto.encrypted(one) for one in before)

    # ---- sending

    async def _bounded(self, work: Awaitable[T], doc: Doc) -> T:
        limit = SEND_TIMEOUT + UPLOAD_TIMEOUT * bool(doc.files)
        try:
            return await asyncio.wait_for(work, limit)
        except TimeoutError as trouble:
            raise Upstream(
                f"{self._settings.homeserver} took longer than {limit:.0f} s",
                ambiguous=True,
                scope=Scope.PLATFORM,
            ) from trouble

    async def _enter(self, room: Room) -> tuple[Crypto, str]:
        """The room's id, when something may be said there. Raises Upstream."""
        if not self._synced.is_set():
            try:
                await asyncio.wait_for(self._synced.wait(), FIRST_SYNC)
            except TimeoutError:
                raise Upstream(f"not connected: {self._trouble}", scope=Scope.PLATFORM) from None
        crypto = self._crypto
        if crypto is None:
            raise Upstream(f"not connected: {self._trouble}", scope=Scope.PLATFORM)
        wrong = self._wrong_with(room, crypto)
        room_id = self._book.id_of(room.address)
        if wrong or room_id is None:
            self._book.doubt(room.address)
            unasked = room_id is None and room.address not in self._book.trouble
            # A room that was just entered is not refused: the next sync will show it.
            passing = unasked or room_id in self._doors.entering
            raise Upstream(wrong, permanent=not passing, scope=Scope.ROOM)
        return crypto, room_id

    async def _say(self, room: Room, doc: Doc, key: str, thread: str | None, to: str | None = None) -> str:
        crypto, room_id = await self._enter(room)
        return await self._sender.send(crypto, room_id, doc, key=key, thread=thread, to=to)

    async def _rewrite(self, room: Room, message_id: str, doc: Doc, key: str) -> None:
        crypto, room_id = await self._enter(room)
        await self._sender.edit(crypto, room_id, message_id, doc, key=key)

    def _accounts(self, person: str) -> tuple[str, ...]:
        found = self._people().named(person)
        ids = [one.user_id for one in (found.identities if found else ()) if one.platform == self.name]
        return tuple(sorted(ids))
