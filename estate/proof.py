"""Which exact version is running: proved by digest against its registry, or not said at all.

Labels, other names and environments only order the search. What is believed is that the registry's tag names
the very bytes that run: the index, the image for this platform, or the image's configuration.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bot.core.errors import Upstream
from estate.budget import Budget
from estate.model import Image
from estate.reference import Reference, parse_reference
from estate.registry import Manifest, OutOfBudget, Platform, Registry
from estate.versions import hinted, is_tag, most_specific, order, read_tag, refines

_LABELS = ("org.opencontainers.image.version", "org.label-schema.version", "build_version", "version")
_VARIABLE = re.compile(r"(?:^|_)VERSION\Z", re.IGNORECASE)
_IN_TEXT = re.compile(r"v?\d+(?:\.\d+)+(?:-[\w.-]+)?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_EXACT = 3
"""Numbers that a version has which is not expected to move."""
ALIKE = 4
"""How many more tags are looked at once one was found: an equally exact one may stand beside it."""
_GO_ON = "one command may not ask for more. What was seen is remembered for some minutes: ask again to go on"


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


class _Effort(IntEnum):
    """How closely a tag's digest that is not ours is looked at; each level costs one look-up more."""

    CHEAP = 0
    INSIDE = 1
    """Into the index, or at the image's configuration."""
    DEEP = 2
    """At the configuration of this platform's image in the index."""


class _Search:
    def __init__(self, registry: Registry, image: Image, asked: Reference, budget: Budget) -> None:
        self._registry = registry
        self._image = image
        self._platform = Platform(image.os, image.architecture, image.variant)
        self._asked = asked
        self._repository = Reference(asked.repository)
        self._budget = budget
        self._hints = hints(image, asked)
        named = [one for one in map(parse_reference, image.digests) if _DIGEST.match(one.digest or "")]
        # Pulled from a mirror it is the same image: a digest is of bytes, wherever they come from.
        self.digests = {str(one.digest) for one in named}
        self._here = {str(one.digest) for one in named if one.is_same_repository(asked)}
        self._by: dict[str, By] = {}
        self._matches: dict[str, str] = {}
        self._looked: set[str] = set()
        self._known: list[Manifest] | None = None

    async def one(self, tag: str) -> Proof:
        """That tag, and no other."""
        if not is_tag(tag):
            raise self._unproved(f"{tag[:130]} is no name of a version: letters, digits, dots and dashes are")
        try:
            found = await self._registry.digest(self._repository, tag, self._budget)
            by = await self._equals(found, _Effort.DEEP) if found else None
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
        candidates: tuple[str, ...] = ()
        stopped = False
        try:
            tags = await self._registry.tags(self._repository, self._budget)
            candidates = order(tags, self._asked.tag, self._hints)
            await self._walk(candidates, _Effort.CHEAP)
            if not self._matches:
                await self._walk(candidates, _Effort.INSIDE)
        except OutOfBudget:
            stopped = True
        self._hold_found(candidates, stopped)
        choice = most_specific(tuple(self._matches), self._asked.tag, self._hints)
        if choice.tag is None:
            names = ", ".join(choice.equals)
            raise self._unproved(f"several versions are exactly what runs ({names}): say which one")
        digest = self._matches[choice.tag]
        return Proof(self._repository, choice.tag, digest, self._by[digest], choice.equals)

    async def _walk(self, candidates: Sequence[str], effort: _Effort) -> None:
        """Hints deeply, the others with `effort`. Once one was found: whatever says the same more exactly,
        and ALIKE others, among which an equally exact one may stand. Raises OutOfBudget."""
        waiting, more = list(candidates), ALIKE
        likely = frozenset(hinted(candidates, self._asked.tag, self._hints))
        while waiting:
            best = self._best()
            tag = next((one for one in waiting if best is not None and refines(one, best)), waiting[0])
            if best is not None and not refines(tag, best):
                if more == 0:
                    return
                more -= 1
            waiting.remove(tag)
            digest = await self._registry.digest(self._repository, tag, self._budget)
            close = _Effort.DEEP if tag in likely else effort
            if digest is not None and await self._equals(digest, close):
                self._matches[tag] = digest
            self._looked.add(tag)

    def _best(self) -> str | None:
        return max(self._matches, key=lambda tag: read_tag(tag).precision, default=None)

    def _hold_found(self, candidates: Sequence[str], stopped: bool) -> None:
        """Raises Unproved when nothing was found, or only what may move, and there was more to look at."""
        best = self._best()
        if best is None:
            raise self._unproved(self._none(len(candidates), stopped))
        left = [tag for tag in candidates if tag not in self._looked and refines(tag, best)]
        if stopped and left and read_tag(best).precision < _EXACT:
            raise self._unproved(
                f"what runs is {self._repository}:{best}, and one of {len(left)} tags that were not looked at"
                f" may say more exactly which; {_GO_ON}"
            )

    def _none(self, fitting: int, stopped: bool) -> str:
        if stopped and not fitting:
            return f"{self._repository} has more tags than one command may list; {_GO_ON}"
        if not fitting:
            return f"the registry has no tag of {self._repository} that is a version and fits"
        looked = len(self._looked)
        said = f"none of the {looked} likeliest of {fitting} versions of {self._repository} is what runs"
        return f"{said}; {_GO_ON}" if stopped else said

    async def _equals(self, digest: str, effort: _Effort) -> By | None:
        """Whether the registry's digest is what runs here."""
        if digest not in self._by:
            by = await self._compare(digest, effort)
            if by is None:
                return None
            self._by[digest] = by
        return self._by[digest]

    async def _compare(self, digest: str, effort: _Effort) -> By | None:
        if digest in self.digests:
            return By.DIGEST
        ours = await self._ours()
        mine = self.digests | {child for one in ours for child in one.fitting(self._platform)}
        if digest in mine:
            return By.PLATFORM
        whole = bool(ours) and all(one.is_index for one in ours)
        if effort is _Effort.CHEAP and (whole or self._registry.is_single(digest)):
            return None  # another index, or another image: rarely the same bytes, and the next tag is cheaper
        theirs = await self._registry.manifest(self._repository, digest, self._budget)
        if theirs.is_index:
            children = theirs.fitting(self._platform)
            if mine & set(children):
                return By.PLATFORM
            if effort is not _Effort.DEEP or not children:
                return None
            theirs = await self._registry.manifest(self._repository, children[0], self._budget)
        return By.CONFIG if theirs.config and theirs.config == self._image.id else None

    async def _ours(self) -> Sequence[Manifest]:
        """What the registry says of the digests that we have; one that it has forgotten is left out."""
        if self._known is None:
            known = []
            for digest in sorted(self.digests):
                try:
                    found = await self._registry.manifest(self._repository, digest, self._budget)
                except Upstream as gone:
                    if not gone.permanent:
                        raise
                    continue
                known.append(found)
            self._known = known
        return self._known

    def _unproved(self, why: str) -> Unproved:
        digest = min(self._here, default=None)
        opaque = str(Reference(self._asked.repository, self._asked.tag, digest)) if digest else None
        return Unproved(why, opaque)
