"""This machine: the state directory, its lock, the port, files that others may read."""

import asyncio
import errno
import fcntl
import os
import socket
from pathlib import Path

from bot.config.model import Config
from bot.doctor.finding import Finding, Verdict, bad, ok, unknown
from bot.doctor.http import ask, client

_LITTLE = 200 * 1024 * 1024
"""Bytes free, below which the alerts of a bad night may not fit."""


async def examine(config: Config) -> list[Finding]:
    """Nothing is created; the lock is only looked at."""
    warned = [Finding(Verdict.BAD, warning) for warning in config.warnings]
    state = await asyncio.to_thread(_state, config.state)
    return [*warned, *state, await _port(config.http.host, config.http.port)]


def _state(state: Path) -> list[Finding]:
    what = f"state {state}"
    try:
        if not state.exists():
            return [_to_be_made(state, what)]
        if not state.is_dir():
            return [bad(f"{what}: is not a directory", "name another, or move the file away")]
        findings = [_writable(state, what), _lock(state, what)]
        if state.stat().st_mode & 0o077:
            findings.append(bad(f"{what}: others may look into it", f"chmod 700 {state}"))
        room = os.statvfs(state)
        if room.f_bavail * room.f_frsize < _LITTLE:
            free = room.f_bavail * room.f_frsize // (1024 * 1024)
            findings.append(bad(f"{what}: only {free} MiB are free", "make room, or name another disk"))
        return findings
    except OSError as error:
        return [bad(f"{what}: {error.strerror}", "give it to the user that runs tocsin, mode 0700")]


def _to_be_made(state: Path, what: str) -> Finding:
    above = next(folder for folder in state.parents if folder.exists())
    if os.access(above, os.W_OK | os.X_OK):
        return ok(f"{what}: will be made at the first start")
    return bad(
        f"{what}: is not there and cannot be made in {above}",
        "make it for the user that runs tocsin, mode 0700",
    )


def _writable(state: Path, what: str) -> Finding:
    if os.access(state, os.R_OK | os.W_OK | os.X_OK):
        return ok(f"{what}: can be written")
    return bad(f"{what}: cannot be written", "give it to the user that runs tocsin, mode 0700")


def _lock(state: Path, what: str) -> Finding:
    path = state / "lock"
    if not path.exists():
        return ok(f"{what}: nobody uses it")
    with path.open("rb") as file:
        try:
            # Shared, and let go at once: a bot that starts this very moment waits for nobody.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            holder = file.read(32).decode(errors="replace").strip() or "another process"
            return unknown(f"{what}: is in use by process {holder}", "good if that is the running bot")
        fcntl.flock(file, fcntl.LOCK_UN)
    return ok(f"{what}: nobody uses it")


async def _port(host: str, port: int) -> Finding:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    what = f"http {shown}"
    trouble = await asyncio.to_thread(_bind, host, port)
    if trouble is None:
        return ok(f"{what}: the port is free")
    if trouble != errno.EADDRINUSE:
        return bad(
            f"{what}: {os.strerror(trouble)}",
            "http.listen wants an address of this machine, port 1024 or above",
        )
    near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, shown.rpartition(":")[0])  # noqa: S104 - asked, not bound
    async with client(f"http://{near}:{port}", patience=2) as http:
        if (await ask(http, "GET", "/healthz")).good:
            return ok(
                f"{what}: is taken by a program whose /healthz answers, good if that is the running bot"
            )
    return bad(f"{what}: is taken by another program", "end it, or choose another port in http.listen")


def _bind(host: str, port: int) -> int | None:
    """The errno, or None when it could be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno or errno.EINVAL
    return None
