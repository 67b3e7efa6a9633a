"""Plans and the yes to them: asked, voted on, carried out once, and told. The shell around core.approval.

Every way in (a typed code, a button, a reaction, a reply, a seat in the console) ends in `_say`, and every
vote goes through `authority.may_vote`. What is decided is on disk together with what is said about it.
"""

import asyncio
import itertools
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.context import Context, Run, Services
from bot.core import approval as life
from bot.core.approval import OPEN, Approval, State, Vote
from bot.core.authority import Asker, Ballot, Deny, authorize, may_break, may_vote, voters
from bot.core.command import Command, Parts
from bot.core.delivery import Op, Outgoing
from bot.core.doc import Doc, Line, Paragraph, Strong, Text, line, plain, say
from bot.core.duration import say_duration
from bot.core.errors import NotDone, Refused, RolledBack, Unknown, Upstream, UserError
from bot.core.glass import LONGEST_REASON, Glass, Signature
from bot.core.glass_card import alarm, alarm_over, unsigned
from bot.core.journal import Entry, Kind
from bot.core.matching import match
from bot.core.model import Choice, Message, Person, Room, Withdrawal, Withdrawn
from bot.core.plan import Plan, as_code, differences, policy_version
from bot.core.plan_card import Asked, ended, moved_card, plan_card, verdict_word
from bot.core.policy import Ask, Rule
from bot.core.redact import Redactor
from bot.core.redact_doc import redact_doc
from bot.core.reply import Reply, read_reply
from bot.core.steps import OnStep, Step, no_step
from bot.core.text import one_line
from bot.ports import Clock, PlanView, Tell
from bot.store.approvals import ApprovalStore, Stored, Telling

log = logging.getLogger("tocsin.approvals")

PREVIEW = timedelta(seconds=60)
"""How long a plan may take to be made."""
FINDING = timedelta(seconds=10)
"""How long looking around may take at start, before the room is told."""
LONGEST_EXECUTION = timedelta(minutes=60)
"""Every command bounds its own; this is for one that forgot to."""
MOST_MOVES = 12
"""Differences that are shown when a plan has drifted; the journal has them all."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that was said to a plan's card, and what it says."""

    stored: Stored
    reply: Reply
    to_card: bool
    """A reply to the card itself, not only talk in its thread."""
    among: tuple[str, ...] = ()
    """The codes of all that it may mean, when several plans stand in this thread."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why a plan that was approved is not run."""

    state: State
    why: str
    moves: tuple[str, ...] = ()


class Approvals:
    """One for all platforms. `direct`: platforms whose asker waits for the end, so that nothing is queued for
    them: the console."""

    def __init__(
        self,
        store: ApprovalStore,
        services: Callable[[], Services],
        clock: Clock,
        redactor: Callable[[], Redactor],
        *,
        on_step: OnStep = no_step,
        direct: frozenset[str] = frozenset(),
        pick: Callable[[Sequence[str]], str] = secrets.choice,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._store = store
        self._services = services
        self._clock = clock
        self._redactor = redactor
        self._step = on_step
        self._direct = direct
        self._pick = pick
        self._new_id = new_id
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[str, asyncio.Task[Doc]] = {}
        # Whose asker waits for the end is carried out for that asker, and not by `serve`.
        self._attended: set[str] = set()
        self._news = asyncio.Event()

    # ---- asking -----------------------------------------------------------------------------------------

    async def asked_before(self, message: Message) -> bool:
        """Whether this very message made a plan: it is answered once, also after a kill."""
        return bool(await self._store.by_request(message.sender.platform, message.id))

    async def ask(
        self, ctx: Context, command: Command, args: dict[str, object], targets: Sequence[str], rule: Rule
    ) -> Doc:
        """Show what would happen and wait for those who may say yes. What is returned is said to the asker
        at once; it is empty where the card goes through the outbox. Raises what the preview raises."""
        assert ctx.person is not None  # who is not listed was refused
        parts = await command.splitter(ctx, **args) if command.splitter is not None else None
        if parts is not None:
            return await self._ask_each(ctx, command, args, targets, rule, parts)
        key = self._new_id()
        with self._attending(key):
            stored = await self._create(ctx, command, args, targets, rule, key)
            card = stored.card if ctx.message.room.platform in self._direct else Doc(())
            if stored.approval.needed:
                return card
            if ctx.tell is None:
                self._start(key)
                return card
            await ctx.tell(redact_doc(card, ctx.redactor))
            return await self._carry_out(key, ctx.tell)

    async def _ask_each(
        self,
        ctx: Context,
        command: Command,
        args: dict[str, object],
        targets: Sequence[str],
        rule: Rule,
        parts: Parts,
    ) -> Doc:
        """A plan for each part; each is voted on and carried out by itself."""
        cards = []
        for name in parts.names:
            stored = await self._create(ctx, command, args, targets, rule, self._new_id(), name)
            cards.append(stored.card)
            if not stored.approval.needed:
                self._start(stored.approval.id)
        if ctx.message.room.platform not in self._direct:
            return parts.said
        blocks = [block for card in cards for block in card.blocks]
        return Doc((*parts.said.blocks, *blocks), tuple(file for card in cards for file in card.files))

    async def _create(
        self,
        ctx: Context,
        command: Command,
        args: dict[str, object],
        targets: Sequence[str],
        rule: Rule,
        key: str,
        part: str = "",
    ) -> Stored:
        plan = await self._plan(ctx, command, args, part)
        stored = await self._store.create(
            lambda code: self._draft(ctx, command, targets, rule, plan, key, code, part), self._pick
        )
        self._step(Step.PLAN_COMMITTED)
        self._news.set()
        return stored

    async def _plan(self, ctx: Context, command: Command, args: dict[str, object], part: str = "") -> Plan:
        assert command.planner is not None  # held for every command above reading
        async with asyncio.timeout(PREVIEW.total_seconds()):
            plan: Plan = await command.planner(ctx, **args, **_named(part))
        who = f"{ctx.person.name if ctx.person else ''} {ctx.identity}"
        return replace(plan, requester=who, policy=policy_version(ctx.services.policy))

    def _draft(
        self,
        ctx: Context,
        command: Command,
        targets: Sequence[str],
        rule: Rule,
        plan: Plan,
        key: str,
        code: str,
        part: str = "",
    ) -> tuple[Stored, Telling]:
        assert ctx.person is not None
        now, room = ctx.now, ctx.services.named(ctx.message.room)
        approval = Approval(key, code, plan.digest, ctx.person.name, rule, expires=now + rule.expires)
        if not approval.needed:
            approval = life.move(approval, State.APPROVED, "the policy asks nobody")
        names = tuple(p.name for p in voters(rule, ctx.person.name, ctx.services.people))
        asked = Asked(ctx.person.name, ctx.identity, names)
        redactor = ctx.redactor
        card = redact_doc(plan_card(plan, approval, asked, now, ctx.services.prefix, redactor.text), redactor)
        stored = Stored(
            approval=approval,
            command=command.name,
            targets=tuple(targets),
            subject=plan.subject,
            plan=plan.canonical,
            policy=plan.policy,
            request=ctx.message,
            room=room.name,
            card=card,
            asked=now,
            part=part,
        )
        about = {"digest": plan.digest, "plan": plan.content, "request": ctx.message.id}
        entry = self._entry(stored, Kind.PLAN, str(ctx.identity), ctx.person.name, **about)
        return stored, Telling(self._cards(stored, ctx.message), [entry])

    def _cards(self, stored: Stored, message: Message) -> list[Outgoing]:
        """The card at every place of the room; in the thread where it was asked."""
        places = self._services().rooms.get(stored.room, ())
        return [
            Outgoing(
                stored.lane,
                place,
                Op.ROOT,
                f"{stored.lane}:{place.platform}",
                stored.card,
                message.thread if place == message.room else None,
            )
            for place in places
            if place.platform not in self._direct
        ]

    # ---- what people say --------------------------------------------------------------------------------

    async def approve(self, asker: Asker, code: str, said: str, tell: Tell | None = None) -> Doc:
        stored = await self._by_code(code)
        if tell is None:
            stored = await self._say(stored, asker, True, said)
            if stored.approval.state is State.APPROVED:
                self._start(stored.approval.id)
            return self._counted(stored)
        with self._attending(stored.approval.id):
            stored = await self._say(stored, asker, True, said)
            if stored.approval.state is not State.APPROVED:
                return self._counted(stored)
            return await self._carry_out(stored.approval.id, tell)

    @contextmanager
    def _attending(self, key: str) -> Iterator[None]:
        self._attended.add(key)
        try:
            yield
        finally:
            self._attended.discard(key)

    async def deny(self, asker: Asker, code: str, said: str) -> Doc:
        return self._counted(await self._say(await self._by_code(code), asker, False, said))

    async def cancel(self, asker: Asker, code: str) -> Doc:
        stored = await self._by_code(code)
        self._here(stored, asker)
        person = asker.person
        if person is None or person.name != stored.approval.requester:
            raise Refused(
                f"only {stored.approval.requester}, who asked for {stored.approval.code}, can take it back;"
                f" deny {stored.approval.code} says no"
            )
        why = f"{person.name} took it back"
        return self._counted(await self._close(stored, State.CANCELLED, why, asker))

    async def pending(self) -> Sequence[PlanView]:
        await self.expire()
        return [self._view(one) for one in (*await self._store.pending(), *await self._store.unsigned())]

    async def why(self, asker: Asker, code: str) -> str:
        stored = await self._by_code(code)
        approval = stored.approval
        if not approval.state.pending and not approval.unsigned:
            return life.past(approval)
        ballot = self._ballot(stored, approve=True)
        services = self._services()
        denied = may_vote(asker, ballot, services.policy, services.people)
        own = asker.person is not None and not approval.may_count(asker.person.name)
        named = f"{approval.code} ({stored.command} {stored.subject})"
        if approval.unsigned and approval.glass is not None:
            own = own or (asker.person is not None and asker.person.name == approval.glass.person)
            who = f"{named} ran without the votes, and wants the signature of {self._signers(stored)[1]}"
        else:
            names = ", ".join(p.name for p in voters(approval.rule, approval.requester, services.people))
            who = f"{named} wants {approval.needed} yes of {names or 'nobody: nobody holds the role'}"
            who += f"; it has {len(approval.yes)}"
        if approval.state is State.COUNTDOWN and approval.glass is not None:
            who += f". {approval.why}; it runs at {approval.glass.runs:%H:%M:%S} UTC unless somebody says no"
        if asker.room.name != stored.room:
            return f"{who}. It stands in {stored.room}, and a yes must be said there"
        if denied is not None:
            return f"{who}. You may not: {denied.reason}"
        if own:
            did = "broke the glass or asked for it" if approval.unsigned else "asked for it"
            return f"{who}. You may not: you {did}"
        return f"{who}. You may sign it off" if approval.unsigned else f"{who}. You may say yes"

    async def choose(self, choice: Choice, asker: Asker) -> bool:
        """A button or a reaction. False when it stands on no plan of ours. Raises Refused."""
        on = await self._store.lane_of(choice.room, choice.message_id)
        key = choice.approval_id or on
        stored = await self._store.get(key) if key is not None else None
        if stored is None:
            if choice.approval_id is None:
                return False
            raise Refused("that button belongs to no plan that I know; ask again for a new plan")
        if on is not None and on != stored.approval.id:
            raise Refused("that button does not belong to this plan")
        after = await self._say(stored, asker, choice.approve, choice.id)
        if after.approval.state is State.APPROVED:
            self._start(after.approval.id)
        return True

    async def heard(self, message: Message) -> Heard | None:
        """The plan that a message which is no command speaks to, if it does: by replying to its card, by
        standing in its thread, or by a word of yes or no with its code."""
        reply = read_reply(message.text)
        believed = self._services().encryption.get(message.room.platform) != "required"
        for target in dict.fromkeys(filter(None, (message.reply_to, message.thread))):
            key = await self._store.lane_of(message.room, target)
            stored = await self._store.get(key) if key is not None else None
            if stored is None:
                continue
            if not believed and reply.approve is not None and reply.code is None:
                # Whom it answers stands outside of the encryption, where the homeserver can change it.
                reply = Reply(None, None, hints=True)
            threaded = message.thread == target and message.reply_to in {None, message.thread}
            return Heard(stored, reply, to_card=not threaded)
        if reply.approve is not None and reply.code is None and message.thread is not None:
            return await self._heard_beside(message, reply, believed)
        if reply.approve is not None and reply.code is not None:
            stored = await self._store.by_code(reply.code)
            if stored is not None and (stored.approval.state.pending or stored.approval.unsigned):
                return Heard(stored, reply, to_card=True)
        return None

    async def _heard_beside(self, message: Message, reply: Reply, believed: bool) -> Heard | None:
        """A word of yes or no in somebody's thread, where a plan's card stands among other talk. A reply may
        name only the thread, so it counts when its word is surely about a plan and only one stands there;
        else it is asked."""
        here = [
            one
            for one in await self._store.pending()
            if one.request.room == message.room and one.request.thread == message.thread
        ]
        if not here:
            return None
        if len(here) > 1 or not reply.sure or not believed:
            reply = Reply(None, None, hints=True)
        among = tuple(one.approval.code for one in here) if len(here) > 1 else ()
        return Heard(here[-1], reply, to_card=False, among=among)

    async def reply(self, heard: Heard, asker: Asker, message: Message) -> Doc:
        """What comes of it; empty when the card says it. Raises Refused; asks when it is unclear."""
        stored, reply = heard.stored, heard.reply
        code = stored.approval.code
        if reply.code is not None and reply.code != code:
            raise Refused(f"this plan's code is {code}, and you said {reply.code}: say which one you mean")
        if reply.approve is None:
            if not stored.approval.state.pending or not (heard.to_card or reply.hints):
                return Doc(())
            prefix = self._services().prefix
            if heard.among:
                codes = " or ".join(f"approve {code}" for code in heard.among)
                return say(f"Several plans wait in this thread. Say which one, with its code: {codes}")
            return say(
                "I did not take that for a yes or a no. To say yes, type ",
                f"{prefix}approve {code}; to say no, {prefix}deny {code}",
            )
        after = await self._say(stored, asker, reply.approve, message.id)
        if after.approval.state is State.APPROVED:
            self._start(after.approval.id)
        return Doc(())

    async def withdrawn(self, gone: Withdrawn) -> None:
        """A request, a vote or a card was edited or redacted."""
        how = "edited" if gone.how is Withdrawal.EDITED else "redacted"
        platform = gone.room.platform
        requests = await self._store.by_request(platform, gone.message_id)
        for request in requests:
            if gone.how is Withdrawal.REDACTED or gone.by == request.request.sender:
                await self._withdraw(request, State.CANCELLED, f"the request was {how}", gone)
        if requests:
            return
        broken = await self._store.by_glass(platform, gone.message_id)
        if broken is not None and broken.approval.glass is not None:
            if broken.approval.state is not State.COUNTDOWN:
                return
            if gone.how is Withdrawal.REDACTED or gone.by == broken.approval.glass.identity:
                await self._withdraw(
                    broken, State.CANCELLED, f"the word that broke the glass was {how}", gone
                )
            return
        voted = await self._store.by_vote(platform, gone.message_id)
        if voted is not None:
            ours = next((v for v in voted.approval.votes if v.event_id == gone.message_id), None)
            if ours is not None and (gone.how is Withdrawal.REDACTED or gone.by == ours.identity):
                await self._unvote(voted, ours, how, gone)
            return
        card = await self._store.lane_of(gone.room, gone.message_id)
        stored = await self._store.get(card) if card is not None else None
        if stored is not None and gone.how is Withdrawal.REDACTED:
            await self._withdraw(stored, State.CANCELLED, "its card was removed", gone)

    async def _withdraw(self, stored: Stored, to: State, why: str, gone: Withdrawn) -> None:
        if stored.approval.state.pending:
            person = self._services().people.who(gone.by)
            try:
                await self._move(stored, to, why, str(gone.by), person.name if person else "")
            except Refused:
                log.info("%s: %s, too late", stored.approval.code, why)

    async def _unvote(self, stored: Stored, ours: Vote, how: str, gone: Withdrawn) -> None:
        def tell(now: Stored, homes: Sequence[Room]) -> Telling:
            said = f"the yes of {ours.person} was {how}: it no longer counts"
            entry = self._entry(now, Kind.VOTE, str(gone.by), ours.person, withdrawn=gone.message_id, how=how)
            return Telling(self._edits(now, homes, f"unvote:{gone.id}", [line(said)], aloud=True), [entry])

        key = stored.approval.id
        await self._store.change(key, lambda one: life.withdraw(one, ours.event_id, how), tell)

    async def _say(self, stored: Stored, asker: Asker, approve: bool, said: str) -> Stored:
        """One person's yes or no. Everything that is said about a plan comes through here. Raises Refused."""
        services = self._services()
        already = await self._store.by_vote(asker.identity.platform, said)
        if already is not None and already.approval.id == stored.approval.id:
            return already  # heard again after a kill: it counted then
        signed = stored.approval.glass.signed if stored.approval.glass is not None else None
        if signed is not None and (signed.identity, signed.event_id) == (asker.identity, said):
            return stored
        self._here(stored, asker)
        denied = may_vote(asker, self._ballot(stored, approve), services.policy, services.people)
        if denied is not None:
            raise Refused(denied.reason)
        assert asker.person is not None  # may_vote refuses whom nobody listed
        if approve and stored.approval.unsigned:
            return await self._sign(stored, asker, asker.person, said)
        await self._expire(stored)
        cast = Vote(
            asker.person.name,
            asker.identity,
            approve,
            self._clock.now(),
            said,
            asker.person.roles,
            asker.trust,
        )
        after = await self._store.change(
            stored.approval.id, lambda one: life.vote(one, cast), lambda now, at: self._voted(now, at, cast)
        )
        self._step(Step.VOTE_COMMITTED)
        self._news.set()
        return after

    def _voted(self, now: Stored, homes: Sequence[Room], cast: Vote) -> Telling:
        approval, word = now.approval, "yes" if cast.approve else "no"
        entry = self._entry(
            now,
            Kind.VOTE,
            str(cast.identity),
            cast.person,
            vote=word,
            event=cast.event_id,
            roles=list(cast.roles),
            state=approval.state.value,
        )
        said = line(f"{word} from {cast.person} (", Text(str(cast.identity)), f"){self._count(approval)}")
        tail = [said] if approval.state in OPEN else [line(self._last_words(approval))]
        outgoing = self._edits(now, homes, f"vote:{cast.event_id}", tail, aloud=False)
        outgoing += self._lines(now, homes, f"vote:{cast.event_id}", Doc((Paragraph(said),)))
        if approval.state is State.DENIED:
            outgoing += self._lines(now, homes, "end", say(self._last_words(approval)))
        return Telling(outgoing, [entry])

    @staticmethod
    def _count(approval: Approval) -> str:
        return f", {len(approval.yes)} of {approval.needed}" if approval.needed > 1 else ""

    def _counted(self, stored: Stored) -> Doc:
        """The answer to who typed it."""
        approval = stored.approval
        if approval.state in OPEN:
            return say(f"{len(approval.yes)} of {approval.needed} yes for {approval.code}")
        if approval.glass is not None and approval.glass.signed is not None:
            return say(f"{approval.code} is signed off by {approval.glass.signed.person}")
        return say(self._last_words(approval))

    def _here(self, stored: Stored, asker: Asker) -> None:
        """A plan is voted on where everybody sees it."""
        if asker.person is not None and asker.room.name and asker.room.name != stored.room:
            raise Refused(f"{stored.approval.code} stands in the room {stored.room}; say it there")

    def _ballot(self, stored: Stored, approve: bool) -> Ballot:
        command = self._command(stored)
        approval = stored.approval
        counting = approval.state is State.COUNTDOWN
        return Ballot(command, stored.targets, approval.rule, approval.requester, approve, counting)

    def _command(self, stored: Stored) -> Command:
        found = next((one for one in self._services().commands if one.name == stored.command), None)
        if found is None:
            raise Refused(f"{stored.command} is no command any more; {stored.approval.code} cannot run")
        return found

    async def _by_code(self, text: str) -> Stored:
        code = as_code(text)
        stored = await self._store.by_code(code)
        if stored is None:
            prefix = self._services().prefix
            raise Refused(f"no plan has the code {one_line(code, 20)}; {prefix}pending lists what waits")
        return stored

    def _view(self, stored: Stored) -> PlanView:
        approval = stored.approval
        names = [p.name for p in voters(approval.rule, approval.requester, self._services().people)]
        return PlanView(
            code=approval.code,
            command=stored.command,
            subject=stored.subject,
            requester=approval.requester,
            room=stored.room,
            yes=tuple(vote.person for vote in approval.yes),
            needed=approval.needed,
            who=self._signers(stored)[1] if approval.unsigned else ", ".join(names) or "nobody",
            expires=approval.expires,
            runs=approval.glass.runs if approval.state is State.COUNTDOWN and approval.glass else None,
            unsigned=approval.unsigned,
        )

    # ---- breaking the glass -----------------------------------------------------------------------------

    async def break_glass(self, asker: Asker, code: str, reason: str, said: str) -> Doc:
        stored = await self._by_code(code)
        self._here(stored, asker)
        services, now = self._services(), self._clock.now()
        denied = may_break(asker, self._ballot(stored, True), services.policy, services.people)
        if denied is not None:
            raise Refused(denied.reason)
        line_ = services.policy.break_glass
        assert line_ is not None  # may_break refuses without one
        assert asker.person is not None  # and whom nobody listed
        await self._expire(stored)
        why = one_line(self._redactor().text(one_line(reason)), LONGEST_REASON)
        glass = Glass(asker.person.name, asker.identity, why, now, now + line_.countdown, said, asker.trust)
        after = await self._store.change(
            stored.approval.id, lambda one: life.break_glass(one, glass), self._broken
        )
        self._step(Step.GLASS_COMMITTED)
        self._news.set()
        if asker.room.platform in self._direct:
            return self._alarm(after)
        return say(self._last_words(after.approval))

    def _broken(self, now: Stored, homes: Sequence[Room]) -> Telling:
        glass = now.approval.glass
        assert glass is not None  # it was broken just now
        about = {"reason": glass.reason, "event": glass.event_id, "runs": glass.runs.isoformat()}
        entry = self._entry(now, Kind.GLASS, str(glass.identity), glass.person, **about)
        said = line(self._last_words(now.approval))
        outgoing = self._edits(now, homes, "glass", [said], aloud=True)
        alarms = [
            Outgoing(now.alarm, home, Op.ROOT, f"{now.alarm}:{home.platform}", self._alarm(now))
            for home in homes
        ]
        return Telling([*outgoing, *alarms], [entry])

    def _alarm(self, stored: Stored) -> Doc:
        services = self._services()
        everyone = [person.name for person in services.people.everyone]
        now = self._clock.now()
        return alarm(stored.approval, stored.command, stored.subject, everyone, now, services.prefix)

    async def _sign(self, stored: Stored, asker: Asker, person: Person, said: str) -> Stored:
        """A second person saw what ran without the votes."""
        signature = Signature(person.name, asker.identity, self._clock.now(), said)

        def tell(now: Stored, homes: Sequence[Room]) -> Telling:
            words = say(f"{now.approval.code} is signed off by {person.name} (", str(asker.identity), ")")
            about = {"signed": True, "event": said, "roles": list(person.roles)}
            entry = self._entry(now, Kind.GLASS, str(asker.identity), person.name, **about)
            tail = [line(f"{verdict_word(now.approval.state)}{now.approval.why}")]
            outgoing = self._edits(now, homes, "signed", tail, aloud=False)
            return Telling([*outgoing, *self._lines(now, homes, "signed", words)], [entry])

        return await self._store.change(stored.approval.id, lambda one: life.sign(one, signature), tell)

    def _signers(self, stored: Stored) -> tuple[list[str], str]:
        """Whose signature would do, by name, and in words."""
        approval = stored.approval
        assert approval.glass is not None  # only what ran through one wants a signature
        people, rule = self._services().people, approval.rule
        could = voters(rule, approval.requester, people)
        other = f"somebody else with the role {rule.by}"
        if rule.ask is Ask.CONFIRM:
            could = (*could, *people.with_role([rule.by]))
            other = "somebody else who may ask for the same"
        names = list(dict.fromkeys(p.name for p in could if p.name != approval.glass.person))
        return names, ", ".join(names) or other

    # ---- time, restart, new policy ----------------------------------------------------------------------

    async def expire(self) -> None:
        """Close what nobody said yes to in time."""
        for stored in await self._store.pending():
            await self._expire(stored)

    async def _expire(self, stored: Stored) -> None:
        approval = stored.approval
        if approval.state.pending and self._clock.now() >= approval.expires:
            try:
                await self._move(stored, State.EXPIRED, "nobody said yes in time")
            except Refused:
                log.info("%s ended while it was to expire", approval.code)

    async def recover(self) -> None:
        """At start, before anybody is heard: what was running was cut off, what waited is not carried over.
        Nothing runs by itself."""
        for stored in await self._store.within(State.RUNNING):
            found = await self._findings(stored)
            why = f"I was ended while it ran, and nothing is run again by itself. What I find now: {found}"
            await self._move(stored, State.INTERRUPTED, why, root=True)
        for stored in await self._store.pending():
            counting = stored.approval.state is State.COUNTDOWN
            when = "during its countdown" if counting else "before it ran"
            why = f"I was restarted {when}; nothing was done"
            await self._move(stored, State.CANCELLED, why, root=counting)

    async def _findings(self, stored: Stored) -> str:
        try:
            command = self._command(stored)
            if command.finder is None:
                return "look at it with status"
            ctx = self._context(stored)
            async with asyncio.timeout(FINDING.total_seconds()):
                return await command.finder(ctx, **self._args(ctx), **_named(stored.part))
        except (UserError, Upstream) as trouble:
            return f"unknown, for I could not look: {trouble}"
        except TimeoutError:
            return "unknown, for looking took too long"
        except Exception:
            log.exception("looking around after an interruption")
            return "unknown, for looking failed: the log has the details"

    async def new_policy(self) -> None:
        """The policy was read again: a plan that was asked under another one is not run."""
        version = policy_version(self._services().policy)
        for stored in await self._store.pending():
            if stored.policy != version:
                try:
                    await self._move(stored, State.CANCELLED, "the policy was changed before it ran")
                except Refused:
                    log.info("%s ended while the policy changed", stored.approval.code)

    async def serve(self) -> None:
        """Carry out what was approved and close what expires, until cancelled."""
        try:
            while True:
                self._news.clear()
                wait = 30.0
                try:
                    await self.expire()
                    waiting = await self._store.pending()
                    for stored in waiting:
                        wait = min(wait, self._wait_for(stored))
                except Upstream as trouble:
                    log.error("plans: %s", trouble)
                    wait = 1.0
                try:
                    async with asyncio.timeout(wait):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _wait_for(self, stored: Stored) -> float:
        """Start it if its time has come; the seconds after which it must be looked at again."""
        approval, now = stored.approval, self._clock.now()
        ends = approval.expires
        if approval.state is State.COUNTDOWN and approval.glass is not None:
            ends = min(ends, approval.glass.runs)
        left = (ends - now).total_seconds()
        counted_down = approval.state is State.COUNTDOWN and left <= 0
        if (approval.state is State.APPROVED or counted_down) and approval.id not in self._attended:
            self._start(approval.id)
            return 1.0
        return max(left, 0.05)

    def _start(self, key: str) -> None:
        """In the background. Twice is harmless: a plan is used up once."""
        if key in self._running:
            return
        task = asyncio.create_task(self._carry_out(key, None))
        self._running[key] = task

        def over(done: "asyncio.Task[Doc]") -> None:
            self._running.pop(key, None)
            trouble = None if done.cancelled() else done.exception()
            if trouble is not None and not isinstance(trouble, UserError):
                log.error("carrying out %s", key, exc_info=trouble)

        task.add_done_callback(over)

    # ---- carrying out -----------------------------------------------------------------------------------

    async def _carry_out(self, key: str, tell: Tell | None) -> Doc:
        """Run exactly what was said yes to, once; the last words about it."""
        stored = await self._store.get(key)
        assert stored is not None  # what has a key was created
        where = stored.content
        async with self._locks[f"{where['host']}/{where['project'] or where['subject']}"]:
            found = await self._still(stored)
            if isinstance(found, _Stop):
                after = await self._move(stored, found.state, found.why, moves=found.moves)
                if found.state is State.CANCELLED and tell is not None:
                    raise Refused(found.why)
                return say(self._last_words(after.approval))
            return await self._run(stored, found, tell)

    async def _still(self, stored: Stored) -> "Plan | _Stop":
        """The plan made again, if it is the one that was said yes to; else why it must not run. Looked at
        under the lock, right before: roles, votes, and the plan itself."""
        services = self._services()
        fresh = await self._store.get(stored.approval.id)
        if fresh is None or fresh.approval.state not in {State.APPROVED, State.COUNTDOWN}:
            raise Refused(life.past(fresh.approval if fresh else stored.approval))
        try:
            ctx, command = self._context(stored), self._command(stored)
        except Refused as trouble:
            return _Stop(State.CANCELLED, trouble.args[0])
        may = authorize(ctx.asker, command, stored.targets, services.policy, services.people)
        if isinstance(may, Deny):
            why = f"{stored.approval.requester} may not ask for it any more: {may.reason}"
            return _Stop(State.CANCELLED, why)
        if fresh.approval.state is State.COUNTDOWN:
            lost = self._mended(fresh)
        else:
            lost = life.standing(fresh.approval, lambda vote: self._lost(stored, vote))
        if lost is not None:
            return _Stop(State.CANCELLED, lost)
        try:
            plan = await self._plan(ctx, command, self._args(ctx), stored.part)
        except (UserError, Upstream, TimeoutError) as trouble:
            said = str(trouble) or "it took too long"
            return _Stop(State.DRIFTED, f"the plan cannot be made any more: {said}")
        if plan.digest == stored.approval.digest:
            return plan
        moves = differences(stored.content, plan.content)
        return _Stop(State.DRIFTED, f"{_moved(moves)}; nothing was run", moves)

    def _mended(self, stored: Stored) -> str | None:
        """Why the glass could not be broken now by who broke it; or that it is not time."""
        glass, services = stored.approval.glass, self._services()
        if glass is None or self._clock.now() < glass.runs:
            raise Refused(life.past(stored.approval))
        asker = self._again(stored, glass)
        if isinstance(asker, str):
            return asker
        denied = may_break(asker, self._ballot(stored, True), services.policy, services.people)
        return f"{glass.person} may not break the glass any more: {denied.reason}" if denied else None

    def _again(self, stored: Stored, said: Vote | Glass) -> Asker | str:
        """Who said it, as they are now; in words when they are not that person any more."""
        services = self._services()
        person = services.people.who(said.identity)
        if person is None or person.name != said.person:
            return f"{said.identity} is not {said.person} any more"
        room = Room(said.identity.platform, "", stored.room)
        encryption = services.encryption.get(room.platform, "off")
        return Asker(person, said.identity, room, said.trust, encryption)

    def _lost(self, stored: Stored, vote: Vote) -> str | None:
        """Why a vote would not be taken now: roles are read again when a plan runs."""
        services = self._services()
        asker = self._again(stored, vote)
        if isinstance(asker, str):
            return asker
        denied = may_vote(asker, self._ballot(stored, True), services.policy, services.people)
        return denied.reason if denied is not None else None

    async def _run(self, stored: Stored, plan: Plan, tell: Tell | None) -> Doc:
        key = stored.approval.id
        ctx, command = self._context(stored), self._command(stored)
        args = self._args(ctx)
        if not await self._store.consume(key, plan.digest, self._began):
            now = await self._store.get(key)
            raise Refused(life.past(now.approval if now else stored.approval))
        self._step(Step.PLAN_CONSUMED)
        numbers = itertools.count(1)

        async def told(text: str, aloud: bool) -> None:
            safe, number = ctx.redactor.text(text), next(numbers)
            if tell is not None:
                await tell(say(safe))
            await self._store.say(key, lambda now, at: self._progress(now, at, safe, number, aloud))

        async def progress(text: str) -> None:
            await told(text, True)

        async def show(text: str) -> None:
            await told(text, False)

        self._step(Step.EXECUTION_STARTED)
        yes = tuple(f"{one.person} ({one.identity})" for one in stored.approval.yes)
        run = Run(plan, progress, show, self._step, stored.approval.code, yes)
        state, document = await self._hands(replace(ctx, run=run), command, args)
        self._step(Step.EXECUTION_ENDED)
        document = ended(redact_doc(document, ctx.redactor), state)
        await self._end(key, state, document)
        self._step(Step.RESULT_COMMITTED)
        return document

    async def _hands(self, ctx: Context, command: Command, args: dict[str, object]) -> tuple[State, Doc]:
        """Let the command do it; how it ended and what is said about that."""
        longest = command.longest or LONGEST_EXECUTION
        try:
            async with asyncio.timeout(longest.total_seconds()):
                return State.DONE, await command.handler(ctx, **args)
        except RolledBack as back:
            return State.ROLLED_BACK, say(str(back))
        except (NotDone, Upstream, UserError) as trouble:
            return State.FAILED, say(str(trouble))
        except TimeoutError:
            return State.FAILED, say(f"it took longer than {say_duration(longest)}; look at it with status")
        except Exception:
            number = secrets.token_hex(2).upper()
            log.exception("fault no. %s, carrying out %s", number, command.name)
            said = f"that was my fault, no. {number}: the log has the details; look at it with status"
            return State.FAILED, say(said)

    async def _end(self, key: str, state: State, document: Doc) -> None:
        """The end is written, however long the disk is full."""
        why = plain(document).splitlines()[-1].removeprefix(verdict_word(state))

        def tell(now: Stored, homes: Sequence[Room]) -> Telling:
            tail = [block.spans for block in document.blocks if isinstance(block, Paragraph)]
            outgoing = self._edits(now, homes, "end", tail, aloud=False)
            outgoing += self._lines(now, homes, "end", document)
            outgoing += self._unsigned(now, homes, document)
            return Telling(outgoing, [self._entry(now, Kind.EXECUTION, state=state.value, why=why)])

        pause = 0.5
        while True:
            try:
                await self._store.change(key, lambda one: life.move(one, state, why), tell)
                return
            except Upstream as trouble:
                log.error("the end of %s waits: %s", key, trouble)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30)

    def _unsigned(self, now: Stored, homes: Sequence[Room], document: Doc) -> list[Outgoing]:
        """What is said when something ran without the votes: whose signature it wants."""
        if not now.approval.unsigned:
            return []
        wants = Paragraph(unsigned(now.approval, self._signers(now)[0], self._services().prefix))
        # Nobody waits for it where answers are direct: it is said there as a message of its own.
        fresh = self._fresh(now, Doc((wants, *document.blocks), document.files))
        return [*self._lines(now, homes, "unsigned", Doc((wants,))), *fresh]

    def _began(self, now: Stored, homes: Sequence[Room]) -> Telling:
        entry = self._entry(now, Kind.EXECUTION, state=State.RUNNING.value, digest=now.approval.digest)
        return Telling(self._edits(now, homes, "running", [], aloud=False), [entry])

    def _progress(self, now: Stored, homes: Sequence[Room], text: str, number: int, aloud: bool) -> Telling:
        return Telling(self._edits(now, homes, f"progress:{number}", [line(text)], aloud=aloud))

    # ---- from what is stored to what a command is given -------------------------------------------------

    def _context(self, stored: Stored) -> Context:
        """As when it was asked, with people, roles and policy as they are now."""
        services, message = self._services(), stored.request
        person: Person | None = services.people.who(message.sender)
        if person is None or person.name != stored.approval.requester:
            raise Refused(f"{message.sender} is not {stored.approval.requester} any more")
        return Context(message, message.sender, person, self._clock.now(), services, self._redactor())

    def _args(self, ctx: Context) -> dict[str, object]:
        services, message = ctx.services, ctx.message
        found = match(message.text, services.commands, services.prefix, addressed=message.addressed)
        if found is None:
            raise Unknown(one_line(message.text, 40))
        return found.command.parse(found.rest, services.prefix)

    # ---- telling ----------------------------------------------------------------------------------------

    async def _close(self, stored: Stored, to: State, why: str, asker: Asker) -> Stored:
        name = asker.person.name if asker.person else ""
        return await self._move(stored, to, why, str(asker.identity), name)

    async def _move(
        self,
        stored: Stored,
        to: State,
        why: str,
        actor: str = "",
        person: str = "",
        *,
        moves: tuple[str, ...] = (),
        root: bool = False,
    ) -> Stored:
        """Into a state in which nothing more happens, told on the card and in its thread."""
        why = self._redactor().text(one_line(why))

        def tell(now: Stored, homes: Sequence[Room]) -> Telling:
            said = self._last_words(now.approval)
            about = {"state": to.value, "why": why, **({"moves": list(moves)} if moves else {})}
            outgoing = self._edits(now, homes, to.value, [line(said)], aloud=True)
            if root or (now.approval.glass is not None and not actor):
                outgoing += self._fresh(now, say(said))
            if to is State.INTERRUPTED:
                outgoing += self._unsigned(now, homes, say(said))[: len(homes)]
            return Telling(outgoing, [self._entry(now, Kind.EXECUTION, actor, person, **about)])

        after = await self._store.change(stored.approval.id, lambda one: life.move(one, to, why), tell)
        self._news.set()
        return after

    def _last_words(self, approval: Approval) -> str:
        if approval.state is State.APPROVED:
            return f"{approval.code} is approved and runs now: {approval.why}"
        if approval.state is State.COUNTDOWN and approval.glass is not None:
            runs = f"{approval.glass.runs:%H:%M:%S} UTC"
            return f"{approval.code} runs at {runs} unless somebody says no: {approval.why}"
        return f"{verdict_word(approval.state)}{approval.code}: {approval.why}"

    def _edits(
        self, now: Stored, homes: Sequence[Room], key: str, tail: Sequence[Line], *, aloud: bool
    ) -> list[Outgoing]:
        """The card in its new state; `aloud`: its tail in the thread too, for an edit pings nobody."""
        card = moved_card(now.card, now.approval, now.command, now.subject, tail)
        found = [Outgoing(now.lane, home, Op.EDIT, f"{now.lane}:edit:{key}", card) for home in homes]
        if now.approval.glass is not None and now.approval.state is not State.COUNTDOWN:
            found += self._silence(now, homes, key)
        if aloud:
            document = Doc(tuple(Paragraph(spans) for spans in tail))
            found += self._lines(now, homes, key, document)
        return found

    def _silence(self, now: Stored, homes: Sequence[Room], key: str) -> list[Outgoing]:
        """The alarm, over: once when nothing can be stopped any more, and once at the end."""
        if key.startswith("progress:"):
            return []
        approval = now.approval
        signed = approval.glass.signed if approval.glass is not None else None
        if approval.state is State.RUNNING:
            said = line("it runs now")
        elif signed is not None:
            said = line(f"{approval.state.value}, and signed off by ", Strong(signed.person))
        else:
            said = line(self._last_words(approval))
        over = alarm_over(approval, now.command, now.subject, said)
        return [Outgoing(now.alarm, home, Op.EDIT, f"{now.alarm}:edit:{key}", over) for home in homes]

    def _lines(self, now: Stored, homes: Sequence[Room], key: str, document: Doc) -> list[Outgoing]:
        return [Outgoing(now.lane, home, Op.LINE, f"{now.lane}:line:{key}", document) for home in homes]

    def _fresh(self, now: Stored, document: Doc) -> list[Outgoing]:
        """For a platform without cards: a message of its own."""
        places = self._services().rooms.get(now.room, ())
        lane = f"notice:{now.approval.id}"
        return [
            Outgoing(lane, place, Op.ROOT, f"{lane}:{now.approval.state.value}", document)
            for place in places
            if place.platform in self._direct
        ]

    def _entry(self, stored: Stored, kind: Kind, actor: str = "", person: str = "", **about: object) -> Entry:
        place = stored.request.room.place
        named = {"code": stored.approval.code, "command": stored.command, "subject": stored.subject}
        return Entry(kind, actor, person, place, {**named, **about})


def _named(part: str) -> dict[str, object]:
    return {"part": part} if part else {}


def _moved(moves: Sequence[str]) -> str:
    shown = "; ".join(moves[:MOST_MOVES])
    return shown if len(moves) <= MOST_MOVES else f"{shown}; and {len(moves) - MOST_MOVES} more"
