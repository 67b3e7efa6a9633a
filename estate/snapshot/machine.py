"""The machine that the estate runs on, as far as an audit looks at it. Pure; `estate/machine.py` looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Timer:
    """A systemd timer, in systemd's own words (systemctl(1), `show`)."""

    loaded: str
    enabled: str
    active: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes. `timers`: those that the tree has, by their names. `no_systemd`: why it could not be asked."""

    swap: int
    memory: int
    available: int
    timers: Mapping[str, Timer] = field(default_factory=dict)
    no_systemd: str = ""
