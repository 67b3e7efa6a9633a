from datetime import timedelta

from bot.core.command import ServiceRef, command
from bot.core.doc import Doc, say
from bot.core.model import Identity, People, Person, Risk, Trust
from bot.core.policy import BUILT_IN_ROLES, Ask, Policy, Role, Rule
from bot.ports import AlertView
from bot.testing import FakeAlerts
from tests.talk import Talk


@command(risk=Risk.CHANGE)
async def pin(ctx: object, service: ServiceRef) -> Doc:
    """Pin one service and wait until it is healthy.

    It is `healthy` when its
    probe says so.
    """
    return say("")


def view(name: str = "HighLatency", **more: object) -> AlertView:
    base: dict[str, object] = {
        "group": "g1",
        "endpoint": "default",
        "receiver": "team",
        "name": name,
        "severity": "critical",
        "labels": {"alertname": name, "severity": "critical", "job": "api"},
        "summary": "",
        "since": None,
        "reason": "route 1 (severity=critical) matched",
        "rooms": ("ops",),
    }
    return AlertView(**(base | more))  # type: ignore[arg-type]


async def test_help_lists_only_what_you_may_do_here() -> None:
    talk = Talk()
    ann, vic = await talk.ask("ann", "!help"), await talk.ask("vic", "!help")
    assert ann.startswith("What you may do here, as operator\n")
    assert "!test alert" in ann
    assert "!test alert" not in vic
    assert "!journal [N]" in vic
    assert (await talk.ask("eve", "!help")).startswith("refused: ")


async def test_help_of_one_is_its_whole_docstring() -> None:
    talk = Talk(commands=(*(one for one in Talk().commands if one.name != "pin"), pin))
    assert await talk.ask("ann", "!help pin") == (
        "!pin SERVICE\n"
        "Pin one service and wait until it is healthy.\n"
        "It is healthy when its probe says so.\n"
        "you may ask: the policy's line \"pin\" wants a yes of admin (adam), not the asker's own"
    )
    assert (await talk.ask("ann", "!help !TEST  alert")).startswith("!test alert\n")
    assert (await talk.ask("vic", "!help pin")).endswith(
        "you may not: you have the role viewer; pin needs the role operator (ann) or admin (adam)"
    )


async def test_help_of_nothing_there_is() -> None:
    talk = Talk()
    assert await talk.ask("ann", "!help pnig") == "unknown: pnig — did you mean !help ping?"
    assert await talk.ask("ann", "!help test") == "unknown: test — did you mean !help test alert?"
    assert await talk.ask("ann", "!help zzz") == "unknown: zzz — !help lists what there is"


async def test_whoami() -> None:
    assert (await Talk().ask("adam", "!whoami")) == ("you are adam (admin)\naccount: console:adam\nroom: ops")


async def test_whoami_of_one_with_two_accounts() -> None:
    both = frozenset({Identity("matrix", "@ann:x"), Identity("slack", "T0/U1")})
    talk = Talk(people=People((Person("ann", both, ("viewer", "operator")),)))
    trust = Trust(why="device ABC is in no list")
    said = await talk.ask("@ann:x", "!whoami", platform="matrix", trust=trust)
    assert "you are ann (viewer, operator)" in said
    assert "all your accounts: matrix:@ann:x, slack:T0/U1" in said
    assert "device: not trusted (device ABC is in no list)" in said


async def test_ping_says_how_long_a_message_took_in_a_room() -> None:
    ann = Person("ann", frozenset({Identity("slack", "T0/U1")}), ("viewer",))
    talk = Talk(people=People((ann,)))
    from bot.core.model import Room

    room = Room("slack", "C1", "ops")
    assert await talk.ask("T0/U1", "!ping", platform="slack", room=room, age=0.12) == "pong (120 ms)"
    assert await talk.ask("T0/U1", "!ping", platform="slack", room=room, age=-5) == "pong"


async def test_why_a_command() -> None:
    rules = (Rule("pin", "db", Ask.APPROVE, by="admin", votes=2), Rule("pin", ask=Ask.CONFIRM))
    roles = dict(BUILT_IN_ROLES) | {"web": Role("web", ("pin",), ("web-*",))}
    talk = Talk(commands=(*Talk().commands, pin), policy=Policy(roles, rules))
    assert await talk.ask("ann", "!why ping") == "!ping: you may: role operator may ping"
    assert (await talk.ask("ann", "!why pin db")).startswith(
        '!pin: you may ask: the policy\'s line "pin db" wants 2 yes of admin (adam)'
    )
    assert "may give it" in await talk.ask("ann", "!why !pin wiki")
    assert (await talk.ask("vic", "!why test alert")).startswith(
        "!test alert: you may not: you have the role"
    )
    assert (await talk.ask("ann", "!why pnig")).startswith("unknown: pnig — did you mean !ping?")
    assert (await talk.ask("ann", "!why")).startswith("usage: !why COMMAND | alert NAME")


async def test_why_an_alert_went_where_it_went() -> None:
    talk = Talk(alerts=FakeAlerts([view(), view(), view(group="g2", receiver="night", rooms=())]))
    assert await talk.ask("ann", "!why alert highlatency") == (
        "Why HighLatency went where it went\n"
        "- default/team → ops: route 1 (severity=critical) matched\n"
        "- default/night → no room: route 1 (severity=critical) matched"
    )
    assert await talk.ask("ann", "!why alert HighLatancy") == (
        "unknown: no alert HighLatancy fires now — did you mean HighLatency?"
    )
    assert await talk.ask("ann", "!why alert") == "usage: !why alert NAME"
    assert (await Talk().ask("ann", "!why alert X")).endswith("!alerts lists what fires now")


async def test_help_is_exempt_from_no_limit() -> None:
    talk = Talk(rate=(1, timedelta(minutes=1)))
    await talk.ask("ann", "!help")
    assert (await talk.ask("ann", "!help")).startswith("refused: more than 1 commands")
