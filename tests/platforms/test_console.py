"""The console as a platform, as a pipe, and on a real terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.doc import Fields, File, Heading, Text, Tone, doc, line, say
from bot.core.errors import Upstream
from bot.core.model import Identity, Room
from bot.platforms.console import CAST, ROOMS, Console
from bot.ports import Platform
from tests.talk import OPS, Talk

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "tests.platforms.console_demo"]
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def console(**more: object) -> tuple[Console, list[str]]:
    said: list[str] = []
    return Console(write=said.append, **more), said  # type: ignore[arg-type]


# ---- as a platform --------------------------------------------------------------------------------------


def test_it_is_a_platform() -> None:
    platform: Platform = console()[0]
    assert platform.name == "console"


async def test_a_card_is_printed_once_and_its_edit_is_its_new_head_line_once() -> None:
    one, said = console()
    firing = doc(Heading(line("FIRING ProbeDown"), Tone.BAD, "🔥"), Fields((("job", line("api")),)))
    resolved = doc(Heading(line("RESOLVED ProbeDown"), Tone.GOOD, "✅"), Fields((("job", line("api")),)))
    message_id = await one.send(OPS, firing, key="k1")
    assert await one.send(OPS, firing, key="k1") == message_id
    assert await one.find(OPS, "k1", since=SINCE) == message_id
    assert await one.find(OPS, "k2", since=SINCE) is None
    await one.edit(OPS, message_id, firing, key="k2")
    await one.edit(OPS, message_id, resolved, key="k3")
    await one.edit(OPS, message_id, resolved, key="k3")
    assert said == ["🔥 FIRING ProbeDown\njob: api\n", "✅ RESOLVED ProbeDown\n"]


async def test_a_card_of_before_a_restart_is_edited_too() -> None:
    one, said = console()
    await one.edit(OPS, "ops/k-of-old", doc("x", Heading(line("RESOLVED"))), key="k3")
    assert said == ["RESOLVED\n"]


async def test_what_a_card_just_said_its_thread_does_not_say_again() -> None:
    one, said = console()
    root = await one.send(OPS, doc(Heading(line("FIRING: Down (2 alerts)"))), key="k1")
    await one.edit(OPS, root, doc(Heading(line("RESOLVED: Down (2 alerts) after 5 min"))), key="k2")
    await one.send(OPS, say("RESOLVED after 5 min: Down"), key="k3", thread=root)
    await one.send(OPS, say("FIRING again: Down"), key="k4", thread=root)
    await one.send(OPS, doc("Down", files=[File("a.txt", "text/plain", b"x")]), key="k5", thread=root)
    assert said[1:] == [
        "RESOLVED: Down (2 alerts) after 5 min\n",
        "FIRING again: Down\n",
        "Down\n[file a.txt, 1 bytes]\n",
    ]


async def test_on_a_terminal_a_card_stands_apart_and_its_thread_below_it() -> None:
    one, said = console(colour=True)
    root = await one.send(OPS, doc(line("FIRING"), line("more")), key="k1")
    await one.send(OPS, say("another"), key="k2", thread=root)
    assert said == ["\nFIRING\nmore\n", "  ↳ another\n"]


async def test_the_same_card_in_two_rooms_is_two() -> None:
    one, said = console()
    assert await one.send(ROOMS[0], say("a"), key="k") != await one.send(ROOMS[1], say("a"), key="k")
    assert said == ["a\n", "a\n"]


async def test_a_file_is_kept_and_its_place_is_said(tmp_path: Path) -> None:
    one, said = console(files=tmp_path / "files")
    await one.send(OPS, doc("see", files=[File("../../x y.txt", "text/plain", b"hello")]), key="k")
    (path,) = (tmp_path / "files").iterdir()
    assert path.read_bytes() == b"hello"
    assert said == [f"see\n[file {path}, 5 bytes]\n"]
    assert path.parent == tmp_path / "files"


async def test_a_whisper_is_heard() -> None:
    one, said = console()
    await one.whisper(OPS, Identity("console", "ann"), say("psst"), key="k")
    assert said == ["psst\n"]


def test_a_note_is_not_among_the_answers_of_a_pipe() -> None:
    aside: list[str] = []
    piped, said = console(aside=aside.append)
    piped.note("webhook: http://127.0.0.1:9099")
    shown, seen = console(aside=aside.append, colour=True)
    shown.note("webhook: http://127.0.0.1:9100")
    assert (said, aside) == ([], ["webhook: http://127.0.0.1:9099\n"])
    assert seen == ["webhook: http://127.0.0.1:9100\n"]


async def test_on_a_terminal_another_rooms_alert_says_where_it_is() -> None:
    one, said = console(colour=True)
    await one.send(Room("console", "lounge", "lounge"), say("tea"), key="k")
    assert said == ["[lounge] tea\n"]


# ---- who types ------------------------------------------------------------------------------------------


async def test_the_journal_has_it_before_it_is_shown() -> None:
    talk = Talk()
    rows: list[int] = []
    one = Console(write=lambda text: rows.append(len(talk.journal.rows)))
    await one.line("!ping", talk.engine.handle, talk.journal, talk.clock)
    assert rows == [2]


async def test_what_the_journal_cannot_keep_is_not_said() -> None:
    talk = Talk()
    talk.journal.trouble = Upstream("the state cannot be written: disk full")
    one, said = console()
    await one.line("!ping", talk.engine.handle, talk.journal, talk.clock)
    assert said == ["I could not: the state cannot be written: disk full\n"]


async def test_control_characters_of_a_bad_line_are_shown_and_not_obeyed() -> None:
    talk = Talk()
    one, said = console()
    for text in ("\x1b[2Jx", "/\x1b[2J", "/as \x1b[2J", "/room \x1b[2J", "!\x1b[2J", "!a\x1b[2J"):
        await one.line(text, talk.engine.handle, talk.journal, talk.clock)
    assert "\x1b" not in "".join(said)
    assert all(text.startswith("unknown: ") for text in said)


def test_the_cast() -> None:
    assert [(p.name, p.roles) for p in CAST.everyone] == [
        ("ann", ("operator",)),
        ("adam", ("admin",)),
        ("eve", ()),
        ("vic", ("viewer",)),
    ]


# ---- a pipe ---------------------------------------------------------------------------------------------


@pytest.fixture
def demo() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_pipe_is_answered_line_by_line_and_ends_well(demo: dict[str, str]) -> None:
    process = subprocess.Popen(
        DEMO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=demo, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for typed, answer in ((b"!ping\n", b"pong\n"), (b"/as eve\n", b"you are eve (no role)\n")):
            process.stdin.write(typed)
            process.stdin.flush()
            assert process.stdout.readline() == answer
        out, err = process.communicate(b"\xff\xfe\n!ping", timeout=30)
    finally:
        process.kill()
        process.wait()
    assert out.decode().splitlines()[0].startswith("unknown: ")
    assert out.decode().splitlines()[1].startswith("refused: ")
    assert (process.returncode, err) == (0, b"")


def test_a_file_can_be_fed_and_its_end_is_the_end(demo: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("!ping\n/quit\n!ping\n")
    with script.open() as lines:
        done = subprocess.run(
            DEMO, stdin=lines, capture_output=True, env=demo, cwd=ROOT, timeout=30, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"pong\n", b"")


def test_alerts_come_while_a_pipe_says_nothing(demo: dict[str, str]) -> None:
    process = subprocess.Popen(
        DEMO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=demo | {"ALERT": "1"}, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().decode() == "🔥 FIRING critical ProbeDown\n"
        out, _ = process.communicate(b"!ping\n", timeout=30)
    finally:
        process.kill()
        process.wait()
    assert out == b"pong\n"


# ---- a terminal -----------------------------------------------------------------------------------------


class Terminal:
    """A process on a pseudo-terminal: type keys, wait for what is seen."""

    def __init__(self, env: dict[str, str]) -> None:
        self._fd, child = pty.openpty()
        size = {"COLUMNS": "90", "LINES": "30", "TERM": "xterm-256color"}
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        self.process = subprocess.Popen(
            DEMO, stdin=child, stdout=child, stderr=child, env=env | size, cwd=ROOT, start_new_session=True
        )
        os.close(child)
        self.raw = ""

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def leave(self, patience: float = 120) -> int:
        """Ctrl-D until it ends; its exit code. Between two prompts the terminal is the kernel's, which takes
        the key for itself: whoever sits there presses it again. What it says and asks is read meanwhile."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with contextlib.suppress(OSError):  # it has ended, and its terminal with it
                self.type("\x04")
            for _ in range(20):
                self._read(0.1)
                if self.process.poll() is not None:
                    return self.process.returncode
        raise AssertionError(f"it did not end within {patience:g} s of Ctrl-D")

    def wait_for(self, text: str, after: int = 0, patience: float = 20) -> int:
        """Where in what was seen so far `text` ends."""
        end = time.monotonic() + patience
        while text not in self.seen[after:]:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} was not seen in {self.seen[after:]!r}"
            self._read(min(left, 0.2))
        return self.seen.index(text, after) + len(text)

    def _read(self, patience: float) -> None:
        if select.select([self._fd], [], [], patience)[0]:
            try:
                got = os.read(self._fd, 65_536).decode("utf-8", "replace")
                self.raw += got
                if "\x1b[6n" in got:  # where is the cursor?
                    os.write(self._fd, b"\x1b[1;1R")
            except OSError:  # the other side is closed
                time.sleep(0.01)

    @property
    def seen(self) -> str:
        return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)", "", self.raw)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._fd)


def test_a_terminal_has_a_prompt_history_completion_and_unbroken_lines(demo: dict[str, str]) -> None:
    terminal = Terminal(demo | {"ALERT": "signal"})
    try:
        at = terminal.wait_for("ann@ops>")
        terminal.wait_for("ann (operator) · room ops")
        terminal.type("!ping\r")
        at = terminal.wait_for("pong", at)
        at = terminal.wait_for("ann@ops>", at)
        terminal.type("!who\t")
        at = terminal.wait_for("ami", at)
        terminal.process.send_signal(signal.SIGUSR1)
        # The alert comes above the line that is being typed, and the line goes on afterwards.
        at = terminal.wait_for("FIRING critical ProbeDown", at)
        at = terminal.wait_for("!whoami", at)
        terminal.type("\r")
        at = terminal.wait_for("you are ann (operator)", at)
        terminal.type("/as adam\r")
        at = terminal.wait_for("you are adam (admin)", at)
        at = terminal.wait_for("adam@ops>", at)
        terminal.type("\x1b[A")
        at = terminal.wait_for("/as adam", at)
        terminal.type("\x03")
        at = terminal.wait_for("adam@ops>", at)
        assert terminal.leave() == 0
        assert "\x1b[1;31m" in terminal.raw, "what is bad is red"
    finally:
        terminal.close()


async def test_text_spans_are_never_markup_on_a_terminal() -> None:
    one, said = console(colour=True)
    await one.send(OPS, doc(line(Text("[red]x[/red] :fire: [link=http://evil]y[/link]"))), key="k")
    assert said == ["[red]x[/red] :fire: [link=http://evil]y[/link]\n"]
