"""One Compose project as it runs and as its files say it: what a change of images is planned on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.context import Context
from bot.core.errors import Refused
from bot.ports import Engine
from commands.look import View
from estate.compose.deployment import CannotDeploy, Deployment, read_deployment
from estate.compose.model import Model
from estate.compose.tool import Tool
from estate.compose.value import text_of
from estate.git import Repository
from estate.hands import Hands
from estate.inventory import Thing
from estate.model import Container, Image, State
from estate.reference import Reference, parse_reference

HASH = "com.docker.compose.config-hash"
_LIVES_IN = ("network_mode", "ipc", "pid")


@dataclass(frozen=True, slots=True)
class Site:
    """`deployment` is how it was made, `model` what its files say now."""

    view: View
    engine: Engine
    hands: Hands
    tool: Tool
    deployment: Deployment
    model: Model

    def thing(self, service: str) -> Thing | None:
        """The service of this project with its containers."""
        project = self.deployment.project
        return next((one for one in self.view.things if _belongs(one, project, service)), None)

    def said(self, service: str) -> str:
        """The image as the files say it now. Raises Refused."""
        resolved = self.model.services.get(service)
        if resolved is None:
            raise Refused(f"{self.deployment.project}/{service} runs, and {self._files} say nothing of it")
        if resolved.image is None or not resolved.image.text:
            raise Refused(f"{self.deployment.project}/{service} names no image in {self._files}")
        return resolved.image.text

    def shown(self, path: Path) -> str:
        """A path for people: inside of the project's folder without it."""
        folder = self.deployment.directory
        return str(path.relative_to(folder.parent) if path.is_relative_to(folder) else path)

    async def repositories(self, paths: Sequence[Path]) -> list[tuple[Repository | None, list[Path]]]:
        """Which repository keeps which of them. A link is kept where it leads to."""
        found: dict[str, tuple[Repository | None, list[Path]]] = {}
        for path in paths:
            real = path.resolve()
            repository = await self.hands.repository(real)
            key = str(repository.root) if repository else ""
            found.setdefault(key, (repository, []))[1].append(real)
        return list(found.values())

    async def hold_hashes(self, services: Sequence[str]) -> list[str]:
        """What is made anew now must be what runs: nothing may come along that nobody was shown.

        Compose's own hash tells. Raises Refused, Upstream; returns what cannot be told, for the card: another
        Compose than ours may hash in another way.
        """
        now = await self.hands.hashes(self.deployment, self.model)
        if all(self._made_from(name) == {now.get(name, "")} for name in services):
            return []
        if not self.is_same_tool:
            made = self.deployment.version or "an unknown version"
            unknown = "whether its files say more than what runs is unknown"
            return [f"made by Compose {made}, here is {self.tool.version}: {unknown}"]
        name = next(name for name in services if self._made_from(name) != {now.get(name, "")})
        raise Refused(
            f"{self.deployment.project}/{name}: its files say something else than what runs."
            " Making it anew would bring that in, unseen: deploy it first"
            f" ({self._by_hand(name)}), or undo it"
        )

    def hold_company(self, services: Sequence[str]) -> None:
        """Who lives in the network of one that is made anew has none any more. Raises Refused."""
        for other, resolved in self.model.services.items():
            thing = self.thing(other)
            if other in services or thing is None or not thing.running:
                continue
            for key in _LIVES_IN:
                text = text_of(resolved.tree.get(key)) or ""
                if text.startswith("service:") and text.removeprefix("service:") in services:
                    raise Refused(
                        f"{self.deployment.project}/{other} lives in it ({key}: {text}) and would be cut off:"
                        " make them anew together, by hand"
                    )

    def scale(self, services: Sequence[str]) -> dict[str, int]:
        """How many containers run of those whose files say another number: they stay as many."""
        things = {name: self.thing(name) for name in services}
        run = {name: len(thing.containers) if thing else 0 for name, thing in things.items()}
        return {name: many for name, many in run.items() if many != self.model.services[name].replicas}

    def _made_from(self, service: str) -> set[str]:
        thing = self.thing(service)
        return {one.labels.get(HASH, "") for one in thing.containers} if thing else set()

    @property
    def is_same_tool(self) -> bool:
        """Whether the Compose that made it is the one that is here."""
        return self.deployment.version == self.tool.version

    @property
    def notes(self) -> list[str]:
        """What is different here, for the card."""
        found = []
        if self.deployment.version.startswith("1.") and not self.tool.is_first:
            found.append("Compose 2 names containers with - instead of _")
        if not self.tool.rehearses:
            ours = self.tool.version
            found.append(f"Compose {ours} cannot say beforehand whether networks would be made anew")
        return found

    @property
    def _files(self) -> str:
        return ", ".join(file.name for file in self.deployment.files)

    def _by_hand(self, name: str) -> str:
        return f"docker compose up -d --no-deps {name}, in {self.deployment.directory}"


def _belongs(thing: Thing, project: str, service: str) -> bool:
    return any(one.project == project and one.service == service for one in thing.containers)


@dataclass(frozen=True, slots=True)
class Running:
    """One service as it runs: all of its containers have this image."""

    service: str
    full_name: str
    containers: tuple[Container, ...]
    image: Image
    reference: Reference
    """As the files say it."""

    @property
    def digest(self) -> str:
        """`repository@sha256:…` of this repository, when a registry gave it; else empty."""
        named = (one for one in self.image.digests if parse_reference(one).is_same_repository(self.reference))
        return min(named, default="")


async def site_of(ctx: Context, view: View, thing: Thing) -> Site:
    """Raises Refused when this is nothing that can be changed from here, Upstream when it cannot be told."""
    hands = ctx.services.hands
    if hands is None:
        raise Refused("I have no compose files to change: estate.root is not in my configuration")
    container = _one(thing)
    try:
        deployment = read_deployment(container.labels, hands.paths)
    except CannotDeploy as wrong:
        raise Refused(f"{thing.full_name}: {wrong}") from None
    tool = await hands.tool()
    if (why := tool.why_not(deployment)) is not None:
        raise Refused(f"{thing.full_name}: {why}")
    model = await hands.model(deployment.invocation(tool.shell))
    if model.problems:
        raise Refused(f"{thing.full_name}: its files do not resolve: {model.problems[0]}; mend that first")
    return Site(view, view.engines[container.host], hands, tool, deployment, model)


def _one(thing: Thing) -> Container:
    made = [one for one in thing.containers if one.project and one.service]
    if not thing.containers:
        raise Refused(f"{thing.full_name} has no container: what does not run has no version")
    if not made:
        raise Refused(f"{thing.full_name} was not made by Compose, so no file says its image")
    if len({one.host for one in made}) > 1:
        raise Refused(f"{thing.full_name} runs on several Engines, and I change one at a time")
    return made[0]


async def running(ctx: Context, site: Site, service: str) -> Running:
    """How it runs now. Raises Refused when it does not, or not as one image; Upstream."""
    thing = site.thing(service)
    full_name = f"{site.deployment.project}/{service}"
    containers = thing.containers if thing is not None else ()
    if not containers:
        raise Refused(f"{full_name} has no container: what does not run has no version")
    for one in containers:
        why = ctx.services.myself.why_not(one)
        if why is not None:
            raise Refused(f"{one.name}: {why}")
        if one.state not in {State.RUNNING, State.RESTARTING}:
            raise Refused(
                f"{one.name} is {one.state.value}, and this would start it: start {full_name} first"
            )
    if len({one.image_id for one in containers}) > 1:
        names = ", ".join(f"{one.name} {one.image_id.removeprefix('sha256:')[:12]}" for one in containers)
        raise Refused(f"the containers of {full_name} run different images ({names}): recreate them first")
    said = site.said(service)
    image = await site.engine.image(containers[0].image_id)
    return Running(service, full_name, containers, image, parse_reference(said))
