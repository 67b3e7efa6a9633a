from tests.audit.cases.case import Case, Must, app, web

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
HEAD = "#!/bin/bash\n"
DUMP = "pg_dump -U app app | gzip > /backup/app.sql.gz\n"


def script(text: str, name: str = "backup/run.sh") -> dict[str, str | bytes]:
    return {**app(web()), name: HEAD + text}


CASES = (
    Case("BAK-06", FIRE, "behind a pipe", script(DUMP), at="backup/run.sh:2", says="behind a pipe"),
    Case(
        "BAK-06",
        FIRE,
        "in a container",
        script("  docker exec db pg_dumpall | gzip > a\n"),
        at="backup/run.sh:2:3",
    ),
    Case("BAK-06", FIRE, "swallowed", script("set -e\nrestic backup /srv || true\n"), says="thrown away"),
    Case("BAK-06", FIRE, "two", script("mysqldump a | gzip > b\ntar c . > d || :\n"), count=2),
    Case(
        "BAK-06",
        FIRE,
        "by its path, below comments",
        script("# a\n\n\n# b\n/usr/bin/restic backup /srv || true\n"),
        at="backup/run.sh:6:10",
    ),
    Case(
        "BAK-06", NEAR, "the name of a file", script("chmod 600 /tmp/x.tar.gz || true\n./restic-old || :\n")
    ),
    Case("BAK-06", PASS, "it notices", script("set -euo pipefail\n" + DUMP)),
    Case("BAK-06", NEAR, "looked at", script(DUMP + '[ "${PIPESTATUS[0]}" = 0 ] || exit 1\n')),
    Case("BAK-06", NEAR, "a comment", script("# pg_dump x | gzip\nset -e\nrestic backup /srv # || true\n")),
    Case("BAK-06", NEAR, "what does not save", script("rm -f old || true\nmkdir -p a || true\n")),
    Case("BAK-06", NEAR, "or something else", script("pg_dump x > a || mail -s failed ops\n")),
    Case("BAK-06", NEAR, "no backup", script("cat x | grep y || true\n", "tools/deploy.sh")),
)
