"""A plan: what will really happen, so that a yes can be bound to it. Pure.

What is digested is written out field by field in `content`: a field that is not named there cannot change the
digest, and one that is named there cannot be forgotten. Advice (what is interrupted, how it is undone, who
depends on it) is shown with the plan and is not part of what was approved: it may change by the minute.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.letters import ALPHABET
from bot.core.policy import Policy
from bot.core.release import Release

Value = str | int | bool
"""What an argument may be."""

SHORTEST_CODE, LONGEST_CODE = 4, 6


@dataclass(frozen=True, slots=True)
class Touched:
    """One container that the plan acts on. `state` is `running`, or the Engine's word for why not."""

    id: str
    name: str
    image: str
    image_id: str
    state: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that the plan writes: the sha256 of what stands there (empty: no file yet), and the exact
    bytes
    after."""

    path: str
    before: str
    after: bytes


@dataclass(frozen=True, slots=True)
class ModeChange:
    """One file whose permissions the plan changes. `identity`: device, inode and owner, so that another file
    of
    the same name is not the one that was shown. Modes are octal, as `chmod` takes them: `0644`."""

    path: str
    identity: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What helps to decide, and does not bind."""

    interrupts: str = ""
    undo: str = ""
    notes: tuple[str, ...] = ()
    diff: str = ""
    """The change of the files as people read it. What binds is the bytes in `Plan.files`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one command will do, resolved. `argv` and `calls` are all that is executed, in their order.

    subject: what it is about, by its full name (`shop/web`); project: what the lock is named after.
    calls:   what is asked of the Engine, one line each; the whole ids stand in `containers`.
    argv:    the programs that are run, as lists of words.
    environment: the names, never the values, of what those programs see.
    requester, policy: filled in by `sealed`.
    """

    command: str
    subject: str
    host: str
    project: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    containers: tuple[Touched, ...] = ()
    calls: tuple[str, ...] = ()
    argv: tuple[tuple[str, ...], ...] = ()
    directory: str = ""
    """Where the programs are run."""
    files: tuple[FileChange, ...] = ()
    modes: tuple[ModeChange, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    releases: tuple[Release, ...] = ()
    environment: tuple[str, ...] = ()
    requester: str = ""
    policy: str = ""
    advice: Advice = Advice()

    @property
    def content(self) -> dict[str, Any]:
        """What is digested: plain JSON values."""
        return {
            "version": 1,
            "command": self.command,
            "subject": self.subject,
            "host": self.host,
            "project": self.project,
            "arguments": dict(self.arguments),
            "containers": {
                one.name: {"id": one.id, "image": one.image, "image_id": one.image_id, "state": one.state}
                for one in self.containers
            },
            "calls": list(self.calls),
            "argv": [list(words) for words in self.argv],
            "directory": self.directory,
            "files": {
                one.path: {"before": one.before, "after": hashlib.sha256(one.after).hexdigest()}
                for one in self.files
            },
            "modes": {
                one.path: {"identity": one.identity, "before": one.before, "after": one.after}
                for one in self.modes
            },
            "images": dict(self.images),
            "releases": {one.service: one.content for one in self.releases},
            "environment": sorted(set(self.environment)),
            "requester": self.requester,
            "policy": self.policy,
        }

    @property
    def canonical(self) -> str:
        """Compact JSON with sorted keys."""
        return json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON, in hex."""
        return digest_of(self.canonical)


def digest_of(canonical: str) -> str:
    """sha256 in hex."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def policy_version(policy: Policy) -> str:
    """What changes when a role or a line of the policy does: sha256 in hex."""
    glass = policy.break_glass
    content = {
        "roles": {name: [list(role.may), list(role.targets)] for name, role in policy.roles.items()},
        "rules": [
            [
                rule.command,
                rule.target,
                rule.ask.value,
                rule.by,
                rule.votes,
                rule.self_approval,
                rule.expires.total_seconds(),
            ]
            for rule in policy.rules
        ],
        "break-glass": [glass.by, glass.countdown.total_seconds()] if glass else None,
    }
    return digest_of(json.dumps(content, sort_keys=True, separators=(",", ":")))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What moved between two plans' contents, one line each: `containers.web.image_id: a → b`."""
    was, is_ = dict(_leaves(before)), dict(_leaves(now))
    names = [*was, *(name for name in is_ if name not in was)]
    return tuple(
        f"{name}: {was.get(name, 'nothing')} → {is_.get(name, 'nothing')}"
        for name in names
        if was.get(name) != is_.get(name)
    )


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name in sorted(value):
            yield from _leaves(value[name], f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def speakable(taken: Collection[str], pick: Callable[[Sequence[str]], str]) -> str:
    """A code that is not taken. `pick` chooses one letter: `random.SystemRandom().choice` outside of tests.

    Raises RuntimeError when hardly any code is free, which is a mistake of whoever keeps them.
    """
    for length in range(SHORTEST_CODE, LONGEST_CODE + 1):
        for _ in range(50):
            code = "".join(pick(ALPHABET) for _ in range(length))
            if code not in taken and any(char.isalpha() for char in code):
                return code
    raise RuntimeError(f"no free code among {len(taken)}")


def as_code(text: str) -> str:
    """A code as it was typed, as it is kept: in upper case, without what people put around it."""
    return text.strip().strip("`'\".,:;!()[]").upper()
