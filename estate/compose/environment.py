"""The variables that a compose file may use, each with who set it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from estate.compose.setting import Setting
from estate.compose.template import Bound, Origin


@dataclass(slots=True)
class Environment:
    """The first who sets a name wins: the shell, then env files."""

    bound: dict[str, Bound] = field(default_factory=dict)

    @classmethod
    def of_shell(cls, shell: Mapping[str, str]) -> "Environment":
        return cls({name: Bound(text, Origin.SHELL) for name, text in shell.items()})

    def lookup(self, name: str) -> Bound | None:
        return self.bound.get(name)

    def text(self, name: str) -> str:
        """Empty when it is not set."""
        bound = self.bound.get(name)
        return bound.text if bound else ""

    def below(self, settings: Mapping[str, Setting]) -> "Environment":
        """A copy with more settings, which lose against what is here."""
        added = {name: Bound(one.text, Origin.ENV_FILE, one) for name, one in settings.items()}
        return Environment({**added, **self.bound})

    def listed(self, name: str, separator: str = ",") -> list[str]:
        """`a,b`, as COMPOSE_PROFILES and COMPOSE_FILE write it."""
        return [part.strip() for part in self.text(name).split(separator or ":") if part.strip()]
