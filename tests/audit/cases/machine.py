from dataclasses import replace
from datetime import timedelta

from estate.snapshot.backups import Backups
from estate.snapshot.machine import Disk, Machine, Timer
from tests.audit.cases.case import Case, Must, app, web
from tests.audit.estate import NOW

GIB = 2**30
DAY = timedelta(days=1)
SHORT = Machine(0, 16 * GIB, 2 * GIB)
ROOMY = Machine(0, 16 * GIB, 9 * GIB)
SWAP = Machine(GIB, 16 * GIB, GIB)
DUMB = Machine(GIB, 16 * GIB, GIB, no_systemd="none here")
UNIT = {"backup/infra-backup.timer": "[Timer]\nOnCalendar=03:30\n", **app(web())}
OTHER = {"ops/certs.timer": "[Timer]\nOnCalendar=daily\n", **app(web())}
FRESH = Backups(DAY, NOW - 9 * DAY, NOW - DAY / 2, NOW - DAY, drilled=NOW - 9 * DAY)


def timed(*states: str) -> Machine:
    return Machine(GIB, 16 * GIB, 8 * GIB, {"infra-backup.timer": Timer(*states)})


def old(**more: object) -> Backups:
    return Backups(DAY, **{"good": NOW - DAY / 2, "read": NOW - DAY, "drilled": NOW - DAY, **more})  # type: ignore[arg-type]


def on(disk: Disk) -> Machine:
    return replace(SWAP, disks={"/srv": disk})


OFF = timed("loaded", "disabled", "inactive")
GONE = timed("not-found", "", "inactive")
FAILED = old(failed_drills=("shop/db",))

CASES = (
    Case("HOST-01", Must.FIRE, "short", app(web()), says="12% of the memory", machine=SHORT),
    Case("HOST-01", Must.PASS, "swap", app(web()), machine=SWAP),
    Case("HOST-01", Must.NEAR, "no swap, and much to spare", app(web()), machine=ROOMY),
    Case("RES-05", Must.FIRE, "bytes", app(web()), says="5.0% of the bytes", machine=on(Disk(100, 5, 10, 9))),
    Case("RES-05", Must.FIRE, "inodes", app(web()), severity="high", machine=on(Disk(100, 50, 100, 1))),
    Case("RES-05", Must.NEAR, "inodes are not counted", app(web()), machine=on(Disk(100, 50))),
    Case("RES-05", Must.PASS, "room", app(web()), machine=on(Disk(100, 50, 100, 50))),
    Case(
        "HOST-03", Must.FIRE, "nobody's clock", app(web()), machine=replace(SWAP, clock=False), says="clock"
    ),
    Case("HOST-03", Must.FIRE, "no names", app(web()), machine=replace(SWAP, resolvers=())),
    Case(
        "HOST-03", Must.PASS, "both", app(web()), machine=replace(SWAP, clock=True, resolvers=("10.0.0.1",))
    ),
    Case("HOST-03", Must.NEAR, "nobody could say", app(web()), machine=SWAP),
    Case(
        "BAK-03",
        Must.FIRE,
        "off",
        UNIT,
        says="disabled, inactive",
        machine=OFF,
    ),
    Case(
        "BAK-03",
        Must.FIRE,
        "not there",
        UNIT,
        says="does not know",
        machine=GONE,
    ),
    Case("BAK-03", Must.PASS, "on", UNIT, machine=timed("loaded", "enabled", "active")),
    Case("BAK-03", Must.NEAR, "another timer", OTHER, machine=SWAP),
    Case(
        "BAK-03",
        Must.UNKNOWN,
        "no systemd",
        UNIT,
        machine=DUMB,
    ),
    Case("BAK-04", Must.FIRE, "old", app(web()), says="of 2026-01-12", backups=old(good=NOW - 3 * DAY)),
    Case("BAK-04", Must.FIRE, "never", app(web()), says="never", backups=Backups(DAY, since=NOW - 3 * DAY)),
    Case("BAK-04", Must.PASS, "fresh", app(web()), backups=FRESH),
    Case("BAK-04", Must.NEAR, "not long awaited", app(web()), backups=Backups(DAY, since=NOW - DAY / 2)),
    Case("BAK-04", Must.UNKNOWN, "not awaited", app(web()), backups=Backups(DAY)),
    Case("BAK-05", Must.FIRE, "neither", app(web()), count=2, backups=old(read=None, drilled=None)),
    Case(
        "BAK-05",
        Must.FIRE,
        "ill",
        app(web()),
        says="a pack is broken",
        backups=old(trouble="a pack is broken"),
    ),
    Case(
        "BAK-05",
        Must.FIRE,
        "a drill failed",
        app(web()),
        says="shop/db",
        backups=old(failed_drills=("shop/db",)),
    ),
    Case("BAK-05", Must.PASS, "tried", app(web()), backups=FRESH),
    Case("BAK-05", Must.NEAR, "read a week ago", app(web()), backups=old(read=NOW - 7 * DAY)),
    Case("BAK-05", Must.UNKNOWN, "no good one yet", app(web()), backups=Backups(DAY, since=NOW)),
    Case("MON-05", Must.FIRE, "never", app(web()), says="90 days: none ever", delivery={"ops": None}),
    Case("MON-05", Must.FIRE, "long ago", app(web()), says="2025-", delivery={"ops": NOW - 99 * DAY}),
    Case("MON-05", Must.PASS, "seen", app(web()), delivery={"ops": NOW - 9 * DAY}),
    Case("MON-05", Must.NEAR, "no room", app(web()), delivery={}),
)
