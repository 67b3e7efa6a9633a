"""Whether Prometheus can reach what it is told to ask."""

import re
from collections.abc import Iterator, Mapping

from audit.inside import flag_of, on_host
from audit.look import Look
from audit.model import Confidence, Failed, Passed, Result, Severity, Unknown
from audit.places import of_tree
from audit.rule import rule
from audit.subject import Subject
from estate.compose.value import Rows, Tree, child, text_of

_OTHER_PROTOCOLS = {
    "5432": "PostgreSQL",
    "3306": "MySQL",
    "6379": "Redis",
    "27017": "MongoDB",
    "5672": "AMQP",
    "11211": "memcached",
    "1883": "MQTT",
    "25": "SMTP",
    "22": "SSH",
}
_TARGET = re.compile(r"(?:https?://)?(?P<host>[A-Za-z0-9_.-]+)(?::(?P<port>\d+))?\Z")


def scraped(look: Look, one: Subject) -> Iterator[tuple[str, str, Tree | None, str]] | str:
    """Job, target, where it is written, and the file; why they are not known, in words."""
    file = flag_of(one, "config.file") or "/etc/prometheus/prometheus.yml"
    path = on_host(one, file)
    document = look.snapshot.documents.get(path) if path else None
    if document is None or document.wrong:
        return f"{path}: {document.wrong}" if document else f"{file} is not mounted from this tree"
    return _targets(document.tree, document.path)


def _targets(tree: Tree | None, path: str) -> Iterator[tuple[str, str, Tree | None, str]]:
    jobs = child(tree, "scrape_configs")
    for job in jobs if isinstance(jobs, Rows) else ():
        name, groups = text_of(child(job, "job_name")) or "", child(job, "static_configs")
        path_of = text_of(child(job, "metrics_path")) or ""
        if path_of.startswith("/probe"):
            continue  # the exporter is asked, and the target is what it looks at
        for group in groups if isinstance(groups, Rows) else ():
            rows = child(group, "targets")
            for row in rows if isinstance(rows, Rows) else ():
                yield name, text_of(row) or "", row, path


def _answers(look: Look) -> Mapping[tuple[str, str], str]:
    """What Prometheus says of its targets; nothing where it was not asked."""
    live = look.snapshot.live.prometheus
    return live.targets if live is not None else {}


def _prometheuses(look: Look) -> Iterator[Subject]:
    return (one for one in look.subjects if one.app == "prometheus" and one.is_active)


@rule("MON-04", Severity.MEDIUM)
def wrong_target(look: Look) -> Iterator[Result]:
    """Prometheus asks for metrics where there are none.

    Wrong: a target's port is that of a database, a queue or the like (5432, 3306, 6379 …), which does not
    speak HTTP: an exporter has to stand between. Or Prometheus itself says that the target is down, when it
    is asked (`alerts.prometheus`).
    Disprove: Prometheus' /api/v1/targets shows it up.
    Mend: an exporter, and its port.
    """
    live = _answers(look)
    for one in _prometheuses(look):
        found = scraped(look, one)
        if isinstance(found, str):
            yield Unknown(one.full_name, found, one.place)
            continue
        for job, target, row, path in found:
            named = _TARGET.match(target)
            port = (named["port"] or "") if named else ""
            down = live.get((job, target))
            kind = _OTHER_PROTOCOLS.get(port)
            if kind is None and not down:
                yield Passed(f"{job} {target}")
                continue
            yield Failed(
                place=of_tree(look.snapshot, row, path),
                message=f"the job {job} asks {target}, where {kind} answers, not HTTP"
                if kind
                else f"the job {job} cannot read {target}: {down}",
                service=one.full_name,
                key=f"{job} {target}",
                disprove="Prometheus' /api/v1/targets shows it up",
                remedy="put an exporter between, and name its port" if kind else "see why it does not answer",
            )


@rule("MON-06", Severity.MEDIUM)
def no_way_to_target(look: Look) -> Iterator[Result]:
    """Prometheus asks a service that it cannot reach: they share no network.

    Wrong: a target's host is a service or container of this tree, and Prometheus and it are on no network in
    common; or it is a bare name that nothing in this tree has, so that no network can resolve it.
    Not looked at: addresses and full names; `localhost`; what service discovery finds.
    Disprove: Prometheus' /api/v1/targets shows it up.
    Mend: a network for both.
    """
    live = _answers(look)
    for one in _prometheuses(look):
        found = scraped(look, one)
        if isinstance(found, str):
            yield Unknown(one.full_name, found, one.place)
            continue
        for job, target, row, path in found:
            words = "" if live.get((job, target)) == "" else _no_way(look, one, target)
            if not words:
                yield Passed(f"{job} {target}")
                continue
            yield Failed(
                place=of_tree(look.snapshot, row, path),
                message=f"the job {job} asks {target}: {words}",
                service=one.full_name,
                key=f"{job} {target}",
                evidence=(f"networks of {one.full_name}: {', '.join(one.networks) or 'none'}",),
                disprove="Prometheus' /api/v1/targets shows it up",
                remedy="put both on one network",
                confidence=Confidence.HIGH if "share" in words else Confidence.MEDIUM,
            )


def _no_way(look: Look, one: Subject, target: str) -> str:
    found = _TARGET.match(target)
    host = found["host"] if found else ""
    if not host or "." in host or host in {"localhost", one.name} or one.network_mode == "host":
        return ""
    same = [
        other
        for other in look.subjects
        if host in other.hosts or host == f"{other.model.name}-{other.name}-1"
    ]
    mine = set(one.networks.values())
    if not same:
        return "nothing in this tree is called so" if mine else ""
    if any(mine & set(other.networks.values()) or other.network_mode for other in same):
        return ""
    return f"it and {same[0].full_name} share no network"
