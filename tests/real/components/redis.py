"""A real Redis as an image: as in the official one, its files are in /data."""

from pathlib import Path

import docker

from tests.real.components.debian_image import DebianImage

IMAGE = "tocsin-test/redis:7.0"


def build_redis(client: docker.DockerClient) -> str:
    """Make IMAGE and return its id."""
    image = DebianImage(("sh", "cat", "sleep", "true"))
    image.folder("data")
    image.program(Path("/usr/bin/redis-server"), Path("/usr/bin/redis-cli"))
    changes = ['CMD ["redis-server"]', "ENV PATH=/bin:/usr/bin", "WORKDIR /data", "VOLUME /data"]
    return image.build(client, IMAGE, changes)
