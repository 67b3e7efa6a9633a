"""What the bot's own backups weigh, where they lie, and who holds them."""

from collections.abc import Iterator

from audit.backup_program import makes_backups, outside
from audit.look import Look
from audit.model import Confidence, Failed, Kind, Passed, Place, Result, Severity, Unknown
from audit.places import of_value
from audit.rule import Needs, rule
from audit.subject import Subject
from estate.snapshot.backups import FEWER, USUAL
from estate.snapshot.repository import STALE, Held, Holder, Repository, Where

FAR_FEWER = 0.1
"""Of what is usual: less than that is nearly nothing."""


@rule("BAK-07", Severity.MEDIUM, needs=Needs.BACKUPS)
def too_small(look: Look) -> Iterator[Result]:
    """The last backup of everything is much smaller than those before it.

    Wrong: it has less than half of the files, or of the bytes, of what is usual (the median of up to five
    before it). High: less than a tenth, or nothing at all.
    Not looked at: fewer than two before it; sizes of single dumps, which a backup judges when it is made.
    Disprove: what is missing was taken away on purpose.
    Mend: look for what has been emptied, before the backups that have it are forgotten; `!backup` lists them.
    """
    backups = look.snapshot.backups
    assert backups is not None  # needs says so
    if not backups.sizes:
        return
    last, before = backups.sizes[-1], backups.sizes[:-1][-USUAL:]
    if len(before) < 2 and last.size:
        yield Unknown("the last backup", "there are not two before it that it could be compared with")
        return
    from statistics import median  # it brings fractions and decimals, for this alone

    usual = {"files": median([one.files for one in before] or [0])}
    usual["bytes"] = median([one.size for one in before] or [0])
    now = {"files": last.files, "bytes": last.size}
    worst = min(now, key=lambda name: now[name] / usual[name] if usual[name] else 1.0)
    share = now[worst] / usual[worst] if usual[worst] else float(bool(now[worst]))
    if share >= FEWER:
        yield Passed("the last backup")
        return
    yield Failed(
        place=Place(""),
        message=f"the last backup has {now[worst]:,} {worst}, and {usual[worst]:,.0f} are usual",
        key="size",
        evidence=(f"made {last.at:%Y-%m-%d %H:%M} UTC; {len(before)} before it",),
        disprove="what is missing was taken away on purpose",
        remedy="look for what was emptied, before the older backups are forgotten; !backup lists them",
        severity=Severity.HIGH if share < FAR_FEWER else None,
        kind=Kind.ENGINE,
    )


@rule("BAK-08", Severity.MEDIUM)
def same_disk(look: Look) -> Iterator[Result]:
    """What takes the data takes the backup too: they are on one disk, or on one machine.

    Wrong: a service that makes backups has its repository (`RESTIC_REPOSITORY`, `BORG_REPO`) in a folder of
    the estate. And the bot's own (`estate.backup`): the repository is a folder on the file system that the
    estate's files, or the Engine's volumes, are on. Low: it is on this machine, on another file system.
    Not meant: network file systems (NFS, CIFS, sshfs, …) and restic's own ways elsewhere. Two file systems
    may be one disk, which is not seen.
    Disprove: something copies the repository to another place (`rclone`, `restic copy`, a disk that is
    carried away).
    Mend: a repository elsewhere: `estate.backup.repository: sftp:…, s3:…, rest:…`.
    """
    for subject in look.subjects:
        yield from _of_service(look, subject) if makes_backups(subject) else ()
    if look.snapshot.backups is not None and look.snapshot.backups.repository is not None:
        yield _of_the_bot(look.snapshot.backups.repository)


def _of_service(look: Look, one: Subject) -> Iterator[Result]:
    for name in ("RESTIC_REPOSITORY", "BORG_REPO"):
        variable = one.service.environment.get(name)
        text = ((variable.text if variable is not None else None) or "").removeprefix("local:")
        folder = outside(one, text) if text.startswith("/") else None
        if folder is None or variable is None:
            continue
        if folder.is_absolute():
            continue  # outside of the estate: perhaps another disk, which no file tells
        yield Failed(
            place=of_value(look.snapshot, variable.value) if variable.value is not None else one.place,
            message=f"{one.full_name} keeps its backups in {folder}, in the estate that it saves",
            service=one.full_name,
            key=name,
            evidence=(f"{name}: {text}, which is {folder} outside",),
            disprove=f"another disk is mounted at {folder}, or something copies it to another place",
            remedy=f"name a repository elsewhere in {name} (sftp:, s3:, rest:)",
            confidence=Confidence.MEDIUM,
        )


def _of_the_bot(one: Repository) -> Result:
    if one.where is Where.UNKNOWN:
        return Unknown("the repository", one.why)
    if one.where is Where.ELSEWHERE:
        return Passed("the repository")
    same = one.where is Where.SAME_DISK
    return Failed(
        place=Place(""),
        message=(
            f"backups lie on the file system that {one.beside} is on"
            if same
            else "backups lie on this machine, and nowhere else that is known"
        ),
        key="where",
        disprove="something copies the repository to another place",
        remedy="name a repository elsewhere in estate.backup.repository (sftp:, s3:, rest:)",
        severity=None if same else Severity.LOW,
        confidence=Confidence.MEDIUM,
        kind=Kind.ENGINE,
    )


@rule("BAK-11", Severity.MEDIUM, needs=Needs.REPOSITORY)
def stale_lock(look: Look) -> Iterator[Result]:
    """The repository is locked by a process that is gone, so nothing can be checked or forgotten.

    Wrong: a lock is older than 30 minutes (one that is held is renewed every five), and its process does not
    run on this machine, whose name it has. One of another host is unknown: look there.
    Disprove: `restic list locks` shows none.
    Mend: `restic unlock`, which removes what is nobody's. The bot never does it by itself.
    """
    one = _repository(look)
    if one.no_locks:
        yield Unknown("the repository's locks", one.no_locks)
        return
    old = [held for held in one.locks if held.since is not None and look.now - held.since > STALE]
    for held in old:
        if held.holder is Holder.GONE:
            yield Failed(
                place=Place(""),
                message=f"the repository is locked by {_who(held)}, which is gone",
                key="lock",
                disprove="restic list locks shows none",
                remedy="restic unlock, after ps shows that no restic runs",
                kind=Kind.ENGINE,
            )
        elif held.holder is Holder.ELSEWHERE:
            yield Unknown("the repository's locks", f"locked by {_who(held)}: that is another host")
    if not any(held.holder is not Holder.LIVES for held in old):
        yield Passed("the repository's locks")


def _repository(look: Look) -> Repository:
    backups = look.snapshot.backups
    assert backups is not None
    assert backups.repository is not None  # needs says so
    return backups.repository


def _who(held: Held) -> str:
    since = f" since {held.since:%Y-%m-%d %H:%M} UTC" if held.since is not None else ""
    return f"process {held.pid} on {held.host}{since}"
