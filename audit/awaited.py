"""Env files that are not in the tree and are not meant to be: a clone is not what is deployed. Pure."""

from audit.look import Look

_EXAMPLES = ("example", "sample", "template", "tmpl", "dist")


def awaited(look: Look, path: str) -> str:
    """What says that there is to be an env file at a path: an example beside it or above, or a `.gitignore`.
    Empty where nothing does."""
    beside = next((f"{path}.{one}" for one in _EXAMPLES if f"{path}.{one}" in look.snapshot.entries), "")
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
            return ""
        place = place.rpartition("/")[0]


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
