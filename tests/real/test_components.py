"""Each real component starts, answers, stops, and leaves nothing behind, also when the tests are killed."""

import http.server
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.components import broken_estate as broken
from tests.real.components import images
from tests.real.components.alertmanager import Alertmanager
from tests.real.components.engine import Engine
from tests.real.components.http import answers
from tests.real.components.process import NotAnswering, Process
from tests.real.components.prometheus import Prometheus
from tests.real.components.registry import Registry
from tests.real.components.synapse import MatrixError, Synapse

ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(good: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not good():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes webhooks, and the list of what came: the body, and its Authorization."""
    came: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            came.append(body | {"authorization": self.headers["Authorization"]})
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alerts/main", came
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_does_not_come_up_says_why(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "echo no such file; exit 4"], log=tmp_path / "log")
    with pytest.raises(NotAnswering, match=r"(?s)ended with 4.*no such file"):
        process.wait_until(lambda: False)


def test_a_process_is_not_started_from_another_thread(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            Process(["sleep", "60"], log=tmp_path / "log")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_component_ends_with_the_tests_that_started_it(tmp_path: Path, end: signal.Signals) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tests.real.components.prometheus import Prometheus\n"
        "print(Prometheus(Path(sys.argv[1])).start().process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        assert alive(pid)
        child.send_signal(end)
    assert eventually(lambda: not alive(pid))


def test_an_engine_ends_with_the_tests_and_takes_its_containers_along(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("killed")
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tests.real.components import images\n"
        "from tests.real.components.engine import Engine\n"
        "engine = Engine(Path(sys.argv[1])).start(); images.build_base(engine.client)\n"
        "images.build(engine.client, 'a:1', images.HOUSE['tocsin-test/plain:1'])\n"
        "one = engine.client.containers.run('a:1', detach=True, network_mode='none'); one.reload()\n"
        "print(engine.process.pid, one.attrs['State']['Pid'], flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, root], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        daemon, container = map(int, child.stdout.readline().split())
        assert alive(daemon)
        assert alive(container)
        child.kill()
    assert eventually(lambda: not alive(container))
    assert eventually(lambda: not alive(daemon))
    engine = Engine(root)
    assert eventually(lambda: not engine.leftovers())
    engine.remove()


def test_synapse_keeps_its_users_over_a_crash(own_synapse: Synapse) -> None:
    ann = own_synapse.register("ann", admin=True)
    bot = own_synapse.register("bot")
    room = own_synapse.create_room(ann["access_token"], alias="ops", invite=(bot["user_id"],))
    own_synapse.join(bot["access_token"], room)
    own_synapse.restart(hard=True)
    own_synapse.send(bot["access_token"], room, {"msgtype": "m.notice", "body": "still here"})
    assert own_synapse.timeline(ann["access_token"], room)[-1]["content"]["body"] == "still here"
    assert own_synapse.login("ann")["user_id"] == "@ann:bot.test"


def test_synapse_can_be_given_limits(own_synapse: Synapse) -> None:
    bot = own_synapse.register("bot")
    room = own_synapse.create_room(bot["access_token"])
    own_synapse.restart(settings={"rc_message": {"per_second": 0.1, "burst_count": 2}})

    def talk() -> None:
        for number in range(10):
            own_synapse.send(bot["access_token"], room, {"msgtype": "m.notice", "body": str(number)})

    with pytest.raises(MatrixError) as refused:
        talk()
    assert refused.value.status == 429
    assert refused.value.body["retry_after_ms"] > 0


def test_synapse_stops(own_synapse: Synapse) -> None:
    assert own_synapse.process is not None
    pid = own_synapse.process.pid
    own_synapse.stop()
    assert not alive(pid)
    assert not answers(f"{own_synapse.url}/_matrix/client/versions")


def test_the_shared_synapse_answers(synapse: Synapse) -> None:
    assert answers(f"{synapse.url}/_matrix/client/versions")


def test_alertmanager_posts_with_the_token(
    webhook: tuple[str, list[dict[str, Any]]], alertmanager: Callable[..., Alertmanager]
) -> None:
    url, came = webhook
    server = alertmanager(url, token="s3cret", group_wait="0s")
    server.fire({"labels": {"alertname": "DiskFull", "instance": "nas"}})
    assert eventually(lambda: len(came) == 1)
    assert came[0]["authorization"] == "Bearer s3cret"
    assert came[0]["alerts"][0]["labels"]["alertname"] == "DiskFull"
    server.resolve({"labels": {"alertname": "DiskFull", "instance": "nas"}})
    assert eventually(lambda: came[-1]["status"] == "resolved")


def test_a_pair_of_alertmanagers_posts_once(
    webhook: tuple[str, list[dict[str, Any]]], alertmanagers: Callable[..., tuple[Alertmanager, Alertmanager]]
) -> None:
    url, came = webhook
    first, second = alertmanagers(url, group_wait="0s")
    assert first.peers() == second.peers() == 2
    for member in (first, second):
        member.fire({"labels": {"alertname": "DiskFull"}})
    assert eventually(lambda: len(came) == 1)
    time.sleep(3)
    assert len(came) == 1


def test_prometheus_fires_into_alertmanager(
    webhook: tuple[str, list[dict[str, Any]]],
    alertmanager: Callable[..., Alertmanager],
    prometheus: Callable[..., Prometheus],
) -> None:
    url, came = webhook
    receiver = alertmanager(url, group_wait="0s")
    server = prometheus(
        rules=[{"alert": "Always", "expr": "vector(1)", "labels": {"severity": "critical"}}],
        alertmanagers=[f"127.0.0.1:{receiver.port}"],
    )
    assert eventually(lambda: len(came) >= 1)
    assert came[0]["alerts"][0]["labels"] == {"alertname": "Always", "severity": "critical"}
    assert server.api("/rules")["groups"][0]["rules"][0]["name"] == "Always"


def test_the_broken_estate_is_broken_as_promised(engine: Engine, broken_estate: Path) -> None:
    assert broken.state(engine, "web")["Health"]["Status"] == "healthy"
    health = broken.state(engine, "api")["Health"]
    assert health["Status"] == "unhealthy"
    assert health["FailingStreak"] >= 2
    assert "curl" in health["Log"][-1]["Output"]
    assert broken.state(engine, "migrate")["ExitCode"] == 3
    assert broken.state(engine, "report")["OOMKilled"] is True
    labels = engine.client.containers.list()[0].labels
    assert labels["com.docker.compose.project.config_files"] == str(broken_estate)


def test_a_pushed_image_has_a_digest(engine: Engine, registry: Registry) -> None:
    name = f"{registry.host}/shop/web"
    images.build(engine.client, f"{name}:1.2.3", 'LABEL org.opencontainers.image.version="1.2.3"')
    engine.client.images.push(name, tag="1.2.3")
    assert registry.tags("shop/web") == ["1.2.3"]
    digests = engine.client.images.get(f"{name}:1.2.3").attrs["RepoDigests"]
    assert digests[0].startswith(f"{name}@sha256:")


@pytest.mark.parametrize("swept", [True, False])
def test_an_engine_restarts_on_its_data_after_a_crash(own_engine: Engine, swept: bool) -> None:
    own_engine.client.containers.run("tocsin-test/plain:1", name="kept", detach=True, network_mode="none")
    own_engine.kill()
    with pytest.raises(OSError, match="refused"):
        own_engine.client.ping()
    if swept:
        own_engine.stop()
        assert own_engine.leftovers() == []
    own_engine.start()
    assert own_engine.client.containers.get("kept").name == "kept"
