"""Which exact version is running: proved by digest against its registry, or not said at all.

Labels, other names and environments only order the search. What is believed is that the registry's tag names
the very bytes that run: the index, the image for this platform, or the image's configuration.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.model import Image
from estate.reference import Reference, parse_reference
from estate.registry import Manifest, OutOfBudget, Platform, Registry
from estate.versions import most_specific, order, read_tag

_LABELS = ("org.opencontainers.image.version", "org.label-schema.version", "build_version", "version")
_VARIABLE = re.compile(r"(?:^|_)VERSION\Z", re.IGNORECASE)
_IN_TEXT = re.compile(r"v?\d+(?:\.\d+)+(?:-[\w.]+)?")
ALIKE = 4
"""How many more tags are looked at once one was found: a more exact one may stand beside it."""


class By(StrEnum):
    """What of the registry's equals what runs."""

    DIGEST = "the registry's digest"
    PLATFORM = "the digest for this platform"
    CONFIG = "the image's id"


@dataclass(frozen=True, slots=True)
class Proof:
    """`tag` of `repository` names exactly what runs. `digest` is the registry's, now."""

    repository: Reference
    tag: str
    digest: str
    by: By
    others: tuple[str, ...] = ()
    """Tags that are as exact and name the same."""

    @property
    def reference(self) -> Reference:
        return self.repository.with_tag(self.tag)


class Unproved(Exception):
    """No version can be proved; says why. `opaque`: what would hold still, a digest without a version."""

    def __init__(self, why: str, opaque: str | None) -> None:
        super().__init__(why)
        self.opaque = opaque


async def prove(
    registry: Registry, image: Image, asked: Reference, budget: Budget, wanted: str | None = None
) -> Proof:
    """What `image` is in the repository of `asked`, whose tag is how the file names it.

    wanted: a version that somebody typed; then only that one is looked at. Raises Unproved, Upstream.
    """
    search = _Search(registry, image, asked, budget)
    if not search.digests:
        raise Unproved(
            f"{asked.repository} was never pulled from or pushed to its registry here (the Engine has no"
            " digest of it), so nothing can prove its version",
            None,
        )
    if wanted is not None:
        return await search.one(wanted)
    return await search.best()


def hints(image: Image, repository: Reference) -> tuple[str, ...]:
    """Versions that the image itself claims: its other names first, then labels, then its environment."""
    names = (parse_reference(tag) for tag in image.tags)
    tags = [one.tag for one in names if one.tag and one.is_same_repository(repository)]
    said = [image.labels[name] for name in _LABELS if image.labels.get(name)]
    said += [value for name, value in image.environment.items() if _VARIABLE.search(name)]
    found = [match.group() for text in said if (match := _IN_TEXT.search(text[:200]))]
    return tuple(dict.fromkeys(one for one in (*tags, *found) if read_tag(one).numbers))


class _Search:
    def __init__(self, registry: Registry, image: Image, asked: Reference, budget: Budget) -> None:
        self._registry = registry
        self._image = image
        self._asked = asked
        self._repository = Reference(asked.repository)
        self._budget = budget
        self._hints = hints(image, asked)
        named = (parse_reference(one) for one in image.digests)
        self.digests = {one.digest for one in named if one.digest and one.is_same_repository(asked)}
        self._by: dict[str, By] = {}
        self._known: list[Manifest] | None = None

    async def one(self, tag: str) -> Proof:
        """That tag, and no other."""
        try:
            found = await self._registry.digest(self._repository, tag, self._budget)
            by = await self._equals(found, closely=True) if found else None
        except OutOfBudget:
            raise self._unproved(
                f"the {self._budget.spent} look-ups that one command may cost are used up"
            ) from None
        if found is None:
            raise self._unproved(f"the registry has no {self._repository}:{tag}")
        if by is None:
            raise self._unproved(
                f"{self._repository}:{tag} is not what runs: the registry's digest is another one"
            )
        return Proof(self._repository, tag, found, by)

    async def best(self) -> Proof:
        """The most exact tag that names what runs."""
        matches: dict[str, str] = {}
        candidates: tuple[str, ...] = ()
        looked, more, stopped = 0, ALIKE, False
        try:
            tags = await self._registry.tags(self._repository, self._budget)
            candidates = order(tags, self._asked.tag, self._hints)
            for tag in candidates:
                if matches and more == 0:
                    break
                more -= bool(matches)
                digest = await self._registry.digest(self._repository, tag, self._budget)
                if digest is not None and await self._equals(digest, closely=looked < len(self._hints)):
                    matches[tag] = digest
                looked += 1
        except OutOfBudget:
            stopped = True
        if not matches:
            raise self._unproved(self._none(looked, len(candidates), stopped))
        choice = most_specific(tuple(matches), self._asked.tag, self._hints)
        if choice.tag is None:
            names = ", ".join(choice.equals)
            raise self._unproved(f"several versions are exactly what runs ({names}): say which one")
        digest = matches[choice.tag]
        return Proof(self._repository, choice.tag, digest, self._by[digest], choice.equals)

    def _none(self, looked: int, fitting: int, stopped: bool) -> str:
        if not fitting and not stopped:
            return f"the registry has no tag of {self._repository} that is a version"
        said = f"none of the {looked} likeliest of {fitting} versions of {self._repository} is what runs"
        if stopped:
            said += "; one command may not ask for more. What was looked at is remembered: ask again to go on"
        return said

    async def _equals(self, digest: str, *, closely: bool) -> By | None:
        """Whether the registry's digest is what runs here. closely: also where that costs one more look-up
        and is unlikely: the same image that was pushed twice."""
        if digest in self._by:
            return self._by[digest]
        by = await self._compare(digest, closely)
        if by is not None:
            self._by[digest] = by
        return by

    async def _compare(self, digest: str, closely: bool) -> By | None:
        if digest in self.digests:
            return By.DIGEST
        ours = await self._ours()
        if any(digest in one.children for one in ours):
            return By.PLATFORM
        if all(one.is_index for one in ours) and ours:
            return None
        if self._registry.is_single(digest) and not closely:
            return None
        # What we have is one platform's image: it may stand inside of what the tag names.
        theirs = await self._registry.manifest(self._repository, digest, self._budget)
        if any(_suits(self._image, theirs.children[one]) for one in self.digests & set(theirs.children)):
            return By.PLATFORM
        return By.CONFIG if theirs.config and theirs.config == self._image.id else None

    async def _ours(self) -> Sequence[Manifest]:
        """What the registry says of the digests that we have; one that it has forgotten is left out."""
        if self._known is None:
            self._known = []
            for digest in sorted(self.digests):
                try:
                    found = await self._registry.manifest(self._repository, digest, self._budget)
                except Upstream as gone:
                    if not gone.permanent:
                        raise
                    continue
                self._known.append(found)
        return self._known

    def _unproved(self, why: str) -> Unproved:
        digest = min(self.digests, default=None)
        opaque = str(Reference(self._asked.repository, self._asked.tag, digest)) if digest else None
        return Unproved(why, opaque)


def _suits(image: Image, platform: Platform) -> bool:
    same = (platform.os, platform.architecture) == (image.os, image.architecture)
    return same and (not platform.variant or not image.variant or platform.variant == image.variant)
