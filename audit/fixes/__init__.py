"""The fixes. `ALL` is the only registry: what is not in it is mended by hand, or by the command that is
named."""

from collections.abc import Mapping

from audit.fixes import env_mode, port, restart, version_key
from audit.fixes.changes import Changes, Fixer

ALL: Mapping[str, Fixer] = {
    "ENV-01": env_mode.private,
    "CMP-04": version_key.dropped,
    "CMP-09": port.quoted,
    "DEP-05": restart.added,
    "TRF-08": port.on_loopback,
}

__all__ = ["ALL", "Changes", "Fixer"]
