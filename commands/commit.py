"""What a command wrote, in git: one commit in each repository, of the written files alone, with who asked and
who said yes."""

from collections.abc import Sequence
from pathlib import Path

from bot.context import Context
from bot.core.errors import Refused
from estate.git import Author, Repository
from estate.hands import Hands


async def planned(hands: Hands | None, paths: Sequence[Path], root: Path) -> tuple[list[str], list[str]]:
    """The commits that will be made, and what is said of what git does not keep. Raises Refused, Upstream.

    root: paths are shown relative to it.
    """
    calls, notes = [], []
    for path in paths:
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        repository = await hands.repository(path) if hands is not None else None
        if repository is None:
            continue
        standing = await repository.standing([path])
        if standing.why_not:
            raise Refused(standing.why_not)
        if standing.not_kept or not path.exists():
            notes.append(
                f"git does not keep {shown}: it is written, and not committed; git add is left to you"
            )
        else:
            calls.append(f"git commit {shown} in {repository.root}")
    return calls, notes


async def commit(ctx: Context, hands: Hands | None, paths: Sequence[Path], subject: str) -> str:
    """The hashes, in words; empty where git keeps none of them. Raises GitFailed, Upstream."""
    mine: dict[Path, list[Path]] = {}
    repositories: dict[Path, Repository] = {}
    for path in paths:
        real = path.resolve()
        repository = await hands.repository(real) if hands is not None else None
        if repository is not None and not (await repository.standing([real])).not_kept:
            mine.setdefault(repository.root, []).append(real)
            repositories[repository.root] = repository
    made = [
        await repositories[root].commit(each, subject, await _trailers(ctx), _author(ctx))
        for root, each in mine.items()
    ]
    return ", ".join(one[:12] for one in made)


def _author(ctx: Context) -> Author:
    return Author(ctx.person.name if ctx.person else str(ctx.identity), str(ctx.identity))


async def _trailers(ctx: Context) -> list[tuple[str, str]]:
    assert ctx.run is not None  # only a plan that was said yes to writes anything
    number, head = await ctx.services.journal.head()
    yes = [("Approved-by", one) for one in ctx.run.yes]
    asked = ("Asked-by", f"{_author(ctx).name} ({ctx.identity})")
    plan = [("Tocsin-Plan", ctx.run.code), ("Tocsin-Digest", ctx.run.plan.digest)]
    return [*plan, asked, *yes, ("Tocsin-Journal", f"{number} {head}")]
