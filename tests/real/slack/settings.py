"""How the app is installed, and which clocks a test may shorten."""

from dataclasses import dataclass, field

MANIFEST_SCOPES = (
    "app_mentions:read channels:history channels:read chat:write commands files:write "
    "reactions:read reactions:write usergroups:read users:read"
)
PRIVATE_SCOPES = "groups:history groups:read im:history im:read im:write"


@dataclass
class Settings:
    """Everything about the installed app that is not state. Times in seconds.

    `scopes` and `events` are those of the manifest in slack.md; add PRIVATE_SCOPES for private
    channels and direct messages. `rate` messages per second and channel after a burst of `burst`
    (0: not enforced). `socket_lifetime` after which a socket is warned (`warning_before` earlier)
    and refreshed (0: never).
    """

    bot_token: str = "xoxb-loopback-bot"
    app_token: str = "xapp-1-loopback-app"
    signing_secret: str = "loopback-signing-secret"
    scopes: set[str] = field(default_factory=lambda: set(MANIFEST_SCOPES.split()))
    events: set[str] = field(
        default_factory=lambda: (
            {"app_mention", "message.channels", "message.groups", "message.im"}
            | {"reaction_added", "reaction_removed"}
        )
    )
    commands: set[str] = field(default_factory=lambda: {"/tocsin"})
    ack_seconds: float = 3.0
    retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)
    ticket_seconds: float = 30.0
    ping_seconds: float = 5.0
    trigger_seconds: float = 3.0
    response_seconds: float = 1800.0
    response_uses: int = 5
    max_sockets: int = 10
    socket_lifetime: float = 0.0
    warning_before: float = 10.0
    rate: float = 0.0
    burst: int = 3
