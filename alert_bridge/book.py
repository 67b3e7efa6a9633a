"""What fires now, read from the groups' state."""

from collections.abc import Sequence

from alert_bridge.group import from_json
from alert_bridge.severity import severity_of
from bot.ports import AlertView
from bot.store.alerts import AlertStore


class Book:
    """`bot.ports.Alerts` over the store."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store

    async def firing(self) -> Sequence[AlertView]:
        """Each alert that is reported as firing, the newest group first."""
        views = []
        for stored in await self._store.firing():
            try:
                group = from_json(stored.state)
            except ValueError:
                continue
            for member in group.firing:
                labels = {**group.common_labels, **group.group_labels, **member.labels}
                views.append(
                    AlertView(
                        group=group.id,
                        endpoint=stored.endpoint,
                        receiver=stored.receiver,
                        name=labels.get("alertname", ""),
                        severity=severity_of(labels).value,
                        labels=labels,
                        summary=member.summary or group.summary,
                        since=member.starts_at,
                        reason=stored.reason,
                        rooms=stored.rooms,
                        heard=group.received_at,
                    )
                )
        return views
