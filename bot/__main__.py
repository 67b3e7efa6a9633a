"""The command line. Exit codes: 0 good, 1 found something, 2 your mistake, 3 our bug."""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from bot import audit_command
from bot.core.errors import ConfigError, UserError

GOOD, FOUND, MISTAKE, BUG = 0, 1, 2, 3


def main(argv: Sequence[str] | None = None) -> None:
    """The entry point of the script `tocsin`."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Do what the words say; the exit code."""
    given = _parser().parse_args(argv)
    action: Callable[[argparse.Namespace], int] = given.action
    try:
        return action(given)
    except ConfigError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)
        return MISTAKE
    except UserError as error:
        print(error, file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        return GOOD
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    except Exception:
        import traceback

        traceback.print_exc()
        print("tocsin: that was our bug; please report the lines above", file=sys.stderr)
        return BUG


def _in_loop(work: Coroutine[Any, Any, int]) -> int:
    """Loaded here: an audit of files, as in CI, would wait for it and needs none."""
    import asyncio

    return asyncio.run(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tocsin",
        description="Chat-ops for a self-hosted Docker estate: it rings, it answers, and it changes things"
        " only after the right people said yes.",
        epilog="Exit codes: 0 good, 1 found something, 2 your mistake, 3 our bug.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    console = commands.add_parser("console", help="chat in the terminal; needs no config, account or network")
    console.add_argument(
        "--estate", type=Path, metavar="DIR", help="an estate to use in place (default: a copy of the sample)"
    )
    console.add_argument(
        "--state", type=Path, metavar="DIR", help="keep the state here (default: a fresh temporary directory)"
    )
    console.set_defaults(action=_console)

    bot = commands.add_parser("run", help="the bot")
    _config(bot)
    bot.set_defaults(action=_run)

    check = commands.add_parser("check", help="every mistake in the configuration at once")
    _config(check)
    check.add_argument("--online", action="store_true", help="also ask each service that it names")
    check.set_defaults(action=_check)

    audit = commands.add_parser(
        "audit", help="what is wrong with an estate, without any chat; writes nothing"
    )
    audit_command.add_to(audit)
    audit.set_defaults(action=audit_command.run)

    doctor = commands.add_parser("doctor", help="what works from here and what does not, with the remedy")
    _config(doctor)
    doctor.set_defaults(action=_doctor)

    journal = commands.add_parser("journal", help="the record of who did what")
    journal.add_argument(
        "what", choices=["verify", "export"], help="verify the chain, or write it as JSON lines"
    )
    where = journal.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="FILE", help="the bot's configuration")
    where.add_argument("--state", type=Path, metavar="DIR", help="the state directory itself")
    journal.set_defaults(action=_journal)
    return parser


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the configuration, one YAML file"
    )


def _console(given: argparse.Namespace) -> int:
    from bot.terminal import console

    return _in_loop(console(given.estate, given.state))


def _run(given: argparse.Namespace) -> int:
    from bot.service import serve

    return _in_loop(serve(given.config, os.environ))


def _check(given: argparse.Namespace) -> int:
    import commands
    from bot.config import check

    online = None
    if given.online:
        from bot import doctor

        online = doctor.ask
    names = [command.name for command in commands.ALL]
    return check.run(given.config, online, sys.stdout, env=os.environ, commands=names)


def _doctor(given: argparse.Namespace) -> int:
    import commands
    from bot import config, doctor

    loaded = config.load(given.config, os.environ, [command.name for command in commands.ALL])
    return GOOD if doctor.ask(loaded, sys.stdout) else FOUND


def _journal(given: argparse.Namespace) -> int:
    return _in_loop(_read_journal(given.what, given.state or _state_of(given.config)))


def _state_of(config: Path) -> Path:
    import commands
    from bot.config import load

    return load(config, os.environ, [command.name for command in commands.ALL]).state


async def _read_journal(what: str, state: Path) -> int:
    from bot.app import SystemClock
    from bot.store.database import Database
    from bot.store.journal import JournalStore, export

    path = state / "tocsin.db"
    if not path.exists():
        raise UserError(f"{path}: there is no journal here; --state is what the configuration calls `state`")
    async with Database(path, read_only=True) as database:
        journal = JournalStore(database, SystemClock())
        if what == "export":
            sys.stdout.write(export(await journal.all()))
            return GOOD
        count, wrong = await journal.verify()
        seq, head = await journal.head()
        if wrong is not None:
            print(f"bad: {wrong}")
            return FOUND
        print(f"good: {count} rows hold together; the newest is row {seq}, hash {head}")
        print("A chain cannot witness its own tail: compare that hash with one that was shown elsewhere.")
        return GOOD


if __name__ == "__main__":
    main()
