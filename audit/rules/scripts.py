"""Backup scripts that say that all is well when it is not."""

import re
from collections.abc import Iterator

from audit.backup_program import is_backup_script
from audit.look import Look
from audit.model import Confidence, Failed, Passed, Place, Result, Severity
from audit.rule import rule

_DUMPS = (
    r"(?:pg_dump(?:all)?|mysqldump|mariadb-dump|mongodump|sqlite3|redis-cli"
    r"|docker(?:-compose| compose)? +exec)"
)
_BEGIN, _END = r"(?<![\w.-])", r"(?![\w./-])"
"""Around a program's name, which may be the end of a path: it is no part of another one, as in `x.tar.gz`."""
_PIPED = re.compile(rf"{_BEGIN}{_DUMPS}{_END}[^|#\n]*\|(?!\|)")
_SAVES = rf"(?:{_DUMPS}|restic|borg|rsync|rclone|tar|duplicity|kopia|aws|s3cmd)"
_SWALLOWED = re.compile(
    rf"{_BEGIN}{_SAVES}{_END}[^#\n]*\|\|\s*(?:true|:|/bin/true|exit 0)\s*(?:$|[;#)}}])", re.MULTILINE
)


@rule("BAK-06", Severity.HIGH)
def blind_script(look: Look) -> Iterator[Result]:
    """A backup script cannot notice that its backup failed.

    Wrong: a dump is piped (`pg_dump … | gzip > file`) and neither `pipefail` nor `PIPESTATUS` stands in the
    script, so that an empty file with a good exit code is what a failed dump leaves; or what saves ends in
    `|| true`.
    Looked at: shell scripts (`.sh`) that are called like a backup, or call restic or borg.
    Disprove: something else looks at what was saved.
    Mend: `set -euo pipefail` at the top; no `|| true`.
    """
    for path, text in look.snapshot.texts.items():
        if not is_backup_script(path, text):
            continue
        code = code_of(text)
        wrong = []
        if not re.search(r"pipefail|PIPESTATUS", code):
            wrong += [
                ("pipe", one, "a failed dump is not noticed behind a pipe") for one in _PIPED.finditer(code)
            ]
        wrong += [("swallowed", one, "its failure is thrown away") for one in _SWALLOWED.finditer(code)]
        for kind, one, words in wrong:
            line = code.count("\n", 0, one.start()) + 1
            column = one.start() - (code.rfind("\n", 0, one.start()) + 1) + 1
            yield Failed(
                place=Place(path, line, column, one[0].split()[0]),
                message=f"{one[0].split()[0]} in line {line}: {words}",
                key=f"{kind} {re.sub(r'[^a-z]+', ' ', one[0].lower())[:60]}",
                disprove="something else looks at what was saved, and tells when it is too little",
                remedy="write set -euo pipefail at its top" if kind == "pipe" else "take || true away",
                confidence=Confidence.HIGH if kind == "pipe" else Confidence.MEDIUM,
            )
        if not wrong:
            yield Passed(path)


def code_of(text: str) -> str:
    """Without whole-line comments, of the same length."""
    return re.sub(r"(?m)^[ \t]*#.*$", lambda found: " " * len(found[0]), text)
