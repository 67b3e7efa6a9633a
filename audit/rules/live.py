"""What Prometheus and Traefik say of themselves, against what the files mean."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Kind, Passed, Place, Result, Severity, Unknown
from audit.places import of_tree
from audit.promql import asks_for_absence, metrics_of
from audit.rule import Needs, rule
from audit.rules.monitoring import alerts_in, has_alerts
from estate.compose.value import child, text_of


@rule("MON-03", Severity.MEDIUM, needs=Needs.PROMETHEUS)
def absent_metric(look: Look) -> Iterator[Result]:
    """An alert rule reads a metric that Prometheus does not have: it never fires.

    Wrong: a rule that Prometheus has loaded names a metric of which there is no series now, nor is one made
    by a recording rule of this tree. Rules that ask for absence are not meant.
    Not looked at: metrics that are named only by a pattern.
    Disprove: the metric comes seldom, and Prometheus' /api/v1/series of the last week shows it.
    Mend: scrape what exports it, or mend the name.
    """
    live = look.snapshot.live
    if live.prometheus is None:
        yield Unknown("the metrics of Prometheus", live.no_prometheus)
        return
    for document in look.snapshot.documents.values():
        if b"alert" not in document.data or not has_alerts(document):
            continue
        recorded = frozenset(
            text_of(child(one, "record")) or "" for one in alerts_in(document, kind="record")
        )
        for one in alerts_in(document):
            name, expression = text_of(child(one, "alert")) or "", text_of(child(one, "expr")) or ""
            if name not in live.prometheus.alerts or asks_for_absence(expression):
                continue
            absent = sorted(metrics_of(expression) - live.prometheus.metrics - recorded)
            if not absent:
                yield Passed(name)
                continue
            yield Failed(
                place=of_tree(look.snapshot, child(one, "expr"), document.path),
                message=f"the alert {name} reads {', '.join(absent)}, of which Prometheus has nothing",
                key=f"{document.path} {name}",
                evidence=("Prometheus' /api/v1/label/__name__/values does not list it",),
                disprove="Prometheus' /api/v1/series of the last week shows it",
                remedy="scrape what exports it, or mend the name",
                kind=Kind.BOTH,
                confidence=Confidence.MEDIUM,
            )


@rule("TRF-16", Severity.HIGH, needs=Needs.TRAEFIK)
def refused_route(look: Look) -> Iterator[Result]:
    """Traefik itself says that a route does not work.

    Wrong: Traefik's API lists an error at a router.
    Disprove: its address answers.
    Mend: what the error says.
    """
    live = look.snapshot.live
    if live.traefik is None:
        yield Unknown("the routes of Traefik", live.no_traefik)
        return
    known = {f"{one.name}@{one.provider}": one for one in reversed(look.routers)}
    for name, route in sorted(live.traefik.routers.items()):
        if not route.errors:
            yield Passed(name)
            continue
        router = known.get(name)
        yield Failed(
            place=router.place if router is not None else Place("", text=name),
            message=f"Traefik refuses the route {name}: {'; '.join(route.errors)}",
            service=router.subject.full_name if router is not None and router.subject else "",
            key=name,
            evidence=(f"rule: {route.rule}",),
            disprove="its address answers",
            remedy="mend what the error says",
            kind=Kind.ENGINE,
        )
