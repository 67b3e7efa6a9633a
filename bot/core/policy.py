"""Who may do what: one decision for every way in, always with its reason. Deny by default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Role:
    """What holders may ask for. `may` and `targets` are globs; `may` matches the command's words."""

    name: str
    may: tuple[str, ...]
    targets: tuple[str, ...] = ("*",)


class Ask(StrEnum):
    """What stands between a request and its execution."""

    NONE = "none"
    CONFIRM = "confirm"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the policy: `"COMMAND [TARGET-GLOB]": {...}`. The first that matches decides."""

    command: str
    target: str = "*"
    ask: Ask = Ask.APPROVE
    by: str = "admin"
    """The role whose holders may vote."""
    votes: int = 1
    self_approval: bool = False
    expires: timedelta = timedelta(minutes=30)

    @property
    def key(self) -> str:
        """As it stands in the configuration: `pin grafana`, `pin`."""
        return self.command if self.target == "*" else f"{self.command} {self.target}"


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Running without the votes, by somebody alone, after a countdown that anyone may stop."""

    by: str = "admin"
    countdown: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Policy:
    """Roles and rules. The default is the careful one: no rules, so nothing risky runs."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    rules: Sequence[Rule] = ()
    break_glass: BreakGlass | None = None


# ---- what exists unless redefined -----------------------------------------------------------------------

READING = (
    "help", "whoami", "why", "ping", "status", "unhealthy", "logs", "alerts", "images", "runbook", "finding",
    "deps", "backup", "audit", "pending", "journal",
)  # fmt: skip
"""What a viewer may ask for. Not `test alert`: it makes noise in a room."""

BUILT_IN_ROLES: Mapping[str, Role] = {
    "viewer": Role("viewer", may=READING),
    "operator": Role("operator", may=("*",)),
    "admin": Role("admin", may=("*",)),
}
"""operator and admin may ask for the same; what tells them apart is whose yes the policy wants."""

CONSOLE_POLICY = Policy(
    roles=BUILT_IN_ROLES,
    rules=(
        *(Rule(name, ask=Ask.CONFIRM, by="operator") for name in ("restart", "start", "stop", "backup")),
        *(Rule(name, ask=Ask.APPROVE, by="admin") for name in ("pin", "update", "rollback", "fix", "waive")),
    ),
    break_glass=BreakGlass(),
)
"""The console's: reading at once, what is reversible after a confirmation, the rest after an admin's yes."""
