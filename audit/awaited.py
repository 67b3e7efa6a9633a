"""Env files that are not in the tree and are not meant to be: a clone is not what is deployed. Pure."""

from collections.abc import Iterator

from audit.look import Look
from estate.compose.model import Model
from estate.compose.value import Section, Tree, Value
from estate.snapshot.env_file import EXAMPLES


def awaited(look: Look, path: str) -> str:
    """What says that there is to be an env file at a path: an example beside it or above; a `.gitignore`;
    that several projects want a `.env` and none has one; that it lies outside of the tree, and nobody looked
    at the machine. Empty where nothing does."""
    if path.startswith("/"):
        return f"{path} lies outside of this tree" if look.snapshot.machine is None else ""
    beside = next((f"{path}.{one}" for one in EXAMPLES if f"{path}.{one}" in look.snapshot.entries), "")
    if beside:
        return f"{beside} is an example of it"
    place, _, name = path.rpartition("/")
    while True:
        for one in look.env_in.get(place, ()):
            if one.is_example:
                return f"{one.path} is an example of a .env"
        ignored = f"{place}/.gitignore" if place else ".gitignore"
        if _keeps_out(look.snapshot.texts.get(ignored, ""), path[len(place) + 1 :] if place else path):
            return f"{ignored} keeps {name} out of git"
        if not place:
            break
        place = place.rpartition("/")[0]
    return "several projects of this tree want a .env" if name == ".env" and look.is_bare else ""


def awaited_beside(look: Look, model: Model) -> str:
    """What says that there is to be a `.env` beside the project; empty where nothing does."""
    folder = look.snapshot.relative(model.directory)
    return awaited(look, ".env" if folder == "." else f"{folder}/.env")


def unsure(look: Look, model: Model, *trees: Tree | None) -> tuple[str, ...]:
    """For the evidence: why values that stand on defaults may be others where the project is deployed. Empty
    where they stand on none, or where the tree has all there is."""
    names = list(dict.fromkeys(name for tree in trees for value in _values(tree) for name in value.defaulted))
    if not names or not (why := awaited_beside(look, model)):
        return ()
    return (f"the default of {', '.join(names)}; the .env that is deployed may set another: {why}",)


def _values(tree: Tree | None) -> Iterator[Value]:
    if isinstance(tree, Value):
        yield tree
    elif isinstance(tree, Section):
        yield from (one for one in tree.values() if isinstance(one, Value))


def _keeps_out(gitignore: str, path: str) -> bool:
    """`path` is relative to the file's folder. Who keeps `.env.*` out means the `.env`, too."""
    if not gitignore:
        return False
    from pathspec import GitIgnoreSpec  # with the first file: most trees need none

    try:
        spec = GitIgnoreSpec.from_lines(gitignore.splitlines())
    except ValueError:
        return False  # a row that is no pattern
    return spec.match_file(path) or (path.endswith(".env") and spec.match_file(f"{path}.local"))
