"""The Docker Engine, through the SDK. The only file that imports `docker`, at first use.

The SDK blocks: its calls run in a few threads of their own, each bounded in time. A call that gave up keeps
its thread until the socket's own time-out, so a stuck Engine can take our threads but nobody else's.
"""

import asyncio
import contextlib
import errno
import json
import os
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.core.errors import TocsinError, Upstream
from bot.core.model import Readiness
from estate.exec_stream import Cut, receive, tar_of
from estate.model import (
    THROWAWAY,
    Container,
    Detail,
    Executed,
    Facts,
    Health,
    Image,
    Mount,
    Probe,
    Sample,
    State,
    Throwaway,
)

if TYPE_CHECKING:
    from docker import APIClient

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
TIMEOUT = 10.0
"""Seconds for one call, from when it has a thread."""
THREADS = 4
PULL_SAYS, PULL_STALL, PULL_LONGEST = 2.0, 300.0, 3000.0
"""Seconds: between two words of progress, without a word from the Engine, and for the whole."""
_NEVER = r"(?i)manifest unknown|not found|no matching manifest|denied|unauthorized|no basic auth"
LOG_BYTES = 4 * 1024 * 1024
"""What is kept of one container's log: the newest bytes."""

_T = TypeVar("_T")
_Json = Mapping[str, Any]


class DockerEngine:
    """One Engine. `url`: `unix:///…` or `tcp://…`; None: DOCKER_HOST, else the default socket.

    `host` is the name this Engine has in answers. Nothing is connected before the first call.
    """

    def __init__(
        self,
        url: str | None = None,
        host: str = "local",
        *,
        environ: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        environ = os.environ if environ is None else environ
        self.host = host
        self.url = url or environ.get("DOCKER_HOST") or DEFAULT_SOCKET
        self._environ = dict(environ)
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"engine-{host}")
        self._slots = asyncio.Semaphore(THREADS)
        # What may take hours has threads of its own, so that no question waits for it.
        self._patient = ThreadPoolExecutor(THREADS, thread_name_prefix=f"engine-long-{host}")
        self._client: APIClient | None = None
        self._connecting = threading.Lock()

    # ---- the port ---------------------------------------------------------------------------------------

    async def containers(self) -> Sequence[Container]:
        """All containers, stopped ones too, in one call. Raises Upstream."""
        rows = await self._call(lambda api: api.containers(all=True))
        return tuple(read_container(row, self.host) for row in rows)

    async def detail(self, container: Container) -> Detail:
        """One container, inspected. Raises Upstream, permanent when it is gone."""
        return read_detail(await self._call(lambda api: api.inspect_container(container.id)), container)

    async def logs(self, container: Container, *, tail: int, since: datetime | None = None) -> str:
        """The last `tail` lines of stdout and stderr, of at most LOG_BYTES. Raises Upstream."""
        params: dict[str, str | int] = {"stdout": 1, "stderr": 1, "tail": tail}
        if since is not None:
            params["since"] = f"{since.timestamp():.3f}"
        data = await self._call(lambda api: self._read_log(api, container.id, params))
        return data.decode("utf-8", "replace")

    async def images(self) -> Sequence[Image]:
        """All images that have a name or are used. Raises Upstream."""
        return tuple(read_image(row, self.host) for row in await self._call(lambda api: api.images()))

    async def facts(self) -> Facts:
        """`GET /info`, `/networks` and `/volumes`. Raises Upstream."""

        def ask(api: "APIClient") -> Facts:
            volumes = api.volumes().get("Volumes") or ()
            return read_facts(api.info(), api.networks(), volumes)

        return await self._call(ask, 3 * self._timeout)

    async def sample(self, container: Container) -> Sample | None:
        """`GET /containers/{id}/stats?stream=false&one-shot=true`. None when it does not run, or the kernel
        counts nothing. Raises Upstream."""
        row = await self._call(lambda api: api.stats(container.id, stream=False, one_shot=True))
        return read_sample(row)

    async def image(self, reference: str) -> Image:
        """`GET /images/{reference}/json`. Raises Upstream, permanent when it is not there."""
        return read_image_detail(await self._call(lambda api: _inspect_image(api, reference)), self.host)

    async def tag(self, image_id: str, reference: str) -> None:
        """`POST /images/{id}/tag`. Raises Upstream."""
        name, tag = split_tag(reference)
        await self._call(lambda api: api.tag(image_id, name, tag, force=True))

    async def untag(self, reference: str) -> None:
        """`DELETE /images/{reference}?noprune=1`, without force. Raises Upstream."""
        await self._call(lambda api: api.remove_image(reference, force=False, noprune=True))

    async def pull(
        self, reference: str, login: Mapping[str, str] | None, say: Callable[[str], Awaitable[None]]
    ) -> None:
        """`POST /images/create`. Progress at most every PULL_SAYS seconds. Raises Upstream.

        When it is given up, the connection is closed, and with that the Engine gives up, too.
        """
        loop = asyncio.get_running_loop()
        heard, told = _Pull(loop.time()), ""
        deadline = loop.time() + PULL_LONGEST
        pulling = self._apart(lambda api: self._pull(api, reference, login or {}, heard, loop))
        try:
            while not (await asyncio.wait({pulling}, timeout=PULL_SAYS))[0]:
                if loop.time() - heard.at > PULL_STALL:
                    raise Upstream(f"{reference}: nothing came from its registry for {PULL_STALL:g} s")
                if loop.time() > deadline:
                    raise Upstream(f"{reference} was not here within {PULL_LONGEST:g} s")
                if heard.words != told:
                    told = heard.words
                    await say(f"pulling {reference}: {told}")
            await pulling
        finally:
            heard.stop()
            pulling.cancel()

    async def restart(self, container: Container, *, grace: int) -> None:
        """`POST /containers/{id}/restart?t=grace`. Raises Upstream."""
        await self._call(lambda api: api.restart(container.id, timeout=grace), self._timeout + grace)

    async def start(self, container: Container) -> None:
        """`POST /containers/{id}/start`; one that runs already is left as it is. Raises Upstream."""
        await self._call(lambda api: api.start(container.id), 2 * self._timeout)

    async def stop(self, container: Container, *, grace: int) -> None:
        """`POST /containers/{id}/stop?t=grace`. Raises Upstream."""
        await self._call(lambda api: api.stop(container.id, timeout=grace), self._timeout + grace)

    async def execute(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        into: Path,
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> Executed:
        """`POST /containers/{id}/exec`, then start and inspect. Raises Upstream, NotDone.

        Given up on, the Engine throws away what the program still says; it cannot be told to end it.
        """
        cut = Cut()
        try:
            return await self._long(
                lambda api: self._run_inside(api, container, argv, environment or {}, into, seconds, cut),
                seconds,
            )
        finally:
            cut.now()

    async def create(self, wanted: Throwaway) -> Container:
        """`POST /containers/create`, without network and capabilities to gain. Raises Upstream."""

        def make(api: "APIClient") -> str:
            limits = api.create_host_config(
                network_mode="none", security_opt=["no-new-privileges"], pids_limit=1024
            )
            made = api.create_container(
                wanted.image_id,
                command=list(wanted.argv) or None,
                environment=dict(wanted.environment),
                labels={THROWAWAY: wanted.owner},
                host_config=limits,
            )
            return str(made["Id"])

        made = await self._call(make, 3 * self._timeout)
        return next(one for one in await self.containers() if one.id == made)

    async def put(self, container: Container, files: Mapping[str, Path]) -> None:
        """`PUT /containers/{id}/archive`. Raises Upstream, NotDone."""
        await self._long(lambda api: api.put_archive(container.id, "/", tar_of(files)), 3600)

    async def remove(self, container: Container) -> None:
        """`DELETE /containers/{id}?v=1&force=1`, for throw-away containers only. Raises Upstream."""
        if THROWAWAY not in container.labels:
            raise ValueError(f"{container.name} is no throw-away container")
        try:
            await self._call(
                lambda api: api.remove_container(container.id, v=True, force=True), 3 * self._timeout
            )
        except Upstream as trouble:
            if not trouble.permanent:
                raise

    async def ready(self) -> Readiness:
        """Whether the Engine answers now."""
        try:
            await self._call(lambda api: api.ping())
        except Upstream as away:
            return Readiness(False, str(away))
        return Readiness(True)

    async def close(self) -> None:
        """Let go of the threads and the connection; does not wait for a stuck Engine."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._patient.shutdown(wait=False, cancel_futures=True)
        self._drop()

    # ---- calling ----------------------------------------------------------------------------------------

    async def _call(self, work: Callable[["APIClient"], _T], seconds: float | None = None) -> _T:
        seconds = seconds or self._timeout
        try:
            await asyncio.wait_for(self._slots.acquire(), self._timeout)
        except TimeoutError:
            raise _silent(self.url, self._timeout) from None
        loop = asyncio.get_running_loop()
        job: Future[_T] = self._threads.submit(self._work, work)
        # The slot belongs to the thread, not to the caller, who may have given up long before.
        job.add_done_callback(lambda _: _unless_closed(loop, self._slots.release))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), seconds)
        except TimeoutError:
            raise _silent(self.url, seconds) from None

    async def _long(self, work: Callable[["APIClient"], _T], seconds: float) -> _T:
        job: Future[_T] = self._patient.submit(self._work, work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job), seconds)
        except TimeoutError:
            raise _silent(self.url, seconds) from None

    def _apart(self, work: Callable[["APIClient"], _T]) -> asyncio.Future[_T]:
        """In a thread of its own, for what may take an hour: it keeps no short call waiting, and no thread of
        the pool, which the interpreter waits for before it ends."""
        job: Future[_T] = Future()

        def run() -> None:
            try:
                job.set_result(self._work(work))
            except Exception as error:
                job.set_exception(error)

        job.set_running_or_notify_cancel()
        threading.Thread(target=run, name=f"pull-{self.host}", daemon=True).start()
        return asyncio.wrap_future(job)

    def _work(self, work: Callable[["APIClient"], _T]) -> _T:
        try:
            return work(self._connected())
        except TocsinError:
            raise
        except Exception as error:
            self._drop()  # the next call negotiates the version again: the Engine may be another one then
            known = _explain(error, self.url, self._timeout)
            if known is None:
                raise
            raise known from error

    def _connected(self) -> "APIClient":
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> "APIClient":
        from docker import APIClient
        from docker.utils import kwargs_from_env

        if not self.url.startswith(("unix://", "tcp://", "http://", "https://")):
            raise self._no_address()
        options: dict[str, Any] = {"base_url": self.url, "version": "auto", "timeout": self._timeout}
        try:
            options.update(kwargs_from_env({**self._environ, "DOCKER_HOST": self.url}))
            return APIClient(**options)
        except ValueError:
            raise self._no_address() from None

    def _no_address(self) -> Upstream:
        return Upstream(
            f"no Docker Engine at {self.url}: that is no address of one. "
            "DOCKER_HOST, or estate.docker in the configuration, is unix:///PATH or tcp://HOST:PORT",
            permanent=True,
        )

    def _drop(self) -> None:
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _pull(
        self,
        api: "APIClient",
        reference: str,
        login: Mapping[str, str],
        heard: "_Pull",
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # `api.pull` shows nobody its connection, so nobody could end it.
        from docker.auth import encode_header

        name, tag = split_tag(reference)
        url = f"{api.base_url}/v{api.api_version}/images/create"
        headers = {"X-Registry-Auth": encode_header(dict(login))}
        wanted, patience = {"fromImage": name, "tag": tag}, (self._timeout, PULL_STALL + self._timeout)
        with api.post(url, params=wanted, headers=headers, stream=True, timeout=patience) as answer:
            if answer.status_code >= 400:
                raise _refused(answer.status_code, _message(answer.content[:4096]), self.url)
            heard.hold(answer.raw.shutdown)
            for row in answer.iter_lines():
                heard.at = loop.time()
                said = json.loads(row) if row else {}
                if error := said.get("error"):
                    gone = re.search(_NEVER, str(error)) is not None
                    raise Upstream(f"{reference} cannot be pulled: {error}", permanent=gone)
                _unless_closed(loop, partial(heard.add, said))

    def _read_log(self, api: "APIClient", container_id: str, params: dict[str, str | int]) -> bytes:
        # `api.logs(stream=True)` reads a terminal's log byte by byte, and without `stream` all of it at once.
        url = f"{api.base_url}/v{api.api_version}/containers/{container_id}/logs"
        with api.get(url, params=params, stream=True, timeout=self._timeout) as answer:
            if answer.status_code >= 400:
                raise _refused(answer.status_code, _message(answer.content[:4096]), self.url)
            return demultiplex(answer.iter_content(65536))

    def _run_inside(
        self,
        api: "APIClient",
        container: Container,
        argv: Sequence[str],
        environment: Mapping[str, str],
        into: Path,
        seconds: float,
        cut: Cut,
    ) -> Executed:
        made = api.exec_create(container.id, list(argv), environment=dict(environment))["Id"]
        # `api.exec_start` reads around the buffer that the answer's head was read with.
        url = f"{api.base_url}/v{api.api_version}/exec/{made}/start"
        # The caller gives up first, and says after how long; this is for a thread that nobody waits for.
        patience = (self._timeout, seconds + self._timeout)
        with api.post(url, json={"Detach": False, "Tty": False}, stream=True, timeout=patience) as answer:
            if answer.status_code >= 400:
                said = _message(answer.raw.read(4096))
                if "executable file not found" in said or "no such file or directory" in said:
                    return Executed(127, said)
                raise _refused(answer.status_code, said, self.url)
            cut.hold(answer)
            errors = receive(answer.raw, into)
        state = _ended(api, made)
        if cut.asked or state.get("Running") or state.get("ExitCode") is None:
            raise Upstream(f"{argv[0]} in {container.name}: it was cut off, and how it ended is unknown")
        return Executed(int(state["ExitCode"]), errors)


def _ended(api: "APIClient", exec_id: str) -> _Json:
    """The Engine may take a moment to notice that a program whose output ended has ended."""
    deadline = time.monotonic() + 5
    while (state := api.exec_inspect(exec_id)).get("Running") and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def _inspect_image(api: "APIClient", reference: str) -> _Json:
    row: _Json = api.inspect_image(reference)  # type: ignore[no-untyped-call]
    return row


def _unless_closed(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(then)


# ---- errors in words ------------------------------------------------------------------------------------


def _explain(error: Exception, url: str, seconds: float) -> Upstream | None:
    """What is missing and how to get it; None for what is no failure of the Engine but a bug of ours."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException, Timeout

    chain = list(_chain(error))
    if api := next((one for one in chain if isinstance(one, APIError)), None):
        return _refused(api.status_code or 500, str(api.explanation or api), url)
    if any(isinstance(one, TimeoutError | Timeout) for one in chain):
        return _silent(url, seconds)
    number = next((one.errno for one in chain if isinstance(one, OSError) and (one.errno or 0) > 0), None)
    if number in {errno.EACCES, errno.EPERM}:
        return Upstream(
            f"no Docker Engine at {url}: permission denied. Add this user to the group that owns the socket "
            "(usermod -aG docker USER, then log in again), or set DOCKER_HOST to a docker-socket-proxy"
        )
    if isinstance(error, DockerException | RequestException | OSError):
        reason = os.strerror(number).lower() if number else str(chain[-1]) or type(error).__name__
        return Upstream(
            f"no Docker Engine at {url}: {reason}. Install Docker (Debian: apt-get install docker.io) or "
            "start it (systemctl start docker), or set DOCKER_HOST, or estate.docker in the configuration, "
            "to where it runs"
        )
    return None


def _silent(url: str, seconds: float) -> Upstream:
    return Upstream(f"the Docker Engine at {url} gave no answer within {seconds:g} s: is it stuck?")


def _chain(error: BaseException) -> Iterable[BaseException]:
    """An error and what it wraps: requests and urllib3 hide the OSError in their arguments."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return seen


def _refused(status: int, message: str, url: str) -> Upstream:
    if status == 404:
        return Upstream(f"the Docker Engine at {url} says: {message}", permanent=True)
    if status == 403:
        return Upstream(
            f"what stands before the Docker Engine at {url} refuses this call. A docker-socket-proxy needs "
            "CONTAINERS=1, IMAGES=1 and PING=1 for reading, and POST=1 (or ALLOW_RESTARTS=1, ALLOW_START=1 "
            "and ALLOW_STOP=1) for restart, start and stop"
        )
    return Upstream(f"the Docker Engine at {url} answered {status}: {message}")


def _message(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    found = re.search(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
    return (found.group(1) if found else text) or "no reason given"


# ---- what the Engine answers, as nouns (pure) -----------------------------------------------------------

_HEALTH = {
    "healthy": Health.HEALTHY,
    "unhealthy": Health.UNHEALTHY,
    "health: starting": Health.STARTING,
    "starting": Health.STARTING,
}


def read_container(row: _Json, host: str) -> Container:
    """A row of `GET /containers/json`. The health stands in the Engine's own words, in brackets."""
    status = str(row.get("Status") or "")
    found = re.search(r"\(([a-z: ]+)\)\s*$", status)
    names = [str(name).lstrip("/") for name in row.get("Names") or ()]
    return Container(
        id=str(row["Id"]),
        # A linked container has `other/alias` names too.
        name=next((name for name in names if "/" not in name), str(row["Id"])[:12]),
        host=host,
        image=str(row.get("Image") or ""),
        image_id=str(row.get("ImageID") or ""),
        state=_state(row.get("State")),
        health=_HEALTH.get(found.group(1), Health.NONE) if found else Health.NONE,
        status=status,
        created=datetime.fromtimestamp(int(row.get("Created") or 0), UTC),
        labels=dict(row.get("Labels") or {}),
    )


def read_detail(row: _Json, container: Container) -> Detail:
    """`GET /containers/{id}/json`, with the container's state as of now."""
    state, config, host = row.get("State") or {}, row.get("Config") or {}, row.get("HostConfig") or {}
    health = state.get("Health") or {}
    test = (config.get("Healthcheck") or {}).get("Test") or ()
    logs = host.get("LogConfig") or {}
    now = Container(
        id=container.id,
        name=container.name,
        host=container.host,
        image=container.image,
        image_id=str(row.get("Image") or container.image_id),
        state=_state(state.get("Status")),
        health=_HEALTH.get(str(health.get("Status")), Health.NONE),
        status=container.status,
        created=container.created,
        labels=container.labels,
    )
    return Detail(
        container=now,
        started=read_time(state.get("StartedAt")),
        finished=read_time(state.get("FinishedAt")),
        exit_code=None if state.get("Running") and not state.get("Restarting") else state.get("ExitCode"),
        oom_killed=bool(state.get("OOMKilled")),
        restarts=int(row.get("RestartCount") or 0),
        error=str(state.get("Error") or ""),
        failing_streak=int(health.get("FailingStreak") or 0),
        probes=tuple(_probe(one) for one in health.get("Log") or ()),
        health_command=tuple(str(word) for word in test),
        environment=dict(str(pair).partition("=")[::2] for pair in config.get("Env") or ()),
        restart_policy=str((host.get("RestartPolicy") or {}).get("Name") or "no"),
        memory_limit=int(host.get("Memory") or 0),
        patience=_patience(config.get("Healthcheck") or {}),
        mounts=tuple(_mount(one) for one in row.get("Mounts") or ()),
        command=tuple(str(word) for word in (row.get("Path") or "", *(row.get("Args") or ())) if word),
        log_driver=str(logs.get("Type") or ""),
        log_options={str(key): str(text) for key, text in (logs.get("Config") or {}).items()},
    )


def _mount(row: _Json) -> Mount:
    kind, source = str(row.get("Type") or ""), str(row.get("Source") or "")
    writable = bool(row.get("RW", True))
    return Mount(kind, source, str(row.get("Destination") or ""), str(row.get("Name") or ""), writable)


def _patience(check: _Json) -> timedelta:
    """Docker's defaults: every 30 s, 30 s each, 3 times. The Engine counts in nanoseconds."""
    if not check:
        return timedelta(0)
    interval, limit = (int(check.get(name) or 0) / 1e9 or 30.0 for name in ("Interval", "Timeout"))
    retries = int(check.get("Retries") or 0) or 3
    return timedelta(seconds=int(check.get("StartPeriod") or 0) / 1e9 + retries * (interval + limit))


def read_image(row: _Json, host: str) -> Image:
    """A row of `GET /images/json`."""
    created = int(row.get("Created") or 0)
    return Image(
        id=str(row["Id"]),
        host=host,
        tags=tuple(tag for tag in row.get("RepoTags") or () if not tag.startswith("<none>")),
        digests=tuple(one for one in row.get("RepoDigests") or () if not one.startswith("<none>")),
        size=int(row.get("Size") or 0),
        created=datetime.fromtimestamp(created, UTC) if created > 0 else None,
    )


def read_image_detail(row: _Json, host: str) -> Image:
    """`GET /images/{name}/json`."""
    config = row.get("Config") or row.get("ContainerConfig") or {}
    return Image(
        id=str(row["Id"]),
        host=host,
        tags=tuple(row.get("RepoTags") or ()),
        digests=tuple(row.get("RepoDigests") or ()),
        size=int(row.get("Size") or 0),
        created=read_time(row.get("Created")),
        os=str(row.get("Os") or ""),
        architecture=str(row.get("Architecture") or ""),
        variant=str(row.get("Variant") or ""),
        labels=dict(config.get("Labels") or {}),
        environment=dict(str(pair).partition("=")[::2] for pair in config.get("Env") or ()),
        user=str(config.get("User") or ""),
    )


def read_facts(info: _Json, networks: Sequence[_Json], volumes: Sequence[_Json]) -> Facts:
    """`GET /info` with the rows of `/networks` and `/volumes`."""
    return Facts(
        architecture=str(info.get("Architecture") or ""),
        root=str(info.get("DockerRootDir") or ""),
        live_restore=bool(info.get("LiveRestoreEnabled", True)),
        warnings=tuple(str(one) for one in info.get("Warnings") or ()),
        networks=frozenset(str(one.get("Name") or "") for one in networks),
        volumes=frozenset(str(one.get("Name") or "") for one in volumes),
    )


def read_sample(row: _Json) -> Sample | None:
    """`GET /containers/{id}/stats`; memory as `docker stats` counts it."""
    at, memory = read_time(row.get("read")), row.get("memory_stats") or {}
    total = ((row.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    if at is None or not total or "usage" not in memory:
        return None
    kept = memory.get("stats") or {}
    idle = int(kept.get("total_inactive_file") or kept.get("inactive_file") or 0)
    used = int(memory["usage"])
    return Sample(at, int(total) / 1e9, used - idle if idle < used else used, int(memory.get("limit") or 0))


def split_tag(reference: str) -> tuple[str, str | None]:
    """`repository`, and the tag or `sha256:…` as the Engine's calls want them."""
    if "@" in reference:
        name, _, digest = reference.partition("@")
        return split_tag(name)[0], digest
    at = reference.rfind(":")
    return (reference, "latest") if at <= reference.rfind("/") else (reference[:at], reference[at + 1 :])


@dataclass(slots=True)
class _Pull:
    """How far a pull is: layer → bytes that came, and bytes in all. `at`: when something was last heard."""

    at: float
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    _end: Callable[[], None] | None = None
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, row: _Json) -> None:
        detail = row.get("progressDetail") or {}
        if row.get("status") == "Downloading" and detail.get("total"):
            self.layers[str(row.get("id"))] = (int(detail.get("current") or 0), int(detail["total"]))

    def hold(self, end: Callable[[], None]) -> None:
        """`end` closes the connection; at once, when nobody waits for it any more."""
        with self._lock:
            self._end = end
            late = self._ended
        if late:
            self.stop()

    def stop(self) -> None:
        with self._lock:
            self._ended, end, self._end = True, self._end, None
        if end is not None:
            with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
                end()

    @property
    def words(self) -> str:
        came, whole = (
            (sum(column) for column in zip(*self.layers.values(), strict=True)) if self.layers else (0, 0)
        )
        return f"{came / 1e6:.0f} of {whole / 1e6:.0f} MB" if whole else ""


def read_time(text: object) -> datetime | None:
    """The Engine's RFC 3339 with nanoseconds, in UTC; None for its zero time and for what is no time."""
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(text)))
    except ValueError:
        return None
    return None if at.year < 1970 else at.astimezone(UTC)


def _probe(row: _Json) -> Probe:
    at = read_time(row.get("End")) or datetime.fromtimestamp(0, UTC)
    return Probe(at, int(row.get("ExitCode") or 0), str(row.get("Output") or ""))


def _state(text: object) -> State:
    try:
        return State(str(text))
    except ValueError:
        return State.DEAD


# ---- logs -----------------------------------------------------------------------------------------------


def demultiplex(chunks: Iterable[bytes], limit: int = LOG_BYTES) -> bytes:
    """The newest `limit` bytes of a log stream.

    Without a terminal each piece of output has a head of eight bytes: stream (0–2), three zeros, length
    (big-endian). With a terminal the bytes stand as they are.
    """
    kept, waiting, framed = bytearray(), bytearray(), None
    for chunk in chunks:
        waiting += chunk
        if framed is None and len(waiting) >= 4:
            framed = waiting[0] in (0, 1, 2) and not any(waiting[1:4])
        if framed:
            _take_frames(waiting, kept)
        elif framed is False:
            kept += waiting
            waiting.clear()
        if len(kept) > 2 * limit:
            del kept[:-limit]
    if not framed:
        kept += waiting
    return bytes(kept[-limit:])


def _take_frames(waiting: bytearray, kept: bytearray) -> None:
    at = 0
    while len(waiting) - at >= 8:
        end = at + 8 + int.from_bytes(waiting[at + 4 : at + 8], "big")
        if end > len(waiting):
            break
        kept += waiting[at + 8 : end]
        at = end
    del waiting[:at]
