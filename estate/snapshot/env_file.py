"""A file of environment variables: who may read it, who uses it, what it sets. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from estate.compose.setting import Setting
from estate.snapshot.entry import Entry

_EXAMPLE = re.compile(
    r"(?:^|[._-])(?:example|examples|sample|template|tmpl|tpl|dist|default|defaults|schema|j2|vault)(?:[._-]|$)"
)
EXAMPLES = ("example", "sample", "template", "tmpl", "tpl", "dist")
"""How a file ends that shows what another one is to hold."""
_SHOWN = re.compile(rf"\.?(?:dot)?env[._-](?:{'|'.join(EXAMPLES)})")
_COPY = re.compile(
    r"(?:~|\.(?:bak|backup|old|orig|save|back|copy|swp)(?:[._-]?\d*)*|[._-](?:bak|backup|old|orig)[\w.-]*)$"
)


@dataclass(frozen=True, slots=True)
class EnvFile:
    """`entry` is the file itself; `link` the symlink by which it is found, if it is one."""

    path: str
    """As it is found: relative to the estate's root."""
    entry: Entry
    link: Entry | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    """Values are secrets, perhaps."""
    wrong: tuple[str, ...] = ()
    """Lines that Compose would stop at."""
    users: tuple[str, ...] = ()
    """The services that are given it, by their full names."""
    folder: Entry | None = None
    """Where it stands."""

    @property
    def is_example(self) -> bool:
        """It shows what to set, and sets nothing."""
        return is_example(self.path)

    @property
    def is_copy(self) -> bool:
        """A left-over: `.env.old`."""
        return is_copy(self.path)


def is_env_name(name: str) -> bool:
    """Whether a file of this name holds an environment, or shows one: `.env`, `.env.local`, `db.env`,
    `env.sample`."""
    return (
        name == ".env"
        or name.startswith((".env.", ".env~"))
        or name.endswith(".env")
        or bool(_SHOWN.fullmatch(name.lower()))
    )


def is_example(path: str) -> bool:
    """`.env.example`, `env.sample`, `template.env`."""
    return bool(_EXAMPLE.search(path.rpartition("/")[2].lower()))


def is_copy(path: str) -> bool:
    """`.env.old`, `.env.backup.2024`, `.env~`."""
    return bool(_COPY.search(path.rpartition("/")[2].lower()))
