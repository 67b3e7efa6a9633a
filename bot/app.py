"""The app: knows everyone, connects them, holds no rule itself."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import commands
from alert_bridge.book import Book
from alert_bridge.bridge import Bridge, Routes
from alert_bridge.credential import Anybody, Basic, Bearer, Credential, Header
from alert_bridge.intake import Intake
from alert_bridge.rehearsal import Rehearsal
from bot.approvals import Approvals
from bot.caretaker import Ages, Retention, Watch
from bot.config.model import Config, Secret
from bot.config.model import Credential as ConfiguredCredential
from bot.context import Services
from bot.core.backoff import delay
from bot.core.errors import ConfigError, Upstream
from bot.core.journal import Entry, Kind
from bot.core.model import Readiness, Room
from bot.core.redact import Redactor
from bot.core.redact_doc import redact_doc
from bot.core.steps import OnStep, no_step
from bot.engine import Engine
from bot.outbox import Outbox
from bot.ports import Engine as DockerPort
from bot.ports import Platform
from bot.snapshots import SAMPLES, LateSnapshots
from bot.store.alerts import AlertStore
from bot.store.approvals import ApprovalStore
from bot.store.audits import AuditStore
from bot.store.database import Database, Lock, prepare
from bot.store.inbox import InboxStore
from bot.store.journal import JournalStore
from bot.store.notes import NoteStore
from bot.store.outbox import OutboxStore
from commands import look
from estate.hands import Hands
from estate.model import Tree
from estate.myself import Myself, myself

if TYPE_CHECKING:
    from bot.backups import Witness
    from bot.web import Web
    from estate.backup.keeper import Keeper
    from estate.compose.tree import ComposeTree
    from estate.reference import Reference
    from estate.snapshot.backups import Backups
    from estate.snapshot.live import Live
    from estate.snapshot.machine import Machine
    from estate.snapshot.model import Snapshot
    from estate.snapshot.published import Published

log = logging.getLogger("tocsin.app")

PROVED = "alerts:proved:"
"""The facts that say when a test alert was last seen in a room."""
SAME_MOMENT = 0.25
"""Seconds: one request looks at the tree more than once, to find a name and to answer."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class App:
    """Built from a configuration and its platforms; started, run, and closed once."""

    def __init__(
        self,
        config: Config,
        platforms: "Callable[[App], Sequence[Platform]]",
        *,
        on_step: OnStep = no_step,
        engines: Sequence[DockerPort] = (),
        ready: Awaitable[object] | None = None,
    ) -> None:
        """ready: what must have ended before the estate's git is asked."""
        self.config = config
        self.clock = SystemClock()
        self._on_step = on_step
        self._make_platforms = platforms
        self.platforms: dict[str, Platform] = {}
        self._lock = Lock(config.state)
        self.database = Database(config.state / "tocsin.db")
        self.outbox_store = OutboxStore(self.database, self.clock)
        self.inbox = InboxStore(self.database, self.outbox_store, self.clock, on_step)
        self.journal = JournalStore(self.database, self.clock)
        self.alerts = AlertStore(self.database, self.outbox_store, self.clock, on_step)
        self.intake = Intake(self.alerts, credentials(config), on_step)
        self.rehearsal = Rehearsal(self._post_to_myself, self.clock, proved=self._proved)
        self.bridge = Bridge(self.alerts, self.routes, self.clock, self.rehearsal, on_step)
        self.outbox = Outbox(
            self.outbox_store,
            self.platforms,
            self.fallback,
            self.clock,
            on_step,
            on_delivered=lambda delivery, at: self.rehearsal.delivered(delivery),
            clean=lambda document: redact_doc(document, self._redactor),
        )
        self._engines = engines
        self._compose = compose_tree(config)
        self._tree_secrets: frozenset[str] = frozenset()
        self._redactor = Redactor(secret_values(config))
        self._readiness: dict[str, Readiness] = {}
        self._probe: asyncio.Task[dict[str, Readiness]] | None = None
        self._probed = 0.0
        self._book = Book(self.alerts)
        self._myself = who_am_i(engines)
        self._hands = hands(config, ready)
        self.notes = NoteStore(self.database, self.clock)
        self._keeper: Keeper | None = None
        self._witness: Witness | None = None
        made = config.estate.backup
        # The console's own is there to be tried; that it is young is no finding.
        backups = self._made if made is not None and not made.trial else None
        # In the terminal whoever asks sees each alert.
        rooms = self._delivery if config.matrix is not None or config.slack is not None else None
        self._snapshots = estate_snapshots(config, engines, self._hands, backups, rooms)
        self.audits = AuditStore(self.database, self.outbox_store, self.clock)
        self._approval_store = ApprovalStore(self.database, self.outbox_store, self.clock)
        self.approvals = Approvals(
            self._approval_store,
            self.services,
            self.clock,
            lambda: self._redactor,
            on_step=on_step,
            direct=frozenset({"console"}),
        )
        self.engine = Engine(
            self.services,
            self.clock,
            lambda: self._redactor,
            rate=(config.commands_per_person.count, config.commands_per_person.per)
            if config.commands_per_person
            else None,
            resolve=look.names,
            approvals=self.approvals,
        )
        self.web: Web | None = None
        self._listening = asyncio.Event()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # ---- what the parts ask for -------------------------------------------------------------------------

    def routes(self) -> Routes:
        """Where alerts go, as the configuration says now."""
        endpoints = {name: endpoint.routes for name, endpoint in self.config.alerts.endpoints.items()}
        fallback = self.config.fallback or next(iter(self.config.rooms), "")
        return Routes(endpoints, self.config.rooms, fallback)

    def fallback(self) -> list[Room]:
        """The places that hear of what could not be told elsewhere."""
        return self.routes().places([])

    def services(self) -> Services:
        """What commands may reach, as it is now."""
        config = self.config
        return Services(
            prefix=config.prefix,
            commands=commands.ALL,
            people=config.people,
            policy=config.policy,
            journal=self.journal,
            alerts=self._book,
            alert_test=self.rehearsal if self.config.alerts.endpoints else None,
            engines=self._engines,
            compose=self._compose,
            snapshots=self._snapshots,
            audits=self.audits,
            daily=self._schedule is not None,
            rooms=config.rooms,
            readiness=self._readiness,
            encryption={"matrix": config.matrix.encryption} if config.matrix else {},
            approvals=self.approvals,
            myself=self._myself,
            hands=self._hands,
            backup=self.keeper if config.estate.backup is not None else None,
        )

    async def _made(self, snapshot: "Snapshot", folders: Sequence[Path]) -> "Backups":
        from bot.backups import Witness

        if self._witness is None:
            self._witness = Witness(self.keeper(), self.clock.now)
        return await self._witness.backups(snapshot, folders)

    async def _proved(self, room: str, at: datetime) -> None:
        await self.notes.write(f"{PROVED}{room}", at.isoformat())

    async def _delivery(self) -> Mapping[str, datetime | None]:
        """Rooms that routes name → when a test alert last arrived there."""
        found: dict[str, datetime | None] = {}
        for endpoint in self.config.alerts.endpoints.values():
            for name in dict.fromkeys(name for route in endpoint.routes for name in route.rooms):
                kept = await self.notes.read(f"{PROVED}{name}")
                found[name] = datetime.fromisoformat(kept) if kept else None
        return found

    @property
    def _schedule(self) -> time | None:
        """When the clock takes an audit."""
        audit = self.config.estate.audit
        return audit.schedule if audit is not None and self._snapshots is not None else None

    def _audit_rooms(self) -> Sequence[Room]:
        audit = self.config.estate.audit
        return self.config.rooms.get(audit.room, ()) if audit and audit.room else self.fallback()

    def keeper(self) -> "Keeper":
        """Who makes backups; there is one only where estate.backup is configured."""
        if self._keeper is None:
            self._keeper = make_keeper(self.config, self.notes, self.clock, self._on_step)
        return self._keeper

    async def ready(self) -> dict[str, Readiness]:
        """Every part: whether it works now, and if not, why. Who asks within a second is told the same."""
        loop = asyncio.get_running_loop()
        if self._probe is None or (self._probe.done() and loop.time() - self._probed > 1):
            self._probe = loop.create_task(self._look())
            self._probed = loop.time()
        found = await asyncio.shield(self._probe)
        if self.intake.trouble:
            # Known at this moment, whatever was true a second ago.
            found = {**found, "store": Readiness(False, self.intake.trouble)}
        return found

    async def _look(self) -> dict[str, Readiness]:
        parts: dict[str, Awaitable[Readiness]] = {"store": self._store_ready()}
        parts |= {name: platform.ready() for name, platform in self.platforms.items()}
        if self.config.estate.docker is not None:
            parts |= {f"docker ({engine.host})": engine.ready() for engine in self._engines}
        states = await asyncio.gather(*(_bounded(part) for part in parts.values()))
        self._readiness = dict(zip(parts, states, strict=True))
        return self._readiness

    async def _store_ready(self) -> Readiness:
        if self.intake.trouble:
            return Readiness(False, self.intake.trouble)
        try:
            async with self.database.transaction() as tx:
                await tx.run(
                    "INSERT OR REPLACE INTO facts (key, value, at) VALUES ('probe', '', ?)",
                    (self.clock.now().timestamp(),),
                )
        except Upstream as trouble:
            return Readiness(False, str(trouble))
        return Readiness(True)

    async def metrics(self) -> bytes:
        """One scrape."""
        from bot.metrics import Snapshot, render

        counts = self.outbox.counts
        shot = Snapshot(
            now=self.clock.now().timestamp(),
            accepted=self.intake.accepted,
            refused=self.intake.refused,
            failed=self.intake.failed,
            unfolded=await self.alerts.backlog(),
            sent=counts.sent,
            send_failures=counts.failed,
            send_refusals=counts.refused,
            backlog=await self.outbox_store.backlog(),
            ready=await self.ready(),
        )
        return render(shot)

    async def _post_to_myself(self, body: bytes) -> None:
        """Over HTTP, with the credentials, as any sender would. Raises Upstream."""
        import aiohttp

        with contextlib.suppress(TimeoutError):
            # In the console the webhook starts after the prompt.
            async with asyncio.timeout(10):
                await self._listening.wait()
        if self.web is None or not self.config.alerts.endpoints:
            raise Upstream("the webhook is not listening")
        endpoint = next(iter(self.config.alerts.endpoints.values()))
        address = _reachable(self.config.http.host)
        url = f"http://{address}:{self.web.port}/alerts/{endpoint.name}"
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(url, data=body, headers=shown(endpoint.credential)) as response,
            ):
                if response.status >= 300:
                    raise Upstream(f"my own webhook answered {response.status}: {await response.text()}")
        except (OSError, aiohttp.ClientError, TimeoutError) as trouble:
            raise Upstream(f"my own webhook did not answer: {trouble}") from trouble

    # ---- life -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take the state. Raises ConfigError for the operator's mistakes."""
        prepare(self.config.state)
        self._lock.take()
        try:
            await self.database.open()
            self.platforms.update({platform.name: platform for platform in self._make_platforms(self)})
        except BaseException:
            self._lock.release()
            raise

    async def listen(self, *, port: int | None = None) -> int:
        """Accept webhooks from now on; the port. Raises ConfigError when the address cannot be had."""
        from bot.web import Handler, Web

        extra: dict[str, Handler] = {}
        handler = getattr(self.platforms.get("slack"), "handle", None)
        if handler is not None and self.config.slack is not None and self.config.slack.signing_secret:
            extra["/slack/events"] = handler
        web = Web(self.intake, self.ready, self.metrics, extra)
        await web.start(self.config.http.host, self.config.http.port if port is None else port)
        self.web = web
        self._listening.set()
        return web.port

    async def preflight(self) -> None:
        """Ask each platform for the operator's mistakes, all at once. Raises ConfigError with all of them."""
        found = await asyncio.gather(
            *(_bounded_preflight(platform) for platform in self.platforms.values()), return_exceptions=True
        )
        mistakes = [m for error in found if isinstance(error, ConfigError) for m in error.mistakes]
        if mistakes:
            raise ConfigError(*mistakes)
        for name, error in zip(self.platforms, found, strict=True):
            if isinstance(error, BaseException):
                log.error("%s: the look before the start failed: %s", name, error)

    async def begin(self, *, serve: bool = True) -> None:
        """Start every part. Each has a supervisor of its own: one's bug or outage never ends another."""
        await self.journal.write(
            Entry(Kind.START, about={"platforms": sorted(self.platforms), "pid": os.getpid()})
        )
        ages = Ages(
            self.config.retention.alerts, self.config.retention.journal, self.config.retention.payloads
        )
        retention = Retention(
            ages,
            self.alerts,
            self.inbox,
            self.outbox_store,
            self.journal,
            self.clock,
            self._approval_store,
        )
        watch = Watch(self.ready, self.outbox_store, self.fallback, self.clock, self.intake.recovered)
        if serve:
            # Before anything is said. A tree that cannot be read must not hold up the alerts, though.
            with contextlib.suppress(TimeoutError, Upstream):
                async with asyncio.timeout(5):
                    await self._learn_secrets()
        # Where no backup was ever begun there is nothing to clean, and in the console nothing to load.
        backups = self.config.estate.backup is not None and (serve or (self.config.state / "backup").exists())
        cut = await self.keeper().clean() if backups else None
        await self.approvals.recover()
        self._supervise("outbox", self.outbox.run)
        self._supervise("bridge", self.bridge.run)
        self._supervise("retention", retention.run)
        self._supervise("secrets", self._know_secrets)
        self._supervise("approvals", self.approvals.serve)
        if backups:
            from bot.nightly import Nightly, leftovers
            from commands.backup_work import everything

            keeper = self.keeper()
            self._supervise("leftovers", lambda: leftovers(keeper, self._engines))
            if serve:
                nightly = Nightly(
                    keeper,
                    lambda: everything(self.services(), keeper),
                    self.outbox_store,
                    self.journal,
                    self.fallback,
                    self.clock,
                    lambda: self._redactor,
                )
                await nightly.tell_cut(cut)
                self._supervise("nightly backup", nightly.run)
                self._supervise("backup watch", nightly.watch)
        if serve and self._schedule is not None:
            from bot.daily import Daily
            from commands.audit_news import news

            daily = Daily(
                self._schedule,
                lambda now: news(self.services(), now, self._redactor),
                self._audit_rooms,
                self.audits,
                self.notes,
                self.clock,
                self._on_step,
            )
            self._supervise("daily audit", daily.run)
        if serve:
            self._supervise("watch", watch.run)
            self._supervise("engine", lambda: self.engine.serve(self.inbox))
            for name, platform in self.platforms.items():
                self._supervise(name, lambda platform=platform: platform.run(self.inbox))  # type: ignore[misc]

    async def _know_secrets(self) -> None:
        """Keep the redactor's values those of the tree: what a message or the journal must never show."""
        await asyncio.sleep(1)  # in the console the first answer comes first
        while True:
            await self._learn_secrets()
            await asyncio.sleep(300)

    async def _learn_secrets(self) -> None:
        if self._compose is not None:
            self._tree_secrets = (await self._compose.tree()).secrets
            self._redactor = Redactor(secret_values(self.config) | self._tree_secrets)

    def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(_for_ever(name, work), name=name))

    async def wait(self) -> None:
        """Until `stop`."""
        await self._stop.wait()

    def stop(self) -> None:
        """Ask the app to end."""
        self._stop.set()

    async def close(self) -> None:
        """End every part, bounded in time, and let go of the state."""
        if self.web is not None:
            await self.web.close()
        ending = [*self._tasks, *([self._probe] if self._probe is not None else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        closings = [platform.close() for platform in self.platforms.values()]
        closings += [self._hands.close()] if self._hands is not None else []
        closings += [closing() for e in self._engines if (closing := getattr(e, "close", None)) is not None]
        await asyncio.gather(*(_bounded_close(closing) for closing in closings))
        if self._tasks:
            with contextlib.suppress(Upstream):
                await self.journal.write(Entry(Kind.STOP, about={"pid": os.getpid()}))
        await self.database.close()
        self._lock.release()

    async def reconfigure(self, config: Config, changes: Sequence[str]) -> None:
        """People, roles, policy and routes, read again."""
        self.config = config
        self._redactor = Redactor(secret_values(config) | self._tree_secrets)
        await self.journal.write(Entry(Kind.CONFIG, about={"changes": list(changes)}))
        await self.approvals.new_policy()


async def _for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    attempts = 0
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await work()
            log.error("%s ended by itself; it starts again", name)
        except Exception:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # we are being ended, whatever the part made of it
            log.exception(
                "%s fell over, which is my fault no. %s; it starts again", name, secrets.token_hex(2).upper()
            )
        attempts = 0 if asyncio.get_running_loop().time() - started > 60 else attempts + 1
        await asyncio.sleep(delay(attempts, asked=None, spread=0.5))


async def _bounded(part: Awaitable[Readiness]) -> Readiness:
    try:
        async with asyncio.timeout(10):
            return await part
    except TimeoutError:
        return Readiness(False, "does not answer within 10 s")
    except Exception as bug:
        log.exception("a readiness probe failed")
        return Readiness(False, f"cannot be asked: {bug}")


async def _bounded_preflight(platform: Platform) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(15):
            await platform.preflight()


async def _bounded_close(closing: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(10):
            await closing
    except Exception as trouble:
        log.warning("closing: %s", trouble or type(trouble).__name__)


# ---- from the configuration to the parts ----------------------------------------------------------------


def credentials(config: Config) -> dict[str, Credential]:
    """Each endpoint's credential."""
    return {name: _credential(endpoint.credential) for name, endpoint in config.alerts.endpoints.items()}


def _credential(given: ConfiguredCredential) -> Credential:
    if given.bearer is not None:
        return Bearer(given.bearer.value)
    if given.basic is not None:
        return Basic(given.basic[0], given.basic[1].value)
    if given.header is not None:
        return Header(given.header[0], given.header[1].value)
    return Anybody()


def shown(given: ConfiguredCredential) -> dict[str, str]:
    """The headers that this credential asks a sender for."""
    import base64

    if given.bearer is not None:
        return {"Authorization": f"Bearer {given.bearer.value}"}
    if given.basic is not None:
        pair = f"{given.basic[0]}:{given.basic[1].value}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if given.header is not None:
        return {given.header[0]: given.header[1].value}
    return {}


def _reachable(host: str) -> str:
    """The address by which we reach ourselves when we listen on `host`."""
    if host in {"", "0.0.0.0"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def secret_values(config: Config) -> frozenset[str]:
    """Every secret's value in the configuration: for the redactors."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, Secret):
            found.add(value.value)
        elif isinstance(value, Mapping):
            for item in value.values():
                walk(item)
        elif isinstance(value, tuple | list):
            for item in value:
                walk(item)
        elif hasattr(type(value), "__dataclass_fields__"):
            for name in type(value).__dataclass_fields__:  # type: ignore[attr-defined]
                walk(getattr(value, name))

    walk(config)
    return frozenset(found)


class LateTree:
    """The compose tree. Its reader, and with it YAML, is loaded at the first look: `!ping` needs neither."""

    def __init__(self, root: Path, also: Sequence[Path]) -> None:
        self._places = (root, also)
        self._reader: ComposeTree | None = None

    async def tree(self) -> Tree:
        """See `estate.compose.tree.ComposeTree.tree`."""
        if self._reader is None:
            from estate.compose.tree import ComposeTree

            self._reader = ComposeTree(*self._places, moment=SAME_MOMENT)
        return await self._reader.tree()


def make_keeper(config: Config, notes: NoteStore, clock: SystemClock, on_step: OnStep) -> "Keeper":
    """From the configuration to who makes backups."""
    from estate.backup.keeper import Keeper
    from estate.backup.settings import Settings

    estate, given = config.estate, config.estate.backup
    assert given is not None  # asked before
    settings = Settings(
        engine=given.engine,
        folder=config.state / "backup",
        host=socket.gethostname(),
        repository=given.repository,
        password=given.password.value if given.password else None,
        argv=given.argv,
        unit=given.unit,
        max_age=given.max_age,
        schedule=given.schedule,
        paths=estate.paths,
        root=seen(estate.root, estate.paths) if estate.root is not None else None,
        trial=given.trial,
    )
    return Keeper(settings, notes, clock.now, on_step)


def compose_tree(config: Config) -> LateTree | None:
    """The reader of the compose tree, when there is one to read."""
    if config.estate.root is None:
        return None
    paths = config.estate.paths
    return LateTree(seen(config.estate.root, paths), [seen(folder, paths) for folder in config.estate.also])


def hands(config: Config, ready: Awaitable[object] | None = None) -> Hands | None:
    """What changes files and deploys, when there is an estate to change."""
    estate = config.estate
    if estate.root is None:
        return None
    environ = dict(os.environ)
    if estate.docker is not None:
        environ["DOCKER_HOST"] = estate.docker
    git = estate.git == "auto"
    return Hands(environ=environ, compose=estate.compose, paths=estate.paths, git=git, ready=ready)


def estate_snapshots(
    config: Config,
    engines: Sequence[DockerPort],
    hands: Hands | None,
    backups: "Callable[[Snapshot, Sequence[Path]], Awaitable[Backups]] | None" = None,
    delivery: Callable[[], Awaitable[Mapping[str, datetime | None]]] | None = None,
) -> LateSnapshots | None:
    """What the audit looks at, when there is a tree."""
    estate = config.estate
    if estate.root is None:
        return None
    also = [seen(folder, estate.paths) for folder in estate.also]
    settled = hands.settled if hands is not None else None
    is_here = all(getattr(one, "url", "").startswith("unix://") for one in engines)
    return LateSnapshots(
        seen(estate.root, estate.paths),
        estate,
        engines,
        also=also,
        settled=settled,
        machine=_machine if engines and is_here else None,
        backups=backups,
        delivery=delivery,
        live=live_answers(config),
        published=registry_answers(hands) if hands is not None else None,
        samples=SAMPLES,
    )


def _machine(timers: Sequence[str], folders: Sequence[Path]) -> "Machine | None":
    from estate.machine import read_machine

    return read_machine(timers, folders)


def registry_answers(hands: Hands) -> "Callable[[Iterable[Reference]], Awaitable[Published]]":
    """Asks the registries that pins ask."""

    async def ask(images: "Iterable[Reference]") -> "Published":
        from estate.published import read_published

        return await read_published(hands.registry, images)

    return ask


def live_answers(config: Config) -> "Callable[[], Awaitable[Live]] | None":
    """Asks the programs whose addresses are configured; None when none is."""
    addresses = (config.alerts.prometheus, config.alerts.alertmanager, config.estate.traefik)
    if not any(addresses):
        return None

    async def ask() -> "Live":
        from estate.live import read_live

        return await read_live(*addresses)

    return ask


def seen(path: Path, paths: Mapping[str, str]) -> Path:
    """Where the bot sees a path of the host: the longest prefix in `estate.paths` decides."""
    for host in sorted(paths, key=len, reverse=True):
        if path.is_relative_to(host):
            return Path(paths[host]) / path.relative_to(host)
    return path


def who_am_i(engines: Sequence[DockerPort]) -> Myself:
    """Our own container, if we are in one, and how we reach the Engines."""
    read = [Path("/proc/self") / name for name in ("cgroup", "mountinfo")]
    cgroup, mounts = (path.read_text("utf-8", "replace") if path.exists() else "" for path in read)
    return myself(cgroup, mounts, socket.gethostname(), (getattr(one, "url", "") for one in engines))


def docker_engines(config: Config) -> list[DockerPort]:
    """The Engines that the configuration names; without a name the local one."""
    from estate.docker import DockerEngine

    return [DockerEngine(config.estate.docker, "local")]
