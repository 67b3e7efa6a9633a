from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.authority import (
    EVERYTHING,
    Allow,
    Asker,
    Deny,
    NeedsApproval,
    Verdict,
    authorize,
    describe,
    may_ask,
    unbounded,
)
from bot.core.command import Command, ServiceRef, command
from bot.core.doc import Doc, say
from bot.core.model import Identity, People, Person, Risk, Room, Trust
from bot.core.policy import BUILT_IN_ROLES, CONSOLE_POLICY, Ask, Policy, Role, Rule

OPS = Room("matrix", "!ops:x", "ops")


def make(name: str, risk: Risk = Risk.READ) -> Command:
    async def handler(ctx: object, service: ServiceRef | None = None) -> Doc:
        """Help."""
        return say("")

    return command(name=name, risk=risk)(handler)


STATUS, LOGS, TEST_ALERT = make("status"), make("logs"), make("test alert")
RESTART, PIN = make("restart", Risk.CHANGE), make("pin", Risk.CHANGE)
BACKUP_NOW, WIPE = make("backup now", Risk.CHANGE), make("wipe", Risk.DESTROY)
COMMANDS = [STATUS, LOGS, TEST_ALERT, RESTART, PIN, BACKUP_NOW, WIPE]


def person(name: str, *roles: str) -> Person:
    return Person(name, frozenset({Identity("matrix", f"@{name}:x")}), roles)


ANN, ADAM, VIC, EVE = (
    person("ann", "operator"),
    person("adam", "admin"),
    person("vic", "viewer"),
    person("eve"),
)
PEOPLE = People((ANN, ADAM, VIC, EVE))
GOOD = Trust(verified=True, encrypted=True, room_encrypted=True)


def asker(who: Person | None, trust: Trust = GOOD, room: Room = OPS, encryption: str = "off") -> Asker:
    identity = next(iter(who.identities)) if who else Identity("matrix", "@x:evil")
    return Asker(who, identity, room, trust, encryption)


def ask(who: Person | None, one: Command, *targets: str, policy: Policy = CONSOLE_POLICY) -> Verdict:
    return authorize(asker(who), one, targets, policy, PEOPLE)


@pytest.mark.parametrize(
    ("who", "one", "kind"),
    [
        (ANN, STATUS, Allow), (ADAM, LOGS, Allow), (VIC, STATUS, Allow), (VIC, LOGS, Allow),
        (EVE, STATUS, Deny), (None, STATUS, Deny),
        (VIC, TEST_ALERT, Deny), (ANN, TEST_ALERT, Allow),
        (VIC, RESTART, Deny), (ANN, RESTART, NeedsApproval), (ANN, BACKUP_NOW, NeedsApproval),
        (ANN, PIN, NeedsApproval), (ADAM, PIN, NeedsApproval), (EVE, PIN, Deny),
        (ANN, WIPE, Deny), (ADAM, WIPE, Deny),
    ],
)  # fmt: skip
def test_the_cast(who: Person | None, one: Command, kind: type[Verdict]) -> None:
    assert isinstance(ask(who, one, "grafana"), kind)


def test_what_the_console_asks_for() -> None:
    restart, pin = ask(ANN, RESTART, "wiki"), ask(ANN, PIN, "wiki")
    assert isinstance(restart, NeedsApproval)
    assert isinstance(pin, NeedsApproval)
    assert (restart.rule.ask, pin.rule.ask) == (Ask.CONFIRM, Ask.APPROVE)
    assert (pin.rule.by, pin.rule.votes, pin.rule.self_approval) == ("admin", 1, False)
    assert "wants a yes of admin (adam), not the asker's own" in pin.reason


def test_a_refusal_says_which_role_could_and_who_holds_it() -> None:
    refused = ask(EVE, STATUS)
    assert isinstance(refused, Deny)
    assert refused.reason == (
        "you have no role; status needs the role viewer (vic), operator (ann) or admin (adam)"
    )


def test_who_is_not_listed_hears_nothing_of_those_who_are() -> None:
    trust = Trust(stranger=True, why="a Slack Connect stranger of T0OTHER")
    refused = may_ask(asker(None, trust), STATUS, CONSOLE_POLICY, PEOPLE)
    assert refused == Deny("you have no role here (a Slack Connect stranger of T0OTHER)")


def test_a_stranger_who_is_listed_by_id_has_their_roles() -> None:
    assert isinstance(
        authorize(asker(ANN, replace(GOOD, stranger=True)), STATUS, (), CONSOLE_POLICY, PEOPLE), Allow
    )


def test_an_empty_policy_means_nobody() -> None:
    for who in (ANN, ADAM, VIC, EVE, None):
        for one in COMMANDS:
            assert isinstance(ask(who, one, "grafana", policy=Policy()), Deny)


def test_no_rule_means_nothing_risky_runs() -> None:
    verdict = ask(ADAM, RESTART, "grafana", policy=Policy(roles=BUILT_IN_ROLES))
    assert verdict == Deny("no line of the policy is about restart grafana; an admin can add one")


def test_the_first_rule_that_matches_decides() -> None:
    rules = (
        Rule("pin", "grafana", Ask.CONFIRM),
        Rule("pin", ask=Ask.APPROVE, votes=2),
        Rule("pin", ask=Ask.NONE),
    )
    policy = Policy(BUILT_IN_ROLES, rules)
    first, second = (
        ask(ANN, PIN, "grafana", "monitoring/grafana", policy=policy),
        ask(ANN, PIN, "wiki", policy=policy),
    )
    assert isinstance(first, NeedsApproval)
    assert isinstance(second, NeedsApproval)
    assert (first.rule, second.rule) == (rules[0], rules[1])


@pytest.mark.parametrize(
    ("rule", "one", "targets", "hits"),
    [
        (Rule("backup", ask=Ask.NONE), BACKUP_NOW, ("wiki",), True),
        (Rule("backup now", ask=Ask.NONE), BACKUP_NOW, ("wiki",), True),
        (Rule("backup *", ask=Ask.NONE), BACKUP_NOW, ("wiki",), True),
        # However the words of "backup now" were told apart when the file was read.
        (Rule("backup", "now", ask=Ask.NONE), BACKUP_NOW, ("wiki",), True),
        (Rule("backup", "verify", ask=Ask.NONE), BACKUP_NOW, ("wiki",), False),
        (Rule("back", ask=Ask.NONE), BACKUP_NOW, ("wiki",), False),
        (Rule("PIN", "mon*/*", ask=Ask.NONE), PIN, ("grafana", "monitoring/grafana"), True),
        (Rule("pin", "mon*/*", ask=Ask.NONE), PIN, ("wiki", "apps/wiki"), False),
        (Rule("pin", "grafana", ask=Ask.NONE), PIN, (), False),
        (Rule("pin", "grafana", ask=Ask.NONE), PIN, EVERYTHING, False),
        (Rule("*", ask=Ask.NONE), PIN, ("wiki",), True),
        (Rule("", ask=Ask.NONE), PIN, ("wiki",), False),
    ],
)
def test_which_rule_is_about_what(rule: Rule, one: Command, targets: tuple[str, ...], hits: bool) -> None:
    verdict = ask(ADAM, one, *targets, policy=Policy(BUILT_IN_ROLES, (rule,)))
    assert isinstance(verdict, Allow) is hits


def test_a_role_reaches_only_its_targets() -> None:
    roles = {"web": Role("web", ("logs", "status"), ("web-*", "apps/*"))}
    policy = Policy(roles)
    who = person("wendy", "web")
    assert isinstance(ask(who, LOGS, "web-1", policy=policy), Allow)
    assert isinstance(ask(who, LOGS, "wiki", "apps/wiki", policy=policy), Allow)
    assert isinstance(ask(who, LOGS, "grafana", "monitoring/grafana", policy=policy), Deny)
    assert ask(who, STATUS, *EVERYTHING, policy=policy) == Deny(
        "your role reaches only some services; say which: status [SERVICE]"
    )
    assert not unbounded(who, LOGS, policy)
    assert unbounded(ANN, LOGS, CONSOLE_POLICY)


def test_a_role_that_is_not_configured_gives_nothing() -> None:
    assert isinstance(ask(person("pat", "wizard"), STATUS), Deny)


@pytest.mark.parametrize(
    ("trust", "encryption", "room", "one", "said"),
    [
        (Trust(room_encrypted=True), "optional", OPS, STATUS, "only what is encrypted counts"),
        (Trust(), "required", OPS, STATUS, "this room is not encrypted"),
        (replace(GOOD, verified=False, why="device ABC is in no list"), "required", OPS, RESTART,
         "counts only from a trusted device (device ABC is in no list)"),
        (GOOD, "required", Room("matrix", "!dm:x"), STATUS, "not in my configuration"),
    ],
)  # fmt: skip
def test_what_was_not_proved_is_refused(
    trust: Trust, encryption: str, room: Room, one: Command, said: str
) -> None:
    verdict = authorize(asker(ADAM, trust, room, encryption), one, ("x",), CONSOLE_POLICY, PEOPLE)
    assert isinstance(verdict, Deny)
    assert said in verdict.reason


def test_encryption_required_asks_no_trusted_device_of_a_reader() -> None:
    unverified = replace(GOOD, verified=False)
    verdict = authorize(asker(VIC, unverified, encryption="required"), STATUS, (), CONSOLE_POLICY, PEOPLE)
    assert isinstance(verdict, Allow)


def test_how_roles_are_said() -> None:
    assert [describe(who) for who in (ANN, EVE, None)] == ["operator", "no role", "no role"]


# ---- properties -----------------------------------------------------------------------------------------

GLOBS = st.sampled_from(
    ["*", "status", "pin", "backup *", "test alert", "p*", "grafana", "apps/*", "[", "web-*"]
)
ROLES = st.dictionaries(
    st.sampled_from(["viewer", "operator", "admin"]),
    st.builds(
        Role, st.just("r"), st.lists(GLOBS, max_size=3).map(tuple), st.lists(GLOBS, max_size=2).map(tuple)
    ),
)
RULES = st.lists(st.builds(Rule, GLOBS, GLOBS, st.sampled_from(Ask)), max_size=4).map(tuple)
POLICIES = st.builds(Policy, ROLES, RULES)
TRUSTS = st.builds(
    Trust,
    verified=st.booleans(),
    encrypted=st.booleans(),
    room_encrypted=st.booleans(),
    stranger=st.booleans(),
)
TARGETS = st.sampled_from([(), EVERYTHING, ("grafana", "monitoring/grafana"), ("web-1",)])
PLACES = st.sampled_from([OPS, Room("matrix", "!dm:x")])
ENCRYPTION = st.sampled_from(["off", "optional", "required"])


@given(POLICIES, TRUSTS, st.sampled_from(COMMANDS), TARGETS, PLACES, ENCRYPTION, st.sampled_from([EVE, None]))
def test_no_path_leads_from_no_role_to_anything_but_no(
    policy: Policy,
    trust: Trust,
    one: Command,
    targets: tuple[str, ...],
    room: Room,
    enc: str,
    who: Person | None,
) -> None:
    verdict = authorize(asker(who, trust, room, enc), one, targets, policy, PEOPLE)
    assert isinstance(verdict, Deny)
    assert verdict.reason


@given(
    POLICIES,
    TRUSTS,
    st.sampled_from(COMMANDS),
    TARGETS,
    PLACES,
    ENCRYPTION,
    st.sampled_from([ANN, ADAM, VIC]),
)
def test_every_yes_stands_on_a_role_and_every_risky_yes_on_a_rule(
    policy: Policy, trust: Trust, one: Command, targets: tuple[str, ...], room: Room, enc: str, who: Person
) -> None:
    verdict = authorize(asker(who, trust, room, enc), one, targets, policy, PEOPLE)
    assert verdict.reason
    if isinstance(verdict, Deny):
        return
    assert room.name
    assert not (trust.room_encrypted and not trust.encrypted)
    assert any(name in policy.roles and policy.roles[name].may for name in who.roles)
    if one.risk is not Risk.READ:
        assert policy.rules
        assert enc != "required" or (trust.verified and trust.room_encrypted)
    if isinstance(verdict, Allow) and one.risk is not Risk.READ:
        assert any(rule.ask is Ask.NONE for rule in policy.rules)
