"""What Prometheus, Alertmanager and Traefik say of themselves, as far as an audit looks at it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NOT_ASKED = "nobody said where it is"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Of its HTTP API (prometheus.io/docs/prometheus/latest/querying/api)."""

    alerts: frozenset[str] = frozenset()
    """Names of the alerting rules that it has loaded."""
    targets: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Job and address, as they are configured → why it could not be read; empty when it could."""
    metrics: frozenset[str] = frozenset()
    """Names of every series that it has now."""
    alertmanagers: frozenset[str] = frozenset()
    """Addresses that it sends alerts to."""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Of its API, version 2."""

    receivers: frozenset[str] = frozenset()
    routes: tuple[str, ...] = ()
    """Its routes and inhibitions, as `estate.alert_routes` spells them; empty when it does not tell."""


@dataclass(frozen=True, slots=True)
class Route:
    """A router as Traefik uses it. `errors`: its own words; none when it works."""

    rule: str
    entry_points: tuple[str, ...] = ()
    middlewares: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traefik:
    """Of its API. It answered without asking who asks, or there would be nothing here."""

    url: str = ""
    routers: Mapping[str, Route] = field(default_factory=dict)
    """By `name@provider`."""
    middlewares: frozenset[str] = frozenset()
    """By `name@provider`."""


@dataclass(frozen=True, slots=True)
class Live:
    """None, with the reason: it was not asked, or did not answer."""

    prometheus: Prometheus | None = None
    no_prometheus: str = NOT_ASKED
    alertmanager: Alertmanager | None = None
    no_alertmanager: str = NOT_ASKED
    traefik: Traefik | None = None
    no_traefik: str = NOT_ASKED
