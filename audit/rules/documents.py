"""What the team wrote down, against what there is."""

import re
from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Fix, Kind, Passed, Place, Result, Severity, Unknown
from audit.registry import KNOWN, REQUIRED, STATUSES, TYPES, Entry, Registry
from audit.rule import rule
from audit.subject import Subject
from estate.compose.value import is_open
from estate.inventory import Thing
from estate.snapshot.env_file import is_env_name

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_USEFUL = re.compile(
    r"set[- ]?up|install|getting started|quick ?start|usage|use\b|using|run|start|deploy|config|how to"
    r"|operat|require",
    re.IGNORECASE,
)


@rule("DOC-01", Severity.LOW)
def no_readme(look: Look) -> Iterator[Result]:
    """A service's folder does not say what it is and how it is set up.

    Wrong: beside a project's compose file there is no README, or one without any heading about setting up or
    using it.
    Disprove: it is written down elsewhere, and everybody knows where.
    """
    for folder, subject in _folders(look).items():
        found = _readme(look, folder)
        if found is None:
            yield Failed(
                place=Place(subject.file),
                message="there is no README beside it",
                service=subject.full_name if len(subject.model.services) == 1 else "",
                key="missing",
                disprove="it is written down elsewhere",
                remedy=f"write {folder or '.'}/README.md: what it is, how it is set up, how it is used",
            )
            continue
        text = look.snapshot.texts.get(found)
        if text is None or any(_USEFUL.search(head) for head in _HEADING.findall(text)):
            yield Passed(folder or ".")
            continue
        yield Failed(
            place=Place(found),
            message="it says neither how the service is set up nor how it is used",
            key="thin",
            evidence=(f"headings: {', '.join(_HEADING.findall(text)[:5]) or 'none'}",),
            disprove="its words say it without a heading",
            remedy="add a part about setting it up and one about using it",
            confidence=Confidence.LOW,
        )


def _folders(look: Look) -> dict[str, Subject]:
    """Each project's folder → its first service."""
    found: dict[str, Subject] = {}
    for one in look.subjects:
        if not one.folder.startswith("/"):
            found.setdefault(one.folder, one)
    return found


def _readme(look: Look, folder: str) -> str | None:
    inside = look.files_in.get(folder, ())
    return next((p for p in inside if re.fullmatch(r"readme(?:\.\w+)?", p.rpartition("/")[2], re.I)), None)


# ---- the registry of services ---------------------------------------------------------------------------


@rule("DOC-02", Severity.HIGH)
def bad_registry(look: Look) -> Iterator[Result]:
    """SERVICES.yml cannot be relied on: it does not parse, or entries lack what they must have.

    Wrong: it is no YAML, or has no list `services:`; an entry lacks id, name, dir, type or status, has a type
    or status that does not exist, or an id that another one has; it depends on what is nowhere; or it has a
    key that means nothing (low).
    Not looked at: estates without that file.
    """
    registry = look.registry
    if registry is None:
        return
    if registry.wrong:
        yield Failed(
            place=Place(registry.file),
            message=f"it cannot be read as a registry: {registry.wrong}",
            key="unreadable",
            disprove="a YAML parser takes it",
            remedy="mend it: services: is a list of entries with id, name, dir, type, status",
        )
        return
    for place in registry.strange:
        yield Failed(
            place=place, message="it is no entry", key=f"row {place.text}", remedy="write it as a mapping"
        )
    for entry in registry.entries:
        found = list(_wrong_in(look, registry, entry))
        yield from found
        if not found:
            yield Passed(entry.id)


def _wrong_in(look: Look, registry: Registry, entry: Entry) -> Iterator[Failed]:
    name = entry.id or "an entry"
    missing = [key for key in REQUIRED if key not in entry.tree]
    if missing:
        yield _entry(entry, f"{name} has no {', '.join(missing)}", "missing", Severity.MEDIUM)
    for key, said, known in (("type", entry.type, TYPES), ("status", entry.status, STATUSES)):
        if said and said not in known:
            words = f"{name} has the {key} {said}; it is one of {', '.join(known)}"
            yield _entry(entry, words, key, Severity.MEDIUM, entry.at(look.snapshot, key))
    if entry.id and sum(other.id == entry.id for other in registry.entries) > 1:
        yield _entry(entry, f"the id {entry.id} is there twice", f"twice {entry.place.line}", Severity.MEDIUM)
    known_names = {other.id for other in registry.entries} | {one.name for one in look.subjects}
    known_names |= {one.service.container_name or "" for one in look.subjects}
    for other in entry.depends_on:
        if other not in known_names:
            place = entry.at(look.snapshot, "depends_on")
            yield _entry(
                entry, f"{name} depends on {other}, which is nowhere", f"on {other}", Severity.MEDIUM, place
            )
    for key in entry.tree:
        if key not in KNOWN and not key.startswith("x-"):
            place = entry.at(look.snapshot, key)
            yield _entry(
                entry,
                f"{name} has the key {key}, which means nothing here",
                f"key {key}",
                Severity.LOW,
                place,
            )


def _entry(entry: Entry, words: str, key: str, severity: Severity, place: Place | None = None) -> Failed:
    return Failed(
        place=place or entry.place,
        message=words,
        key=f"{entry.id} {key}",
        disprove="the entry says otherwise",
        remedy=f"mend the entry in {entry.place.file}",
        severity=severity,
    )


@rule("DOC-03", Severity.MEDIUM, fix=Fix.CONSENT)
def registry_and_tree(look: Look) -> Iterator[Result]:
    """SERVICES.yml and the folders do not agree.

    Wrong: a folder with a compose file is in no entry's `dir`, or an entry's `dir` is not there.
    Not looked at: estates without that file.
    """
    registry = look.registry
    if registry is None or registry.wrong:
        return
    named = {entry.folder for entry in registry.entries}
    for folder, subject in _folders(look).items():
        if folder in named or not folder or any(folder.startswith(f"{one}/") for one in named if one):
            yield Passed(folder)
            continue
        yield Failed(
            place=Place(subject.file),
            message=f"{folder} has a compose file and is not in {registry.file}",
            key=folder,
            evidence=(f"no entry of {registry.file} has dir: {folder}",),
            disprove=f"an entry of {registry.file} names it",
            remedy=f"add an entry with dir: {folder}",
        )
    for entry in registry.entries:
        if entry.folder and entry.folder not in look.snapshot.entries:
            yield Failed(
                place=entry.at(look.snapshot, "dir"),
                message=f"{entry.id} is to stand in {entry.folder}, which is not there",
                key=f"{entry.id} dir",
                disprove=f"{entry.folder} is there",
                remedy="take the entry out, or mend its dir",
            )


@rule("DOC-04", Severity.MEDIUM, fix=Fix.CONSENT)
def registry_and_runtime(look: Look) -> Iterator[Result]:
    """SERVICES.yml says otherwise than what runs, or than what is routed.

    Wrong: an entry is `running` and none of its containers is; it is `configured` or `deprecated` and one
    runs; or its domain stands in no router's rule, though services of its folder are routed. Whether
    something runs is unknown without an Engine.
    """
    registry = look.registry
    if registry is None or registry.wrong:
        return
    for entry in registry.entries:
        found = list(_domains(look, entry))
        if not look.snapshot.no_engine:
            status = _status(look, entry)
            found += [status] if status is not None else []
        elif look.snapshot.engine_wanted and entry.status:
            yield Unknown(
                f"{entry.id} is {entry.status}", look.snapshot.no_engine, entry.at(look.snapshot, "status")
            )
        yield from found
        if not found:
            yield Passed(entry.id)


def _domains(look: Look, entry: Entry) -> Iterator[Failed]:
    mine = [r for r in look.routers if r.subject is not None and r.subject.folder == entry.folder]
    rules = " ".join(r.rule for r in look.routers if r.subject is None or r in mine)
    blind = any(one.subject is not None and "file" in one.blind for one in look.proxies)
    if not mine or blind or is_open(rules):
        return
    for domain in entry.domains:
        if domain and domain not in rules:
            key = "domain" if "domain" in entry.tree else "domains"
            yield Failed(
                place=entry.at(look.snapshot, key),
                message=f"{entry.id} has the domain {domain}, which no router's rule names",
                key=f"{entry.id} {domain}",
                evidence=(f"rules in {entry.folder}: {', '.join(r.rule for r in mine)[:200]}",),
                disprove=f"curl https://{domain}/ is answered by {entry.id}",
                remedy="mend the domain in the entry, or the rule in the labels",
                confidence=Confidence.HIGH if look.proxy.subject is not None else Confidence.MEDIUM,
            )


def _of_entry(look: Look, entry: Entry) -> list[Thing]:
    inside = [
        thing
        for thing in look.things
        if thing.service is not None and thing.service.file.rpartition("/")[0] == entry.folder
    ]
    own = [thing for thing in inside if entry.id in thing.names or entry.id == thing.name]
    return own or inside


def _status(look: Look, entry: Entry) -> Failed | None:
    things = _of_entry(look, entry)
    running = [thing.full_name for thing in things if thing.running]
    if not things or (entry.status == "running") == bool(running) or entry.status not in STATUSES:
        return None
    words = "and none of its containers is" if entry.status == "running" else f"and {', '.join(running)} runs"
    return Failed(
        place=entry.at(look.snapshot, "status"),
        message=f"{entry.id} is said to be {entry.status}, {words}",
        service=things[0].full_name,
        key=f"{entry.id} status",
        evidence=tuple(
            f"{one.full_name}: {'running' if one.running else 'not running'}" for one in things[:6]
        ),
        disprove="docker ps says otherwise now",
        remedy=f"mend the status of {entry.id} in {entry.place.file}, or start or stop it",
        kind=Kind.BOTH,
    )


@rule("DOC-05", Severity.LOW)
def runbooks(look: Look) -> Iterator[Result]:
    """A service that runs has no runbook, or a runbook is about nothing that there is.

    Wrong: SERVICES.yml says that a service is running (databases aside: they belong to their application) and
    there is no `<service>-runbook.md` in the folder of runbooks; or a runbook there names no service. Without
    SERVICES.yml only the second is looked at.
    """
    folder = look.snapshot.where.runbooks
    found = {
        path: path.rpartition("/")[2].removesuffix(".md").removesuffix("-runbook").lower()
        for path in look.snapshot.texts
        if path.startswith(f"{folder}/") and path.endswith("-runbook.md")
    }
    entries = look.registry.entries if look.registry is not None and not look.registry.wrong else ()
    for entry in entries:
        if entry.status != "running" or entry.type == "db" or not entry.id:
            continue
        if entry.id.lower() in found.values():
            yield Passed(entry.id)
            continue
        yield Failed(
            place=entry.place,
            message=f"{entry.id} runs, and has no runbook",
            key=f"{entry.id} missing",
            evidence=(f"{folder}/{entry.id}-runbook.md is not there",),
            disprove="another runbook is about it",
            remedy=f"write {folder}/{entry.id}-runbook.md: is it ill, first steps, who knows it",
        )
    names = {entry.id.lower() for entry in entries} | {one.name.lower() for one in look.subjects}
    names |= {one.model.name.lower() for one in look.subjects} | {one.app for one in look.subjects}
    names |= {entry.folder.lower() for entry in entries}
    for path, name in found.items():
        if name not in names and names:
            yield Failed(
                place=Place(path),
                message=f"it is about {name}, which is no service here",
                key="orphan",
                disprove="a service of another name is meant",
                remedy="remove it, or rename it after the service",
            )


@rule("RUN-03", Severity.LOW)
def deprecated_present(look: Look) -> Iterator[Result]:
    """A service is deprecated, and its files are still there, or others still speak of it.

    Wrong: SERVICES.yml calls it `deprecated` and its folder still has a compose file; or the environment of
    another service still names it as a host.
    """
    registry = look.registry
    for entry in registry.entries if registry is not None else ():
        if entry.status != "deprecated":
            continue
        mine = [one for one in look.subjects if one.folder == entry.folder]
        hosts = {host for one in mine for host in one.hosts}
        users = [
            f"{one.full_name} by {name}"
            for one in look.subjects
            if one not in mine
            for name, variable in one.service.environment.items()
            if any(
                re.search(rf"(?:://|@){re.escape(host)}(?=[:/]|\Z)", variable.text or "") for host in hosts
            )
        ]
        if not mine:
            yield Passed(entry.id)
            continue
        yield Failed(
            place=entry.at(look.snapshot, "status"),
            message=f"{entry.id} is deprecated, and {mine[0].file} is still there",
            service=mine[0].full_name,
            key=entry.id,
            evidence=tuple(f"named by {user}" for user in users[:6]),
            disprove="it is needed until a day that is written down",
            remedy=f"move what is left, then remove {entry.folder} and the entry",
        )


_STALE = re.compile(r"(?:~|\.(?:bak|old|orig|save|back|backup|rej)\d*|\.(?:bak|backup|old)[._-][\w.-]+)\Z")


@rule("HYG-01", Severity.LOW)
def stale_file(look: Look) -> Iterator[Result]:
    """An old copy lies beside the live file, and one day somebody edits or deploys the wrong one.

    Wrong: a file is called `….bak`, `….old`, `….orig`, `….save`, `….back` or `…~`. Copies of environment
    files are ENV-09.
    Disprove: a program reads exactly this file.
    """
    for path, entry in look.snapshot.entries.items():
        if not entry.is_file or not _STALE.search(entry.name) or is_env_name(entry.name):
            continue
        live = _STALE.sub("", path)
        beside = live in look.snapshot.entries
        yield Failed(
            place=Place(path),
            message="it is an old copy" + (f" of {live}" if beside else ""),
            evidence=((f"{live} is there",) if beside else ()),
            disprove="a program reads exactly this file",
            remedy=f"git keeps what was: rm -- {path}",
            confidence=Confidence.HIGH if beside else Confidence.MEDIUM,
        )
