"""Bodies as Alertmanager 0.25 posts them: about 1 KB for one alert."""

import json
from typing import Any

JSON = dict[str, Any]


def alert(name: str, instance: str, *, firing: bool = True) -> JSON:
    """With every field that matrix-alertbot needs (severity, description), for it refuses others."""
    return {
        "status": "firing" if firing else "resolved",
        "labels": {
            "alertname": name,
            "instance": instance,
            "job": "node",
            "severity": "critical",
            "service": "shop",
            "team": "platform",
        },
        "annotations": {
            "summary": f"{name} on {instance}",
            "description": f"{instance} of job node has been answering too slowly for more than 5 minutes.",
            "runbook_url": "https://runbooks.example.org/shop/slow",
        },
        "startsAt": "2026-01-01T11:59:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z" if firing else "2026-01-01T12:09:00.123Z",
        "generatorURL": "http://prometheus.example.org/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "fingerprint": f"{hash((name, instance)) & (1 << 64) - 1:016x}",
    }


def body(group: str, alerts: list[JSON]) -> bytes:
    firing = any(one["status"] == "firing" for one in alerts)
    return json.dumps(
        {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{group}"}}',
            "truncatedAlerts": 0,
            "status": "firing" if firing else "resolved",
            "receiver": "bench",
            "groupLabels": {"alertname": group},
            "commonLabels": alerts[0]["labels"] if len(alerts) == 1 else {"alertname": group},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.org",
            "alerts": alerts,
        }
    ).encode()


def lonely(number: int) -> bytes:
    """A post of one alert in a group of its own: what costs us most, for each becomes a message."""
    return body(f"Bench{number}", [alert(f"Bench{number}", "web-1:9100")])


def changing(number: int, groups: int) -> bytes:
    """Post `number` of a storm over `groups` groups: each fires, is joined, is resolved, and so on."""
    name = f"Storm{number % groups}"
    turn = number // groups
    first, second = (f"web-{i}:9100" for i in (1, 2))
    match turn % 3:
        case 0:
            alerts = [alert(name, first)]
        case 1:
            alerts = [alert(name, first), alert(name, second)]
        case _:
            alerts = [alert(name, first, firing=False), alert(name, second, firing=False)]
    return body(name, alerts)
