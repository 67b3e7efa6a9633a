"""The fixes. `ALL` is the only registry: what is not in it is mended by hand, or by the command that is
named."""

from collections.abc import Mapping

from audit.fixes import (
    alert_rules,
    backup_set,
    door,
    env_mode,
    limits,
    middleware,
    port,
    privileges,
    registry_entry,
    restart,
    version_key,
    waiting,
)
from audit.fixes.changes import Changes, Fixer

ALL: Mapping[str, Fixer] = {
    "ENV-01": env_mode.private,
    "CMP-04": version_key.dropped,
    "CMP-09": port.quoted,
    "DEP-05": restart.added,
    "DEP-01": waiting.waits,
    "RES-01": limits.memory,
    "RES-06": limits.processes,
    "SEC-03": privileges.kept,
    "SEC-16": port.on_loopback,
    "TRF-03": middleware.rate_limited,
    "TRF-04": middleware.with_headers,
    "TRF-05": door.dashboard_closed,
    "TRF-07": middleware.authenticated,
    "TRF-08": port.on_loopback,
    "TRF-14": door.named_only,
    "MON-02": alert_rules.loaded,
    "BAK-01": backup_set.added,
    "BAK-09": backup_set.forgetting,
    "DOC-03": registry_entry.added,
    "DOC-04": registry_entry.status_true,
}

__all__ = ["ALL", "Changes", "Fixer"]
