"""The words that policy and roles are made of."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from bot.config.nodes import quoted
from bot.config.values import Wrong, did_you_mean, glob

CHANGING = (
    "test alert", "restart", "start", "stop", "pin", "update", "rollback", "fix", "waive",
    "backup now", "backup verify", "backup drill", "approve", "deny", "cancel",
)  # fmt: skip
"""What is not for reading: a policy may name these commands also where they do not exist yet."""


def families(commands: Collection[str]) -> set[str]:
    """Each command, and each beginning of its words: `backup now` → `backup now`, `backup`."""
    split = (name.split() for name in commands)
    return {" ".join(words[:count]) for words in split for count in range(1, len(words) + 1)}


def split_rule(key: str, commands: Collection[str]) -> tuple[str, str]:
    """`COMMAND [TARGET-GLOB]` as (command, target). The command is the longest that is known; a family
    (`backup`) stands for all its commands (`backup now`, `backup verify`). Without a list of commands, one
    word is the command. Raises Wrong."""
    words = key.split()
    if not words:
        raise Wrong("is empty", 'write "COMMAND" or "COMMAND TARGET"')
    known = families(commands) or {words[0]}
    count = next((n for n in range(len(words), 0, -1) if " ".join(words[:n]) in known), 0)
    if not count:
        raise Wrong(f"{quoted(words[0])} is no command", _near_command(words, commands))
    if len(words) > count + 1:
        what = f"{quoted(' '.join(words[count:]))} is more than one target"
        raise Wrong(what, 'write "COMMAND" or "COMMAND TARGET", with * in the target for several')
    return " ".join(words[:count]), glob(words[count]) if len(words) > count else "*"


def _near_command(words: Sequence[str], commands: Collection[str]) -> str:
    known = sorted(families(commands))
    whole = did_you_mean(" ".join(words), known)
    return whole if whole.startswith("did") else did_you_mean(words[0], known)


def check_may(pattern: str, commands: Collection[str]) -> None:
    """Raises Wrong when no command is matched."""
    if commands and not any(fnmatchcase(name, pattern.lower()) for name in commands):
        if pattern in families(commands):
            raise Wrong(f"{quoted(pattern)} matches no command", f'did you mean "{pattern} *"?')
        raise Wrong(f"{quoted(pattern)} matches no command", _near_command(pattern.split() or [""], commands))
