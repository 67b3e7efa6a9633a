"""One service, with what most rules ask about it. Pure."""

import re
from functools import cached_property

from audit.model import Place
from audit.mounts import MountPoint, mounts_of
from audit.places import of_span
from audit.ports import Port, published
from estate.compose.model import Model
from estate.compose.service import ResolvedService
from estate.compose.value import Section, child, open_text_of, text_of, texts_of
from estate.reference import Reference, parse_reference
from estate.snapshot.model import Snapshot

_DATABASES = re.compile(
    r"(?:^|[/-])(?:postgres|postgresql|postgis|timescaledb|pgvector|mysql|mariadb|percona|mongo|mongodb|redis|valkey"
    r"|keydb|couchdb|cassandra|influxdb|elasticsearch|opensearch|clickhouse(?:-server)?|neo4j)\Z"
)
_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
_ABOVE_SOCKETS = ("/", "/var", "/var/run", "/run")


class Subject:
    """`model` is its project."""

    def __init__(self, snapshot: Snapshot, model: Model, service: ResolvedService) -> None:
        self.snapshot = snapshot
        self.model = model
        self.service = service
        self.name = service.name
        self.full_name = f"{model.name}/{service.name}"

    @cached_property
    def file(self) -> str:
        """The compose file that names it."""
        if self.service.at is not None:
            return self.snapshot.relative(self.service.at[0].path)
        return self.snapshot.relative(self.model.paths[0]) if self.model.paths else ""

    @property
    def place(self) -> Place:
        """Where its name stands."""
        return of_span(self.snapshot, self.service.at, self.file, f"{self.name}:")

    @cached_property
    def folder(self) -> str:
        """Its project's folder, relative to the root; empty for the root itself."""
        shown = self.snapshot.relative(self.model.directory)
        return "" if shown == "." else shown

    @property
    def is_active(self) -> bool:
        """No profile keeps it away."""
        return self.name in self.model.active

    @cached_property
    def image(self) -> Reference | None:
        value = self.service.image
        return parse_reference(value.text) if value is not None and value.text else None

    @property
    def repository(self) -> str:
        """Of its image, without host and tag; empty when it has none."""
        return self.image.repository if self.image else ""

    @property
    def app(self) -> str:
        """The last word of its image's repository: `grafana`."""
        return self.repository.rpartition("/")[2].lower()

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        return tuple(published(self.service))

    @cached_property
    def mounts(self) -> tuple[MountPoint, ...]:
        return tuple(mounts_of(self.model, self.service))

    @cached_property
    def is_database(self) -> bool:
        return bool(_DATABASES.search(self.repository.lower()))

    @property
    def keeps_data(self) -> bool:
        return self.is_database or any(one.writable and one.kind in {"bind", "volume"} for one in self.mounts)

    @property
    def holds_socket(self) -> bool:
        """It can tell the Engine what to do, also through a mount that says `ro`."""
        return any(
            one.is_bind and (one.source in _SOCKETS or one.source in _ABOVE_SOCKETS) for one in self.mounts
        )

    @property
    def is_published(self) -> bool:
        """Other machines reach a port of it, past any proxy."""
        return any(port.is_public for port in self.ports) or self.network_mode == "host"

    @property
    def ends_at_once(self) -> bool:
        """It is there for its networks or volumes alone, and does nothing: `true`."""
        words = [*(self.service.entrypoint or ()), *(self.service.command or ())]
        return words in (["true"], ["/bin/true"])

    @property
    def network_mode(self) -> str:
        return text_of(self.service.tree.get("network_mode")) or ""

    @cached_property
    def networks(self) -> dict[str, str]:
        """Name in the file → the name that Docker knows."""
        if self.network_mode:
            return {}
        tree = self.service.tree.get("networks")
        names = list(tree) if isinstance(tree, Section) else texts_of(tree)
        return {name: self._network(name) for name in names or ["default"]}

    def _network(self, name: str) -> str:
        tree = child(self.model.tree, "networks", name)
        named = open_text_of(child(tree, "name"))
        external = child(tree, "external")
        if isinstance(external, Section):
            return open_text_of(external.get("name")) or name
        if named:
            return named
        return name if text_of(external) == "true" else f"{self.model.name}_{name}"

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which others in its project reach it."""
        container = self.service.container_name
        hostname = text_of(self.service.tree.get("hostname"))
        return frozenset(filter(None, (self.name, container, hostname)))
