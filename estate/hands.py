"""What changes the estate: the Compose tool, the registries, git. Found and loaded at the first use."""

import asyncio
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from estate.compose.deployment import Deployment
    from estate.compose.invocation import Invocation
    from estate.compose.model import Model
    from estate.compose.models import Models
    from estate.compose.tool import Tool
    from estate.git import Repository
    from estate.registry import Registry


class Hands:
    """`compose`: how the Compose tool is called, None to look for it; `environ`: what it may see of our own
    environment is taken from here; `paths`: host path → as we see it; `git`: whether to commit changes."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        compose: tuple[str, ...] | None = None,
        paths: Mapping[str, str] | None = None,
        git: bool = True,
        ready: Awaitable[object] | None = None,
    ) -> None:
        """ready: what must have ended before git is asked: a sample that is being put under git."""
        self._ready = asyncio.ensure_future(ready) if ready is not None else None
        self.paths = dict(paths or {})
        self._environ = dict(environ)
        self._compose = compose
        self._git = git
        self._tool: Tool | None = None
        self._registry: Registry | None = None
        self._models: Models | None = None
        self._hashes: dict[tuple[str, Path], tuple[Model, dict[str, str]]] = {}
        self._finding = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def tool(self) -> "Tool":
        """The Compose tool; found once. Raises Upstream, in words, when there is none."""
        async with self._finding:
            if self._tool is None:
                from estate.compose.tool import find_tool

                self._tool = await find_tool(self._compose, self._environ)
            return self._tool

    @property
    def registry(self) -> "Registry":
        if self._registry is None:
            from estate.credentials import Credentials
            from estate.registry import Registry

            self._registry = Registry(Credentials(self._environ))
        return self._registry

    async def model(self, invocation: "Invocation") -> "Model":
        """The project as Compose would understand it; read again only where a file has changed."""
        from estate.compose.models import Models

        async with self._reading:
            self._models = self._models or Models()
            return await asyncio.to_thread(self._models.get, invocation)

    async def hashes(self, deployment: "Deployment", model: "Model") -> dict[str, str]:
        """Compose's own hash of each service's files; asked again only when one of them has changed, which is
        when `model` is another one. Raises Upstream."""
        key = (deployment.project, deployment.directory)
        known = self._hashes.get(key)
        if known is None or known[0] is not model:
            known = self._hashes[key] = (model, await (await self.tool()).hashes(deployment))
        return known[1]

    async def login(self, reference: str) -> dict[str, str] | None:
        """For the Engine's own pull; None when there is none."""
        from estate.reference import parse_reference

        found = await self.registry.login(parse_reference(reference).host)
        return found.for_engine if found is not None else None

    async def repository(self, path: Path) -> "Repository | None":
        """The git repository that keeps this file; None when none does, or the configuration says off."""
        from estate.git import Repository

        await self.settled()
        return await Repository.of(path, self._environ) if self._git else None

    async def settled(self) -> None:
        """Wait for what is being made ready, if anything is."""
        if self._ready is not None:
            await asyncio.wait([self._ready])

    async def close(self) -> None:
        """Let go of connections. What is being made ready is waited for: it writes where others clean up."""
        await self.settled()
        if self._registry is not None:
            await self._registry.close()
