"""The terminal as a chat: seats, rooms, one line in, one answer out. It needs no account and no network.

A terminal gets a prompt, colours and tables (`console_prompt`, imported only then). A pipe gets plain text,
flushed, and nothing that was not asked for except alerts.
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Protocol

from bot.core.authority import describe
from bot.core.doc import Doc, File, plain, plain_with
from bot.core.errors import Upstream
from bot.core.journal import Entry
from bot.core.model import Identity, Message, People, Person, Readiness, Room, Trust
from bot.core.text import one_line
from bot.platforms.console_text import coloured, head_of, headline
from bot.ports import Clock, Inbox, Journal, Pace

NAME = "console"
ROOMS = (Room(NAME, "ops", "ops"), Room(NAME, "lounge", "lounge"))


def _seat(name: str, *roles: str) -> Person:
    return Person(name, frozenset({Identity(NAME, name)}), roles)


CAST = People((_seat("ann", "operator"), _seat("adam", "admin"), _seat("eve"), _seat("vic", "viewer")))
"""Who can be played. eve has no role."""

REMEMBERED = 10_000
"""Messages whose headline is kept, to tell a new one from a repeated one."""

_HELP = """\
/as NAME    take a seat: {seats}
/room NAME  go to a room: {rooms}
/quit       leave; the end of input does the same
{prefix}help       the commands of the seat you are in"""


class Answered(Protocol):
    """What an engine gives back. `doc` is None for silence."""

    @property
    def doc(self) -> Doc | None: ...
    @property
    def entries(self) -> tuple[Entry, ...]: ...


Say = Callable[[Doc], Awaitable[None]]
Handle = Callable[[Message, Say], Awaitable[Answered | None]]
"""Answers a message; what happens on the way to the answer is said at once."""
Read = Callable[[], Awaitable[str | None]]
"""The next line without its end; None at the end of input."""


def to_stdout(text: str) -> None:
    """Write and flush, so that a script that waits for a line gets it."""
    sys.stdout.write(text)
    sys.stdout.flush()


def to_stderr(text: str) -> None:
    """What a script that reads the answers should not see among them."""
    sys.stderr.write(text)
    sys.stderr.flush()


class Console:
    """The platform called `console`. Implements `bot.ports.Platform` for what is sent to its rooms."""

    name = NAME
    pace: Pace | None = None
    idempotent = True

    def __init__(
        self,
        *,
        people: Callable[[], People] = lambda: CAST,
        rooms: Sequence[Room] = ROOMS,
        prefix: str = "!",
        colour: bool = False,
        files: Path | None = None,
        write: Callable[[str], None] = to_stdout,
        aside: Callable[[str], None] = to_stderr,
        width: Callable[[], int] = lambda: 80,
    ) -> None:
        self._people = people
        self._rooms = rooms
        self._prefix = prefix
        self._colour = colour
        self._files = files
        self._write = write
        self._aside = aside
        self._width = width
        self._numbers = count(1)
        self._sent: dict[str, str] = {}
        self.seat = "ann"
        self.room = rooms[0]

    # ---- what is said to the bot ------------------------------------------------------------------------

    @property
    def person(self) -> Person | None:
        return self._people().who(Identity(NAME, self.seat))

    @property
    def seats(self) -> list[str]:
        """Who can be played here."""
        accounts = (one for person in self._people().everyone for one in person.identities)
        return [one.user_id for one in accounts if one.platform == NAME]

    async def chat(self, handle: Handle, journal: Journal, clock: Clock, read: Read) -> None:
        """Read lines and answer each before the next is read, until the end of input or /quit."""
        while (text := await read()) is not None:
            if not await self.line(text, handle, journal, clock):
                return

    async def line(self, text: str, handle: Handle, journal: Journal, clock: Clock) -> bool:
        """Answer one line. False when it was /quit."""
        text = text.strip()
        if text.startswith("/"):
            return self._slash(text)
        if text:
            await self._ask(text, handle, journal, clock.now())
        return True

    async def _ask(self, text: str, handle: Handle, journal: Journal, now: datetime) -> None:
        number = next(self._numbers)
        message = Message(
            id=f"{NAME}-{now:%Y%m%dT%H%M%S}-{number}",
            room=self.room,
            sender=Identity(NAME, self.seat),
            text=text,
            at=now,
            trust=Trust(verified=True),
        )
        answer = await handle(message, self._say)
        if answer is None:
            hint = f"a command starts with {self._prefix}, like {self._prefix}help"
            self._print(f"unknown: {one_line(text, 40)} — {hint}")
            return
        try:
            # What nobody could look up later is not said.
            await journal.write(*answer.entries)
        except Upstream as trouble:
            self._print(f"I could not: {trouble}")
            return
        if answer.doc is not None:
            self._show(answer.doc)

    def _slash(self, text: str) -> bool:
        word, _, name = text.partition(" ")
        name = name.strip()
        match word:
            case "/quit":
                return False
            case "/help":
                seats, rooms = ", ".join(self.seats), ", ".join(room.name for room in self._rooms)
                self._print(_HELP.format(seats=seats, rooms=rooms, prefix=self._prefix))
            case "/as":
                self._print(self._take_seat(name))
            case "/room":
                self._print(self._enter(name))
            case _:
                self._print(f"unknown: {one_line(word, 40)} — /help lists what there is")
        return True

    def _take_seat(self, name: str) -> str:
        if not name:
            return f"usage: /as NAME — {', '.join(self.seats)}"
        if name not in self.seats:
            return f"unknown: nobody is called {one_line(name, 40)} — there are {', '.join(self.seats)}"
        self.seat = name
        return f"you are {name} ({describe(self.person)})"

    def _enter(self, name: str) -> str:
        names = ", ".join(room.name for room in self._rooms)
        found = next((room for room in self._rooms if room.name == name), None)
        if not name:
            return f"usage: /room NAME — {names}"
        if found is None:
            return f"unknown: no room is called {one_line(name, 40)} — there are {names}"
        self.room = found
        return f"you are in {name}"

    # ---- bot.ports.Platform -----------------------------------------------------------------------------

    async def preflight(self) -> None: ...

    async def run(self, inbox: Inbox) -> None:
        """Nobody is answered through the inbox: who types is answered at once, by `chat`."""
        await asyncio.Event().wait()

    async def send(self, room: Room, doc: Doc, *, key: str, thread: str | None = None) -> str:
        """Print it, once for each key. What its card just said, a thread's line does not say again."""
        message_id = f"{room.address}/{key}"
        if message_id not in self._sent:
            said = self._sent.get(thread or "", "")
            self._remember(message_id, headline(doc))
            if doc.files or not _words(plain(doc)) <= _words(said):
                self._show(doc, room, below=thread is not None)
        return message_id

    async def edit(self, room: Room, message_id: str, doc: Doc, *, key: str) -> None:
        """What was printed stays. A new headline is printed, the rest of the card is not repeated."""
        head = headline(doc)
        if self._sent.get(message_id) != head:
            self._remember(message_id, head)
            self._show(head_of(doc), room)

    def _remember(self, message_id: str, head: str) -> None:
        self._sent.pop(message_id, None)
        self._sent[message_id] = head
        if len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]

    async def find(self, room: Room, key: str, *, thread: str | None = None, since: datetime) -> str | None:
        message_id = f"{room.address}/{key}"
        return message_id if message_id in self._sent else None

    async def whisper(self, room: Room, to: Identity, doc: Doc, *, key: str) -> None:
        self._show(doc, room)

    def link(self, room: Room, message_id: str) -> str | None:
        return None

    async def ready(self) -> Readiness:
        return Readiness(True)

    async def close(self) -> None: ...

    # ---- output -----------------------------------------------------------------------------------------

    def _show(self, document: Doc, room: Room | None = None, *, below: bool = False) -> None:
        """One write for each document, so that nothing comes between its lines."""
        kept = [self._keep(file) for file in document.files]
        if not self._colour:
            self._write(f"{plain_with(document, kept)}\n")
            return
        text = coloured(Doc(document.blocks), self._width())
        if room is not None:
            elsewhere = f"[{room.name}] " if room != self.room else ""
            # Cards of several groups come one upon the other: an empty line tells them apart.
            card = "\n" if not below and len(document.blocks) > 1 else ""
            text = f"{card}{'  ↳ ' if below else ''}{elsewhere}{text}"
        self._write(text + "".join(f"{one}\n" for one in kept))

    async def _say(self, document: Doc) -> None:
        """Progress, between a line and the end of its answer."""
        self._show(document)

    def _keep(self, file: File) -> str:
        """An attachment is put beside the state; its line says where."""
        size = _size(len(file.content))
        if self._files is None:
            return f"[file {file.name}, {size}]"
        name = "".join(char if char.isalnum() or char in "-_." else "_" for char in file.name).lstrip(".")
        path = self._files / f"{next(self._numbers)}-{name or 'file'}"
        try:
            self._files.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(file.content)
        except OSError as trouble:
            return f"[file {file.name}, {size}, could not be written: {trouble.strerror}]"
        return f"[file {path}, {size}]"

    def note(self, text: str) -> None:
        """A line about the console itself. Not among a pipe's answers: there it goes to standard error."""
        if self._colour:
            self._print(text)
        else:
            self._aside(f"{text}\n")

    def _print(self, text: str) -> None:
        self._write(f"{text}\n")


def _words(text: str) -> set[str]:
    return {word.strip(":,()") for word in text.split()}


def _size(count: int) -> str:
    return f"{count} bytes" if count < 10_000 else f"{count / 1000:.0f} kB"


class PipeLines:
    """Lines from standard input, read one at a time by a thread of its own.

    Only when a line is asked for: what was not answered is not read. A daemon thread, because a read that
    waits for ever must not keep the process from ending; and a pipe as well as a plain file can be read so.
    """

    def __init__(self) -> None:
        self._wanted = threading.Semaphore(0)
        self._waiting: asyncio.Future[bytes] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self) -> str | None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, args=(self._loop,), name="stdin", daemon=True).start()
        self._waiting = self._loop.create_future()
        self._wanted.release()
        raw = await self._waiting
        return raw.decode("utf-8", "replace").rstrip("\r\n") if raw else None

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            self._wanted.acquire()
            try:
                raw = sys.stdin.buffer.readline()
            except (OSError, ValueError):
                raw = b""
            try:
                loop.call_soon_threadsafe(self._deliver, self._waiting, raw)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

    @staticmethod
    def _deliver(waiting: "asyncio.Future[bytes] | None", raw: bytes) -> None:
        if waiting is not None and not waiting.done():
            waiting.set_result(raw)
