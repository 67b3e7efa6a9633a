"""Images made here, since none can be pulled: a static busybox, and what the tests need on top of it."""

import io
import tarfile
from collections.abc import Mapping

import docker

BASE = "tocsin-test/base:1"
_BASE = """
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PATH=/bin
"""
# Process 1 ignores signals it has no handler for, and would cost ten seconds at each stop.
_SERVE = r"""CMD ["sh", "-c", "echo ready; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]"""
_PROBE = "HEALTHCHECK --interval=1s --timeout=2s --retries=2 CMD"

HOUSE: dict[str, str] = {
    "tocsin-test/healthy:1": f'{_PROBE} ["true"]\n{_SERVE}',
    # The probe's binary is not in the image.
    "tocsin-test/unhealthy:1": f'{_PROBE} ["curl", "-fsS", "http://127.0.0.1:8080/health"]\n{_SERVE}',
    "tocsin-test/plain:1": _SERVE,
    # Ignores SIGTERM, as process 1 without a handler does: it ends when its grace does.
    "tocsin-test/stubborn:1": 'CMD ["sleep", "3600"]',
    "tocsin-test/exited:1": 'CMD ["sh", "-c", "echo cannot read /etc/app.conf >&2; exit 3"]',
    "tocsin-test/restarting:1": 'CMD ["sh", "-c", "echo connection refused >&2; exit 1"]',
    # Needs a memory limit, of 16 MiB say, and then ends within a second.
    "tocsin-test/hog:1": 'CMD ["sh", "-c", "a=x; while :; do a=$a$a$a$a; done"]',
}


def build(
    client: docker.DockerClient, tag: str, instructions: str, files: Mapping[str, bytes] | None = None
) -> str:
    """Build one image on top of `BASE` and return its id. `instructions` are Dockerfile lines after FROM."""
    return _build(client, tag, f"FROM {BASE}\n{instructions}\n", files or {})


def build_base(client: docker.DockerClient) -> None:
    """Build `BASE` from Debian's busybox-static."""
    with open("/bin/busybox", "rb") as busybox:
        _build(client, BASE, _BASE, {"busybox": busybox.read()})


def build_house(client: docker.DockerClient) -> None:
    """Build `BASE` and every image of `HOUSE`: about two seconds."""
    build_base(client)
    for tag, instructions in HOUSE.items():
        build(client, tag, instructions)


def _build(client: docker.DockerClient, tag: str, dockerfile: str, files: Mapping[str, bytes]) -> str:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in {"Dockerfile": dockerfile.encode(), **files}.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            item.mode = 0o755
            tar.addfile(item, io.BytesIO(content))
    context.seek(0)
    image, _ = client.images.build(
        fileobj=context, custom_context=True, tag=tag, rm=True, network_mode="none"
    )
    return str(image.id)
