"""Env files that are not in the tree and are not meant to be: a clone is not what is deployed. Pure."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from audit.look import Look

_EVERY_ENV = re.compile(r"(?m)^/?(?:\*\*/)?(?:\.env\*?|\*\.env|\.env\.\*)/?\s*$")
"""A line of a .gitignore that keeps `.env` out of git."""

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
                return (
                    f"{one.path} is an example of a {name}" if name == ".env" else f"{one.path} is an example"
                )
        ignored = f"{place}/.gitignore" if place else ".gitignore"
        text = look.snapshot.texts.get(ignored, "")
        inside = path[len(place) + 1 :] if place else path
        if (name == ".env" and _EVERY_ENV.search(text)) or any(_covers(row, inside) for row in _rows(text)):
            return f"{ignored} keeps {name} out of git"
        if not place:
            return ""
        place = place.rpartition("/")[0]


def _rows(text: str) -> Iterator[str]:
    rows = (row.strip() for row in text.splitlines())
    return (row for row in rows if row and row[0] not in "#!")


def _covers(row: str, inside: str) -> bool:
    """Whether a row of a .gitignore means a path below its folder, or a folder that it is in (git-scm.com,
    gitignore; `[…]` and `**` in the middle as fnmatch has them)."""
    pattern = row.rstrip("/").removeprefix("**/")
    parts = inside.split("/")
    if "/" in pattern:
        pattern = pattern.removeprefix("/")
        return any(fnmatchcase("/".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))
    return any(fnmatchcase(part, pattern) for part in parts)
