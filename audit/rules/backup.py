"""What would be lost."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from audit.backup_program import is_backup_script, makes_backups
from audit.look import Look
from audit.model import Confidence, Failed, Fix, Kind, Passed, Place, Result, Severity, Unknown
from audit.mounts import MountPoint
from audit.places import of_key, of_tree
from audit.rule import rule
from audit.subject import Subject
from estate.compose.value import Rows, Section, child, text_of
from estate.snapshot.backups import Saved
from estate.snapshot.document import Document

_NEVER = re.compile(
    r"/(?:proc|sys|dev|run|var/run|tmp|etc/localtime|etc/timezone|lib/modules|var/log)(?:/|\Z)|.*\.sock\Z"
)
_CACHE = re.compile(r"(?:^|[/_-])(?:cache|caches|tmp|temp|logs?|thumbnails?|transcodes?)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Sets:
    """What the backup's configuration names. `paths`: relative to the root; `volumes`: by Docker's or the
    file's name;
    `databases`: containers."""

    document: Document
    paths: frozenset[str]
    volumes: frozenset[str]
    databases: frozenset[str]


def configuration(look: Look) -> Document | None:
    """By its shape: `services:` with `databases:` or `volumes:` that are lists."""
    for path, one in sorted(look.snapshot.documents.items()):
        if "backup" not in path.lower() or b"services" not in one.data:
            continue
        services = child(one.tree, "services")
        if one.wrong or any(isinstance(child(services, key), Rows) for key in ("databases", "volumes")):
            return one
    return None


def _sets(document: Document) -> _Sets:
    services = child(document.tree, "services")
    volumes, databases = (child(services, key) for key in ("volumes", "databases"))
    rows = [one for one in volumes if isinstance(one, Section)] if isinstance(volumes, Rows) else []
    paths = {(text_of(one.get("path")) or "").rstrip("/").removeprefix("./") for one in rows}
    names = {text_of(one.get("name")) or "" for one in rows} | {
        text_of(one.get("volume")) or "" for one in rows
    }
    containers = {
        text_of(child(one, "container")) or "" for one in (databases if isinstance(databases, Rows) else ())
    }
    return _Sets(document, frozenset(paths - {""}), frozenset(names - {""}), frozenset(containers - {""}))


@rule("BAK-01", Severity.HIGH, fix=Fix.CONSENT)
def not_covered(look: Look) -> Iterator[Result]:
    """Data that a service writes is in no set of the backup.

    Wrong: a volume or a folder that a service mounts to write is neither under a path nor a volume of
    `backup-config.yml`, nor its container among the databases there. That a set names it does not prove that
    it was saved. Where the bot makes the backups itself (`estate.backup`, restic), the snapshots decide,
    whatever a set says: what containers keep is in one, whole, or it is not covered. How old that one is, is
    BAK-04. Where the tree has neither, and a service that makes backups: what that one mounts, and the
    databases that its environment names, in the projects that it has to do with. What nothing in the tree
    says anything of is unknown, once.
    Not looked at: what is mounted to read; sockets, /proc, /sys, /dev, temporary folders, caches and logs;
    services that an inactive profile keeps away.
    Disprove: `restic ls latest` shows it.
    """
    document, holding = configuration(look), _holding(look)
    sets = _sets(document) if document is not None and not document.wrong else None
    if document is not None and document.wrong:
        yield Unknown(document.path, document.wrong, Place(document.path))
    if look.snapshot.backups is not None and look.snapshot.backups.not_saved:
        yield Unknown("what the snapshots hold", look.snapshot.backups.not_saved)
    if document is None and not holding and look.snapshot.backups is None:
        yield from _by_services(look)
        return
    told: set[str] = set()
    seen: set[str] = set()
    for one in look.subjects:
        if not one.is_active:
            continue
        for mount in one.mounts:
            what = _needed(look, one, mount)
            if what is None:
                continue
            name = what if mount.is_bind else _docker_name(one, what)
            if name in told:
                continue
            told.add(name)
            saved = _saved(holding, one, mount, what)
            if saved is not None:
                seen.add(saved.title)
                yield _by_snapshots(look, saved, what, one, of_tree(look.snapshot, mount.tree, one.file))
            elif sets is not None:
                yield _judged(look, one, mount, what, sets)
    for saved in holding:
        if saved.title not in seen:
            owner = next((look.by_name[name] for name in saved.owners if name in look.by_name), None)
            yield _by_snapshots(look, saved, saved.title, owner, owner.place if owner else Place(""))


def _by_services(look: Look) -> Iterator[Result]:
    """By what the services mount that make backups."""
    programs = [one for one in look.subjects if one.is_active and makes_backups(one)]
    near: dict[str, list[Subject]] = defaultdict(list)
    for program in programs:
        for project in _projects_of(look, program):
            near[project].append(program)
    silent: list[tuple[str, str]] = []
    told: set[str] = set()
    for one in look.subjects:
        if not one.is_active or one in programs:
            continue
        for mount in one.mounts:
            what = _needed(look, one, mount)
            if what is None or (name := what if mount.is_bind else _docker_name(one, what)) in told:
                continue
            told.add(name)
            if any(_saves(look, program, one, mount) for program in programs):
                yield Passed(f"{one.full_name} {what}")
            elif one.model.name in near:
                yield _in_no_mount(look, one, mount, what, near[one.model.name])
            else:
                silent.append((one.full_name, what))
    if silent:
        name, what = silent[0]
        who = name if len(silent) == 1 else f"{len(silent)} volumes and folders"
        first = f"{what}: " if len(silent) == 1 else f"{what} of {name} is one: "
        yield Unknown(who, f"{first}{_silence(look, programs)}, and no backup was asked")


def _silence(look: Look, programs: list[Subject]) -> str:
    """Why it is not known what is backed up. What a script saves is in its words alone."""
    if programs:
        names = ", ".join(one.full_name for one in programs[:3])
        return f"{names}, which makes backups, mounts nothing of its project"
    scripts = [path for path, text in look.snapshot.texts.items() if is_backup_script(path, text)]
    if not scripts:
        return "nothing in this tree says what is backed up"
    more = f" and {len(scripts) - 1} more scripts" if len(scripts) > 1 else ""
    return f"what {min(scripts)}{more} may save is not read from scripts"


def _projects_of(look: Look, program: Subject) -> set[str]:
    """Its own, and those whose data it mounts."""
    found = {program.model.name}
    for one in look.subjects:
        if one is not program and any(_has(program, one, mount) for mount in one.mounts):
            found.add(one.model.name)
    return found


def _has(program: Subject, one: Subject, mount: MountPoint) -> bool:
    """Whether a program mounts what a service mounts."""
    for mine in program.mounts:
        if mount.kind == "volume" and mount.source:
            name = _docker_name(one, mount.source)
            if mine.kind == "volume" and mine.source and _docker_name(program, mine.source) == name:
                return True
            if mine.is_bind and mine.source.rstrip("/") in {"", "/var/lib/docker", "/var/lib/docker/volumes"}:
                return True
        elif mount.is_bind and mine.is_bind and f"{mount.source}/".startswith(f"{mine.source.rstrip('/')}/"):
            return True
    return False


def _saves(look: Look, program: Subject, one: Subject, mount: MountPoint) -> bool:
    is_dumped = one.is_database and one.model is program.model and one.name in look.named_hosts(program)
    return is_dumped or _has(program, one, mount)


def _in_no_mount(
    look: Look, one: Subject, mount: MountPoint, what: str, programs: Sequence[Subject]
) -> Failed:
    make = "makes" if len(programs) == 1 else "make"
    names = ", ".join(program.full_name for program in programs)
    return Failed(
        place=of_tree(look.snapshot, mount.tree, one.file),
        message=f"{what}: not mounted by {names}, which {make} the backups here",
        service=one.full_name,
        key=what,
        evidence=(f"mounted to write at {mount.target}", "what makes backups is known by its image's name"),
        disprove="it is saved by something outside of this tree",
        remedy=f"mount it into {names}, to read",
        confidence=Confidence.MEDIUM,
        fix=Fix.ADVICE,
    )


def _holding(look: Look) -> tuple[Saved, ...]:
    return look.snapshot.backups.saved if look.snapshot.backups is not None else ()


def _saved(holding: Iterable[Saved], one: Subject, mount: MountPoint, what: str) -> Saved | None:
    """What is known of it by the snapshots."""
    for saved in holding:
        if one.is_database and saved.kind == "database":
            if one.full_name in saved.owners:
                return saved
        elif mount.kind == "volume" and saved.kind == "volume":
            if saved.name == _docker_name(one, what):
                return saved
        elif mount.is_bind and saved.kind == "bind" and saved.source == mount.source:
            return saved
    return None


def _docker_name(one: Subject, volume: str) -> str:
    """What Docker calls it: two projects may call theirs the same."""
    tree = child(one.model.tree, "volumes", volume)
    said = text_of(child(tree, "name"))
    is_external = child(tree, "external") is not None and text_of(child(tree, "external")) != "false"
    return said or (volume if is_external else f"{one.model.name}_{volume}")


def _by_snapshots(look: Look, saved: Saved, what: str, one: Subject | None, place: Place) -> Result:
    subject = f"{one.full_name} {what}" if one is not None else what
    if saved.state in {"covered", "stale"}:
        return Passed(subject)
    if saved.state == "unknown":
        return Unknown(subject, saved.why, place)
    return Failed(
        place=place,
        message=f"{what}: no snapshot has it whole",
        service=one.full_name if one is not None else "",
        key=what,
        evidence=(f"the repository, asked: {saved.why or saved.state}",),
        disprove="!backup shows it as covered",
        remedy=f"!backup now {one.full_name}" if one is not None else "!backup now",
        kind=Kind.BOTH,
    )


def _needed(look: Look, one: Subject, mount: MountPoint) -> str | None:
    """What is to be saved, by the name that is shown; None when nothing is."""
    if (
        not mount.writable
        or mount.kind not in {"bind", "volume"}
        or _CACHE.search(mount.source or mount.target)
    ):
        return None
    if mount.kind == "volume":
        return mount.source or None
    shown = mount.source.removeprefix(f"{look.snapshot.root}/")
    if shown == mount.source and _NEVER.match(mount.source):
        return None
    entry = look.snapshot.entries.get(shown)
    if entry is not None and not entry.is_folder and look.snapshot.git and shown in look.snapshot.git.tracked:
        return None  # git has it
    return shown


def uncovered(look: Look, one: Subject, place: Place) -> tuple[str, bool]:
    """What a finding at this place says is in no set, and whether that is a volume by its name."""
    for mount in one.mounts:
        what = _needed(look, one, mount)
        if what is not None and of_tree(look.snapshot, mount.tree, one.file) == place:
            return what, mount.kind == "volume"
    return "", False


def _judged(look: Look, one: Subject, mount: MountPoint, what: str, sets: _Sets) -> Result:
    if _is_dumped(one, sets) or _is_named(one, mount, what, sets):
        return Passed(f"{one.full_name} {what}")
    return Failed(
        place=of_tree(look.snapshot, mount.tree, one.file),
        message=f"{what}: no set of the backup has it",
        service=one.full_name,
        key=what,
        evidence=(f"mounted to write at {mount.target}", f"{sets.document.path} does not name it"),
        disprove="restic ls latest shows it" + (", as a dump" if one.is_database else ""),
        remedy=(
            _dump_it(one, sets)
            if one.is_database
            else f"add {what} to services.volumes in {sets.document.path}"
        ),
    )


def _is_dumped(one: Subject, sets: _Sets) -> bool:
    return bool((one.hosts | {one.full_name}) & sets.databases)


def _is_named(one: Subject, mount: MountPoint, what: str, sets: _Sets) -> bool:
    covered = any(what == path or what.startswith(f"{path}/") for path in sets.paths)
    return covered or (mount.kind == "volume" and bool({what, f"{one.model.name}_{what}"} & sets.volumes))


def _dump_it(one: Subject, sets: _Sets) -> str:
    name = one.service.container_name or one.name
    return f"add {name} to services.databases in {sets.document.path}"


@rule("BAK-02", Severity.HIGH)
def copied_alive(look: Look) -> Iterator[Result]:
    """A database's files are copied while it runs: what is restored from that may not start.

    Wrong: a set of `backup-config.yml` has the folder or the volume that a database writes, and its container
    is not among the databases that are dumped.
    Not looked at: what the bot backs up itself, which dumps databases by their own tools.
    Disprove: it is stopped, or its file system is frozen, while the copy is made.
    Mend: name its container among the databases; the dump is enough, and its files need not be copied.
    """
    document = configuration(look)
    if document is None or document.wrong or _holding(look):
        return
    sets = _sets(document)
    for one in look.subjects:
        if not one.is_active or not one.is_database:
            continue
        for mount in one.mounts:
            what = _needed(look, one, mount)
            if what is None or not _is_named(one, mount, what, sets):
                continue
            if _is_dumped(one, sets):
                yield Passed(f"{one.full_name} {what}")
                continue
            yield Failed(
                place=of_tree(look.snapshot, mount.tree, one.file),
                message=f"{what}: its files are copied while it runs, and it is not dumped",
                service=one.full_name,
                key=what,
                evidence=(f"mounted to write at {mount.target}", f"{sets.document.path} names {what}"),
                disprove="it is stopped, or its file system is frozen, while the copy is made",
                remedy=_dump_it(one, sets),
            )


@rule("BAK-09", Severity.LOW, fix=Fix.CONSENT)
def no_retention(look: Look) -> Iterator[Result]:
    """The backup does not say how long it keeps what.

    Wrong: `backup-config.yml` has no `retention`, or one without any of daily, weekly, monthly: either
    nothing is ever forgotten and the disk fills, or somebody forgets by hand.
    """
    document = configuration(look)
    if document is None or document.wrong:
        return
    retention = child(document.tree, "retention")
    if isinstance(retention, Section) and any(
        text_of(retention.get(k)) for k in ("daily", "weekly", "monthly", "yearly")
    ):
        yield Passed(document.path)
        return
    yield Failed(
        place=of_key(look.snapshot, document.tree, "retention", document.path),
        message="it has no retention",
        key="retention",
        disprove="another program forgets and prunes",
        remedy="retention: {daily: 7, weekly: 4, monthly: 6}",
    )
