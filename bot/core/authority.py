"""Who may do what. One decision for every way in: message, reply, reaction, button, slash command, scheduler,
console. Deny by default; every verdict carries its reason in words. Nothing else in this code base decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.core.command import Command
from bot.core.model import Identity, People, Person, Risk, Room, Trust
from bot.core.policy import READING, Ask, Policy, Role, Rule

EVERYTHING = ("*",)
"""The target of a command that could name one and does not: `!status` is about all services."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, from where, and what was proved about it.

    `room.name` is empty for a room that is not configured. `encryption` is the platform's setting.
    """

    person: Person | None
    identity: Identity
    room: Room
    trust: Trust
    encryption: str = "off"


@dataclass(frozen=True, slots=True)
class Allow:
    """Go on. `rule` is the policy's line when something risky is asked and nobody needs to say yes."""

    reason: str
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """Not before those that the rule names said yes (`Ask.CONFIRM`: the asker may be one of them)."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Deny:
    """No. The reason says which role could, and who holds it."""

    reason: str


Verdict = Allow | NeedsApproval | Deny


def authorize(
    asker: Asker, command: Command, targets: Sequence[str], policy: Policy, people: People
) -> Verdict:
    """The verdict on one request.

    targets: every name of the one thing that the command would touch, after it was resolved
    (`grafana`, `monitoring/grafana`, the container's name); EVERYTHING when it could name one and does not;
    empty when the command is about no target.
    """
    refused = may_ask(asker, command, policy, people)
    if refused is not None:
        return refused
    assert asker.person is not None  # may_ask refuses whom nobody listed
    if command.votes:
        return Allow("who may is said by the plan's own line of the policy")
    role = next((r for r in _granting(asker.person, command, policy) if _covers(r, targets)), None)
    if role is None and targets == EVERYTHING:
        return Deny(f"your role reaches only some services; say which: {command.usage('')}")
    if role is None:
        who = _who_could(command, targets, policy, people)
        return Deny(f"{_what(command, targets)} is outside of what your role may touch; {who}")
    if command.risk is Risk.READ:
        return Allow(f"role {role.name} may {command.name}")
    rule = next((r for r in policy.rules if _decides(r, command, targets)), None)
    if rule is None:
        return Deny(f"no line of the policy is about {_what(command, targets)}; an admin can add one")
    return _by_rule(rule, command, targets, people)


def may_ask(asker: Asker, command: Command, policy: Policy, people: People) -> Deny | None:
    """None when the asker may use this command at all, whatever its target; else why not."""
    return _untrusted(asker, command) or _without_role(asker, command, policy, people)


@dataclass(frozen=True, slots=True)
class Ballot:
    """What is voted on: the command and its target, the policy's line, the asker's name, and yes or no.

    `counting`: the glass was broken, so that it runs unless somebody says no.
    """

    command: Command
    targets: Sequence[str]
    rule: Rule
    requester: str
    approve: bool
    counting: bool = False


def may_vote(asker: Asker, ballot: Ballot, policy: Policy, people: People) -> Deny | None:
    """None when this vote counts, else why not. The same for message, reply, reaction, button and seat.

    A yes wants the role that the line names; to a mere confirmation also the asker, or whoever could ask for
    the same. A no may come from any of them; while the glass is broken, from whoever is listed. Whether the
    yes is the asker's own is `approval.vote`'s to see.
    """
    untrusted = _untrusted(asker, ballot.command)
    if untrusted is not None:
        return untrusted
    person, rule = asker.person, ballot.rule
    assert person is not None  # _untrusted refuses whom nobody listed
    if ballot.counting and not ballot.approve:
        return None
    if rule.by in person.roles and rule.by in policy.roles:
        return None
    if rule.ask is not Ask.APPROVE or not ballot.approve:
        may = authorize(asker, ballot.command, ballot.targets, policy, people)
        if not isinstance(may, Deny):
            return None
    who = _named(p.name for p in voters(rule, ballot.requester, people))
    return Deny(f"you have {_roles(person)}; it needs the yes of {rule.by} ({who})")


def may_break(asker: Asker, ballot: Ballot, policy: Policy, people: People) -> Deny | None:
    """None when this one may break the glass for that plan, else why not. It wants the role that the
    policy's line `break-glass` names, and a device as trusted as for a vote."""
    untrusted = _untrusted(asker, ballot.command)
    if untrusted is not None:
        return untrusted
    person, glass = asker.person, policy.break_glass
    assert person is not None  # _untrusted refuses whom nobody listed
    if glass is None:
        return Deny("the policy lets nobody break the glass; an admin can add the line break-glass")
    if glass.by in person.roles and glass.by in policy.roles:
        return None
    who = _named(p.name for p in people.with_role([glass.by]))
    return Deny(f"you have {_roles(person)}; breaking the glass needs the role {glass.by} ({who})")


def voters(rule: Rule, requester: str, people: People) -> tuple[Person, ...]:
    """Whose yes the line wants."""
    holders = people.with_role([rule.by])
    if rule.ask is Ask.CONFIRM:
        asking = people.named(requester)
        return (asking,) if asking else ()
    return tuple(p for p in holders if p.name != requester or rule.self_approval)


def unbounded(person: Person | None, command: Command, policy: Policy) -> bool:
    """Whether a role lets this person read with this command whatever its target is."""
    return person is not None and any("*" in role.targets for role in _granting(person, command, policy))


def describe(person: Person | None) -> str:
    """`operator`, `operator, admin` or `no role`."""
    return ", ".join(person.roles) if person is not None and person.roles else "no role"


def _untrusted(asker: Asker, command: Command) -> Deny | None:
    trust, person = asker.trust, asker.person
    if person is None:
        if trust.stranger:
            # A stranger is not told who is who here.
            return Deny(f"you have no role here{f' ({trust.why})' if trust.why else ''}")
        return Deny(f"{asker.identity} is not listed and so has no role; an admin can list you")
    if not asker.room.name:
        return Deny("this room is not in my configuration; ask in one that is")
    if trust.room_encrypted and not trust.encrypted:
        why = f" ({trust.why})" if trust.why else ""
        return Deny(f"in an encrypted room only what is encrypted counts{why}; send it again, encrypted")
    if asker.encryption == "required":
        if not trust.room_encrypted:
            return Deny("this room is not encrypted, as the configuration requires; ask in one that is")
        if (command.risk > Risk.READ or command.votes) and not trust.verified:
            why = f" ({trust.why})" if trust.why else ""
            return Deny(f"{command.name} counts only from a trusted device{why}; matrix_keys lists those")
    return None


def _without_role(asker: Asker, command: Command, policy: Policy, people: People) -> Deny | None:
    if asker.person is not None and _granting(asker.person, command, policy):
        return None
    if asker.person is not None and command.votes and _concerned(asker.person, policy):
        return None
    if asker.person is not None and command.stops and policy.break_glass is not None:
        return None  # what counts down may be stopped by anybody; `may_vote` sees whether it does
    return Deny(f"you have {_roles(asker.person)}; {_who_could(command, (), policy, people)}")


def _concerned(person: Person, policy: Policy) -> bool:
    """Whether some line of the policy wants this person's word, or lets them ask for what it is about."""
    held = [policy.roles[name] for name in person.roles if name in policy.roles]
    if any(role.name == rule.by for rule in policy.rules for role in held):
        return True
    if policy.break_glass is not None and any(role.name == policy.break_glass.by for role in held):
        return True
    asks = {rule.command.lower() for rule in policy.rules if rule.ask is not Ask.NONE}
    changing = [pattern.lower() for role in held for pattern in role.may if pattern.lower() not in READING]
    return any(fnmatchcase(name, pattern) for name in asks for pattern in changing)


def _roles(person: Person | None) -> str:
    if person is None or not person.roles:
        return "no role"
    return f"the role {person.roles[0]}" if len(person.roles) == 1 else f"the roles {', '.join(person.roles)}"


def _granting(person: Person, command: Command, policy: Policy) -> list[Role]:
    held = [policy.roles[name] for name in person.roles if name in policy.roles]
    return [role for role in held if _may(role, command)]


def _may(role: Role, command: Command) -> bool:
    return any(fnmatchcase(command.name, pattern.lower()) for pattern in role.may)


def _covers(role: Role, targets: Sequence[str]) -> bool:
    return not targets or any(fnmatchcase(name, glob) for glob in role.targets for name in targets)


def _decides(rule: Rule, command: Command, targets: Sequence[str]) -> bool:
    """`pin grafana` is a command and a target; `backup now` is a command of two words, as is `backup *`."""
    whole = rule.command if rule.target == "*" else f"{rule.command} {rule.target}"
    if _names(whole, command):
        return True
    return _names(rule.command, command) and any(fnmatchcase(name, rule.target) for name in targets)


def _names(pattern: str, command: Command) -> bool:
    words = tuple(pattern.lower().split())
    begins = bool(words) and command.words[: len(words)] == words
    return begins or fnmatchcase(command.name, pattern.lower())


def _by_rule(rule: Rule, command: Command, targets: Sequence[str], people: People) -> Verdict:
    line = f'the policy\'s line "{rule.key}"'
    match rule.ask:
        case Ask.NONE:
            return Allow(f"{line} asks nobody", rule)
        case Ask.CONFIRM:
            return NeedsApproval(rule, f"{line} wants a confirmation; the asker may give it")
        case Ask.APPROVE:
            voters = _named(person.name for person in people.with_role([rule.by]))
            votes = "a yes" if rule.votes == 1 else f"{rule.votes} yes"
            other = "" if rule.self_approval else ", not the asker's own"
            return NeedsApproval(rule, f"{line} wants {votes} of {rule.by} ({voters}){other}")


def _who_could(command: Command, targets: Sequence[str], policy: Policy, people: People) -> str:
    """`needs viewer (vic), operator (ann) or admin (adam)`."""
    could = [role for role in policy.roles.values() if _may(role, command) and _covers(role, targets)]
    if not could:
        return f"no role may {_what(command, targets)}"
    told = [f"{role.name} ({_named(p.name for p in people.with_role([role.name]))})" for role in could]
    return f"{_what(command, targets)} needs the role {_either(told)}"


def _what(command: Command, targets: Sequence[str]) -> str:
    return command.name if not targets or targets == EVERYTHING else f"{command.name} {targets[0]}"


def _named(names: Iterable[str]) -> str:
    found = list(names)
    shown = ", ".join(found[:5])
    return f"{shown} and {len(found) - 5} more" if len(found) > 5 else shown or "nobody holds it"


def _either(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
