"""What two projects both claim: a name, a route."""

import re
from collections import defaultdict
from collections.abc import Iterator

from audit.look import Look, unfinished
from audit.model import Confidence, Failed, Passed, Place, Result, Severity, Unknown
from audit.places import of_key
from audit.rule import each_proxy, rule
from audit.traefik import Router
from estate.compose.model import Model
from estate.compose.value import is_open


@rule("CMP-06", Severity.MEDIUM)
def project_clash(look: Look) -> Iterator[Result]:
    """Two folders are one project to Compose: the one takes the other's containers for its own.

    Wrong: two projects of the tree have one name, because their folders are called alike or their `name:` is
    the same, and neither shares a service file with the other. `up --remove-orphans` and `down` in the one
    remove the other's containers.
    Disprove: they are never brought up on the same machine.
    Mend: a `name:` of its own at the top of one.
    """
    by_name: dict[str, list[Model]] = defaultdict(list)
    for model in look.snapshot.models:
        if model.services and not unfinished(model):
            by_name[model.name].append(model)
    for name, models in by_name.items():
        folders = {model.directory for model in models}
        if len(folders) < 2:
            yield Passed(name)
            continue
        for model in models[1:]:
            file = look.snapshot.relative(model.paths[0]) if model.paths else ""
            others = sorted(look.snapshot.relative(one) for one in folders - {model.directory})
            yield Failed(
                place=of_key(look.snapshot, model.tree, "name", file)
                if "name" in model.tree
                else Place(file),
                message=f"the project is called {name}, and so is that in {', '.join(others)}",
                key=name,
                evidence=tuple(f"services: {', '.join(one.services)}" for one in models),
                disprove="they are never brought up on the same machine",
                remedy=f"write a name of its own at the top of {file}, and bring it up anew",
            )


@rule("TRF-12", Severity.HIGH)
@each_proxy
def same_route(look: Look) -> Iterator[Result]:
    """Two services have the same route, and which of them answers is chance.

    Wrong: routers of two services have the same rule (spaces and the order of `&&` aside) on entry points
    that they share, and none of them has a `priority`.
    Not meant: two routers of one service; replicas of one service; rules of two projects that a variable is a
    part of which nothing in this tree sets.
    Disprove: Traefik's /api/http/routers shows different rules, or one of them is never up.
    Mend: another host or path for one; or a `priority`.
    """
    by_rule: dict[tuple[str, str], list[Router]] = defaultdict(list)
    for one in look.proxy.routers:
        if one.protocol == "http" and one.rule and (one.subject is None or one.subject.is_active):
            # One project has one .env: there, what nobody sets here is the same.
            inside = one.subject.model.name if one.subject is not None and is_open(one.rule) else ""
            by_rule[_plain(one.rule), inside].append(one)
    unknown = [one for group in by_rule.values() for one in group if is_open(one.rule)]
    if unknown:
        first = unknown[0]
        who = f"{len(unknown)} routers" if len(unknown) > 1 else first.name
        why = f"the rule of {first.name} is {first.rule}, and nothing in this tree sets that"
        yield Unknown(who, why, first.place)
    for routers in by_rule.values():
        for at, one in enumerate(routers):
            clash = next((other for other in routers[:at] if _clashes(one, other)), None)
            name = one.subject.full_name if one.subject else ""
            if clash is None:
                if not is_open(one.rule):
                    yield Passed(name or one.name)
                continue
            other = clash.subject.full_name if clash.subject else f"{clash.name}@{clash.provider}"
            yield Failed(
                place=one.place,
                message=f"the router {one.name} has the rule that {clash.name} of {other} has",
                service=name,
                key=f"{one.name} {clash.name}",
                evidence=(f"rule: {one.rule}", f"also at {clash.place}"),
                disprove=f"Traefik's /api/http/routers/{one.name}@{one.provider} shows another rule",
                remedy="give one of them another host or path, or a priority",
                confidence=Confidence.HIGH if one.subject and clash.subject else Confidence.MEDIUM,
            )


def _plain(text: str) -> str:
    parts = re.split(r"\s*&&\s*", text.strip()) if "||" not in text and "(" in text else [text]
    return " && ".join(sorted(re.sub(r"\s+|[\"'`]", "", part) for part in parts))


def _clashes(one: Router, other: Router) -> bool:
    if one.subject is not None and one.subject is other.subject:
        return False
    if one.service and one.service == other.service:
        return False
    if "priority" in one.keys or "priority" in other.keys or one.has_tls != other.has_tls:
        return False
    mine, theirs = set(one.entry_points), set(other.entry_points)
    return not mine or not theirs or bool(mine & theirs)
