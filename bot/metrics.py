"""/metrics: what is counted, in Prometheus' text format."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.core.model import Readiness


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown, taken at one moment. Times in seconds."""

    now: float
    accepted: int
    refused: int
    failed: int
    unfolded: int
    sent: Mapping[str, int]
    send_failures: Mapping[str, int]
    send_refusals: Mapping[str, int]
    backlog: Sequence[tuple[str, str, int, float, int]]
    """Platform, room, how many wait, since when, how many of them are parked."""
    ready: Mapping[str, Readiness]


def render(shot: Snapshot) -> bytes:
    """The text of one scrape."""
    # Loaded here: the console has no need of it before somebody scrapes.
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class _Once(Collector):
        def collect(self) -> Iterable[Metric]:
            webhooks = CounterMetricFamily("tocsin_webhooks", "Posts to the webhook", labels=["answer"])
            for answer, count in (
                ("accepted", shot.accepted),
                ("refused", shot.refused),
                ("unavailable", shot.failed),
            ):
                webhooks.add_metric([answer], count)
            yield webhooks
            yield GaugeMetricFamily(
                "tocsin_payloads_waiting", "Accepted payloads that are not folded yet", value=shot.unfolded
            )
            sent = CounterMetricFamily("tocsin_deliveries", "Deliveries", labels=["platform", "outcome"])
            for outcome, counts in (
                ("sent", shot.sent),
                ("failed", shot.send_failures),
                ("refused", shot.send_refusals),
            ):
                for platform, count in counts.items():
                    sent.add_metric([platform, outcome], count)
            yield sent
            waiting = GaugeMetricFamily(
                "tocsin_deliveries_waiting", "Deliveries that wait", labels=["platform", "room"]
            )
            oldest = GaugeMetricFamily(
                "tocsin_delivery_oldest_seconds",
                "Age of the oldest that waits",
                labels=["platform", "room"],
            )
            parked = GaugeMetricFamily(
                "tocsin_deliveries_parked", "Deliveries that no room takes", labels=["platform", "room"]
            )
            for platform, room, count, since, stuck in shot.backlog:
                waiting.add_metric([platform, room], count)
                oldest.add_metric([platform, room], max(shot.now - since, 0.0))
                parked.add_metric([platform, room], stuck)
            yield from (waiting, oldest, parked)
            ready = GaugeMetricFamily("tocsin_ready", "1 when this part works now", labels=["part"])
            for part, state in shot.ready.items():
                ready.add_metric([part], 1.0 if state.ok else 0.0)
            yield ready

    registry = CollectorRegistry()
    registry.register(_Once())
    return bytes(generate_latest(registry))
