"""docs/rules.md, made from the rules. Pure."""

from collections.abc import Iterator

from audit import fixes
from audit.model import Fix
from audit.rule import Rule
from audit.rules import ALL
from audit.rules.not_built import NOT_BUILT

HEAD = """\
# The rules of the audit

Made from the code by `python scripts/rules.py`; a test holds it. `tocsin audit --explain RULE` and `!audit
RULE` say the same.

A rule says *pass*, *fail* or *unknown*. What could not be read is unknown, never a pass. "Engine" in the
table: the rule judges what runs, and is unknown without a Docker Engine. Fix, after a yes: A by a command; C
a change that a person looks at (`!fix` shows it). M: by a person. Beside ours stand compose-lint's ids for
the same.
"""
_LABELS = ("Wrong", "Disprove", "Mend", "Not looked at")


def page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield "| rule | | severity | fix | from | others |"
    yield "|---|---|---|---|---|---|"
    for one in ALL:
        source = "Engine" if one.needs_engine else one.needs.value or "files"
        link = f"[{one.id}](#{one.id.lower()})"
        yield f"| {link} | {one.title} | {one.severity} | {_fix(one)} | {source} | {', '.join(one.peers)} |"
    for one in ALL:
        yield f"\n## {one.id}\n"
        yield from _help(one.help)
    yield "\n## Not built\n"
    yield "What the catalogue names beside these, and why it is not here.\n"
    yield "| rule | | why not |"
    yield "|---|---|---|"
    for name, (title, why) in NOT_BUILT.items():
        yield f"| {name} | {title} | {why} |"


def _fix(one: Rule) -> str:
    by = "`!fix`" if one.id in fixes.ALL else {"IMG": "`!pin`", "MON": "`!test alert`"}.get(one.id[:3], "")
    return str(one.fix) if one.fix is Fix.ADVICE else f"{one.fix}, {by}"


def _help(text: str) -> Iterator[str]:
    """Each label starts a paragraph."""
    first, *rest = text.splitlines()
    yield f"**{first}**"
    for row in rest:
        if row.split(":")[0] in _LABELS:
            yield ""
            label, _, words = row.partition(":")
            yield f"*{label}*:{words}"
        elif row.strip():
            yield row
