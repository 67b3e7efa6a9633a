"""Starting, going on and ending as the contract says, on `tocsin run` itself: the operator's mistakes stop
it, somebody else's outage never does."""

import contextlib
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.real.components.ports import free_port
from tests.real.components.synapse import Synapse
from tests.real.components.tocsin import Tocsin
from tests.real.rooms import Seen
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS, Stage, alert, body, stage

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
BOB = ("--user", "bob=U0BOB00")


@pytest.fixture(scope="module")
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS, *BOB) as remote:
        yield remote


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bot", *map(str, words)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def ready(on: Stage) -> bool:
    return on.tocsin.get("/readyz")[0] == 200


def says(on: Stage, *words: str) -> bool:
    """Whether /readyz is 503 and names all of these."""
    status, text = on.tocsin.get("/readyz")
    return status == 503 and all(word in text for word in words)


def plain(room: list[Seen]) -> list[str]:
    """What stands in a room, each message in one line."""
    return [" ".join(seen.now.split()) for seen in room]


def posted(slack: RemoteSlack) -> int:
    return len(slack.called(method="chat.postMessage"))


# ---- the operator's mistakes ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, synapse: Synapse, slack: RemoteSlack) -> Iterator[Stage]:
    """Everything that a right start needs; never started here."""
    with stage(tmp_path_factory.mktemp("ground"), synapse, slack) as on:
        yield on


Spoil = Callable[[Stage, Json, dict[str, str]], None]


def _token(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    secrets["matrix_token"] = "syt_nonsense"


def _other_user(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    secrets["matrix_token"] = on.ann["access_token"]


def _device(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    config["matrix"]["device"] = "ELSEWHERE"


def _xoxb(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    secrets["slack_bot"] = "xoxb-nonsense-token"


def _team(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    config["slack"]["team"] = "T0OTHER"


def _xapp(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    secrets["slack_app"] = "xapp-nonsense-token"


def _both(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    _token(on, config, secrets)
    _team(on, config, secrets)


def _state(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    file = on.tocsin.root / "a-file"
    file.touch()
    config["state"] = str(file / "state")


def _no_database(on: Stage, config: Json, secrets: dict[str, str]) -> None:
    state = Path(config["state"])
    state.mkdir(parents=True)
    (state / "tocsin.db").write_text("this is no database, and longer than a header of one " * 20)


MISTAKES: list[tuple[Spoil, list[str]]] = [
    (_token, [r"^matrix\.access_token: .* refuses the token of @tocsin.* — log in anew"]),
    (_other_user, [r"^matrix\.user: is @tocsin.*, but the token belongs to @ann.* — "]),
    (_device, [r"^matrix\.device: is ELSEWHERE, but the token belongs to the device TOCSIN — "]),
    (_xoxb, [r"^slack\.bot_token: .* — "]),
    (_team, [r"^slack\.team: is T0OTHER, but slack\.bot_token belongs to T0HOME.* — "]),
    (_xapp, [r"^slack\.app_token: .* — "]),
    (_both, [r"^matrix\.access_token: ", r"^slack\.team: "]),
    (_state, [r"^state: .*/a-file/state: cannot be written: .* — "]),
    (_no_database, [r"tocsin\.db: cannot be used as a database: .* — "]),
]


def spoiled(on: Stage, root: Path, spoil: Spoil) -> Path:
    """The stage's configuration with one thing wrong."""
    config = json.loads(json.dumps(on.tocsin.config)) | {"state": str(root / "state")}
    config["http"]["listen"] = f"127.0.0.1:{free_port()}"
    names = ("matrix_token", "slack_bot", "slack_app", "webhook", "pickle_key")
    secrets = {name: (on.tocsin.root / name).read_text() for name in names}
    spoil(on, config, secrets)
    return Tocsin(root, config, secrets).file


def mistake(on: Stage, file: Path, *patterns: str) -> str:
    """Start it: it stops with these mistakes and no others, and nobody heard of it."""
    before, began = posted(on.slack), time.monotonic()
    done = command("run", "--config", file)
    assert time.monotonic() - began < 20
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    told = [row for row in done.stderr.splitlines() if not re.match(r"\S+Z (INFO|WARNING) ", row)]
    assert len(told) == len(patterns), done.stderr
    for pattern in patterns:
        assert re.search(pattern, done.stderr, re.MULTILINE), done.stderr
    assert on.matrix() == []
    assert posted(on.slack) == before
    return done.stderr


@pytest.mark.parametrize(("spoil", "patterns"), MISTAKES, ids=lambda one: getattr(one, "__name__", ""))
def test_a_mistake_of_the_operator_stops_it(
    ground: Stage, tmp_path: Path, spoil: Spoil, patterns: list[str]
) -> None:
    said = mistake(ground, spoiled(ground, tmp_path, spoil), *patterns)
    for name in ("matrix_token", "slack_bot", "slack_app"):
        assert (ground.tocsin.root / name).read_text() not in said


def test_a_taken_port_stops_it(ground: Stage, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        file = spoiled(ground, tmp_path, lambda on, config, secrets: config["http"].update(listen=listen))
        mistake(ground, file, rf"^http\.listen: {re.escape(listen)}: cannot be listened on: .* — ")


def test_a_locked_state_stops_it(synapse: Synapse, slack: RemoteSlack, tmp_path: Path) -> None:
    with stage(tmp_path / "first", synapse, slack) as on:
        process = on.tocsin.start().process
        assert process is not None
        on.until(ready)
        state = on.tocsin.config["state"]
        file = spoiled(on, tmp_path / "second", lambda on, config, secrets: config.update(state=state))
        said = mistake(on, file, rf"^state: {re.escape(state)}: is locked by process \d+ — ")
        assert f"process {process.pid}" in said
        assert ready(on)


def test_a_broken_configuration_is_told_whole(ground: Stage, tmp_path: Path) -> None:
    def spoil(on: Stage, config: Json, secrets: dict[str, str]) -> None:
        config["prefiks"] = "!"
        config["matrix"]["homserver"] = config["matrix"].pop("homeserver")
        config["people"]["ann"]["roles"] = ["opperator"]
        config["alerts"]["endpoints"]["default"]["routes"][0]["rooms"] = ["opps"]

    file = spoiled(ground, tmp_path, spoil)
    done = command("check", "--config", file)
    assert done.returncode == 2
    *told, count = done.stdout.splitlines()
    assert count == f"{len(told)} mistakes"
    for wrong, near in (
        ("prefiks", "prefix"),
        ("homserver", "homeserver"),
        ("opperator", "operator"),
        ("opps", "ops"),
    ):
        assert [row for row in told if wrong in row and near in row.partition(wrong)[2]], done.stdout
    assert all(re.match(rf"{re.escape(str(file))}:\d+: ", row) for row in told), done.stdout
    said = mistake(ground, file, *(re.escape(row) for row in told))
    assert said.splitlines() == told


# ---- somebody else's outage -----------------------------------------------------------------------------


class _Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """As much of a Docker Engine as is asked whether it is there."""

    daemon_threads = True

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"ApiVersion": "1.43", "MinAPIVersion": "1.24", "Version": "24.0.0"}
            text = json.dumps(found).encode() if "version" in self.path else b"OK"
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

        def address_string(self) -> str:
            return "unix"


@contextlib.contextmanager
def docker(path: Path) -> Iterator[None]:
    with _Engine(str(path), _Engine.Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def test_without_a_homeserver_and_an_engine_it_rings_on(
    own_synapse: Synapse, slack: RemoteSlack, tmp_path: Path
) -> None:
    engine = tmp_path / "docker.sock"
    with stage(tmp_path, own_synapse, slack, estate={"docker": f"unix://{engine}"}) as on:
        before = len(on.channel())
        own_synapse.stop()
        on.tocsin.start()
        assert on.tocsin.post(body([alert("Down")])) == 200
        on.until(lambda s: len(s.channel()) == before + 1, 10)
        assert on.tocsin.get("/healthz")[0] == 200
        on.until(
            lambda s: says(
                s, f"matrix: not connected to {s.synapse.url}: ", "docker (local): ", "slack: ready"
            )
        )

        def told(room: list[Seen]) -> bool:
            words = "\n".join(plain(room))
            return "matrix does not work: " in words and "docker (local) does not work: " in words

        on.until(lambda s: told(s.channel()[before:]), 40)
        for trouble in ("matrix does not work: ", "docker (local) does not work: "):
            on.until(lambda s, trouble=trouble: trouble in s.tocsin.log)
        assert on.tocsin.post(body([alert("Down"), alert("Too")])) == 200
        own_synapse.start()
        with docker(engine):
            on.until(ready, 60)

            def over(room: list[Seen]) -> bool:
                words = "\n".join(plain(room))
                return told(room) and "matrix works again" in words and "docker (local) works again" in words

            on.until(lambda s: over(s.matrix()) and over(s.channel()[before:]), 60)
            on.settled()
            for room in (on.matrix(), on.channel()[before:]):
                [ring] = [seen for seen in room if "Down" in seen.now]
                assert "FIRING" in ring.now
                assert any("Too" in line for line in ring.thread)
        assert "Traceback" not in on.tocsin.log


def test_without_slack_and_a_room_it_rings_on(synapse: Synapse, tmp_path: Path) -> None:
    with spawn(*USERS) as slack, stage(tmp_path, synapse, slack) as on:
        theirs = synapse.create_room(synapse.register(f"carl{time.monotonic_ns()}")["access_token"])
        on.tocsin.config["rooms"]["theirs"] = {"matrix": theirs}
        on.tocsin.write(on.tocsin.config)
        slack.down()
        on.tocsin.start()
        assert on.tocsin.post(body([alert("Down")])) == 200
        on.until(lambda s: len(s.matrix()) == 1, 20)
        assert on.tocsin.get("/healthz")[0] == 200
        on.until(lambda s: says(s, f"not in room theirs ({theirs})", "slack: "))
        assert not says(on, "slack: ready")

        def told(room: list[Seen]) -> bool:
            words = "\n".join(plain(room))
            return "slack does not work: " in words and f"not in room theirs ({theirs})" in words

        on.until(lambda s: told(s.matrix()), 40)
        on.until(lambda s: "slack does not work: " in s.tocsin.log)
        slack.up()
        on.until(lambda s: "slack: ready" in s.tocsin.get("/readyz")[1], 60)
        on.until(lambda s: told(s.channel()), 60)
        on.settled()
        assert len([seen for seen in on.channel() if "Down" in seen.now]) == 1
        assert says(on, f"not in room theirs ({theirs})", "slack: ready")
        assert "Traceback" not in on.tocsin.log


# ---- no hot loop ----------------------------------------------------------------------------------------


class _Counting(ThreadingHTTPServer):
    """A homeserver that knows its account and answers all else with `status`; or hangs up when that is 0."""

    daemon_threads = True

    def __init__(self, status: int, whoami: Json) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status, self.whoami = status, whoami
        self.asked: list[str] = []


class _Answering(BaseHTTPRequestHandler):
    server: _Counting

    def _answer(self) -> None:
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.status == 0:
            self.close_connection = True
            self.connection.close()
            return
        good = self.path.endswith("/whoami")
        refusal = {"errcode": "M_UNKNOWN_TOKEN" if self.server.status == 401 else "M_UNKNOWN", "error": "no"}
        text = json.dumps(self.server.whoami if good else refusal).encode()
        self.send_response(200 if good else self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *args: object) -> None:
        pass


def test_nobody_is_asked_in_a_hot_loop(synapse: Synapse, tmp_path: Path) -> None:
    """Ten seconds of homeservers that hang up, fail or refuse, and of a Slack that fails."""
    with spawn(*USERS) as slack, contextlib.ExitStack() as stack:
        ground = stack.enter_context(stage(tmp_path, synapse, slack))
        slack.fault(kind="html_500", times=-1)
        whoami = {"user_id": ground.bot["user_id"], "device_id": "TOCSIN"}
        servers = [_Counting(status, whoami) for status in (0, 500, 502, 401)]
        running = []
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_port}"

            def there(on: Stage, config: Json, secrets: dict[str, str], url: str = url) -> None:
                config["matrix"]["homeserver"] = url
                if url != f"http://127.0.0.1:{servers[0].server_port}":
                    del config["slack"]
                    config["rooms"]["ops"].pop("slack")
                    config["people"]["ann"].pop("slack")

            file = spoiled(ground, tmp_path / str(server.status), there)
            one = Tocsin.at(file)
            stack.callback(one.stop)
            running.append(one.start(wait=False))
        for one in running:
            assert one.process is not None
            one.process.wait_until(one.listens)
            assert one.post(body([alert("Waits")])) == 200
        before = [len(server.asked) for server in servers]
        assert all(before), before
        calls = len(slack.calls())
        time.sleep(10)
        asked = [len(server.asked) - count for server, count in zip(servers, before, strict=True)]
        assert all(count < 15 for count in asked), asked
        # Who refused us is asked once a minute.
        assert all(asked[:3]), f"somebody is not asked again: {asked}"
        assert 0 < len(slack.calls()) - calls < 30
        assert all(one.process is not None and one.process.alive() for one in running)


# ---- while it runs --------------------------------------------------------------------------------------


def say(on: Stage, account: dict[str, str], text: str) -> str:
    return on.synapse.send(account["access_token"], on.room, {"msgtype": "m.text", "body": text})


def test_sighup_reads_people_roles_and_routes_again(
    synapse: Synapse, slack: RemoteSlack, tmp_path: Path
) -> None:
    with stage(tmp_path, synapse, slack) as on:
        bob = synapse.register(f"bob{time.monotonic_ns() % 10**9}")
        invite = f"/_matrix/client/v3/rooms/{on.room}/invite"
        synapse.api("POST", invite, {"user_id": bob["user_id"]}, token=on.ann["access_token"])
        synapse.join(bob["access_token"], on.room)
        more = synapse.create_room(on.ann["access_token"], invite=(on.bot["user_id"],))
        config = on.tocsin.config
        config["rooms"]["more"] = {"matrix": more}
        on.tocsin.write(config)
        process = on.tocsin.start().process
        assert process is not None
        on.until(ready)
        say(on, bob, "!ping")
        on.until(lambda s: any("is not listed" in seen.now for seen in s.matrix()))

        good = json.dumps(config)
        on.tocsin.file.write_text(good.replace('"people"', '"peeple"'))
        process.popen.send_signal(signal.SIGHUP)
        on.until(lambda s: "SIGHUP: the old configuration stays" in s.tocsin.log)
        on.until(lambda s: bool(re.search(r"config\.yml:\d+: .*peeple", s.tocsin.log)))
        say(on, on.ann, "!ping")
        on.until(lambda s: any("pong" in seen.now for seen in s.matrix()))

        config["people"]["bob"] = {"matrix": bob["user_id"], "roles": ["pinger"]}
        config["roles"] = {"pinger": {"may": ["ping"]}}
        config["alerts"]["endpoints"]["default"]["routes"] = [{"rooms": ["more"]}]
        on.tocsin.write(config)
        process.popen.send_signal(signal.SIGHUP)
        on.until(lambda s: "SIGHUP: people: bob added; roles: pinger added" in s.tocsin.log)
        pongs = sum("pong" in seen.now for seen in on.matrix())
        say(on, bob, "!ping")
        on.until(lambda s: sum("pong" in seen.now for seen in s.matrix()) == pongs + 1)
        say(on, bob, "!status")
        on.until(lambda s: any("you have the role pinger; status needs" in seen.now for seen in s.matrix()))
        assert on.tocsin.post(body([alert("Elsewhere")])) == 200
        on.until(lambda s: any("Elsewhere" in str(e) for e in synapse.timeline(s.ann["access_token"], more)))
        assert not any("Elsewhere" in seen.now for seen in on.matrix())
        rows = [
            json.loads(row)
            for row in command("journal", "export", "--state", config["state"]).stdout.splitlines()
        ]
        changes = [row["about"]["changes"] for row in rows if row["kind"] == "config"]
        assert len(changes) == 1, changes
        assert changes[0][:2] == ["people: bob added", "roles: pinger added"]


def test_sigterm_ends_it_also_when_the_homeserver_hangs(
    own_synapse: Synapse, slack: RemoteSlack, tmp_path: Path
) -> None:
    with stage(tmp_path, own_synapse, slack) as on:
        process = on.tocsin.start().process
        assert process is not None
        assert own_synapse.process is not None
        on.until(ready)
        own_synapse.process.pause()
        try:
            assert on.tocsin.post(body([alert("Hangs")])) == 200
            time.sleep(1)
            began = time.monotonic()
            process.popen.send_signal(signal.SIGTERM)
            assert process.popen.wait(15) == 0
            assert time.monotonic() - began < 10
        finally:
            own_synapse.process.resume()
        assert "Traceback" not in on.tocsin.log
        process = on.tocsin.start().process
        assert process is not None
        on.until(lambda s: any("Hangs" in seen.now for seen in s.matrix()))
        on.settled()
        assert len([seen for seen in on.matrix() if "Hangs" in seen.now]) == 1
        process.popen.send_signal(signal.SIGINT)
        assert process.popen.wait(15) == 0
        done = command("journal", "export", "--state", on.tocsin.config["state"])
        kinds = [json.loads(row)["kind"] for row in done.stdout.splitlines()]
        assert [kind for kind in kinds if kind in ("start", "stop")] == ["start", "stop"] * 2


def test_metrics_are_what_prometheus_reads(synapse: Synapse, slack: RemoteSlack, tmp_path: Path) -> None:
    with stage(tmp_path, synapse, slack) as on:
        on.tocsin.start()
        on.until(ready)
        assert on.tocsin.post(body([alert("Counted")])) == 200
        assert on.tocsin.post(b"nonsense", token="wrong") == 401
        on.settled()
        status, text = on.tocsin.get("/metrics")
        assert status == 200
        found = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert text.startswith("# HELP ")
        assert all(name[0].startswith("tocsin_") for name in found), found
        assert [v for (name, *_), v in found.items() if name.startswith("tocsin_deliveries_waiting")] in (
            [0.0] * 2,
            [],
        )
        lint = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (lint.returncode, lint.stderr) == (0, "")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_said_and_passes(
    synapse: Synapse, slack: RemoteSlack, tmp_path: Path, small_disk: Path
) -> None:
    with stage(tmp_path, synapse, slack, state=str(small_disk / "state")) as on:
        on.tocsin.start()
        on.until(ready)
        assert on.tocsin.post(body([alert("Before")])) == 200
        on.settled()
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        big = alert("While")
        big["annotations"]["description"] = "long " * 20_000
        on.until(lambda s: s.tocsin.post(body([big], group="while")) == 503, 30)
        assert says(on, "store: ")
        assert on.tocsin.get("/healthz")[0] == 200
        filler.unlink()
        on.tocsin.post_until_taken(body([big], group="while"))
        on.until(lambda s: all(any("While" in seen.now for seen in room) for room in s.both().values()))
        on.until(ready)
        on.until(lambda s: any("could not write alerts to disk" in seen.now for seen in s.matrix()))
        assert len([seen for seen in on.matrix() if "While" in seen.now]) == 1
        on.tocsin.stop()
        good = command("journal", "verify", "--state", small_disk / "state")
        assert good.returncode == 0, good
