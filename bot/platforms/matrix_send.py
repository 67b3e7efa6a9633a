"""Saying something in a Matrix room: a message, its files below it, each once however often it is tried."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import Protocol

from bot.core.doc import Doc, File, say
from bot.core.errors import Upstream
from bot.platforms import matrix_html as html
from bot.platforms.matrix_event import SEEDS
from bot.platforms.matrix_http import JSON, Answer, Wire

log = logging.getLogger("tocsin.matrix")

UPLOAD_TIMEOUT = 120.0
"""Seconds for one file."""


class Sealer(Protocol):
    """What encrypts."""

    def encrypted(self, room_id: str) -> bool: ...

    async def seal(self, room_id: str, kind: str, content: JSON) -> tuple[str, JSON]: ...

    def seal_file(self, data: bytes) -> tuple[bytes, JSON]: ...


class Sender:
    """accounts: a person's Matrix ids. votes: whether reactions count, so that they are put under plans."""

    def __init__(self, wire: Wire, accounts: Callable[[str], tuple[str, ...]], *, votes: bool) -> None:
        self._wire = wire
        self._accounts = accounts
        self._votes = votes
        self._locks: dict[str, asyncio.Lock] = {}
        self._most: int | None = None

    async def send(
        self, sealer: Sealer, room_id: str, doc: Doc, *, key: str, thread: str | None, to: str | None
    ) -> str:
        """Returns the message's event id. `to` is a Matrix id that it is addressed to. Raises Upstream."""
        shown = html.render(
            doc, accounts=self._accounts, in_thread=thread is not None, reactions=self._votes, to=to
        )
        content = dict(shown.content) if thread is None else html.threaded(shown.content, thread)
        sent = await self._put(sealer, room_id, "m.room.message", content, f"send:{key}")
        for number, file in enumerate(shown.files):
            await self._attach(sealer, room_id, file, thread or sent, f"file:{key}:{number}")
        if shown.choices and self._votes:
            for seed in SEEDS[shown.stop :]:
                await self._react(sealer, room_id, sent, seed)
        return sent

    async def edit(self, sealer: Sealer, room_id: str, message_id: str, doc: Doc, *, key: str) -> None:
        """Raises Upstream. A file below is the same file as long as its name and bytes are."""
        shown = html.render(doc, accounts=self._accounts, reactions=self._votes)
        await self._put(
            sealer, room_id, "m.room.message", html.edited(shown.content, message_id), f"edit:{key}"
        )
        for file in shown.files:
            digest = hashlib.sha256(file.name.encode() + b"\0" + file.content).hexdigest()
            await self._attach(sealer, room_id, file, message_id, f"below:{message_id}:{digest}")

    async def _put(self, sealer: Sealer, room_id: str, kind: str, content: JSON, key: str) -> str:
        """One event. The transaction id is made of the key, so the homeserver keeps it single."""
        transaction = "tocsin-" + hashlib.sha256(f"{room_id}\0{key}".encode()).hexdigest()[:40]
        async with self._locks.setdefault(room_id, asyncio.Lock()):  # else order is lost
            if kind != "m.reaction":
                kind, content = await sealer.seal(room_id, kind, content)
            answer = await self._wire.call("PUT", "rooms", room_id, "send", kind, transaction, body=content)
        event_id = answer.get("event_id")
        if not isinstance(event_id, str):
            raise Upstream("send: the homeserver answers without an event id", ambiguous=True)
        return event_id

    async def _react(self, sealer: Sealer, room_id: str, target: str, key: str) -> None:
        try:
            await self._put(sealer, room_id, "m.reaction", html.reaction(target, key), f"seed:{target}:{key}")
        except Answer as refused:
            if not refused.permanent:
                raise
            # Already there, or not allowed here: the typed way always works.
            log.debug("matrix: no %s under %s: %s", key, target, refused)

    async def _attach(self, sealer: Sealer, room_id: str, file: File, root: str, key: str) -> None:
        limit = await self._limit()
        if len(file.content) > limit:
            words = f"{file.name} ({len(file.content)} bytes) is larger than the homeserver takes ({limit})"
            note = html.render(say(words), accounts=self._accounts).content
            await self._put(sealer, room_id, "m.room.message", html.threaded(note, root), key)
            return
        secret = sealer.encrypted(room_id)
        data, media_type, sealed = file.content, file.media_type, JSON()
        if secret:
            data, sealed = await asyncio.to_thread(sealer.seal_file, data)
            media_type = "application/octet-stream"
        answer = await self._wire.call(
            "POST",
            "upload",
            query={} if secret else {"filename": file.name},
            data=data,
            media_type=media_type,
            timeout=UPLOAD_TIMEOUT,
            prefix="/_matrix/media/v3/",
        )
        uri = answer.get("content_uri")
        if not isinstance(uri, str):
            raise Upstream("upload: the homeserver answers without an address")
        source = {"file": {**sealed, "url": uri}} if secret else {"url": uri}
        content = html.threaded(html.attachment(file, source), root)
        await self._put(sealer, room_id, "m.room.message", content, key)

    async def _limit(self) -> int:
        """The largest upload that the homeserver takes, in bytes."""
        if self._most is None:
            try:
                answer = await self._wire.call("GET", "media", "config", prefix="/_matrix/client/v1/")
            except Answer as refused:
                if refused.status != 404:
                    raise
                answer = await self._wire.call("GET", "config", prefix="/_matrix/media/v3/")
            size = answer.get("m.upload.size")
            self._most = size if isinstance(size, int) else 50 * 1024 * 1024
        return self._most
