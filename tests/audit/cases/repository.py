from datetime import timedelta

from estate.snapshot.backups import Backups, Made
from estate.snapshot.repository import Held, Holder, Repository, Where
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.estate import NOW

FIRE, NEAR, PASS, UNKNOWN = Must.FIRE, Must.NEAR, Must.PASS, Must.UNKNOWN
DAY = timedelta(days=1)


def sized(*sizes: tuple[int, int]) -> Backups:
    """Files and bytes, one a day, the last one today."""
    made = (Made(NOW - at * DAY, *size) for at, size in zip(range(len(sizes), 0, -1), sizes, strict=True))
    return Backups(DAY, sizes=tuple(made))


def lies(where: Where, **more: object) -> Backups:
    return Backups(DAY, repository=Repository(where, **more))  # type: ignore[arg-type]


def locked(minutes: int, holder: Holder) -> Backups:
    return lies(Where.ELSEWHERE, locks=(Held("ops", 4711, NOW - timedelta(minutes=minutes), holder),))


def of(rule: str, must: Must, what: str, backups: Backups, **more: object) -> Case:
    return Case(rule, must, what, app(web()), backups=backups, **more)  # type: ignore[arg-type]


def saves(*lines: str, image: str = "restic/restic:0.17.1", **files: str) -> dict[str, str | bytes]:
    more = {f"app/{name.replace('__', '.')}": text for name, text in files.items()}
    return {**app(web(*lines, image=image)), **more}


def key(value: str, *mounts: str) -> tuple[str, ...]:
    return ("environment:", f"  {value}", f"volumes: [{', '.join(mounts)}]")


def script(*lines: str) -> dict[str, str | bytes]:
    return {**app(web()), "ops/backup.sh": "\n".join(("#!/bin/bash", *lines, ""))}


USUAL = ((100, 5000), (101, 5100), (99, 4900))

CASES = (
    of(
        "BAK-07",
        FIRE,
        "nearly nothing",
        sized(*USUAL, (99, 400)),
        says="400 bytes, and 5,000",
        severity="high",
    ),
    of("BAK-07", FIRE, "few files", sized(*USUAL, (40, 4900)), says="40 files", severity="medium"),
    of("BAK-07", FIRE, "the first, of nothing", sized((0, 0)), says="0 files"),
    of("BAK-07", PASS, "as ever", sized(*USUAL, (100, 5050))),
    of("BAK-07", NEAR, "a bit less", sized(*USUAL, (60, 3000))),
    of("BAK-07", NEAR, "one that was small, long ago", sized((1, 10), *USUAL, (100, 5000))),
    of("BAK-07", UNKNOWN, "the second", sized((100, 5000), (3, 50))),
    of("BAK-08", FIRE, "one disk", lies(Where.SAME_DISK, beside="/srv"), says="/srv", severity="medium"),
    of("BAK-08", FIRE, "one machine", lies(Where.HERE), says="nowhere else", severity="low"),
    of("BAK-08", PASS, "elsewhere", lies(Where.ELSEWHERE)),
    of("BAK-08", UNKNOWN, "not seen", lies(Where.UNKNOWN, why="it cannot be seen")),
    of("BAK-08", NEAR, "no repository", Backups(DAY)),
    Case(
        "BAK-08",
        FIRE,
        "in the tree",
        saves(*key("RESTIC_REPOSITORY: /repo", "./data:/repo", "..:/estate:ro")),
        at="app/compose.yml:5:26",
        says="app/data",
    ),
    Case(
        "BAK-08",
        FIRE,
        "Borg",
        saves(*key("BORG_REPO: /repo/x", "./d:/repo"), image="b/borgmatic"),
        says="d/x",
    ),
    Case("BAK-08", NEAR, "away", saves(*key("RESTIC_REPOSITORY: 's3:s3.example.net/x'", "./data:/repo"))),
    Case("BAK-08", NEAR, "another disk", saves(*key("RESTIC_REPOSITORY: /repo", "/mnt/disk:/repo"))),
    Case("BAK-08", NEAR, "a volume", saves(*key("RESTIC_REPOSITORY: /repo", "kept:/repo"))),
    Case(
        "BAK-08",
        NEAR,
        "no backup",
        saves(*key("RESTIC_REPOSITORY: /repo", "./d:/repo"), image="nginx:1.99.3"),
    ),
    Case(
        "BAK-10",
        FIRE,
        "in .env",
        saves(*key("RESTIC_PASSWORD: ${PW}", "..:/estate:ro"), __env="PW=hunter2\n"),
        says="app/.env",
        severity="high",
    ),
    Case(
        "BAK-10",
        FIRE,
        "in the file itself",
        saves(*key("BORG_PASSPHRASE: x", ".:/app"), image="x/borg:1.4.0"),
    ),
    Case(
        "BAK-10",
        FIRE,
        "in an env_file",
        saves("env_file: [b.env]", "volumes: ['.:/all']", **{"b__env": "RESTIC_PASSWORD=hunter2\n"}),
        says="app/b.env",
    ),
    Case(
        "BAK-10", FIRE, "its file", saves(*key("RESTIC_PASSWORD_FILE: /all/pw", "./s:/all")), says="app/s/pw"
    ),
    Case(
        "BAK-10",
        FIRE,
        "a secret",
        {
            "app/compose.yml": "services:\n"
            + web(*key("RESTIC_PASSWORD_FILE: /run/secrets/pw", "..:/all"), image="restic/restic:0.17.1")
            + "secrets: {pw: {file: ./keys/pw}}\n"
        },
        says="app/keys/pw",
    ),
    Case("BAK-10", PASS, "elsewhere", saves(*key("RESTIC_PASSWORD: ${PW}", "../data:/d"), __env="PW=x\n")),
    Case("BAK-10", PASS, "that file alone", saves(*key("RESTIC_PASSWORD_FILE: /pw", "./pw:/pw", "../d:/d"))),
    Case("BAK-10", NEAR, "nobody sets it", saves(*key("RESTIC_PASSWORD: ${PW}", "..:/all"))),
    Case("BAK-10", NEAR, "no backup", saves(*key("RESTIC_PASSWORD: x", ".:/d"), image="nginx:1.99.3")),
    Case(
        "BAK-10",
        FIRE,
        "a script",
        script(
            "export RESTIC_PASSWORD_FILE=/srv/infra/.restic", "restic -r s3:x backup --one-file-system /srv"
        ),
        at="ops/backup.sh:2",
        says="in /srv",
    ),
    Case(
        "BAK-10",
        FIRE,
        "an option",
        script("restic --password-file /srv/pw backup /home /srv"),
        says="/srv/pw",
    ),
    Case("BAK-10", PASS, "a script's key elsewhere", script("restic --password-file=/etc/pw backup /srv")),
    Case("BAK-10", PASS, "an option behind", script("restic backup --password-file /etc/pw /srv")),
    Case("BAK-10", NEAR, "a word", script("# RESTIC_PASSWORD_FILE=/srv/pw is where the backup of /srv lies")),
    Case("BAK-10", NEAR, "a comment", script("restic backup /srv", "# RESTIC_PASSWORD_FILE=/srv/pw")),
    of("BAK-11", FIRE, "gone", locked(45, Holder.GONE), says="4711 on ops"),
    of("BAK-11", PASS, "none", lies(Where.ELSEWHERE)),
    of("BAK-11", NEAR, "just gone", locked(5, Holder.GONE)),
    of("BAK-11", NEAR, "it lives", locked(500, Holder.LIVES)),
    of("BAK-11", UNKNOWN, "another host", locked(45, Holder.ELSEWHERE)),
    of("BAK-11", UNKNOWN, "no answer", lies(Where.ELSEWHERE, no_locks="restic list ended with 1")),
)
