"""Names of files and folders that lead people or programs astray."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from audit.look import Look
from audit.model import Confidence, Failed, Passed, Place, Result, Severity, Unknown
from audit.rule import rule

_LIKE = 0.85
"""How alike two names are that are taken for one (difflib's ratio)."""
_SHORTEST = 6
_VENDORED = re.compile(r"(?:^|/)(?:node_modules|vendor|\.git|data|volumes|site-packages)(?:/|\Z)")


@rule("HYG-02", Severity.LOW)
def strange_name(look: Look) -> Iterator[Result]:
    """A file or folder has a name that programs take for something else, or that is nearly another's.

    Wrong: a name starts with `-`, which programs take for an option; has control characters, or blanks at its
    ends; or two folders with compose files, side by side, differ by a letter (`mastadon`, `mastodon`).
    Not looked at: what applications wrote (`data`), and what was installed (`node_modules`, `vendor`); names
    that differ by a number.
    Disprove: somebody meant it.
    """
    for path, entry in look.snapshot.entries.items():
        if _VENDORED.search(entry.folder):
            continue
        wrong = _strange(entry.name)
        if wrong:
            yield Failed(
                place=Place(path),
                message=f"its name {wrong}",
                key=path,
                disprove="somebody meant it",
                remedy=f"mv -- {path!r} to a plain name, and look who used it",
                confidence=Confidence.HIGH,
            )
    folders = {look.snapshot.relative(model.directory) for model in look.snapshot.models}
    by_parent: dict[str, list[str]] = defaultdict(list)
    for folder in sorted(folders):
        by_parent[folder.rpartition("/")[0]].append(folder)
    for siblings in by_parent.values():
        for folder, near in _with_likes(siblings):
            if near is None:
                yield Passed(folder)
                continue
            yield Failed(
                place=Place(folder),
                message=f"{folder} and {near} are nearly the same name: one may be a slip",
                key=f"{near} {folder}",
                disprove="they are two things, and both names are meant",
                remedy="rename the one that is a slip, or take it away",
                confidence=Confidence.LOW,
            )


def _strange(name: str) -> str:
    if name.startswith("-"):
        return "starts with a dash: programs take it for an option"
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        return "has control characters"
    return "starts or ends with a blank" if name != name.strip() else ""


def _with_likes(folders: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Each with an earlier one that is nearly called the same. Two names that differ by a letter, or by the
    order of two, are the same without one: so no pair is compared that cannot be alike."""
    without: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        name = folder.rpartition("/")[2].lower()
        forms = {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}
        earlier = dict.fromkeys(other for form in sorted(forms) for other in without[form])
        yield folder, next((other for other in earlier if _are_alike(folder, other)), None)
        for form in forms:
            without[form].append(folder)


def _are_alike(one: str, other: str) -> bool:
    mine, theirs = one.rpartition("/")[2].lower(), other.rpartition("/")[2].lower()
    if min(len(mine), len(theirs)) < _SHORTEST or re.sub(r"\d+", "#", mine) == re.sub(r"\d+", "#", theirs):
        return mine == theirs
    if mine in theirs or theirs in mine or abs(len(mine) - len(theirs)) > 1:
        return False
    matcher = difflib.SequenceMatcher(a=mine, b=theirs, autojunk=False)
    return matcher.quick_ratio() > _LIKE and matcher.ratio() > _LIKE


@rule("HYG-03", Severity.MEDIUM)
def broken_submodule(look: Look) -> Iterator[Result]:
    """A folder is another repository's commit, and nobody says whose: after a clone it is empty.

    Wrong: git keeps a folder as a link (mode 160000) and `.gitmodules` has no such path.
    Disprove: `git submodule status` lists it.
    Mend: `git submodule add`; or `git rm --cached` and add its files.
    """
    git = look.snapshot.git
    if git is None:
        return
    if git.trouble:
        yield Unknown("git", git.trouble)
        return
    for path in sorted(git.links):
        if path in git.modules:
            yield Passed(path)
            continue
        yield Failed(
            place=Place(path),
            message="git keeps only a commit of it, and .gitmodules does not say of which repository",
            key=path,
            disprove="git submodule status lists it",
            remedy=f"git submodule add URL {path}; or git rm --cached {path}, and add its files",
        )
