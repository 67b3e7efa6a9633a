"""Free loopback ports."""

import random
import socket

# Below Linux's ephemeral range: an outgoing connection must not take the port of a server that is restarting.
FIRST, LAST = 20_000, 32_000
_given: set[int] = set()


def free_port() -> int:
    """A port on 127.0.0.1 that is free for TCP and UDP now, and that this process was not given before."""
    for port in random.sample(range(FIRST, LAST), LAST - FIRST):
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST} on 127.0.0.1")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
