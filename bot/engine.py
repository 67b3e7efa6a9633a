"""The shell: a message in, an answer out. Asks the core for each decision and holds no rule itself."""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.approvals import Approvals, Heard
from bot.context import Context, Services
from bot.core.authority import EVERYTHING, Deny, authorize, may_ask, unbounded
from bot.core.command import Command, ServiceRef
from bot.core.delivery import Op, Outgoing
from bot.core.doc import Doc, File, Paragraph, line, plain, say
from bot.core.duration import say_duration
from bot.core.errors import Refused, Unknown, Upstream, UserError
from bot.core.journal import Entry, Kind
from bot.core.matching import Match, match
from bot.core.model import Choice, Event, Identity, Message, Risk, Withdrawn
from bot.core.ratelimit import RateLimit
from bot.core.redact import Redactor
from bot.core.redact_doc import redact_doc
from bot.core.text import one_line
from bot.ports import Clock, Received, Requests, Tell
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
        approvals: Approvals | None = None,
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
        self._approvals = approvals
        self._lanes: dict[Identity, asyncio.Task[None]] = {}
        self._busy: set[int] = set()

    # ---- one message ------------------------------------------------------------------------------------

    async def handle(self, message: Message, tell: Tell | None = None) -> Answer | None:
        """The answer, or None when the message is not for us. Raises nothing.

        tell: says what happens on the way, to an asker who waits; then a plan's end is part of the answer.
        """
        services = self._services()
        unknown: Unknown | None = None
        found: Match | None = None
        try:
            found = match(message.text, services.commands, services.prefix, addressed=message.addressed)
        except Unknown as trouble:
            unknown = trouble
        person = services.people.who(message.sender)
        ctx = Context(message, message.sender, person, self._clock.now(), services, self._redactor(), tell)
        request = _Request(ctx, command=found.command.name if found else "")
        try:
            heard = await self._heard(message) if found is None else None
            if found is None and unknown is None and heard is None:
                return None
            if heard is not None:
                request.command = "reply"
            return self._answer(request, await self._words_for(request, found, unknown, heard))
        except Exception:
            number = self._number()
            log.exception("fault no. %s, answering %s", number, message.id)
            request.why = f"fault {number}"
            fault = say(f"that was my fault, no. {number}: the log has the details under that number")
            return self._answer(request, fault)

    async def _heard(self, message: Message) -> Heard | None:
        """The plan that words which are no command speak to."""
        return await self._approvals.heard(message) if self._approvals is not None else None

    async def _choose(self, choice: Choice) -> Answer | None:
        """A button or a reaction. What is refused is said to the one who pressed."""
        services = self._services()
        person = services.people.who(choice.by)
        room = services.named(choice.room)
        # As if it had been said, so that it is answered and written down as everything is.
        message = Message(choice.id, room, choice.by, "yes" if choice.approve else "no", choice.at)
        message = replace(message, trust=choice.trust, private=choice.private)
        ctx = Context(message, choice.by, person, self._clock.now(), services, self._redactor())
        request = _Request(ctx, command="choice")
        try:
            if self._approvals is None or not await self._approvals.choose(choice, ctx.asker):
                return None
            return self._answer(request, Doc(()))
        except Refused as refused:
            self._hush(request)
            request.kind, request.private = Kind.REFUSAL, True
            return self._answer(request, self._words(request, str(refused)))
        except Upstream as trouble:
            return self._answer(request, self._words(request, f"I could not: {trouble}"))
        except Exception:
            number = self._number()
            log.exception("fault no. %s, at the choice %s", number, choice.id)
            request.why = f"fault {number}"
            fault = say(f"that was my fault, no. {number}: the log has the details under that number")
            return self._answer(request, fault)

    def _hush(self, request: _Request) -> None:
        """One without a role is told no once a minute."""
        ctx = request.ctx
        if self._limit is not None and (ctx.person is None or not ctx.person.roles):
            told = self._told.take(f"refused {ctx.identity} {request.command}", ctx.now)
            request.quiet = told is not None

    async def _words_for(
        self, request: _Request, found: Match | None, unknown: Unknown | None, heard: Heard | None
    ) -> Doc:
        """The document to say, also when the asker's or somebody else's fault keeps us from answering."""
        ctx = request.ctx
        try:
            self._pace(request)
            if heard is not None and self._approvals is not None:
                return await self._reply(request, heard, self._approvals)
            if found is None:
                raise unknown or Unknown(one_line(ctx.message.text, 40))
            # What carries out a plan has bounds of its own.
            bound = LONGEST_RUN.total_seconds()
            patient = found.command.votes or found.command.risk is not Risk.READ
            async with asyncio.timeout(None if patient and ctx.tell is not None else bound):
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
        document = redact_doc(say(text), request.ctx.redactor)
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
            self._hush(request)
            raise Refused(refused.reason)
        if command.risk is not Risk.READ and await self._asked_before(ctx.message):
            return Doc(())
        if command.risk is not Risk.READ and ctx.now - ctx.message.at > STALE:
            raise Refused(f"that was said {_ago(ctx)}, and a change must be asked for now; say it again")
        args = command.parse(found.rest, services.prefix)
        targets = await self._targets(ctx, command, args)
        verdict = authorize(asker, command, targets, services.policy, services.people)
        if isinstance(verdict, Deny):
            raise Refused(verdict.reason)
        request.why = verdict.reason
        if verdict.rule is None:
            return await self._call(request, command, args)
        if self._approvals is None:
            raise Refused(verdict.reason)
        return await self._approvals.ask(ctx, command, args, targets, verdict.rule)

    async def _call(self, request: _Request, command: Command, args: dict[str, object]) -> Doc:
        try:
            return await command.handler(request.ctx, **args)
        except Refused:
            if command.votes:
                self._hush(request)
            raise

    async def _asked_before(self, message: Message) -> bool:
        return self._approvals is not None and await self._approvals.asked_before(message)

    async def _reply(self, request: _Request, heard: Heard, approvals: Approvals) -> Doc:
        """Words of yes or no to a plan."""
        try:
            return await approvals.reply(heard, request.ctx.asker, request.ctx.message)
        except Refused:
            self._hush(request)
            raise

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
        silent = request.quiet or not (document.blocks or document.files)
        return Answer(None if silent else document, (asked, answered), request.private)

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
                        self._busy.add(received.id)
                        before = self._lanes.get(_speaker(received.event))
                        task = group.create_task(self._finish(requests, received, before, slots))
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

    async def _consider(self, event: Event) -> Answer | None:
        match event:
            case Message():
                return await self.handle(event)
            case Choice():
                return await self._choose(event)
            case Withdrawn():
                await self._withdrawn(event)
                return None

    async def _withdrawn(self, gone: Withdrawn) -> None:
        """Until it is known that nothing was asked or voted with it; a full disk passes."""
        pause = 0.5
        while self._approvals is not None:
            try:
                await self._approvals.withdrawn(gone)
                return
            except Upstream as trouble:
                log.error("a withdrawal waits: %s", trouble)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30)
            except Exception:
                log.exception("at the withdrawal %s", gone.id)
                return

    async def _outcome(self, event: Event) -> tuple[list[Outgoing], tuple[Entry, ...]]:
        """What is to be said and what the journal hears."""
        answer = await self._consider(event)
        if answer is None:
            return [], self._not_obeyed(event)
        return [_outgoing(event, answer)] if answer.doc else [], answer.entries

    def _fault(self, event: Event) -> tuple[Entry, ...]:
        """For the journal, in letters that can be written: this event tripped a bug of ours. Logs it."""
        number = self._number()
        log.exception("fault no. %s, at the event %r", number, event.id)
        who, where = (ascii(str(one))[1:-1] for one in (_speaker(event), event.room.place))
        return (Entry(Kind.REFUSAL, who, place=where, about={"id": event.id, "why": f"fault {number}"}),)

    async def _finish(
        self,
        requests: Requests,
        received: Received,
        before: "asyncio.Task[None] | None",
        slots: asyncio.Semaphore,
    ) -> None:
        # No slot while waiting for one's own: else whoever asks a lot behind a slow request takes them all.
        if before is not None:
            await asyncio.wait([before])
        event = received.event
        async with slots:
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
        return redact_doc(document, redactor)
    files = [await _redacted_file(redactor, file) for file in document.files]
    return replace(redact_doc(replace(document, files=()), redactor), files=tuple(files))


async def _redacted_file(redactor: Redactor, file: File) -> File:
    if file.media_type.startswith("image/"):
        return redact_doc(Doc((), (file,)), redactor).files[0]
    text = file.content.decode("utf-8", "surrogateescape")
    safe = [await asyncio.to_thread(redactor.text, piece) for piece in pieces(text)]
    content = "".join(safe).encode("utf-8", "surrogateescape")
    return File(redactor.text(file.name), file.media_type, content)


def _outgoing(event: Event, answer: Answer) -> Outgoing:
    assert answer.doc is not None  # silence is not delivered
    name = f"answer:{event.id}"
    if answer.private:
        # A whisper's `thread` names to whom.
        return Outgoing(name, event.room, Op.WHISPER, name, answer.doc, _speaker(event).user_id)
    thread = event.thread if isinstance(event, Message) else None
    return Outgoing(name, event.room, Op.ROOT, name, answer.doc, thread)


def _speaker(event: Event) -> Identity:
    return event.sender if isinstance(event, Message) else event.by


def _ago(ctx: Context) -> str:
    return f"{say_duration(ctx.now - ctx.message.at)} ago"
