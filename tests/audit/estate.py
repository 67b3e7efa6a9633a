"""Small estates to judge: files written into a folder, and what runs, as told."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.engine import evaluate
from audit.model import Report
from audit.rules import ALL
from estate.model import Container, Detail, Health, Mount, Probe, Sample, State
from estate.snapshot.env_file import is_env_name
from estate.snapshot.model import EngineView, Snapshot
from estate.snapshot.take import Snapshots

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
NO_ENGINE = "no Engine was asked"


def write(root: Path, files: Mapping[str, str | bytes], modes: Mapping[str, int] | None = None) -> Path:
    """Environment files are their owner's alone, unless `modes` says otherwise."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600 if is_env_name(path.name) else 0o644)
    for name, mode in (modes or {}).items():
        (root / name).chmod(mode)
    return root


def keep_in_git(root: Path, links: Sequence[str] = ()) -> None:
    """`links`: folders that are other repositories' commits."""
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    linked = [("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path}") for path in links]
    for words in (("init", "-q"), ("add", "-A"), *linked, (*who, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def snapshot(root: Path, details: Sequence[Detail] | None = None) -> Snapshot:
    """`details` None: no Engine."""
    found = Snapshots(root).take(NOW)
    if details is None:
        return replace(found, no_engine=NO_ENGINE)
    view = EngineView("local", tuple(one.container for one in details), tuple(details))
    return replace(found, engines=(view,))


def judge(root: Path, *rules: str, details: Sequence[Detail] | None = None) -> Report:
    """By these rules, or all."""
    chosen = [one for one in ALL if not rules or one.id in rules]
    return evaluate(snapshot(root, details), chosen, now=NOW)


@dataclass(frozen=True)
class Runs:
    """A container of a service, in few words."""

    service: str
    project: str = "app"
    state: State = State.RUNNING
    health: Health = Health.NONE
    exit_code: int | None = None
    restarts: int = 0
    probes: Sequence[Probe] = ()
    test: Sequence[str] = ()
    memory: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    compose: bool = True
    image: str = ""
    image_id: str = "sha256:1"
    environment: Mapping[str, str] = field(default_factory=dict)
    log: tuple[str, Mapping[str, str]] = ("", {})
    used: Sequence[tuple[float, int]] = ()
    """Seconds of a processor and bytes, as measured once a second, the last one now."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        moments = range(1 - len(self.used), 1)
        pairs = zip(moments, self.used, strict=True)
        return tuple(Sample(NOW + timedelta(seconds=at), cpu, used, 2**34) for at, (cpu, used) in pairs)

    @property
    def detail(self) -> Detail:
        own = {
            "com.docker.compose.project": self.project,
            "com.docker.compose.service": self.service,
        }
        labels = {**(own if self.compose else {}), **self.labels}
        name = f"{self.project}-{self.service}-1"
        up = self.state is State.RUNNING
        container = Container(
            id=(name.encode().hex() * 64)[:64],
            name=name,
            host="local",
            image=self.image or f"{self.service}:1.2.3",
            image_id=self.image_id,
            state=self.state,
            health=self.health,
            status="Up 3 hours" if up else "Exited",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            labels=labels,
        )
        mounts: tuple[Mount, ...] = ()
        return Detail(
            container=container,
            started=datetime(2026, 1, 14, tzinfo=UTC),
            finished=None if up else datetime(2026, 1, 15, tzinfo=UTC),
            exit_code=self.exit_code,
            oom_killed=False,
            restarts=self.restarts,
            error="",
            failing_streak=len([one for one in self.probes if one.exit_code]),
            probes=tuple(self.probes),
            health_command=tuple(self.test),
            memory_limit=self.memory,
            mounts=mounts,
            environment=self.environment,
            log_driver=self.log[0],
            log_options=self.log[1],
        )
