"""`tocsin audit`: the audit engine without any chat. Writes nothing."""

import argparse
import gc
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.errors import Unknown, UserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from audit.model import Report
    from bot.config.model import Estate
    from estate.snapshot.live import Live
    from estate.snapshot.model import Snapshot

SEVERITIES = ("low", "medium", "high", "critical")


def add_to(parser: argparse.ArgumentParser) -> None:
    """Its words."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="the estate (default: this folder)"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="take estate, Engine and waivers from here"
    )
    parser.add_argument(
        "--format",
        choices=["text", "json", "sarif", "markdown"],
        default="text",
        help="ten lines; or all of it, for programs or for people",
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, default="low", help="end with 1 from this severity on (default: low)"
    )
    parser.add_argument(
        "--allow-unknown", action="store_true", help="do not end with 2 when something could not be read"
    )
    parser.add_argument("--no-docker", action="store_true", help="the files only; ask no Engine")
    parser.add_argument(
        "--graph",
        type=Path,
        metavar="FILE",
        help="draw the estate into a .svg, .png or .dot file",
    )
    parser.add_argument("--history", action="store_true", help="which commit brought and mended what")
    parser.add_argument(
        "--check-report", type=Path, metavar="FILE", help="hold an older report's claims against the estate"
    )
    parser.add_argument("--fix", metavar="FINDING", help="mend one finding: shown, asked, done, proved")
    parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument("--explain", metavar="RULE", help="what a rule means by wrong, and nothing else")


def run(given: argparse.Namespace) -> int:
    """0 good, 1 found something, 2 nothing found and something could not be read."""
    # A short life that makes hundreds of thousands of small things and drops few: looking for circles among
    # them takes as long as reading them, and the interpreter would look once more as it ends.
    gc.disable()
    try:
        return _run(given)
    finally:
        gc.freeze()


def _run(given: argparse.Namespace) -> int:
    if given.explain is not None:
        sys.stdout.write(explain(given.explain))
        return 0
    if given.history:
        from bot.audit_history import history
        from bot.snapshots import where

        root, _, estate, _ = _estate(given)
        return history(root, where(estate), given.format)
    if given.fix is not None:
        from bot.audit_fix import fix

        return fix(given.fix, lambda: _taken(given), yes=given.yes)
    snapshot = _taken(given)
    if given.graph is not None:
        from bot.audit_graph import graph

        return graph(given.graph, snapshot)
    if given.check_report is not None:
        from bot.report_check import check

        return check(given.check_report, snapshot, given.format, allow_unknown=given.allow_unknown)
    report = _report(snapshot)
    sys.stdout.write(written(report, snapshot, given.format))
    return exit_code(report, given.fail_on, allow_unknown=given.allow_unknown)


def exit_code(report: "Report", fail_on: str, *, allow_unknown: bool) -> int:
    from audit.model import Severity

    worst = Severity(fail_on).rank
    if any(one.severity.rank <= worst for one in report.findings):
        return 1
    return 2 if report.unknown and not allow_unknown else 0


def explain(name: str) -> str:
    """A rule's documentation. Raises Unknown."""
    from audit.rules import BY_ID

    found = BY_ID.get(name.upper())
    if found is None:
        raise Unknown(f"{name} — no rule is called that; the rules are {', '.join(BY_ID)}")
    peers = f"\nAs others call it: {', '.join(found.peers)}" if found.peers else ""
    return f"{found.id} ({found.severity.value})\n{found.help}{peers}\n"


def _report(snapshot: "Snapshot") -> "Report":
    """In words that may be said."""
    from audit.cleaning import cleaned, secrets_of
    from audit.engine import evaluate
    from audit.rules import ALL
    from bot.core.redact import Redactor

    return cleaned(evaluate(snapshot, ALL), Redactor(secrets_of(snapshot)))


def _taken(given: argparse.Namespace) -> "Snapshot":
    """Not as what the loop returns: to put its signal handler back, asyncio makes text of its task, with all
    that it returned."""
    if given.no_docker and given.config is None:
        return _files_alone(given.folder or Path())
    found: list[Snapshot] = []

    async def take() -> None:
        found.append(await _snapshot(given))

    import asyncio

    asyncio.run(take())
    return found[0]


def _files_alone(root: Path) -> "Snapshot":
    """Nobody is asked, so nothing is loaded that asks. Raises UserError."""
    from dataclasses import replace

    from estate.snapshot.take import Snapshots

    taken = Snapshots(_readable(root)).take(datetime.now(UTC))
    return replace(taken, no_engine="no Engine was asked", engine_wanted=False)


async def _snapshot(given: argparse.Namespace) -> "Snapshot":
    from functools import partial

    from bot.snapshots import SAMPLES, LateSnapshots
    from estate.credentials import Credentials
    from estate.docker import DockerEngine
    from estate.machine import read_machine
    from estate.published import read_published
    from estate.registry import Registry

    root, also, estate, live = _estate(given)
    engines = [] if given.no_docker else [DockerEngine(estate.docker, "local", environ=os.environ)]
    registry = Registry(Credentials(os.environ))
    url = estate.docker or os.environ.get("DOCKER_HOST") or "unix://"
    snapshots = LateSnapshots(
        root,
        estate,
        engines,
        also=also,
        engine_wanted=not given.no_docker,
        machine=read_machine if url.startswith("unix://") else None,
        live=live,
        published=partial(read_published, registry),
        samples=SAMPLES,
    )
    try:
        return await snapshots.take(datetime.now(UTC))
    finally:
        await registry.close()
        for engine in engines:
            await engine.close()


def _estate(
    given: argparse.Namespace,
) -> "tuple[Path, list[Path], Estate, Callable[[], Awaitable[Live]] | None]":
    """The folder, the others to look into, what is set, and who is asked what runs. Raises UserError,
    ConfigError."""
    from bot.config.model import Estate

    estate, root, also, live = Estate(), given.folder, [], None
    if given.config is not None:
        import commands
        from bot.app import live_answers, seen
        from bot.config import load

        config = load(given.config, os.environ, [command.name for command in commands.ALL])
        estate, live = config.estate, live_answers(config)
        if root is None and estate.root is not None:
            root = seen(estate.root, estate.paths)
            also = [seen(folder, estate.paths) for folder in estate.also]
    return _readable(root if root is not None else Path()), also, estate, live


def _readable(root: Path) -> Path:
    if not root.is_dir():
        raise UserError(f"{root}: is no directory; name the folder that holds your compose files")
    if not os.access(root, os.R_OK | os.X_OK):
        raise UserError(f"{root}: may not be read by you; run it as a user who may")
    return root


def written(report: "Report", snapshot: "Snapshot", form: str) -> str:
    """A report in one of the formats. `report` is cleaned."""
    from audit.report_json import as_json
    from audit.report_text import ten_lines

    match form:
        case "json":
            return as_json(report)
        case "sarif":
            from audit.report_sarif import as_sarif
            from audit.rules import ALL

            return as_sarif(report, ALL, _version())
        case "markdown":
            from audit.look import Look
            from audit.report_markdown import About, as_markdown

            name = snapshot.root.resolve().name or str(snapshot.root)
            return as_markdown(report, Look(snapshot, snapshot.taken), About(name, f"tocsin {_version()}"))
        case _:
            read_on = "all of it: --format json, sarif or markdown; what a rule means: --explain RULE"
            return "\n".join(ten_lines(report, read_on)) + "\n"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tocsin")
    except PackageNotFoundError:
        return "0.0.0"  # run from a tree that was never installed
