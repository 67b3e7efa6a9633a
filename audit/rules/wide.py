"""What is seen only from above: what hangs on what, what is there several times, who looks before it goes
live."""

import re
from collections import defaultdict
from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Place, Result, Severity
from audit.places import of_tree
from audit.rule import each_service, rule
from audit.subject import Subject
from estate.compose.difference import flat
from estate.compose.model import Model
from estate.compose.value import Section, Tree, child, text_of

MANY = 5
"""Services that hang on one, from which on it is told."""
COPIES = 3
_CI = re.compile(
    r"(?:\.github/workflows|\.gitea/workflows|\.forgejo/workflows|\.woodpecker|\.circleci)/.+\.ya?ml\Z"
    r"|\.gitlab-ci\.ya?ml\Z|\.drone\.ya?ml\Z|\.woodpecker\.ya?ml\Z|Jenkinsfile\Z|azure-pipelines\.ya?ml\Z"
    r"|\.pre-commit-config\.ya?ml\Z|\.travis\.ya?ml\Z|\.ci/.+\Z"
)


@rule("DEP-03", Severity.INFO)
def start_order(look: Look) -> Iterator[Result]:
    """A project can be started only after another one of this tree.

    Wrong: it uses a network as `external` that another project makes; on a new machine it does not start
    before that one. Where all are external, they are made by hand, and nothing is told.
    Disprove: `docker network ls` shows the network before the first `up`.
    """
    makers = {name: one for one in look.snapshot.models for name in _networks(one, external=False).values()}
    for model in look.snapshot.models:
        found = False
        for key, name in _networks(model, external=True).items():
            maker = makers.get(name)
            if maker is None or maker is model:
                continue
            found = True
            tree = child(model.tree, "networks", key)
            file = look.snapshot.relative(model.paths[0])
            yield Failed(
                place=of_tree(look.snapshot, tree, file, f"{key}:"),
                message=f"{maker.name} has to be started first: it makes the network {name}",
                key=f"{model.name} {name}",
                evidence=(f"{model.name} uses {name} as external",),
                disprove="docker network ls shows it before the first start",
                remedy=f"start {maker.name}, then {model.name}; write it into the runbook",
            )
        if not found:
            yield Passed(model.name)


def _networks(model: Model, *, external: bool) -> dict[str, str]:
    """Key in the file → the name that Docker knows."""
    tree = model.tree.get("networks")
    found = {}
    for key, one in tree.items() if isinstance(tree, Section) else ():
        said = child(one, "external")
        is_external = isinstance(said, Section) or text_of(said) == "true"
        if is_external == external:
            old = text_of(child(said, "name")) if isinstance(said, Section) else None
            bare = key if external else f"{model.name}_{key}"
            found[key] = text_of(child(one, "name")) or old or bare
    return found


@rule("DEP-04", Severity.INFO)
@each_service
def single_point(look: Look, one: Subject) -> Iterator[Result]:
    """Many services stop working when this one does.

    Wrong: at least five others depend on it, name it as a host, or are reached only through it, as through
    Traefik.
    Disprove: they work without it.
    Mend: nothing, perhaps; but update it last, and know its runbook.
    """
    needy = look.dependents.get(one.full_name, frozenset())
    if len(needy) < MANY:
        return
    yield Failed(
        place=one.place,
        message=f"{len(needy)} services hang on it",
        service=one.full_name,
        evidence=(", ".join(sorted(needy)[:12]),),
        disprove="they work without it",
        remedy="know its runbook; update it when nobody works",
    )


@rule("DUP-01", Severity.INFO)
def same_database(look: Look) -> Iterator[Result]:
    """The same kind of database is set up in several projects in the same way.

    Wrong: two projects or more have a database with one image repository and the same variables. It is no
    defect: it is as many backups, updates and passwords.
    Disprove: they are apart on purpose.
    """
    groups: dict[tuple[str, frozenset[str]], list[Subject]] = defaultdict(list)
    for one in look.subjects:
        if one.is_database and one.service.environment:
            groups[one.app, frozenset(one.service.environment)].append(one)
    for (app, _), group in groups.items():
        projects = {one.model.name for one in group}
        if len(projects) < 2:
            yield Passed(group[0].full_name)
            continue
        yield Failed(
            place=group[0].place,
            message=f"{app} is set up in the same way in {len(projects)} projects",
            service=group[0].full_name,
            key=app,
            evidence=(", ".join(one.full_name for one in group[:12]),),
            disprove="they are apart on purpose",
            remedy="one database for several, or one way to back them up and update them",
        )


@rule("DUP-02", Severity.INFO)
def same_block(look: Look) -> Iterator[Result]:
    """The same healthcheck or the same labels are written several times in one project.

    Wrong: at least three services of a project have an equal `healthcheck` or equal `labels`, each written
    out. What an anchor shares is written once.
    Disprove: they will differ soon.
    """
    for model in look.snapshot.models:
        found = False
        texts = flat(model) if len(model.services) >= COPIES else {}
        for key in ("healthcheck", "labels"):
            groups: dict[frozenset[tuple[tuple[str, ...], str | None]], list[tuple[str, Tree]]] = defaultdict(
                list
            )
            for name, service in model.services.items():
                tree = service.tree.get(key)
                content = frozenset(
                    (path[3:], text) for path, text in texts.items() if path[:3] == ("services", name, key)
                )
                if tree is not None and content:
                    groups[content].append((name, tree))
            for group in groups.values():
                places = {str(of_tree(look.snapshot, tree, "")) for _, tree in group}
                if len(places) >= COPIES:
                    found = True
                    yield _copies(look, model, key, group)
        if not found:
            yield Passed(model.name)


def _copies(look: Look, model: Model, key: str, group: list[tuple[str, Tree]]) -> Failed:
    file = look.snapshot.relative(model.paths[0])
    names = [name for name, _ in group]
    return Failed(
        place=of_tree(look.snapshot, group[0][1], file, f"{key}:"),
        message=f"{len(group)} services have the same {key}: {', '.join(names[:6])}",
        service=f"{model.name}/{names[0]}",
        key=f"{key} {' '.join(names)}",
        disprove="they will differ soon",
        remedy=f"write {key} once, under an anchor or x-{key}, and use it in all of them",
    )


@rule("OPS-01", Severity.INFO)
def nobody_checks(look: Look) -> Iterator[Result]:
    """Nothing looks at a change before it goes live.

    Wrong: the estate is kept in git, and there is no pipeline (GitHub, GitLab, Gitea, Forgejo, Woodpecker,
    Drone, CircleCI, Jenkins, Azure) and no pre-commit configuration in it.
    Disprove: another repository's pipeline checks this one.
    Mend: `docker compose config -q` for each project, and `tocsin audit --no-docker`, at each push.
    """
    git = look.snapshot.git
    if git is None or git.trouble or not look.subjects:
        return
    if any(_CI.match(path) for path in look.snapshot.entries):
        yield Passed("the repository")
        return
    yield Failed(
        place=Place("README.md" if "README.md" in look.snapshot.entries else look.subjects[0].file),
        message="the estate is in git, and no pipeline checks it",
        key="pipeline",
        disprove="another repository's pipeline checks this one",
        remedy="run docker compose config -q and tocsin audit --no-docker at each push",
        confidence=Confidence.MEDIUM,
    )
