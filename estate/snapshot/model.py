"""A snapshot: everything that an audit judges, read once. Pure; `take.py` reads it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from estate.compose.files import shown
from estate.compose.model import Model
from estate.model import Container, Detail, Facts, Image, Sample, Tree
from estate.snapshot.backups import Backups
from estate.snapshot.code import CodeDefault
from estate.snapshot.document import Document
from estate.snapshot.entry import Entry
from estate.snapshot.env_file import EnvFile
from estate.snapshot.git import Git
from estate.snapshot.live import Live
from estate.snapshot.machine import Machine
from estate.snapshot.published import Published


@dataclass(frozen=True, slots=True)
class EngineView:
    """What one Engine runs. `images`: as listed; those that containers run from, looked at closely.
    `unseen`: containers that could not be looked at closely, with the reason. `facts` None: see `no_facts`.
    `samples`: container id → what it used, in order of time; empty where nobody measured."""

    host: str
    containers: tuple[Container, ...]
    details: tuple[Detail, ...] = ()
    images: tuple[Image, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)
    facts: Facts | None = None
    no_facts: str = ""
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Where:
    """Which files are what, relative to the root: the configuration's `estate` section."""

    services: str = "SERVICES.yml"
    runbooks: str = "runbooks"
    waivers: str = "audit-waivers.yml"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Paths are relative to `root`, with `/`; what lies outside of it is absolute."""

    root: Path
    taken: datetime
    where: Where = Where()
    tree: Tree = field(default_factory=Tree)
    models: tuple[Model, ...] = ()
    entries: Mapping[str, Entry] = field(default_factory=dict)
    env_files: tuple[EnvFile, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict)
    """YAML that is no compose file."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """READMEs, runbooks, systemd units."""
    private_keys: frozenset[str] = frozenset()
    """Files that hold a private key."""
    code: tuple[CodeDefault, ...] = ()
    """In what services are built from."""
    git: Git | None = None
    """None: nothing is kept in git."""
    engines: tuple[EngineView, ...] = ()
    no_engine: str = ""
    """Why nothing is known of what runs, in words; empty when it is."""
    machine: Machine | None = None
    """None: nobody looked at one."""
    backups: Backups | None = None
    """None: the bot makes none, or was not asked."""
    delivery: Mapping[str, datetime | None] | None = None
    """Room that alerts go to → when a test alert last arrived there. None: the bot was not asked."""
    live: Live = field(default_factory=Live)
    """What runs and answers for itself."""
    published: Published | None = None
    """None: no registry was asked."""
    engine_wanted: bool = True
    """False: whoever asked wants to hear of the files only."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """What should have been read and could not, with the reason."""

    def relative(self, path: Path | PurePosixPath) -> str:
        """A path as it is shown."""
        return shown(path, self.root)

    def under(self, folder: str) -> Iterator[Entry]:
        """What stands below a folder."""
        prefix = f"{folder}/" if folder else ""
        return (one for path, one in self.entries.items() if path.startswith(prefix))

    @property
    def details(self) -> Iterator[Detail]:
        return (detail for view in self.engines for detail in view.details)
