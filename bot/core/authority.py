"""Who may do what. One decision for every way in: message, reply, reaction, button, slash command, scheduler,
console. Deny by default; every verdict carries its reason in words. Nothing else in this code base decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.core.command import Command
from bot.core.model import Identity, People, Person, Risk, Room, Trust
from bot.core.policy import Ask, Policy, Role, Rule

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
    """Go on."""

    reason: str


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
        if command.risk > Risk.READ and not trust.verified:
            why = f" ({trust.why})" if trust.why else ""
            return Deny(f"{command.name} counts only from a trusted device{why}; matrix_keys lists those")
    return None


def _without_role(asker: Asker, command: Command, policy: Policy, people: People) -> Deny | None:
    if asker.person is not None and _granting(asker.person, command, policy):
        return None
    return Deny(f"you have {_roles(asker.person)}; {_who_could(command, (), policy, people)}")


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
    line = f'the policy\'s line "{rule.command}{"" if rule.target == "*" else " " + rule.target}"'
    match rule.ask:
        case Ask.NONE:
            return Allow(f"{line} asks nobody")
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
