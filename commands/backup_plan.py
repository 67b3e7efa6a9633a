"""What a backup, a verify and a drill would do, as plans. Looks; changes nothing."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.context import Services
from bot.core.command import ServiceRef
from bot.core.errors import Refused, Upstream
from bot.core.plan import Advice, FileChange, Plan, Touched
from bot.ports import Engine
from commands.look import View, look_running
from estate.backup import history, script
from estate.backup.database import Kind
from estate.backup.drill import Target
from estate.backup.item import Method, Need
from estate.backup.keeper import Keeper
from estate.backup.prepare import Prepared, listing
from estate.backup.restic import Restic
from estate.inventory import one_offs
from estate.model import THROWAWAY, Container, Detail

HOW_TO = (
    "set estate.backup in the configuration: engine, repository and password_file for restic, or the argv of "
    "your own script, or the unit of your own systemd service"
)
_NOTHING = hashlib.sha256(b"").hexdigest()
_TOLD = 6
"""Items that are named on the card; all of them stand in the plan."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to save, with what was not seen."""

    view: View
    need: Need
    away: tuple[str, ...] = ()


def keeper_of(services: Services) -> Keeper:
    """Raises Refused where no backup is configured."""
    if services.backup is None:
        raise Refused(f"no backup is configured: {HOW_TO}")
    return services.backup()


async def seen(services: Services, keeper: Keeper) -> Seen:
    """Every container's mounts. Raises Upstream when no Engine answers."""
    view = await look_running(services)
    left = {one.id for thing in one_offs(view.things) for one in thing.containers}
    wanted = [
        (thing.full_name, container)
        for thing in view.things
        for container in thing.containers
        if container.id not in left and THROWAWAY not in container.labels
    ]
    details = await view.details(container for _, container in wanted)
    pairs: list[tuple[str, Detail]] = []
    away = list(view.away)
    for (owner, container), detail in zip(wanted, details, strict=True):
        if isinstance(detail, Upstream):
            away.append(f"{container.name}: {detail}")
        else:
            pairs.append((owner, detail))
    return Seen(view, await keeper.survey(pairs), tuple(away))


async def prepared_of(
    services: Services, keeper: Keeper, service: ServiceRef | None
) -> tuple[Prepared, Seen]:
    """Exactly what a backup of this service, or of everything, would do. Raises Refused, Upstream."""
    found = await seen(services, keeper)
    need, scope = found.need, history.EVERYTHING
    if service is not None:
        scope = found.view.find(service).full_name
        need = need.of(scope)
        if not need.items:
            raise Refused(f"{scope} keeps nothing on a disk that would need a backup{_why_not(need)}")
    elif found.away:
        raise Upstream(f"not everything was seen, so not everything could be saved: {'; '.join(found.away)}")
    elif not need.items:
        raise Refused(f"no container keeps anything on a disk that would need a backup{_why_not(need)}")
    engines: Mapping[str, Engine] = found.view.engines
    return await keeper.prepare(need, scope, engines), found


def _why_not(need: Need) -> str:
    reasons = [f"{one.source}: {one.why}" for one in need.left_out[:3]]
    return f" ({'; '.join(reasons)})" if reasons else ""


def backup_plan(prepared: Prepared, keeper: Keeper, view: View) -> Plan:
    """One that names every item, every command and every path."""
    databases = [one.item.database.container for one in prepared.dumping if one.item.database is not None]
    return Plan(
        command="backup now",
        subject=prepared.scope,
        host=", ".join(sorted(view.engines)),
        project="",
        containers=tuple(touched(one) for one in databases),
        calls=(*listing(prepared).splitlines(), *_inside(prepared)),
        argv=(prepared.argv,),
        files=(FileChange(str(keeper.spool.list), _NOTHING, prepared.list),),
        environment=keeper.known().environment,
        advice=Advice(
            interrupts="nothing: databases are dumped while they run",
            undo="nothing to undo: a snapshot is added; what is saved stays as it is",
            notes=_notes(prepared, keeper),
        ),
    )


def _inside(prepared: Prepared) -> list[str]:
    rows: list[str] = []
    for dumping in prepared.dumping:
        database = dumping.item.database
        assert database is not None  # what is dumped is a database
        name = f"{database.container.name} ({database.container.id[:12]})"
        rows += [f"in {name}: {shlex.join(dump.argv)}" for dump in dumping.dumps]
        if database.kind is Kind.POSTGRES:
            image = database.container.image_id.removeprefix("sha256:")[:12]
            rows.append(
                f"in a throw-away container of image {image}, without network: pg_restore reads each dump"
            )
    return rows


def _notes(prepared: Prepared, keeper: Keeper) -> tuple[str, ...]:
    files = sum(1 for one in prepared.items if one.method is Method.FILES)
    parts = [
        f"volumes and binds by their files: {files}",
        f"databases by their own tools: {len(prepared.dumping)}",
        f"SQLite files by SQLite itself: {len(prepared.copying)}",
    ]
    notes = ["; ".join(parts)]
    missing = prepared.missing
    notes += [f"NOT saved: {one.title} of {', '.join(one.owners)}: {one.why}" for one in missing[:_TOLD]]
    notes += [f"and {len(missing) - _TOLD} more that are not saved"] if len(missing) > _TOLD else []
    if missing:
        notes.append("what is not saved makes the result partial, so failed")
    notes += [f"needs no backup: {one.source}: {one.why}" for one in prepared.left_out[:_TOLD]]
    left = len(prepared.left_out) - _TOLD
    notes += [f"and {left} more that need none"] if left > 0 else []
    notes += prepared.notes
    notes.append(f"into {place(keeper)}; RUN stands for a number that is made when it starts")
    return tuple(notes)


def place(keeper: Keeper) -> str:
    """Where it goes, without what may be a password in an address."""
    import re

    where = re.sub(r"//[^/@]*@", "//…@", keeper.settings.repository or "nowhere")
    if keeper.settings.trial:
        return f"a repository to try it with, in this console's own state: {where}"
    return f"the repository {where}"


def own_plan(keeper: Keeper, view_host: str) -> Plan:
    """The site's own script or unit."""
    given = keeper.settings
    argv = given.argv if given.engine == "command" else script.start_argv(given.unit or "")
    shown = () if given.engine == "command" else (script.show_argv(given.unit or ""),)
    looks = "the repository is looked into for a new snapshot" if keeper.has_repository else (
        "nothing that I can read shows what it saves: with estate.backup.repository and password I could look"
    )  # fmt: skip
    return Plan(
        command="backup now",
        subject=history.EVERYTHING,
        host=view_host,
        project="",
        argv=(argv, *shown),
        environment=tuple(script.environment()),
        advice=Advice(
            interrupts="what the script itself interrupts, which I do not know",
            undo="what the script itself undoes, which I do not know",
            notes=(f"its exit code is not believed by itself; {looks}",),
        ),
    )


def verify_plan(keeper: Keeper, part: int, host: str) -> Plan:
    """Reading one part back."""
    return Plan(
        command="backup verify",
        subject="the repository",
        host=host,
        project="",
        arguments={"part": f"{part} of {history.PARTS}"},
        argv=(Restic.check_argv(part, history.PARTS),),
        environment=keeper.known().environment,
        advice=Advice(
            interrupts="backups and restores, which wait until it ends",
            undo="nothing to undo: it only reads",
            notes=(
                f"{place(keeper)}: its structure, and the data of one part in {history.PARTS}",
                f"{history.PARTS} in a row read all of it",
            ),
        ),
    )


def drill_plan(keeper: Keeper, target: Target, running: Mapping[str, Container], host: str) -> Plan:
    """A restore into a scratch folder, and a database of its own for each dump."""
    images = {
        one.container: running[one.container].image_id if one.container in running else one.image_id
        for one in target.databases
    }
    calls = [
        f"a throw-away container of image {images[one.container]}, without network: {one.program} starts, "
        f"loads {', '.join(file.path.rpartition('/')[2] for file in one.files)}, and is removed"
        for one in target.databases
    ]
    age = f"{target.snapshot.at:%Y-%m-%d %H:%M:%S} UTC"
    return Plan(
        command="backup drill",
        subject=target.owner,
        host=host,
        project="",
        arguments={"snapshot": target.snapshot.id},
        calls=tuple(calls),
        argv=(Restic.restore_argv(target.snapshot.id, keeper.spool.scratch, target.paths),),
        images=images,
        environment=keeper.known().environment,
        advice=Advice(
            interrupts="nothing: what runs is not touched",
            undo="nothing to undo: the scratch folder and the throw-away containers are removed",
            notes=(f"snapshot {target.snapshot.short} of {age}, from {place(keeper)}",),
        ),
    )


def touched(one: Container) -> Touched:
    return Touched(one.id, one.name, one.image, one.image_id, one.state.value)


def by_name(view: View) -> dict[str, Container]:
    return {one.name: one for one in view.containers}


def engines_of(view: View) -> dict[str, Engine]:
    return dict(view.engines)


def same(plan: Plan, approved: Plan) -> bool:
    """Whether it is what was said yes to, field by field; who asked and the policy were checked before."""
    left, right = plan.content, approved.content
    return all(left[name] == right[name] for name in left if name not in {"requester", "policy"})


def short(words: Sequence[str], most: int = 5) -> str:
    """The first few, and how many more."""
    more = f"; and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more
