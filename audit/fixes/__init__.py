"""The fixes. `ALL` is the only registry: what is not in it is mended by hand, or by the command that is
named."""

from collections.abc import Mapping

from audit.fixes import env_mode
from audit.fixes.changes import Changes, Fixer

ALL: Mapping[str, Fixer] = {"ENV-01": env_mode.private}

__all__ = ["ALL", "Changes", "Fixer"]
