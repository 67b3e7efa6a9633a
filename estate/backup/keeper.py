"""The keeper: one for the bot. It knows the settings, what was run before, and lets only one thing run."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.core.errors import NotDone, Refused, Upstream
from bot.core.steps import OnStep, no_step
from bot.core.text import one_line
from estate.backup import drill as drills
from estate.backup import history, script
from estate.backup.coverage import Cover, Covered, Holding, candidates, cover
from estate.backup.disk import Disk
from estate.backup.history import Drilled, Ran, Result, Running, Verified, iso
from estate.backup.item import Item, Need, survey
from estate.backup.listed import listed
from estate.backup.message import Node, Snapshot
from estate.backup.prepare import Prepared, prepare
from estate.backup.restic import Restic, is_locked
from estate.backup.save import Outcome, Say, Tools, save, who_locks
from estate.backup.settings import Settings
from estate.backup.shell import Inside
from estate.backup.spool import Spool, write
from estate.backup.throwaway import sweep
from estate.backup.whereabouts import look
from estate.model import Container, Detail
from estate.snapshot.repository import Repository

EACH = 2
"""Snapshots that are looked into for one item."""
MOST = 8
"""Snapshots that are looked into for one answer."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who is told, and who asked."""

    by: str
    say: Say
    show: Say


class Keeper:
    """`notes` keeps small facts. Everything raises Refused, NotDone and Upstream, in words."""

    def __init__(
        self,
        settings: Settings,
        notes: history.Notes,
        clock: Callable[[], datetime],
        on_step: OnStep = no_step,
    ) -> None:
        self.settings = settings
        self.notes = notes
        self.spool = Spool(settings.folder)
        self._clock = clock
        self._step = on_step
        self._asked: Restic | None = None

    # ---- the repository ---------------------------------------------------------------------------------

    @property
    def has_repository(self) -> bool:
        return self.settings.repository is not None

    async def restic(self) -> Restic:
        """The repository; that of a trial is made here. Raises Refused without one, Upstream."""
        if self._asked is None:
            given = self.settings
            if given.repository is None:
                raise Refused(
                    "no repository is configured: estate.backup says engine, repository and password"
                )
            password = given.password or await asyncio.to_thread(self._trial_password)
            found = Restic(given.repository, password or "", self.spool.cache)
            if given.trial and not await found.exists():
                await found.init()
            self._asked = found
        return self._asked

    def _trial_password(self) -> str:
        path = self.settings.folder / "password"
        self.settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write(path, secrets.token_urlsafe(24).encode())
        return path.read_text()

    def known(self) -> Restic:
        """The repository without touching it: for the words of a plan."""
        return Restic(self.settings.repository or "", "", self.spool.cache)

    async def whereabouts(self, sources: Sequence[Path]) -> Repository | None:
        """Where the repository lies, and who has locked it; None where there is none. Raises nothing."""
        return await look(await self.restic(), sources) if self.has_repository else None

    # ---- looking ----------------------------------------------------------------------------------------

    async def survey(self, details: Iterable[tuple[str, Detail]]) -> Need:
        """What there is to save of these containers, each with its service's full name."""
        pairs, given = list(details), self.settings
        return await asyncio.to_thread(lambda: survey(pairs, Disk(given.paths, given.root)))

    async def prepare(self, need: Need, scope: str, engines: Mapping[str, Inside]) -> Prepared:
        """Exactly what a run would do."""
        return await prepare(need, scope, engines, self.spool, self.settings.host)

    async def covered(self, items: Sequence[Item]) -> tuple[tuple[Covered, ...], str]:
        """How each item stands, and why that is not known, if it is not."""
        claims = await asyncio.to_thread(listed, self.settings.root)
        now, age = self._clock(), self.settings.max_age
        if not self.has_repository:
            return _unknown(items, "what the site's own backup holds cannot be read from here"), ""
        if self.settings.trial and not (Path(self.settings.repository or "") / "config").exists():
            return cover(items, (), claims, now, age), ""
        try:
            return cover(items, await self._holdings(items), claims, now, age), ""
        except (Upstream, NotDone, Refused) as trouble:
            return _unknown(items, "the repository cannot be read"), str(trouble)

    async def _holdings(self, items: Sequence[Item]) -> list[Holding]:
        restic = await self.restic()
        snapshots, ran = await restic.snapshots(), await history.runs(self.notes)
        bad, ours = history.bad_items(ran), {one.snapshot for one in ran}
        wanted = {one.id: one for item in items for one in candidates(item, snapshots, bad, ours)[:EACH]}
        newest = sorted(wanted.values(), key=lambda one: one.at, reverse=True)[:MOST]
        return [await self._holding(one, items, restic, bad, one.id in ours) for one in newest]

    async def _holding(
        self,
        snapshot: Snapshot,
        items: Sequence[Item],
        restic: Restic,
        bad: Mapping[str, frozenset[str]],
        ours: bool,
    ) -> Holding:
        present: set[str] = set()

        def take(node: Node) -> None:
            present.add(node.path)

        saved = drills.saved_in(snapshot)
        folders = [one.path for one in items if one.path]
        if folders:
            await restic.nodes(snapshot.id, folders, take)
        manifest = None
        if saved is not None:
            await restic.nodes(snapshot.id, [saved], take, deep=True)
            if f"{saved}/manifest.json" in present:
                manifest = await drills.manifest_of(snapshot, saved, restic, self.spool)
        return Holding(
            snapshot, frozenset(present), manifest, saved or "", bad.get(snapshot.id, frozenset()), ours
        )

    # ---- doing ------------------------------------------------------------------------------------------

    async def backup(
        self, prepared: Prepared, engines: Mapping[str, Inside], voice: Voice
    ) -> tuple[Ran, Outcome]:
        """Run what was prepared, remember how it ended."""
        with self.spool.locked():
            restic = await self.restic()
            run, at = secrets.token_hex(8), self._clock()
            usual = history.usual(await history.runs(self.notes), prepared.scope)
            async with self._remembered(
                Running(run, iso(at), voice.by, f"backup of {prepared.scope}", prepared.scope)
            ):
                tools = await self._tools(restic, engines, voice)
                outcome = await save(prepared, tools, run, usual)
                ran = Ran(
                    run=run,
                    at=iso(at),
                    by=voice.by,
                    scope=prepared.scope,
                    result=outcome.result,
                    snapshot=outcome.snapshot.id if outcome.snapshot else "",
                    files=outcome.size.files,
                    size=outcome.size.size,
                    bad=outcome.bad,
                    problems=tuple(one_line(str(one), 300) for one in outcome.problems[:20]),
                )
                await history.remember(self.notes, ran)
        return ran, outcome

    async def own(self, voice: Voice) -> tuple[Ran, str]:
        """Run the site's own script or unit; what came of it, and what shows that."""
        given = self.settings
        with self.spool.locked():
            run, at = secrets.token_hex(8), self._clock()
            async with self._remembered(
                Running(run, iso(at), voice.by, f"backup by {given.engine}", history.EVERYTHING)
            ):
                if given.engine == "systemd":
                    word = await script.run_unit(given.unit or "")
                else:
                    word = await script.run_script(given.argv, voice.show)
                result, shown = await self._evidence(word, at)
                problems = () if result is Result.OK else (one_line(f"{word.words}; {shown}", 300),)
                ran = Ran(run, iso(at), voice.by, history.EVERYTHING, result, problems=problems)
                await history.remember(self.notes, ran)
        return ran, f"{word.words}; {shown}"

    async def _evidence(self, word: script.Word, began: datetime) -> tuple[Result, str]:
        """A script's word against what can be seen."""
        if word.good is False:
            return Result.FAILED, "what it saved, if anything, is unknown"
        if not self.has_repository:
            why = "nothing that I can read shows what it saved; with repository and password I could look"
            return Result.UNKNOWN, f"whether anything was saved is unknown: {why}"
        try:
            new = [one for one in await (await self.restic()).snapshots() if one.at >= began]
        except (Upstream, Refused) as trouble:
            return Result.UNKNOWN, f"whether anything was saved is unknown: {trouble}"
        if not new:
            return Result.FAILED, "the repository has no snapshot of this run"
        names = ", ".join(one.short for one in new[-3:])
        return Result.UNKNOWN, f"the repository has {names} of this run; whether it is whole is unknown"

    async def verify(self, voice: Voice) -> Verified:
        """Read the next part of the repository back. Raises NotDone when it is not well."""
        with self.spool.locked():
            restic = await self.restic()
            before = await history.verified(self.notes)
            part = before.next
            async with self._remembered(Running("verify", iso(self._clock()), voice.by, "verify")):
                await voice.say(f"reading part {part} of {history.PARTS} of the repository back")
                code, said = await restic.run(Restic.check_argv(part, history.PARTS))
                if is_locked(said):
                    raise NotDone(f"nothing was read: the repository is {await who_locks(restic)}")
                if code or not any("no errors were found" in row for row in said):
                    words = one_line("; ".join(said[-4:]), 400)
                    found = f"restic check ended with {code}: {words or 'it said nothing'}"
                    await history.keep_verified(self.notes, before.did_not(found))
                    raise NotDone(f"the repository is not well: {found}")
                now = before.passed(part, self._clock())
                await history.keep_verified(self.notes, now)
        return now

    async def find(self, owner: str) -> drills.Target:
        """The newest snapshot of a service. Raises Refused when there is none."""
        restic = await self.restic()
        found = await drills.find(owner, restic, self.spool)
        if found is None:
            raise Refused(f"no snapshot of mine holds {owner}; backup now {owner} makes one")
        return found

    async def drill(
        self,
        target: drills.Target,
        running: Mapping[str, Container],
        engines: Mapping[str, Inside],
        voice: Voice,
    ) -> drills.Evidence:
        """Restore it into a scratch folder and compare. What differs is in the evidence."""
        with self.spool.locked():
            restic = await self.restic()
            at = iso(self._clock())
            async with self._remembered(Running("drill", at, voice.by, f"drill of {target.owner}")):
                evidence = await drills.drill(target, running, await self._tools(restic, engines, voice))
                words = "; ".join(evidence.differences) or "as it was saved"
                kept = Drilled(at, not evidence.differences, one_line(words, 300))
                await history.keep_drill(self.notes, target.owner, kept)
        return evidence

    async def _tools(self, restic: Restic, engines: Mapping[str, Inside], voice: Voice) -> Tools:
        return Tools(
            restic=restic,
            spool=self.spool,
            engines=engines,
            owner=await self.owner(),
            host=self.settings.host,
            say=voice.say,
            show=voice.show,
            step=self._step,
            clock=self._clock,
        )

    @asynccontextmanager
    async def _remembered(self, running: Running) -> AsyncIterator[None]:
        """On disk that it runs; taken back when it ends, however, unless we are killed."""
        await history.begin(self.notes, running)
        try:
            yield
        except asyncio.CancelledError:
            raise  # we are being ended: the next start finds it, and says that it was cut off
        except BaseException as trouble:
            with contextlib.suppress(Upstream):
                if isinstance(trouble, NotDone | Upstream) and running.scope:
                    await history.remember(self.notes, _failed(running, str(trouble)))
                await history.begin(self.notes, None)
            raise
        await history.begin(self.notes, None)

    # ---- after a death ----------------------------------------------------------------------------------

    async def owner(self) -> str:
        """What our throw-away containers are labelled with: the same as long as the state lives."""
        kept = await self.notes.read(history.OWNER)
        if not kept:
            kept = secrets.token_hex(8)
            await self.notes.write(history.OWNER, kept)
        return kept

    async def clean(self) -> Running | None:
        """At start: remove what a run left here, and say what was cut off."""
        await asyncio.to_thread(self.spool.clear)
        for left in (*self.settings.folder.glob("said-*"), *self.settings.folder.glob("manifest-*")):
            left.unlink(missing_ok=True)
        cut = await history.running(self.notes)
        await history.begin(self.notes, None)
        return cut

    async def sweep(self, engines: Iterable[Inside]) -> int:
        """At start: remove the throw-away containers that a run left. Raises Upstream, and Refused while
        something runs."""
        with self.spool.locked():
            owner, now = await self.owner(), self._clock()
            return sum([await sweep(engine, owner, now) for engine in engines])


def _failed(running: Running, why: str) -> Ran:
    scope, words = running.scope, one_line(why, 300)
    return Ran(running.run, running.at, running.by, scope, Result.FAILED, problems=(words,))


def _unknown(items: Sequence[Item], why: str) -> tuple[Covered, ...]:
    return tuple(Covered(item, Cover.UNKNOWN, why=why) for item in items)
