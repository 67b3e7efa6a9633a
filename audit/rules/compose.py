"""Whether Compose takes the files, and does with them what is meant."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from audit.awaited import awaited, unsure
from audit.look import Look, unfinished
from audit.model import Confidence, Failed, Fix, Passed, Place, Result, Severity, Unknown
from audit.places import of_key, of_span, of_tree
from audit.rule import rule
from audit.subject import Subject
from estate.compose.model import Model
from estate.compose.problem import Problem
from estate.compose.source import Unreadable
from estate.compose.value import Rows, Section, Tree, Value, child, is_open, open_text_of, text_of

_TOLD_ELSEWHERE = re.compile(r"must be set|is no local file|there is no compose file")


@rule("CMP-01", Severity.HIGH)
def unreadable(look: Look) -> Iterator[Result]:
    """Compose would stop at a file.

    Wrong: as far as this reader knows Compose's rules, the project does not resolve: it extends what is not
    there, includes itself, merges what cannot be merged, says a key twice (the rest is judged as if the later
    one counted, or both, where they are mappings). A file that does not parse at all (a tab, a template, a
    fragment for `include` or `-f` whose anchors stand elsewhere) is unknown: nothing of it was judged. So is
    an env file that is not there, where a `.gitignore` or an example beside it says that the deployed one is
    elsewhere; and a file with a service that has neither image nor build: it is put over another one, so what
    it does not say is not judged.
    Disprove: `docker compose config -q` takes it.
    """
    bad = {str(look.snapshot.relative(path)) for model in look.snapshot.models for path in model.unreadable}
    for path, why in look.snapshot.unread.items():
        yield Unknown(path, why, _line_of(path, why))
    for model in look.snapshot.models:
        by_file: dict[Path, list[Problem]] = defaultdict(list)
        found: list[Result] = []
        for one in model.problems:
            if one.of is not None:
                by_file[one.of].append(one)
            elif not _TOLD_ELSEWHERE.search(one.words) and look.snapshot.relative(one.file) not in bad:
                found.append(_stops(look, model, one))
        for file, problems in by_file.items():
            if look.snapshot.relative(file) not in look.snapshot.unread:
                found.append(_without(look, model, file, problems))
        if lacking := unfinished(model):
            found.append(_fragment(look, model, lacking))
        yield from found
        if not found:
            yield Passed(model.name)


def _fragment(look: Look, model: Model, lacking: list[str]) -> Unknown:
    file, first = look.snapshot.relative(model.paths[0]), model.services[lacking[0]]
    more = f" and {len(lacking) - 1} more have" if len(lacking) > 1 else " has"
    why = f"{lacking[0]}{more} neither image nor build: it is put over another file (-f), or not finished"
    return Unknown(file, why, of_span(look.snapshot, first.at, file))


def _without(look: Look, model: Model, path: Path, problems: list[Problem]) -> Result:
    """A file is not there, or cannot be read: once, however many name it."""
    shown = look.snapshot.relative(path)
    is_env = path not in model.partial.values() and path.suffix not in {".yml", ".yaml"}
    why = awaited(look, shown) if is_env else ""
    if why:
        return Unknown(shown, f"{why}, and there is none: the deployed one is elsewhere")
    first, others = problems[0], len(problems) - 1
    more = f"; {others} more {'name' if others > 1 else 'names'} it" if others else ""
    return _stops(look, model, replace(first, words=first.words + more), key=shown)


def _line_of(path: str, why: str) -> Place:
    found = re.match(r"line (\d+)", why)
    return Place(path, int(found[1]) if found else 1)


def _stops(look: Look, model: Model, one: Problem, key: str = "") -> Failed:
    file = look.snapshot.relative(one.file)
    place = Place(file, one.span.line, one.span.column) if one.span else Place(file)
    return Failed(
        place=place,
        message=f"Compose would stop here: {one.words}",
        key=f"{model.name} {key or one.words}",
        disprove="docker compose config -q takes it",
        remedy="mend the file; docker compose config -q says whether it holds",
    )


@rule("CMP-02", Severity.HIGH, whole=True)
def undefined_name(look: Look) -> Iterator[Result]:
    """A service names a network, a volume, a secret, a config or a service that the project does not have.

    Wrong: after merging all files, what `networks:`, `volumes:`, `secrets:`, `configs:` or `depends_on:` of a
    service names is defined nowhere in the project (`required: false` aside).
    Disprove: `docker compose config -q` takes it.
    """
    for one in look.subjects:
        found = list(_undefined(one))
        for kind, name, tree in found:
            yield Failed(
                place=of_tree(look.snapshot, tree, one.file, name),
                message=f"it names the {kind} {name}, which its project does not define",
                service=one.full_name,
                key=f"{kind} {name}",
                disprove=f"docker compose config -q in {one.folder or '.'} takes it",
                remedy=f"define {name} at the top level of {one.file}, or mend the name",
            )
        if not found:
            yield Passed(one.full_name)


def _undefined(one: Subject) -> Iterator[tuple[str, str, Tree | None]]:
    tree, whole = one.service.tree, one.model.tree
    for name in one.networks:
        if name not in {"default", *_keys(whole, "networks")}:
            yield "network", name, tree.get("networks")
    for mount in one.mounts:
        if mount.kind == "volume" and mount.source and mount.source not in _keys(whole, "volumes"):
            yield "volume", mount.source, mount.tree
    for key, kind in (("secrets", "secret"), ("configs", "config")):
        rows = tree.get(key)
        for row in rows if isinstance(rows, Rows) else ():
            source = text_of(row) or text_of(child(row, "source"))
            if source and source not in _keys(whole, key):
                yield kind, source, row
    depends = tree.get("depends_on")
    for name in one.service.depends_on:
        if name not in one.model.services and text_of(child(depends, name, "required")) != "false":
            yield "service", name, depends


def _keys(tree: Section, name: str) -> set[str]:
    section = tree.get(name)
    return set(section) if isinstance(section, Section) else set()


@rule("CMP-04", Severity.INFO, fix=Fix.AUTOMATIC)
def obsolete_version(look: Look) -> Iterator[Result]:
    """The key `version` at the top of a compose file means nothing any more.

    Wrong: it is there. Compose 2 ignores it and warns at each call.
    Disprove: somebody still deploys this file with Compose 1 or with `docker stack`.
    """
    told: set[str] = set()
    for model in look.snapshot.models:
        for path in model.paths:
            shown = look.snapshot.relative(path)
            if shown in told:
                continue
            told.add(shown)
            place = _version_key(model, path, shown)
            if place is None:
                yield Passed(shown)
                continue
            yield Failed(
                place=place,
                message="the key version means nothing any more",
                disprove="somebody still deploys it with Compose 1",
                remedy="take the line away",
            )


def _version_key(model: Model, path: Path, shown: str) -> Place | None:
    try:
        nodes, source = model.files.documents(path), model.files.source(path)
    except Unreadable:
        return None
    for node in nodes:
        for key, _ in getattr(node, "pairs", ()):
            if getattr(key, "text", None) == "version" and source is not None:
                span = source.span(key.start, key.end)
                return Place(shown, span.line, span.column, "version:")
    return None


MANY = 3
"""More services than this that claim one thing are rather examples to choose from."""


@rule("CMP-05", Severity.HIGH)
def name_clash(look: Look) -> Iterator[Result]:
    """Two services claim the same container name or the same port of the host: the second does not start.

    Wrong: among all services that no profile keeps away, two have one `container_name`, or publish one port
    on one address (an address of its own does not clash with another one). A service with a fixed name and
    several replicas clashes with itself.
    Disprove: they never run on one machine at one time.
    """
    names: dict[tuple[str, str], list[Subject]] = defaultdict(list)
    ports: dict[tuple[str, str], list[tuple[Subject, str, Tree]]] = defaultdict(list)
    for one in look.subjects:
        if not one.is_active:
            continue
        if name := open_text_of(one.service.tree.get("container_name")):
            # One project has one .env: there, what nobody sets here is the same.
            names[name, one.model.name if is_open(name) else ""].append(one)
        for port in one.ports:
            if port.host and "-" not in port.host:
                ports[port.host, port.protocol].append((one, port.address, port.tree))
    for (name, _), group in names.items():
        yield _name_clash(look, name, group) if len(group) > 1 else Passed(name)
    for (host, protocol), users in ports.items():
        clash = _port_clash(look, host, protocol, users)
        yield clash if clash is not None else Passed(f"{host}/{protocol}")


def _name_clash(look: Look, name: str, group: list[Subject]) -> Failed:
    last = group[-1]
    return Failed(
        place=of_key(look.snapshot, last.service.tree, "container_name", last.file),
        message=f"the container name {name} is also that of {', '.join(one.full_name for one in group[:-1])}",
        service=last.full_name,
        key=name,
        evidence=tuple(f"{one.full_name} in {one.file}" for one in group[:8]),
        disprove="they never run on one machine at one time",
        remedy="give one of them another container_name, or none",
        confidence=Confidence.MEDIUM if len(group) <= MANY else Confidence.LOW,
    )


def _port_clash(
    look: Look, host: str, protocol: str, users: list[tuple[Subject, str, Tree]]
) -> Failed | None:
    everywhere = {"", "0.0.0.0", "::", "[::]"}  # noqa: S104 - compared, not bound
    for at, (one, address, tree) in enumerate(users):
        for other, known, others in users[:at]:
            if other is not one and (address == known or {address, known} & everywhere):
                hedge = (*unsure(look, one.model, tree), *unsure(look, other.model, others))
                sure = len(users) <= MANY and not hedge
                return Failed(
                    place=of_tree(look.snapshot, tree, one.file),
                    message=f"the host's port {host}/{protocol} is also that of {other.full_name}",
                    service=one.full_name,
                    key=f"{host}/{protocol}",
                    evidence=(f"{one.full_name} in {one.file}", f"{other.full_name} in {other.file}", *hedge),
                    disprove="they never run on one machine at one time",
                    remedy="publish one of them on another port, or only through the proxy",
                    confidence=Confidence.MEDIUM if sure else Confidence.LOW,
                )
    return None


_SEXAGESIMAL = re.compile(r"\d+:[0-5]?\d\Z")


@rule("CMP-09", Severity.LOW, fix=Fix.CONSENT)
def unquoted_port(look: Look) -> Iterator[Result]:
    """A port is written so that older YAML readers take it for a number.

    Wrong: in `ports:` stands `22:22` without quotes, and what is behind the colon is less than 60: YAML 1.1
    reads it as a number of base 60 (1342). Compose 2 does not; Compose 1, linters and other tools do.
    Disprove: nothing but Compose 2 reads the file.
    Mend: quotes.
    """
    for one in look.subjects:
        found = False
        for port in one.ports:
            tree = port.tree
            if not isinstance(tree, Value) or tree.style or not _SEXAGESIMAL.match(tree.raw):
                continue
            found = True
            yield Failed(
                place=of_tree(look.snapshot, tree, one.file),
                message=f"{tree.raw} without quotes is a number to YAML 1.1",
                service=one.full_name,
                key=tree.raw,
                disprove="nothing but Compose 2 reads the file",
                remedy=f'write "{tree.raw}"',
            )
        if one.ports and not found:
            yield Passed(one.full_name)


_FILE_LIKE = re.compile(
    r"\.(?:ya?ml|toml|conf|cfg|ini|json|env|sh|py|js|sql|xml|pem|crt|key|htpasswd|txt|properties|lua|rules)\Z"
)


@rule("CMP-08", Severity.MEDIUM, whole=True)
def missing_bind(look: Look) -> Iterator[Result]:
    """A file that a service mounts is not there: Docker makes a folder of that name, owned by root.

    Wrong: the source of a bind mount lies in this tree, is called like a file (`.yml`, `.conf`, …), and does
    not exist. Folders are not meant: Docker makes those on purpose.
    Disprove: a script makes the file before the service starts.
    """
    for one in look.subjects:
        for mount in one.mounts:
            if not mount.is_bind or not _FILE_LIKE.search(mount.source) or not one.is_active:
                continue
            shown = mount.source.removeprefix(f"{look.snapshot.root}/")
            if shown == mount.source or _not_seen(look, shown):
                continue
            if shown in look.snapshot.entries:
                yield Passed(f"{one.full_name} {shown}")
                continue
            yield Failed(
                place=of_tree(look.snapshot, mount.tree, one.file, f"{shown}:{mount.target}"),
                message=f"{shown} is not there: Docker would make a folder of that name",
                service=one.full_name,
                key=shown,
                disprove="a script makes the file before the service starts",
                remedy=f"write {shown}, or take the mount away",
                confidence=Confidence.MEDIUM,
            )


def _not_seen(look: Look, path: str) -> bool:
    """Whether its folder was not looked into: data, or too deep."""
    folder = path.rpartition("/")[0]
    parent = look.snapshot.entries.get(folder)
    is_known = not folder or (parent is not None and any(True for _ in look.snapshot.under(folder)))
    return not is_known and (parent is not None or "/data/" in f"/{path}")
