"""Carries a release out, and back.

    named ─► written ─► deployed ─► proved ─► committed
                 └──────────┴──────────┴─► unwritten ─► undone      when it is not as well as before

Everything that is done stands in the plan that was said yes to; nothing is worked out again here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from bot.context import Context, Run
from bot.core.doc import Doc, say
from bot.core.errors import NotDone, RolledBack, Upstream
from bot.core.plan import FileChange, Plan
from bot.core.release import Release
from bot.core.steps import Step
from bot.ports import Engine
from commands.commit import commit
from commands.health import healthy_again
from estate.compose.apply import EditFailed, replace_bytes
from estate.compose.tool import Tool
from estate.git import GitFailed
from estate.hands import Hands
from estate.model import Container, Detail
from estate.program import Ended

UP = 900.0
"""Seconds for Compose to make the containers: each old one may take its own grace to end."""
SAID_EVERY = 2.0


@dataclass(slots=True)
class Rollout:
    """One plan, being carried out."""

    ctx: Context
    run: Run
    engine: Engine
    hands: Hands
    tool: Tool
    before: Sequence[Detail]
    """The containers as they were, looked at before anything was done."""
    old: dict[Path, bytes] = field(default_factory=dict)
    """What stood in the files that were written."""
    names: dict[str, str] = field(default_factory=dict)
    """Reference → the image's id that had this name before; empty: nobody."""

    @property
    def plan(self) -> Plan:
        return self.run.plan

    # ---- there ------------------------------------------------------------------------------------------

    async def rehearse(self) -> None:
        """Compose says beforehand what it would do, and may do nothing beside: no hash tells that a network
        would be made anew, and everybody in it stopped. Raises NotDone, Upstream."""
        if not self.tool.rehearses:
            return
        [argv] = self.plan.argv
        deeds = await self.tool.rehearse(argv, Path(self.plan.directory))
        ours = {one.name: one.id for one in self.plan.containers}
        more = [str(one) for one in deeds if not one.is_about(ours)]
        if more:
            raise NotDone(
                f"{self.plan.subject}: Compose would also do what the plan does not say ({'; '.join(more)}):"
                " its files say more than what runs. Nothing was touched"
            )

    async def name(self) -> tuple[Release, ...]:
        """The images are here and have the names that the files will say. Raises Upstream, NotDone."""
        made = []
        for release in self.plan.releases:
            known = release if release.after_id else await self._pull(release)
            if "@" not in known.after:
                await self._give(known.after_id, known.after)
            made.append(known)
        self.run.step(Step.RELEASE_NAMED)
        return tuple(made)

    async def _pull(self, release: Release) -> Release:
        """Exactly the image whose digest was approved."""
        await self.run.say(f"pulling {release.after_digest}")
        login = await self.hands.login(release.after)
        await self.engine.pull(release.after_digest, login, self.run.say)
        image = await self.engine.image(release.after_digest)
        if release.after_digest not in image.digests:
            raise NotDone(f"what came for {release.after} has not the digest that was approved")
        return Release(**{**_fields(release), "after_id": image.id})

    async def _give(self, image_id: str, reference: str) -> None:
        """This name to that image, remembering who had it."""
        try:
            had = (await self.engine.image(reference)).id
        except Upstream as missing:
            if not missing.permanent:
                raise
            had = ""
        if had != image_id:
            self.names.setdefault(reference, had)
            await self.engine.tag(image_id, reference)

    async def write(self) -> None:
        """Raises EditFailed; then some files may be written, and are in `old`."""
        for change in self.plan.files:
            self.old[Path(change.path)] = await asyncio.to_thread(_write, change)
            await self.run.say(f"wrote {Path(change.path).name}")
        self.run.step(Step.RELEASE_WRITTEN)

    async def deploy(self) -> None:
        """By the Compose tool, as the plan shows it. Raises NotDone, Upstream."""
        ended = await self._up()
        if not ended.ok:
            why = ended.last if ended.code is not None else f"it did not end within {UP:g} s"
            raise NotDone(f"Compose could not make it: {why}")
        self.run.step(Step.RELEASE_DEPLOYED)

    async def _up(self) -> Ended:
        [argv] = self.plan.argv
        loop, last = asyncio.get_running_loop(), 0.0

        async def hear(row: str) -> None:
            nonlocal last
            if row.strip() and loop.time() - last >= SAID_EVERY:
                last = loop.time()
                await self.run.say(f"Compose: {row.strip()}")

        return await self.tool.run(argv, Path(self.plan.directory), seconds=UP, hear=hear)

    async def prove(self, releases: Sequence[Release]) -> str:
        """The new containers run what was approved, as well as the old ones did. Raises NotDone, Upstream."""
        wanted = {release.service: release.after_id for release in releases}
        found = await self._judge(wanted)
        self.run.step(Step.RELEASE_PROVED)
        return found

    async def _judge(self, wanted: dict[str, str]) -> str:
        found = []
        now = await self.engine.containers()
        for old in self.before:
            container = _successor(old.container, now)
            expected = wanted[_full_name(old.container)]
            if container is None:
                raise NotDone(f"{old.container.name} was not made anew: there is no such container")
            if container.image_id != expected:
                raise NotDone(
                    f"{container.name} runs {_short(container.image_id)} and not {_short(expected)}"
                )
            found.append(await healthy_again(self.engine, old, container))
        return "; ".join(found)

    # ---- and back ---------------------------------------------------------------------------------------

    async def undo(self, trouble: Exception) -> NotDone:
        """Put everything back, and say what is proved. Raises nothing: what is returned is to be raised."""
        await self.run.say(f"it did not end well: {trouble}. Putting back what was there")
        wrong: list[str] = []
        for change in reversed(self.plan.files):
            wrong += await self._unwrite(change)
        self.run.step(Step.RELEASE_UNWRITTEN)
        found = ""
        try:
            if not wrong:
                found = await self._restore()
        except (NotDone, Upstream) as more:
            wrong.append(str(more))
        if wrong:
            return NotDone(f"{self.plan.subject}: {trouble}. It could not be put back: {'; '.join(wrong)}")
        return RolledBack(f"{self.plan.subject}: {trouble}. Back as it was, proved: {found}")

    async def _unwrite(self, change: FileChange) -> list[str]:
        old = self.old.get(Path(change.path))
        if old is None:
            return []
        try:
            await asyncio.to_thread(replace_bytes, Path(change.path), sha256(change.after).hexdigest(), old)
        except EditFailed as failed:
            return [str(failed)]
        return []

    async def _restore(self) -> str:
        """The old image by its id, under the name that the files say again. Raises NotDone, Upstream."""
        for release in self.plan.releases:
            if "@" not in release.before:
                await self._give(release.before_id, release.before)
        ended = await self._up()
        self.run.step(Step.RELEASE_UNDONE)
        if not ended.ok:
            raise NotDone(f"Compose could not make the old containers again: {ended.last}")
        found = await self._judge({release.service: release.before_id for release in self.plan.releases})
        await self._names_back()
        return found

    async def _names_back(self) -> None:
        """Names go back to the images that had them."""
        for reference, had in self.names.items():
            if had:
                await self.engine.tag(had, reference)
            else:
                await self.engine.untag(reference)

    # ---- git --------------------------------------------------------------------------------------------

    async def commit(self, done: str) -> str:
        """One commit in each repository, of the written files alone; the hashes, in words. Raises GitFailed,
        Upstream."""
        paths = [Path(change.path) for change in self.plan.files]
        made = await commit(self.ctx, self.hands, paths, done)
        self.run.step(Step.RELEASE_COMMITTED)
        return made


async def carry_out(ctx: Context, done: str) -> Doc:
    """The plan of `ctx.run`. done: `pinned`, `updated`. Raises NotDone, RolledBack, Upstream."""
    assert ctx.run is not None  # a risky command is only ever called to carry out its plan
    work = await _begin(ctx, ctx.run)
    plan = work.plan
    await work.rehearse()
    try:
        releases = await work.name()
    except (Upstream, NotDone) as trouble:
        await work._names_back()
        raise NotDone(f"{plan.subject}: {trouble}; nothing else was touched") from trouble
    try:
        await work.write()
        await work.deploy()
        found = await work.prove(releases)
    except (NotDone, Upstream, EditFailed) as trouble:
        raise await work.undo(trouble) from trouble
    what = ", ".join(f"{one.service} {done}: {one.before} → {one.after}" for one in releases)
    proof = "the same image as before" if all(one.is_neutral for one in releases) else "the approved image"
    ids = ", ".join(dict.fromkeys(_short(one.after_id) for one in releases))
    try:
        commits = await work.commit(f"{plan.command} {plan.subject}: {_arrows(releases)}")
    except (GitFailed, Upstream) as trouble:
        raise NotDone(f"{what}; {proof} ({ids}); {found}. It is not committed: {trouble}") from trouble
    kept = f"; commit {commits}" if commits else ""
    return say(f"{what}; {proof} ({ids}); {found}{kept}")


async def _begin(ctx: Context, run: Run) -> Rollout:
    plan, hands = run.plan, ctx.services.hands
    engine = next((one for one in ctx.services.engines if one.host == plan.host), None)
    if engine is None or hands is None:
        raise NotDone(f"the Engine {plan.host} is not in my configuration any more")
    tool = await hands.tool()
    there = {one.id: one for one in await engine.containers()}
    gone = [one.name for one in plan.containers if one.id not in there]
    if gone:
        raise NotDone(f"{', '.join(gone)} is gone; nothing was touched")
    before = [await engine.detail(there[one.id]) for one in plan.containers]
    return Rollout(ctx, run, engine, hands, tool, before)


def _write(change: FileChange) -> bytes:
    return replace_bytes(Path(change.path), change.before, change.after)


def _fields(release: Release) -> dict[str, str]:
    return {"service": release.service, **release.content}


def _arrows(releases: Sequence[Release]) -> str:
    return ", ".join(f"{one.before} → {one.after}" for one in releases)


def _full_name(container: Container) -> str:
    return f"{container.project}/{container.service}"


_NUMBER = "com.docker.compose.container-number"


def _successor(old: Container, now: Sequence[Container]) -> Container | None:
    """The container that has the place of `old` in its service: itself, when nothing made it anew."""

    def same(one: Container) -> bool:
        return (one.project, one.service) == (old.project, old.service) and one.labels.get(
            _NUMBER
        ) == old.labels.get(_NUMBER)

    return next((one for one in now if same(one)), None)


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
