"""Lines of source code that read a variable and have a default for it. Pure; what is looked into is told."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SUFFIXES = (".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx", ".py", ".rb", ".php", ".go", ".sh")
_READS = re.compile(
    r"""process\.env(?:\.(?P<a>\w+)|\[["'](?P<b>\w+)["']\])\s*(?:\|\||\?\?)\s*(?P<q1>["'`])(?P<v1>[^"'`]+)(?P=q1)
    |(?:os\.getenv|os\.environ\.get|environ\.get|getenv)\(\s*["'](?P<c>\w+)["']\s*,\s*(?P<q2>["'])(?P<v2>[^"']+)(?P=q2)
    |ENV\.fetch\(\s*["'](?P<d>\w+)["']\s*,\s*(?P<q3>["'])(?P<v3>[^"']+)(?P=q3)
    |ENV\[["'](?P<e>\w+)["']\]\s*\|\|\s*(?P<q4>["'])(?P<v4>[^"']+)(?P=q4)
    |(?:getenv\(["'](?P<f>\w+)["']\)|\$_ENV\[["'](?P<g>\w+)["']\])\s*\?[:?]\s*(?P<q5>["'])(?P<v5>[^"']+)(?P=q5)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class CodeDefault:
    """`process.env.NAME || 'value'`. `line` and `column` from 1."""

    path: str
    line: int
    column: int
    name: str
    value: str


def defaults_in(path: str, text: str) -> Iterator[CodeDefault]:
    """Every default of a variable in one source file."""
    for number, row in enumerate(text.splitlines(), 1):
        if "env" not in row and "ENV" not in row:
            continue
        for found in _READS.finditer(row[:2000]):
            name = next(found[key] for key in "abcdefg" if found[key])
            value = next(found[f"v{key}"] for key in range(1, 6) if found[f"v{key}"])
            yield CodeDefault(path, number, found.start() + 1, name, value)
