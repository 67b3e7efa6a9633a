"""The estate: its folders, the Engine, the Compose tool, the backup's tool."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.config.model import Backup, Config, Estate
from bot.doctor.finding import PATIENCE, Finding, Verdict, bad, bounded, ok, unknown


async def examine(config: Config, env: Mapping[str, str]) -> list[Finding]:
    estate = config.estate
    parts = [
        bounded("docker", _engine(estate, env)),
        bounded("compose", _compose(estate)),
        bounded("backup", _backup(estate.backup)),
    ]
    folders = await asyncio.to_thread(_folders, estate)
    found = await asyncio.gather(*parts)
    return [*folders, *(finding for part in found for finding in part)]


def _folders(estate: Estate) -> list[Finding]:
    named = [("estate.root", estate.root)] if estate.root else []
    named += [("estate.also", folder) for folder in estate.also]
    named += [("estate.paths", Path(here)) for here in estate.paths.values()]
    return [_folder(key, path) for key, path in named]


def _folder(key: str, path: Path) -> Finding:
    if not path.is_dir():
        return bad(f"{key} {path}: is not there", "is it mounted here, at this path?")
    if not os.access(path, os.R_OK | os.X_OK):
        return bad(f"{key} {path}: may not be read", "let the user that runs tocsin read it")
    return ok(f"{key} {path}: can be read")


async def _engine(estate: Estate, env: Mapping[str, str]) -> list[Finding]:
    from estate.docker import DockerEngine

    engine = DockerEngine(estate.docker, environ=env, timeout=PATIENCE)
    try:
        state = await engine.ready()
    finally:
        await engine.close()
    if state.ok:
        return [ok(f"docker {engine.url}: answers")]
    # The Engine's adapter says the remedy itself.
    wanted = estate.docker is not None or bool(env.get("DOCKER_HOST"))
    return [Finding(Verdict.BAD if wanted else Verdict.UNKNOWN, f"docker: {state.why}")]


async def _compose(estate: Estate) -> list[Finding]:
    from estate.compose.tool import KNOWN, REMEDY

    if estate.root is None:
        return []
    tried = (estate.compose,) if estate.compose else KNOWN
    remedy = f"{REMEDY}, or name a Compose 2 in estate.compose"
    for argv in tried:
        version = await _version([*argv, "version", "--short"])
        if version is None:
            continue
        said = f"compose `{' '.join(argv)}`: version {version}"
        if version.startswith("1."):
            return [unknown(f"{said}, which makes nothing anew that Compose 2 made", remedy)]
        return [ok(said)]
    names = " and ".join(f"`{' '.join(argv)}`" for argv in tried)
    if estate.compose:
        return [bad(f"compose: {names} cannot be run", remedy)]
    # A deployment that only reads has no need of it.
    return [unknown(f"compose: {names} cannot be run, which only commands that change things need", remedy)]


async def _backup(backup: Backup | None) -> list[Finding]:
    if backup is None:
        return []
    if backup.engine == "restic":
        version = await _version(["restic", "version"])
        if version is None:
            return [bad("estate.backup: restic cannot be run", "install restic")]
        return [ok(f"estate.backup: {version.splitlines()[0]}")]
    if backup.engine == "command":
        found = shutil.which(backup.argv[0])
        if found is None:
            return [
                bad(
                    f"estate.backup: {backup.argv[0]} is no program here",
                    "install it, or write its whole path",
                )
            ]
        return [ok(f"estate.backup: {found}")]
    if shutil.which("systemctl") is None:
        return [
            bad("estate.backup: there is no systemctl here", "run tocsin on the host, or use another engine")
        ]
    known = await _version(["systemctl", "cat", "--", str(backup.unit)])
    if known is None:
        return [
            bad(f"estate.backup: systemd knows no unit {backup.unit}", "install the unit, or name another")
        ]
    return [ok(f"estate.backup: the unit {backup.unit} is there")]


async def _version(argv: Sequence[str]) -> str | None:
    """What it prints, or None when it cannot be run, fails or hangs."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    said = out.decode(errors="replace").strip()
    return said if process.returncode == 0 and said else None
