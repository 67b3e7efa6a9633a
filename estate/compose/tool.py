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
ASKING = 30.0
"""Seconds for a question; starting containers has its own time."""


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

    def up(self, deployment: Deployment, services: Sequence[str]) -> tuple[str, ...]:
        """The words that make these services anew, and nothing else, without pulling.

        A service may be called `--help`: what comes after `--` is no option.
        """
        pull = () if self.is_first else ("--pull", "never")
        return (*self.argv, *deployment.options, "up", "--detach", "--no-deps", *pull, "--", *services)

    async def hashes(self, deployment: Deployment) -> dict[str, str]:
        """Service → the hash of what its files say, as the label `config-hash` has it. Raises Upstream."""
        # A service of a profile that nobody chose now may have been started by its name.
        every = () if self.is_first else ("--profile", "*")
        argv = (*self.argv, *deployment.options, *every, "config", "--hash", "*")
        found = await self.run(argv, deployment.directory)
        if not found.ok:
            raise Upstream(f"Compose cannot read {deployment.project}: {found.last}", permanent=True)
        return dict(row.split(None, 1) for row in found.out.splitlines() if len(row.split()) == 2)

    async def run(
        self, argv: Sequence[str], directory: Path, *, seconds: float = ASKING, hear: Hear | None = None
    ) -> Ended:
        """Raises Upstream when there is no such program any more."""
        try:
            return await run(argv, environment=self.shell, directory=directory, seconds=seconds, hear=hear)
        except NoProgram as gone:
            raise Upstream(str(gone)) from None


def shell_of(environ: Mapping[str, str]) -> dict[str, str]:
    """What of our own environment the tool may see."""
    return {name: value for name, value in environ.items() if name in SEEN or name.startswith("DOCKER_")}


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
        f"no Compose tool: {named} {'does not answer' if configured else 'answers'} version. Install"
        " the Docker Compose plugin (Debian: apt-get install docker-compose), or name yours in estate.compose"
    )
