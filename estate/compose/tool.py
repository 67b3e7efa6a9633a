"""The real Compose tool: which one there is, and how it is called. It sees only what it needs of our own
environment, so that none of it ends up in a compose file's variables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.core.errors import Upstream
from estate.compose.deployment import Deployment
from estate.program import Ended, Hear, NoProgram, run

KNOWN = (("docker", "compose"), ("docker-compose",))
"""The first that answers `version` is taken."""
SEEN = ("PATH", "HOME")
FIXED = {
    # Words that can be read, whatever a project's .env says.
    "COMPOSE_ANSI": "never",
    "COMPOSE_PROGRESS": "plain",
    "COMPOSE_STATUS_STDOUT": "0",
    # Else one service made anew would take others away that are in no file any more.
    "COMPOSE_REMOVE_ORPHANS": "0",
}
"""Compose reads these from a project's .env, too, and believes its own environment first."""
REHEARSES = (2, 20)
"""The version from which on `--dry-run` can be relied upon."""
REMEDY = "install the Docker Compose plugin (docker-compose-plugin of Docker's own packages)"
"""Debian 12's docker-compose is Compose 1."""
ASKING = 30.0
"""Seconds for a question; starting containers has its own time."""


_DEED = re.compile(r"DRY-RUN MODE - +(Container|Network|Volume|Image) +(\S+) +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that Compose would do: to a `Container`, `web-1`, `Recreate`."""

    kind: str
    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name}: {self.what.lower()}"

    def is_about(self, containers: Mapping[str, str]) -> bool:
        """Whether it only makes one of these (name → id) anew, or leaves it as it is. While it is made, the
        new one has the beginning of the old one's id before its name."""
        old = self.name.partition("_")[0]
        known = self.name in containers or any(old == one[:12] for one in containers.values())
        return self.kind == "Container" and self.what in _ANEW and known


_ANEW = {"Running", "Recreate", "Recreated", "Starting", "Started"}


@dataclass(frozen=True, slots=True)
class Tool:
    """`shell` is all that it sees of an environment; its values are not shown."""

    argv: tuple[str, ...]
    version: str
    shell: Mapping[str, str] = field(repr=False)

    @property
    def is_first(self) -> bool:
        """Compose 1, which knows no `--pull`."""
        return self.version.startswith("1.")

    @property
    def rehearses(self) -> bool:
        """Whether it can say beforehand what it would do."""
        parts = re.findall(r"\d+", self.version)[:2]
        return tuple(int(part) for part in parts) >= REHEARSES

    def why_not(self, deployment: Deployment) -> str | None:
        """Why nothing of this deployment may be made anew with it; None when it may. Compose 1 does not know
        all that the files of Compose 2 may say, and looks for containers and networks by other names."""
        if not self.is_first or deployment.version.startswith("1."):
            return None
        made = f"Compose {deployment.version}" if deployment.version else "a Compose of unknown version"
        return (
            f"{made} made it, and here is only {' '.join(self.argv)} {self.version}:"
            f" {REMEDY}, or name a Compose 2 in estate.compose"
        )

    def up(
        self, deployment: Deployment, services: Sequence[str], scale: Mapping[str, int] | None = None
    ) -> tuple[str, ...]:
        """The words that make these services anew, and nothing else, without pulling.

        scale: how many containers of a service there shall be, where its files say another number. A service
        may be called `--help`: what comes after `--` is no option.
        """
        pull = () if self.is_first else ("--pull", "never")
        many = (word for name, count in (scale or {}).items() for word in ("--scale", f"{name}={count}"))
        return (*self.argv, *deployment.options, "up", "--detach", "--no-deps", *pull, *many, "--", *services)

    async def hashes(self, deployment: Deployment) -> dict[str, str]:
        """Service → the hash of what its files say, as the label `config-hash` has it. Raises Upstream."""
        # A service of a profile that nobody chose now may have been started by its name.
        every = () if self.is_first else ("--profile", "*")
        argv = (*self.argv, *deployment.options, *every, "config", "--hash", "*")
        found = await self.run(argv, deployment.directory)
        if not found.ok:
            raise Upstream(f"Compose cannot read {deployment.project}: {found.last}", permanent=True)
        if found.cut:
            raise Upstream(f"{deployment.project} has more services than I can take in", permanent=True)
        return dict(row.split(None, 1) for row in found.out.splitlines() if len(row.split()) == 2)

    async def rehearse(self, argv: Sequence[str], directory: Path) -> tuple[Deed, ...]:
        """What it would do with these words, which nothing of is done. Raises Upstream."""
        words = (*self.argv, "--dry-run", *argv[len(self.argv) :])
        found = await self.run(words, directory)
        if not found.ok or found.cut:
            raise Upstream(f"Compose cannot say what it would do: {found.last}", permanent=True)
        return tuple(Deed(*one) for one in _DEED.findall(found.errors))

    async def run(
        self, argv: Sequence[str], directory: Path, *, seconds: float = ASKING, hear: Hear | None = None
    ) -> Ended:
        """Raises Upstream when there is no such program any more."""
        try:
            return await run(argv, environment=self.shell, directory=directory, seconds=seconds, hear=hear)
        except NoProgram as gone:
            raise Upstream(str(gone)) from None


def shell_of(environ: Mapping[str, str]) -> dict[str, str]:
    """What of our own environment the tool may see, and what is said to it."""
    mine = {name: value for name, value in environ.items() if name in SEEN or name.startswith("DOCKER_")}
    return {**mine, **FIXED}


async def find_tool(configured: tuple[str, ...] | None, environ: Mapping[str, str]) -> Tool:
    """Raises Upstream, with what is missing and how to get it."""
    shell = shell_of(environ)
    for argv in (configured,) if configured else KNOWN:
        try:
            asked = await run((*argv, "version", "--short"), environment=shell, seconds=ASKING)
        except NoProgram:
            continue
        found = re.search(r"\d+\.\d+[^\s,]*", asked.out)
        if asked.ok and found:
            return Tool(argv, found.group(), shell)
    named = " ".join(configured) if configured else "neither docker compose nor docker-compose"
    raise Upstream(
        f"no Compose tool: {named} {'does not answer' if configured else 'answers'} version:"
        f" {REMEDY}, or name yours in estate.compose"
    )
