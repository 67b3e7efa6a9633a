"""The console's configuration: no file, no account, no network. Imports nothing slow."""

from datetime import timedelta
from pathlib import Path

from alert_bridge.route import Route
from bot.config.model import AlertsConfig, Backup, Config, Credential, Endpoint, Estate, Http
from bot.core.model import Identity, People, Person, Room
from bot.core.policy import BUILT_IN_ROLES, Ask, BreakGlass, Policy, Rule

CONFIRMED = ("restart", "start", "stop", "backup")
APPROVED = ("pin", "update", "rollback", "fix", "waive")
COUNTDOWN = timedelta(seconds=20)
"""Of a broken glass: short, for here one person plays all the seats."""
SEATS = {"ann": ("operator",), "adam": ("admin",), "eve": (), "vic": ("viewer",)}
"""Who sits where; the first is where it starts."""


def config(state: Path, *, estate: Path | None = None, port: int = 9099) -> Config:
    """What `tocsin console` runs with: ann asks, adam approves, eve may nothing, vic may read."""
    rooms = {name: (Room("console", name, name),) for name in ("ops", "lounge")}
    everything = Route((), ("ops",))
    return Config(
        state=state,
        http=Http("127.0.0.1", port),
        fallback="ops",
        commands_per_person=None,
        rooms=rooms,
        people=People(
            tuple(
                Person(name, frozenset({Identity("console", name)}), roles) for name, roles in SEATS.items()
            )
        ),
        policy=Policy(
            roles=dict(BUILT_IN_ROLES),
            rules=(
                *(Rule(command, ask=Ask.CONFIRM) for command in CONFIRMED),
                *(Rule(command, ask=Ask.APPROVE, by="admin", votes=1) for command in APPROVED),
            ),
            break_glass=BreakGlass(by="admin", countdown=COUNTDOWN),
        ),
        alerts=AlertsConfig({"default": Endpoint("default", Credential(insecure=True), (everything,))}),
        # Nothing is configured, so it can be tried: on the same disk, and gone with the state.
        estate=Estate(
            root=estate, backup=Backup(repository=str(state / "backup" / "repository"), trial=True)
        ),
    )
