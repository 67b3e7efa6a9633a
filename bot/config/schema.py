"""Every key of the configuration, in one table.

It drives the reading, finds what is unknown, and a test holds `config.example.yml` against it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.config import values
from bot.config.values import Convert


@dataclass(frozen=True, slots=True)
class Value:
    """A single value. `wants` says in words what it is, for the mistake of writing something else."""

    convert: Convert
    wants: str


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret: the key itself (inline or `${ENV}`), or the key with `_file` behind it.

    starts: what the value must begin with (Slack's tokens say what they are).
    """

    starts: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one kind."""

    item: "Kind"
    wants: str
    least: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping with these keys and no others."""

    keys: tuple["Key", ...]

    @property
    def names(self) -> list[str]:
        """As they may be written: secrets also with `_file`."""
        return [name for key in self.keys for name in key.spellings]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping whose keys the operator chooses. `special`: keys in it that have a meaning of their own."""

    value: "Kind"
    key: Convert
    special: Mapping[str, Section] = field(default_factory=dict)


Kind = Value | SecretValue | Listing | Section | Table


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `default`: what holds when it is left out, as one would write it; "" when nothing does."""

    name: str
    kind: Kind
    help: str
    default: str = ""
    required: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}_file") if isinstance(self.kind, SecretValue) else (self.name,)


def _value(convert: Convert, wants: str) -> Value:
    return Value(convert, wants)


_ROOM = _value(values.words, "the name of a room")
_PERSON = _value(values.words, "the name of a person")
_ROLE = _value(values.words, "the name of a role")
_DURATION = _value(values.duration, "a duration: 30s, 10m, 26h, 90d")
_CLOCK = _value(values.clock, "a time of day: HH:MM")
_URL = _value(values.url, "a URL")
_PATH = _value(values.path, "a path")
_GLOB = _value(values.glob, "a name or a pattern with *")
_BOOLEAN = _value(values.boolean, "true or false")

_RETENTION = Section(
    (
        Key("alerts", _DURATION, "groups of alerts that are over", "90d"),
        Key("journal", _DURATION, "the record of who did what", "400d"),
        Key("payloads", _DURATION, "webhook bodies as they came", "7d"),
    )
)

_MATRIX = Section(
    (
        Key("homeserver", _URL, "the homeserver's client address", required=True),
        Key("user", _value(values.matrix_user, "a Matrix user id"), "the bot's own account", required=True),
        Key("device", _value(values.device, "a device id"), "the device it appears as", "TOCSIN"),
        Key("access_token", SecretValue(), "the account's token"),
        Key("password", SecretValue(), "logs in once, keeps the token in `state`"),
        Key("pickle_key", SecretValue(), "locks the encryption keys in `state`"),
        Key(
            "encryption",
            _value(values.choice("off", "optional", "required"), "off, optional or required"),
            "off | optional | required",
            "optional",
        ),
    )
)

_SLACK = Section(
    (
        Key("team", _value(values.slack_team, "a Slack team id"), "the workspace's id", required=True),
        Key("bot_token", SecretValue("xoxb-"), "the bot's token", required=True),
        Key("app_token", SecretValue("xapp-"), "Socket Mode"),
        Key("signing_secret", SecretValue(), "HTTP mode at /slack/events"),
        Key(
            "api_url",
            _value(values.url_with_slash, "a URL"),
            "Slack's Web API",
            "https://slack.com/api/",
        ),
    )
)

_ROOM_PLACES = Section(
    (
        Key("matrix", _value(values.matrix_room, "a Matrix room id or alias"), "room id or alias"),
        Key("slack", _value(values.slack_channel, "a Slack channel id"), "channel id"),
    )
)

_PERSON_KEYS = Section(
    (
        Key("matrix", _value(values.matrix_user, "a Matrix user id"), "user id"),
        Key("slack", _value(values.slack_user, "a Slack user id"), "user id, of slack.team unless TEAM/USER"),
        Key("roles", Listing(_ROLE, "a list of roles, [operator]"), "what the person may ask for", "[]"),
        Key(
            "matrix_keys",
            Listing(_value(values.matrix_key, "an ed25519 fingerprint"), "a list of fingerprints"),
            "devices the person vouches for",
            "[]",
        ),
    )
)

_ROLE_KEYS = Section(
    (
        Key(
            "may", Listing(_GLOB, "a list of commands, [status, logs]"), "commands to ask for", required=True
        ),
        Key("targets", Listing(_GLOB, 'a list of patterns, ["web*"]'), "services they may name", '["*"]'),
    )
)

_RULE = Section(
    (
        Key(
            "ask",
            _value(values.choice("none", "confirm", "approve"), "none, confirm or approve"),
            "none | confirm | approve",
            "approve",
        ),
        Key("by", _ROLE, "the role whose holders vote", "admin"),
        Key("votes", _value(values.positive, "a whole number"), "how many must say yes", "1"),
        Key("self", _BOOLEAN, "whether the asker's own vote counts", "false"),
        Key("expires", _DURATION, "how long the plan waits", "30m"),
    )
)

_BREAK_GLASS = Section(
    (
        Key("by", _ROLE, "the role that may", "admin"),
        Key("countdown", _DURATION, "how long anyone may stop it", "2m"),
    )
)

_ROUTE = Section(
    (
        Key(
            "match",
            Listing(_value(values.words, "a matcher"), 'a list of matchers, ["severity=critical"]'),
            "all must hold",
            "[]",
        ),
        Key("rooms", Listing(_ROOM, "a list of rooms, [ops]", least=1), "where it rings", required=True),
        Key("mention", Listing(_PERSON, "a list of people, [ann]"), "who is called by name", "[]"),
    )
)

_ENDPOINT = Section(
    (
        Key("token", SecretValue(), "Authorization: Bearer"),
        Key(
            "basic",
            Section(
                (
                    Key("user", _value(values.basic_user, "a user's name"), "its user", required=True),
                    Key("password", SecretValue(), "its password", required=True),
                )
            ),
            "Authorization: Basic",
        ),
        Key(
            "header",
            Section(
                (
                    Key("name", _value(values.header_name, "a header's name"), "its name", required=True),
                    Key("value", SecretValue(), "its value", required=True),
                )
            ),
            "a header of the sender's own",
        ),
        Key("insecure", _BOOLEAN, "anybody who reaches the port may post", "false"),
        Key("routes", Listing(_ROUTE, "a list of routes"), "the first that matches decides", "[]"),
    )
)

_ALERTS = Section(
    (
        Key("endpoints", Table(_ENDPOINT, values.name), "POST /alerts/NAME"),
        Key("alertmanager", _URL, "Alertmanager's address"),
        Key("prometheus", _URL, "Prometheus' address"),
    )
)

_BACKUP = Section(
    (
        Key(
            "engine",
            _value(values.choice("restic", "command", "systemd"), "restic, command or systemd"),
            "restic | command | systemd",
            "restic",
        ),
        Key("repository", _value(values.words, "a repository"), "restic's repository"),
        Key("password", SecretValue(), "restic's password"),
        Key(
            "argv", Listing(_value(values.words, "a word"), "a list of words", least=1), "for engine command"
        ),
        Key("unit", _value(values.words, "a unit"), "for engine systemd"),
        Key("max_age", _DURATION, "older than this is a finding", "26h"),
        Key("schedule", _CLOCK, "when it runs by itself"),
    )
)

_AUDIT = Section(
    (
        Key("schedule", _CLOCK, "when it runs by itself"),
        Key("room", _ROOM, "who hears of it"),
        Key("waivers", _PATH, "accepted findings", "audit-waivers.yml"),
    )
)

_ESTATE = Section(
    (
        Key("root", _PATH, "the compose tree"),
        Key(
            "docker",
            _value(values.docker_host, "an Engine's address"),
            "the Engine",
            "unix:///var/run/docker.sock",
        ),
        Key(
            "compose",
            Listing(_value(values.words, "a word"), "a list: [docker, compose]", least=1),
            "the tool",
        ),
        Key(
            "paths",
            Table(_value(values.absolute, "an absolute path"), values.absolute),
            "host path → as seen here",
        ),
        Key("also", Listing(_PATH, "a list of folders"), "other folders to look into", "[]"),
        Key("services", _PATH, "the registry of services", "SERVICES.yml"),
        Key("runbooks", _PATH, "the folder of runbooks", "runbooks"),
        Key("traefik", _URL, "Traefik's API"),
        Key("git", _value(values.choice("auto", "off"), "auto or off"), "auto | off", "auto"),
        Key("backup", _BACKUP, "backups"),
        Key("audit", _AUDIT, "audits"),
    )
)

TOP = Section(
    (
        Key("name", _value(values.name, "a name"), "what it calls itself", "tocsin"),
        Key("prefix", _value(values.prefix, "one to three signs"), "what stands before a command", '"!"'),
        Key("state", _PATH, "SQLite and crypto keys", "/var/lib/tocsin"),
        Key(
            "http",
            Section(
                (Key("listen", _value(values.listen, "address:port"), "where it listens", required=True),)
            ),
            "webhook, health, metrics",
            required=True,
        ),
        Key("fallback", _ROOM, "hears of what could not be delivered or routed"),
        Key("retention", _RETENTION, "how long things are kept"),
        Key(
            "limits",
            Section(
                (Key("commands_per_person", _value(values.rate, "a rate: 30/min"), "so many", "30/min"),)
            ),
            "limits",
        ),
        Key("matrix", _MATRIX, "Matrix"),
        Key("slack", _SLACK, "Slack"),
        Key("rooms", Table(_ROOM_PLACES, values.name), "rooms by name"),
        Key("people", Table(_PERSON_KEYS, values.name), "people by name"),
        Key("roles", Table(_ROLE_KEYS, values.name), "what holders may ask for"),
        Key(
            "policy",
            Table(_RULE, values.words, {"break-glass": _BREAK_GLASS}),
            "what stands before a risky command",
        ),
        Key("alerts", _ALERTS, "alerts"),
        Key("estate", _ESTATE, "the estate"),
    )
)


def walk(section: Section = TOP, above: str = "") -> Iterator[tuple[str, Key]]:
    """Every key with its dotted path; `*` for names that the operator chooses, `[]` for items of a list."""
    for key in section.keys:
        path = f"{above}.{key.name}" if above else key.name
        yield path, key
        yield from _below(key.kind, path)


def _below(kind: Kind, path: str) -> Iterator[tuple[str, Key]]:
    if isinstance(kind, Section):
        yield from walk(kind, path)
    elif isinstance(kind, Table):
        yield from _below(kind.value, f"{path}.*")
        for name, section in kind.special.items():
            yield from walk(section, f"{path}.{name}")
    elif isinstance(kind, Listing):
        yield from _below(kind.item, f"{path}[]")


def homes(name: str) -> list[str]:
    """Where in the whole table a key of this name may stand, for the remedy "it belongs under …"."""
    found = (path.rpartition(".")[0] for path, key in walk() if name in key.spellings)
    return sorted({home or "the top level" for home in found})
