"""The shell: a message in, an answer out. Asks the core for each decision and holds no rule itself."""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.context import Context, Services
from bot.core.authority import EVERYTHING, Deny, NeedsApproval, authorize, may_ask, unbounded
from bot.core.command import Command, ServiceRef
from bot.core.delivery import Op, Outgoing
from bot.core.doc import Doc, File, Paragraph, line, plain, say
from bot.core.duration import say_duration
from bot.core.errors import Refused, Unknown, Upstream, UserError
from bot.core.journal import Entry, Kind
from bot.core.matching import Match, match
from bot.core.model import Event, Identity, Message, Risk, Withdrawn
from bot.core.ratelimit import RateLimit
from bot.core.redact import Redactor
from bot.core.text import one_line
from bot.ports import Clock, Received, Requests
from estate.logs import pieces

log = logging.getLogger("tocsin.engine")

STALE = timedelta(seconds=60)
"""A command older than this when it arrives: reading says when it was asked, changing is refused."""
LONGEST_RUN = timedelta(seconds=120)
"""Every socket bounds its own calls; this bounds their sum."""
LONG_FILE = 8192
"""Bytes of files that are redacted without leaving the loop."""
AT_ONCE = 256
"""Requests in work at the same time; of one person, one."""

Resolve = Callable[[Services, ServiceRef], Awaitable[Sequence[str]]]
"""From what was typed to every name of the one thing it means. Raises Unknown with what is near."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of one message. `doc` is None when silence is the answer."""

    doc: Doc | None
    entries: tuple[Entry, ...]
    private: bool = False
    """For the sender's eyes, where the platform can."""


@dataclass(slots=True)
class _Request:
    """One message on its way through."""

    ctx: Context
    command: str = ""
    kind: Kind = Kind.ANSWER
    why: str = ""
    quiet: bool = False
    private: bool = False


async def as_typed(services: Services, ref: ServiceRef) -> Sequence[str]:
    """The resolver where there is nothing to resolve against."""
    return (str(ref),)


def fault_number() -> str:
    """Four characters by which a fault is found in the log."""
    return secrets.token_hex(2).upper()


class Engine:
    """One for all platforms. `services` and `redactor` are asked at each message: both may change."""

    def __init__(
        self,
        services: Callable[[], Services],
        clock: Clock,
        redactor: Callable[[], Redactor],
        *,
        rate: tuple[int, timedelta] | None = None,
        resolve: Resolve = as_typed,
        number: Callable[[], str] = fault_number,
    ) -> None:
        self._services = services
        self._clock = clock
        self._redactor = redactor
        self._rate = rate
        self._limit = RateLimit(*rate) if rate else None
        # Refusals to one who has no role, and to one who asks too often, are said once a minute.
        self._told = RateLimit(1, timedelta(minutes=1))
        self._resolve = resolve
        self._number = number
        self._lanes: dict[Identity, asyncio.Task[None]] = {}
        self._busy: set[int] = set()

    # ---- one message ------------------------------------------------------------------------------------

    async def handle(self, message: Message) -> Answer | None:
        """The answer, or None when the message is not for us. Raises nothing."""
        services = self._services()
        unknown: Unknown | None = None
        found: Match | None = None
        try:
            found = match(message.text, services.commands, services.prefix, addressed=message.addressed)
        except Unknown as trouble:
            unknown = trouble
        if found is None and unknown is None:
            return None
        person = services.people.who(message.sender)
        ctx = Context(message, message.sender, person, self._clock.now(), services, self._redactor())
        request = _Request(ctx, command=found.command.name if found else "")
        try:
            return self._answer(request, await self._words_for(request, found, unknown))
        except Exception:
            number = self._number()
            log.exception("fault no. %s, answering %s", number, message.id)
            request.why = f"fault {number}"
            fault = say(f"that was my fault, no. {number}: the log has the details under that number")
            return self._answer(request, fault)

    async def _words_for(self, request: _Request, found: Match | None, unknown: Unknown | None) -> Doc:
        """The document to say, also when the asker's or somebody else's fault keeps us from answering."""
        ctx = request.ctx
        try:
            self._pace(request)
            if found is None:
                raise unknown or Unknown(one_line(ctx.message.text, 40))
            async with asyncio.timeout(LONGEST_RUN.total_seconds()):
                document = await self._obey(request, found)
            return await _redacted(ctx.redactor, self._dated(ctx, document))
        except UserError as trouble:
            request.kind = Kind.REFUSAL if isinstance(trouble, Refused) else Kind.ANSWER
            request.private = ctx.message.private is not None
            return self._words(request, str(trouble))
        except Upstream as trouble:
            return self._words(request, f"I could not: {trouble}")
        except TimeoutError:
            return self._words(request, "I could not: it took too long; try again, or look at the log")

    def _words(self, request: _Request, text: str) -> Doc:
        document = request.ctx.redactor.doc(say(text))
        request.why = plain(document)
        return document

    def _pace(self, request: _Request) -> None:
        """Raises Refused when this person asks too often."""
        if self._limit is None or self._rate is None:
            return
        ctx = request.ctx
        who = ctx.person.name if ctx.person else str(ctx.identity)
        wait = self._limit.take(who, ctx.now)
        if wait is None:
            return
        request.quiet = self._told.take(f"pace {who}", ctx.now) is not None
        count, per = self._rate
        again = say_duration(max(wait, timedelta(seconds=1)))
        raise Refused(f"more than {count} commands in {say_duration(per)}; ask again in {again}")

    async def _obey(self, request: _Request, found: Match) -> Doc:
        ctx, command = request.ctx, found.command
        services, asker = ctx.services, ctx.asker
        refused = may_ask(asker, command, services.policy, services.people)
        if refused is not None:
            if self._limit is not None and (ctx.person is None or not ctx.person.roles):
                told = self._told.take(f"refused {ctx.identity} {command.name}", ctx.now)
                request.quiet = told is not None
            raise Refused(refused.reason)
        if command.risk is not Risk.READ and ctx.now - ctx.message.at > STALE:
            raise Refused(f"that was said {_ago(ctx)}, and a change must be asked for now; say it again")
        args = command.parse(found.rest, services.prefix)
        targets = await self._targets(ctx, command, args)
        verdict = authorize(asker, command, targets, services.policy, services.people)
        if isinstance(verdict, Deny | NeedsApproval):
            raise Refused(verdict.reason)
        request.why = verdict.reason
        return await command.handler(ctx, **args)

    async def _targets(self, ctx: Context, command: Command, args: dict[str, object]) -> Sequence[str]:
        """Every name of what the command would touch."""
        if command.target is None:
            return ()
        typed = args.get(command.target.name)
        if not isinstance(typed, ServiceRef):
            return EVERYTHING
        if command.risk is Risk.READ and unbounded(ctx.person, command, ctx.services.policy):
            return (str(typed),)
        return await self._resolve(ctx.services, typed)

    def _dated(self, ctx: Context, document: Doc) -> Doc:
        if ctx.now - ctx.message.at <= STALE:
            return document
        return replace(document, blocks=(*document.blocks, Paragraph(line(f"(asked {_ago(ctx)})"))))

    def _answer(self, request: _Request, document: Doc) -> Answer:
        ctx, message = request.ctx, request.ctx.message
        text = plain(document)
        asked = Entry(
            Kind.REQUEST,
            actor=str(ctx.identity),
            person=ctx.person.name if ctx.person else "",
            place=message.room.place,
            about={
                "id": message.id,
                "command": request.command,
                "text": one_line(ctx.redactor.text(message.text), 300),
            },
        )
        answered = replace(
            asked,
            kind=request.kind,
            about={
                "to": message.id,
                "command": request.command,
                "why": one_line(request.why, 300),
                "said": not request.quiet,
                "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
            },
        )
        return Answer(None if request.quiet else document, (asked, answered), request.private)

    # ---- the durable inbox ------------------------------------------------------------------------------

    async def serve(self, requests: Requests) -> None:
        """Answer what the inbox holds, until cancelled. Each request ends in one transaction with its answer,
        so that after a kill it is answered once. One person's requests are answered in their order; nobody
        waits for somebody else's."""
        # What was in work when this fell over is not in work any more.
        self._busy.clear()
        self._lanes.clear()
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    async for received in requests.incoming():
                        if received.id in self._busy:
                            continue
                        await slots.acquire()
                        self._busy.add(received.id)
                        before = self._lanes.get(_speaker(received.event))
                        task = group.create_task(self._finish(requests, received, before))
                        task.add_done_callback(lambda _: slots.release())
                        self._lanes[_speaker(received.event)] = task
                except Upstream as trouble:
                    log.error("the inbox cannot be read: %s", trouble)
                await asyncio.sleep(1)

    def _not_obeyed(self, event: Event) -> tuple[Entry, ...]:
        """For the journal: an edit that made a command of a message, or another one of a command."""
        if not isinstance(event, Withdrawn) or not event.text:
            return ()
        services = self._services()
        try:
            found = match(event.text, services.commands, services.prefix)
        except Unknown:
            return ()
        if found is None:
            return ()
        person = services.people.who(event.by)
        about = {
            "id": event.id,
            "of": event.message_id,
            "command": found.command.name,
            "text": one_line(self._redactor().text(event.text), 300),
            "why": "an edit is never a command; it must be said anew",
        }
        name = person.name if person else ""
        return (Entry(Kind.REFUSAL, str(event.by), name, event.room.place, about),)

    async def _outcome(self, event: Event) -> tuple[list[Outgoing], tuple[Entry, ...]]:
        """What is to be said and what the journal hears."""
        if not isinstance(event, Message):
            return [], self._not_obeyed(event)
        answer = await self.handle(event)
        if answer is None:
            return [], ()
        return [_outgoing(event, answer)] if answer.doc else [], answer.entries

    def _fault(self, event: Event) -> tuple[Entry, ...]:
        """For the journal, in letters that can be written: this event tripped a bug of ours. Logs it."""
        number = self._number()
        log.exception("fault no. %s, at the event %r", number, event.id)
        who, where = (ascii(str(one))[1:-1] for one in (_speaker(event), event.room.place))
        return (Entry(Kind.REFUSAL, who, place=where, about={"id": event.id, "why": f"fault {number}"}),)

    async def _finish(
        self, requests: Requests, received: Received, before: "asyncio.Task[None] | None"
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        event = received.event
        try:
            outgoing, entries = await self._outcome(event)
        except Exception:
            outgoing, entries = [], self._fault(event)
        pause, faults = 0.5, 0
        while True:
            try:
                await requests.finish(received, outgoing, entries)
                break
            except Upstream as trouble:
                log.error("an answer waits: %s", trouble)
            except Exception:
                # The store itself trips: perhaps over what is to be written. Nobody else waits for that.
                faults += 1
                if faults == 2:
                    outgoing, entries = [], self._fault(event)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)
        self._busy.discard(received.id)
        if self._lanes.get(_speaker(event)) is asyncio.current_task():
            del self._lanes[_speaker(event)]


async def _redacted(redactor: Redactor, document: Doc) -> Doc:
    """Nothing leaves without this. Long files in a thread and in pieces: a pattern holds the interpreter for
    as long as one piece takes, and a megabyte takes seconds."""
    if sum(len(file.content) for file in document.files) < LONG_FILE:
        return redactor.doc(document)
    files = [await _redacted_file(redactor, file) for file in document.files]
    return replace(redactor.doc(replace(document, files=())), files=tuple(files))


async def _redacted_file(redactor: Redactor, file: File) -> File:
    if file.media_type.startswith("image/"):
        return redactor.doc(Doc((), (file,))).files[0]
    text = file.content.decode("utf-8", "surrogateescape")
    safe = [await asyncio.to_thread(redactor.text, piece) for piece in pieces(text)]
    content = "".join(safe).encode("utf-8", "surrogateescape")
    return File(redactor.text(file.name), file.media_type, content)


def _outgoing(message: Message, answer: Answer) -> Outgoing:
    assert answer.doc is not None  # silence is not delivered
    name = f"answer:{message.id}"
    if answer.private:
        # A whisper's `thread` names to whom.
        return Outgoing(name, message.room, Op.WHISPER, name, answer.doc, message.sender.user_id)
    return Outgoing(name, message.room, Op.ROOT, name, answer.doc, message.thread)


def _speaker(event: Event) -> Identity:
    return event.sender if isinstance(event, Message) else event.by


def _ago(ctx: Context) -> str:
    return f"{say_duration(ctx.now - ctx.message.at)} ago"
