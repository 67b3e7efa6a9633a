"""Which rooms hear of an alert group, and why. Pure.

A route matches a group when one of its firing alerts matches, so that a critical alert in a mixed group is
not missed; a group without firing alerts is routed by its resolved ones. The first route decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alert_bridge.payload import Notification, Status
from bot.core.matcher import Matcher, Op, matches

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """What an operator configured: all of `match` (empty: everything) → rooms, and who is mentioned."""

    match: tuple[Matcher, ...]
    rooms: tuple[str, ...]
    mention: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Routing:
    """Names of configured rooms and people. `number` is the route's, from 1; None is the fallback."""

    rooms: tuple[str, ...]
    mention: tuple[str, ...]
    reason: str
    number: int | None = None


def labels_to_route(notification: Notification) -> tuple[Labels, ...]:
    """The label sets that decide: of the firing alerts, else of all; over the group's own labels."""
    below = {**notification.common_labels, **notification.group_labels}
    firing = [alert for alert in notification.alerts if alert.status is Status.FIRING]
    return tuple({**below, **alert.labels} for alert in firing or notification.alerts) or (below,)


def route(routes: Sequence[Route], alerts: Iterable[Labels], fallback: str) -> Routing:
    """The first route that matches one of these label sets; else the fallback room. With the reason."""
    label_sets = tuple(alerts)
    for number, candidate in enumerate(routes, start=1):
        for labels in label_sets:
            if matches(candidate.match, labels):
                reason = _reason(number, candidate, labels, len(label_sets))
                return Routing(candidate.rooms or (fallback,), candidate.mention, reason, number)
    tried = f"none of the {len(routes)} routes matches" if routes else "this endpoint has no routes"
    return Routing((fallback,), (), f"{tried}: the fallback room {fallback}")


def keep_rooms(told: Sequence[str], routing: Routing) -> tuple[str, ...]:
    """The rooms of a message that stands already: where it was told it goes on, and new ones join."""
    return tuple(dict.fromkeys((*told, *routing.rooms)))


def _reason(number: int, found: Route, labels: Labels, count: int) -> str:
    if not found.match:
        return f"route {number}, which matches everything"
    wanted = ", ".join(str(matcher) for matcher in found.match)
    had = ", ".join(_label(matcher, labels) for matcher in found.match)
    which = "the alert has" if count == 1 else f"one of {count} alerts has"
    rooms = "" if found.rooms else "; it names no room"
    return f"route {number} ({wanted}): {which} {had}{rooms}"


def _label(matcher: Matcher, labels: Labels) -> str:
    if matcher.name not in labels:
        return f"no label {matcher.name}"
    return str(Matcher(matcher.name, Op.EQUAL, labels[matcher.name]))
