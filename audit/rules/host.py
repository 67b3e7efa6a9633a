"""What a service may do to its machine."""

from collections.abc import Iterator

from audit.look import Look
from audit.model import Failed, Result, Severity
from audit.places import of_tree
from audit.rule import each_service, rule
from audit.subject import Subject


@rule("OPS-02", Severity.HIGH, peers=("CL-0001",))
@each_service
def docker_socket(look: Look, one: Subject) -> Iterator[Result]:
    """A service holds the Docker socket: whoever breaks into it owns the machine.

    Wrong: `/var/run/docker.sock`, or a folder above it, is mounted; `:ro` protects the file, not what is said
    through it. Not meant: a docker-socket-proxy, which exists to hold it.
    Disprove: the mount is not the Engine's socket.
    Mend: a docker-socket-proxy with only the calls that it needs, on a network of its own.
    """
    if "socket-proxy" in one.repository or not one.holds_socket:
        return
    mount = next(
        m
        for m in one.mounts
        if m.is_bind and (m.source.endswith("docker.sock") or m.source in {"/", "/var", "/var/run", "/run"})
    )
    yield Failed(
        place=of_tree(look.snapshot, mount.tree, one.file),
        message=f"{mount.source} is mounted" + ("" if mount.writable else "; ro does not protect it"),
        service=one.full_name,
        evidence=(f"mounted at {mount.target}",),
        disprove="the mount is not the Engine's socket",
        remedy="put a docker-socket-proxy between, with only the calls that it needs",
    )
