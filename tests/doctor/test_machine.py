"""What the doctor says of this machine, and that it changes nothing."""

# ruff: noqa: E501 - exact messages

import asyncio
import io
import os
import socket
import sys
from pathlib import Path

from aiohttp import web

from bot import doctor
from bot.config.model import Backup, Config, Estate, Http, Matrix
from bot.doctor import estate, machine
from bot.doctor.finding import Verdict, bad, ok
from bot.store.database import Lock


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def said(state: Path, port: int | None = None, warnings: tuple[str, ...] = ()) -> list[str]:
    config = Config(state, Http("127.0.0.1", port or free_port()), warnings=warnings)
    return [str(finding).replace(str(state), "STATE") for finding in await machine.examine(config)]


async def test_a_state_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    state = tmp_path / "a" / "b"
    assert (await said(state))[0] == "ok      state STATE: will be made at the first start"
    assert not (tmp_path / "a").exists()


async def test_a_good_state_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    lines = await said(tmp_path)
    assert lines[:2] == ["ok      state STATE: can be written", "ok      state STATE: nobody uses it"]
    assert lines[-1].endswith("the port is free")
    assert list(tmp_path.iterdir()) == []


async def test_others_may_look_into_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "bad     state STATE: others may look into it — chmod 700 STATE" in await said(tmp_path)


async def test_a_file_stands_where_the_directory_should(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    lines = await said(tmp_path / "x")
    assert lines[0] == "bad     state STATE: is not a directory — name another, or move the file away"


async def test_who_holds_the_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    lock.take()
    lines = await said(tmp_path)
    assert (
        f"unknown state STATE: is in use by process {os.getpid()} — good if that is the running bot" in lines
    )
    lock.release()
    assert "ok      state STATE: nobody uses it" in await said(tmp_path)
    # And looking did not keep it.
    again = Lock(tmp_path)
    again.take()
    again.release()


async def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0)
        port = int(other.getsockname()[1])
        # Nobody answers on it: it is given up on, not waited for.
        machine_patience = await said(tmp_path, port)
    assert machine_patience[-1] == (
        f"bad     http 127.0.0.1:{port}: is taken by another program — end it, or choose another port in http.listen"
    )


async def test_a_port_where_the_bot_answers(tmp_path: Path) -> None:
    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = int(runner.addresses[0][1])
    lines = await said(tmp_path, port)
    await runner.cleanup()
    assert lines[-1].startswith(
        f"ok      http 127.0.0.1:{port}: is taken by a program whose /healthz answers"
    )


async def test_warnings_of_the_file_are_findings(tmp_path: Path) -> None:
    warned = "c.yml:1: slack.bot_token_file: others may read it"
    assert (await said(tmp_path, warnings=(warned,)))[0] == f"bad     {warned}"


async def test_the_estate_without_an_engine(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    backup = Backup(engine="command", argv=(sys.executable, "--all"))
    config = Config(
        tmp_path,
        Http("127.0.0.1", 1),
        estate=Estate(
            root=tmp_path / "root",
            docker=f"unix://{tmp_path}/none.sock",
            compose=("tocsin-no-such-tool",),
            also=(tmp_path / "missing",),
            backup=backup,
        ),
    )
    lines = [str(finding).replace(str(tmp_path), "DIR") for finding in await estate.examine(config, {})]
    assert lines[0] == "ok      estate.root DIR/root: can be read"
    assert lines[1] == "bad     estate.also DIR/missing: is not there — is it mounted here, at this path?"
    assert lines[2].startswith("bad     docker: no Docker Engine at unix://DIR/none.sock: ")
    assert lines[3] == (
        "bad     compose: `tocsin-no-such-tool` cannot be run — install the Docker Compose plugin"
        " (docker-compose-plugin of Docker's own packages), or name a Compose 2 in estate.compose"
    )
    assert lines[4] == f"ok      estate.backup: {sys.executable}"


async def test_compose_1_can_do_little(tmp_path: Path) -> None:
    """Debian 12's docker-compose."""
    here = Estate(root=tmp_path, compose=("/usr/bin/docker-compose",))
    config = Config(tmp_path, Http("127.0.0.1", 1), estate=here)
    [said] = [str(one) for one in await estate.examine(config, {}) if "compose `" in str(one)]
    assert said.startswith(
        "unknown compose `/usr/bin/docker-compose`: version 1.29.2, which makes nothing anew"
    )


async def test_the_whole_and_its_sum(tmp_path: Path) -> None:
    """A homeserver that is not there: told with a remedy, and nothing hangs."""
    tmp_path.chmod(0o700)
    port = free_port()
    matrix = Matrix(f"http://127.0.0.1:{port}", "@tocsin:example.org", encryption="off")
    out = io.StringIO()
    config = Config(tmp_path, Http("127.0.0.1", free_port()), matrix=matrix)
    assert await asyncio.to_thread(doctor.ask, config, out) is False
    lines = out.getvalue().splitlines()
    assert lines[3].startswith(f"bad     matrix.homeserver http://127.0.0.1:{port}: ")
    assert lines[3].endswith(" — is the address right, and reachable from this machine?")
    assert lines[-1].split(", ")[1] == "1 bad"


def test_a_finding_is_one_harmless_line() -> None:
    assert str(ok("a\nb\u202e")) == "ok      a⏎b\\u{202e}"
    assert str(bad("a", "b\n")) == "bad     a — b⏎"
    assert bad("a", "b").verdict is Verdict.BAD
