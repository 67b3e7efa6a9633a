"""What only the machine, and the bot's own memory, can tell."""

import re
from collections.abc import Iterator
from datetime import timedelta

from audit.look import Look
from audit.model import Confidence, Failed, Fix, Kind, Passed, Place, Result, Severity, Unknown
from audit.rule import Needs, rule

LITTLE = 0.2
"""Of all memory: less than that to spare, and no swap, is little."""
READ_WITHIN = timedelta(days=30)
DRILL_WITHIN = timedelta(days=180)
PROVED_WITHIN = timedelta(days=90)
_BACKUP = re.compile(r"backup|restic|borg|duplicity|kopia|pg_?dump|mysqldump", re.I)
_ENABLED = {"enabled", "enabled-runtime", "static", "generated", "alias", "linked"}


@rule("HOST-01", Severity.LOW, needs=Needs.MACHINE)
def no_swap(look: Look) -> Iterator[Result]:
    """The machine has no swap and little memory to spare: the kernel's next step is to kill something.

    Wrong: there is no swap, and less than a fifth of the memory is available.
    Disprove: `free` shows swap, or that it was a moment.
    Mend: a swap file of 2 to 4 GB, or limits for what takes the most.
    """
    machine = look.snapshot.machine
    assert machine is not None  # needs says so
    share = machine.available / machine.memory if machine.memory else 1.0
    if machine.swap or share >= LITTLE:
        yield Passed("the machine")
        return
    yield Failed(
        place=Place(""),
        message=f"there is no swap, and {share:.0%} of the memory is available",
        evidence=(f"MemAvailable {machine.available // 2**20} of {machine.memory // 2**20} MiB",),
        disprove="free -h shows swap, or more memory an hour later",
        remedy="make a swap file of 2 to 4 GB, or give limits to what takes the most",
        kind=Kind.ENGINE,
        confidence=Confidence.MEDIUM,
    )


FULL = 0.1
VERY_FULL = 0.03
"""Of a disk, or of its inodes: less than that is free."""


@rule("RES-05", Severity.MEDIUM, needs=Needs.MACHINE)
def full_disk(look: Look) -> Iterator[Result]:
    """A disk of the estate is nearly full.

    Wrong: of the file system that the estate's files are on, or the Engine's own, less than a tenth is free,
    or less than a tenth of its inodes. High: less than 3 %. How fast it fills is not measured here:
    node-exporter and an alert do that.
    Disprove: `df -h` and `df -i` show more.
    Mend: `docker system df` says what takes it; `docker image prune` gives back what nothing uses.
    """
    machine = look.snapshot.machine
    assert machine is not None  # needs says so
    for folder, disk in machine.disks.items():
        shares = {"bytes": (disk.free, disk.size), "inodes": (disk.inodes_free, disk.inodes)}
        low = {name: free / size for name, (free, size) in shares.items() if size and free / size < FULL}
        for name, share in low.items():
            yield Failed(
                place=Place("", text=folder),
                message=f"{share:.1%} of the {name} is free where {folder} is",
                key=f"{folder} {name}",
                evidence=(f"{shares[name][0]} of {shares[name][1]} {name}",),
                disprove=f"df -h {folder} and df -i {folder} show more",
                remedy="docker system df says what takes it; docker image prune gives back what nothing uses",
                severity=Severity.HIGH if share < VERY_FULL else None,
                kind=Kind.ENGINE,
            )
        if not low:
            yield Passed(folder)


@rule("HOST-03", Severity.MEDIUM, needs=Needs.MACHINE)
def clock_and_names(look: Look) -> Iterator[Result]:
    """The machine's clock is nobody's, or it has nobody to ask for names.

    Wrong: systemd says that the clock is not set by others' (NTP): certificates, tokens and alerts lean on
    it; or /etc/resolv.conf names no server.
    Not looked at: whether the server that it names answers. Disks are RES-05.
    Disprove: `timedatectl` says synchronized; `getent hosts example.org` answers.
    Mend: `timedatectl set-ntp true`.
    """
    machine = look.snapshot.machine
    assert machine is not None  # needs says so
    if machine.clock is False:
        yield Failed(
            place=Place(""),
            message="the machine's clock is not synchronized",
            key="clock",
            evidence=("timedatectl: NTPSynchronized=no",),
            disprove="timedatectl says synchronized",
            remedy="timedatectl set-ntp true, or install chrony",
            kind=Kind.ENGINE,
        )
    elif machine.clock:
        yield Passed("the clock")
    if machine.resolvers == ():
        yield Failed(
            place=Place("/etc/resolv.conf"),
            message="nobody is asked for names: /etc/resolv.conf names no server",
            key="names",
            disprove="getent hosts example.org answers",
            remedy="name a server in /etc/resolv.conf, or turn systemd-resolved on",
            kind=Kind.ENGINE,
        )
    elif machine.resolvers:
        yield Passed("names")


@rule("BAK-03", Severity.HIGH, needs=Needs.MACHINE)
def timer_off(look: Look) -> Iterator[Result]:
    """A backup's timer is written, and systemd does not run it.

    Wrong: a `.timer` of a backup stands in the tree, and on this machine it is not loaded, not enabled, or
    not active.
    Disprove: `systemctl list-timers` shows when it runs next.
    Mend: `systemctl enable --now`.
    Not looked at: timers of other things.
    """
    machine = look.snapshot.machine
    assert machine is not None  # needs says so
    for path, text in look.snapshot.texts.items():
        name = path.rpartition("/")[2]
        if not name.endswith(".timer") or not (_BACKUP.search(name) or _BACKUP.search(text)):
            continue
        timer = machine.timers.get(name)
        if timer is None:
            yield Unknown(path, machine.no_systemd or "systemd was not asked", Place(path))
            continue
        if timer.loaded == "loaded" and timer.enabled in _ENABLED and timer.active == "active":
            yield Passed(path)
            continue
        is_known = timer.loaded == "loaded"
        state = f"it is {timer.enabled}, {timer.active}" if is_known else "systemd does not know it"
        yield Failed(
            place=Place(path),
            message=f"{name} is written here, and {state}",
            key=name,
            evidence=(f"systemctl show {name}: {timer.loaded}, {timer.enabled}, {timer.active}",),
            disprove=f"systemctl list-timers {name} shows when it runs next",
            remedy=f"sudo systemctl enable --now {name}"
            if is_known
            else f"sudo systemctl link {path} and its service, then sudo systemctl enable --now {name}",
            kind=Kind.BOTH,
        )


@rule("BAK-04", Severity.HIGH, needs=Needs.BACKUPS)
def too_old(look: Look) -> Iterator[Result]:
    """The last backup that saved everything, whole, is older than it may be.

    Wrong: none was made within `estate.backup.max_age`, by what the snapshots hold, not by what a log says.
    Disprove: `!backup` shows a newer one.
    Mend: `!backup now`, and what it says is not whole.
    """
    backups = look.snapshot.backups
    assert backups is not None  # needs says so
    last = backups.good or backups.since
    if last is None:
        yield Unknown("the backup", "none was made yet, and nobody has waited for one")
        return
    if look.now - last <= backups.max_age:
        yield Passed("the backup")
        return
    days = "there was never a good one"
    if backups.good is not None:
        days = f"the last good one is of {backups.good:%Y-%m-%d %H:%M} UTC"
    yield Failed(
        place=Place(""),
        message=f"no good backup of everything within {backups.max_age}: {days}",
        disprove="!backup shows a newer one",
        remedy="!backup now",
        kind=Kind.ENGINE,
    )


@rule("BAK-05", Severity.MEDIUM, needs=Needs.BACKUPS)
def never_tried(look: Look) -> Iterator[Result]:
    """Backups are made, and nobody knows whether they can be read or restored.

    Wrong: not every part of the repository was read back within 30 days, or the last reading was not well; no
    drill went well within 180 days, or a service's last one did not.
    Disprove: somebody restored from it by hand.
    Mend: `!backup verify` seven times, or every night by the schedule; `!backup drill SERVICE`.
    """
    backups = look.snapshot.backups
    assert backups is not None  # needs says so
    if backups.good is None:
        yield Unknown("the backup", "there is no good one yet that could be tried")
        return
    wrong = []
    if backups.trouble:
        wrong.append(f"the last reading back was not well: {backups.trouble}")
    elif backups.read is None or look.now - backups.read > READ_WITHIN:
        wrong.append("not every part of it was read back within 30 days")
    if backups.failed_drills:
        wrong.append(f"the last drill of {', '.join(backups.failed_drills[:5])} failed")
    elif backups.drilled is None or look.now - backups.drilled > DRILL_WITHIN:
        wrong.append("no drill went well within 180 days")
    if not wrong:
        yield Passed("the backup")
    for number, words in enumerate(wrong):
        yield Failed(
            place=Place(""),
            message=words,
            key=str(number) if "drill" not in words else "drill",
            disprove="somebody restored from it by hand",
            remedy="!backup drill SERVICE" if "drill" in words else "!backup verify",
            kind=Kind.ENGINE,
        )


@rule("MON-05", Severity.MEDIUM, fix=Fix.AUTOMATIC, needs=Needs.DELIVERY)
def delivery_unproved(look: Look) -> Iterator[Result]:
    """Alerts go to a room, and nobody has seen one arrive there.

    Wrong: a route sends alerts to the room, and no `!test alert` came back into it, in all of its places,
    within 90 days.
    Disprove: a real alert was answered there.
    Mend: `!test alert`, said in that room.
    """
    delivery = look.snapshot.delivery
    assert delivery is not None  # needs says so
    for room, proved in delivery.items():
        if proved is not None and look.now - proved <= PROVED_WITHIN:
            yield Passed(f"room {room}")
            continue
        last = f"the last one that did is of {proved:%Y-%m-%d}" if proved else "none ever did"
        yield Failed(
            place=Place(""),
            message=f"no test alert arrived in the room {room} within 90 days: {last}",
            key=room,
            disprove="a real alert was answered there",
            remedy=f"say !test alert in {room}",
            kind=Kind.ENGINE,
        )
