"""The plan of a change of images: bytes, names, containers, git. Pin, update and rollback differ only in what
they want to run."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path

from bot.context import Context
from bot.core.errors import Refused
from bot.core.plan import Advice, FileChange, Plan, Value
from bot.core.release import Release
from commands.saved import last_backup
from commands.site import Running, Site
from commands.target import dependents, touched
from estate.compose.edit import CannotEdit
from estate.compose.edits import plan_edits, written

CONTEXT = 2
"""Unchanged lines around a change of a compose file. Of a `.env` none is shown: they are secrets."""
Files = Mapping[Path, tuple[bytes, bytes]]
"""Each file's bytes before and after."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a service shall run: the reference to be written, and the image by what cannot lie."""

    running: Running
    reference: str
    image_id: str
    digest: str

    @property
    def release(self) -> Release:
        was = self.running
        return Release(
            was.full_name,
            str(was.reference),
            was.image.id,
            was.digest,
            self.reference,
            self.image_id,
            self.digest,
        )


@dataclass(frozen=True, slots=True)
class Words:
    """What the plan says beside what it does."""

    command: str
    arguments: Mapping[str, Value]
    first: Sequence[str] = ()
    """Calls that come before the files are written."""
    notes: Sequence[str] = ()
    undo: str = ""


async def plan_release(ctx: Context, site: Site, wanted: Sequence[Wanted], words: Words) -> Plan:
    """All of them belong to the site's project. Raises Refused, Upstream."""
    files = await asyncio.to_thread(_files, site, wanted)
    services = [one.running.service for one in wanted]
    site.hold_company(services)
    (commits, notes), unknown = await asyncio.gather(_kept(site, list(files)), site.hold_hashes(services))
    scale = site.scale(services)
    notes += [
        f"{many} of {name} run, its files say another number: they stay" for name, many in scale.items()
    ]
    saved = await last_backup(ctx, [one.running.full_name for one in wanted])
    containers = [one for each in wanted for one in each.running.containers]
    undo = words.undo or "by itself if it is not as well as before: the bytes, then the image by its id"
    return Plan(
        command=words.command,
        subject=subject(site, services),
        host=site.engine.host,
        project=site.deployment.project,
        arguments=words.arguments,
        containers=tuple(touched(one) for one in containers),
        calls=(*words.first, *commits),
        argv=(site.tool.up(site.deployment, services, scale),),
        directory=str(site.deployment.directory),
        files=tuple(_change(path, *both) for path, both in files.items()),
        releases=tuple(one.release for one in wanted),
        environment=tuple(site.tool.shell),
        advice=Advice(
            f"{', '.join(one.name for one in containers)}: made anew, down for seconds and until it is up",
            undo,
            (*words.notes, *notes, *unknown, *site.notes, *_dependents(site, services), *saved),
            diff_of(site, files),
        ),
    )


def subject(site: Site, services: Sequence[str]) -> str:
    """`monitoring/grafana`, or the project with several."""
    return f"{site.deployment.project}/{'+'.join(services)}"


def diff_of(site: Site, files: Files) -> str:
    """As people read it."""
    return "\n".join(
        row
        for path, (before, after) in files.items()
        for row in unified_diff(
            _rows(before),
            _rows(after),
            f"a/{site.shown(path)}",
            f"b/{site.shown(path)}",
            lineterm="",
            n=0 if path.suffix not in {".yml", ".yaml"} else CONTEXT,
        )
    )


def _rows(data: bytes) -> list[str]:
    return [row.rstrip("\r") for row in data.decode("utf-8", "replace").split("\n")]


def _files(site: Site, wanted: Sequence[Wanted]) -> Files:
    says = {one.running.service: one.reference for one in wanted}
    try:
        return written(site.model, plan_edits(site.model, says))
    except CannotEdit as wrong:
        names = [one.running.service for one in wanted]
        raise Refused(f"{subject(site, names)}: {wrong}") from None


def _change(path: Path, before: bytes, after: bytes) -> FileChange:
    return FileChange(str(path), sha256(before).hexdigest(), after)


async def _kept(site: Site, paths: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The commits that will be made, and what is said of what git does not keep. Raises Refused."""
    calls, notes = [], []
    for repository, mine in await site.repositories(paths):
        if repository is None:
            notes.append(f"in no git repository: {', '.join(site.shown(path) for path in mine)}")
            continue
        standing = await repository.standing(mine)
        if standing.why_not:
            raise Refused(standing.why_not)
        kept = [path for path in mine if path not in standing.not_kept]
        if kept:
            calls.append(f"git commit {' '.join(site.shown(path) for path in kept)} in {repository.root}")
        if standing.not_kept:
            names = ", ".join(site.shown(path) for path in standing.not_kept)
            notes.append(f"git does not keep {names}: changed, and not committed")
    return calls, notes


def _dependents(site: Site, services: Sequence[str]) -> list[str]:
    things = [thing for name in services if (thing := site.thing(name)) is not None]
    found = sorted({name for thing in things for name in dependents(site.view, thing)})
    return [f"depend on it: {', '.join(found)}"] if found else []
