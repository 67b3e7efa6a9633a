"""!status, !unhealthy, !logs, !images, as they read in a room."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.doc import Doc, plain
from bot.core.errors import Upstream
from bot.testing import FakeCompose, FakeEngine
from commands.look import names
from commands.status import state_words
from estate.model import Container, Detail, Health, Image, Probe, Service, State, Tree
from tests.talk import Talk

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def detail(
    name: str,
    status: str = "Up 3 hours",
    *,
    state: State = State.RUNNING,
    health: Health = Health.NONE,
    project: str | None = "shop",
    image: str = "nginx:1.2.3",
    ended: timedelta | None = None,
    **more: object,
) -> Detail:
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": name} if project else {}
    container = Container(
        id=f"{name:0<64}",
        name=f"{project}-{name}-1" if project else name,
        host="local",
        image=image,
        image_id="sha256:" + f"{image.encode().hex():0<64}"[:64],
        state=state,
        health=health,
        status=status,
        created=NOW - timedelta(hours=3),
        labels=labels,
    )
    base = Detail(
        container=container,
        started=NOW - timedelta(hours=3),
        finished=NOW - ended if ended is not None else None,
        exit_code=None,
        oom_killed=False,
        restarts=0,
        error="",
        failing_streak=0,
        probes=(),
        health_command=(),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def probes(code: int, output: str, count: int = 5) -> tuple[Probe, ...]:
    return tuple(Probe(NOW - timedelta(seconds=30 * n), code, output) for n in reversed(range(count)))


WEB = detail("web", "Up 3 hours (healthy)", health=Health.HEALTHY)
API = detail(
    "api",
    "Up 3 hours (unhealthy)",
    health=Health.UNHEALTHY,
    failing_streak=21,
    probes=probes(127, "/bin/sh: curl: not found\n"),
    health_command=("CMD-SHELL", "curl -fsS http://127.0.0.1/ || exit 1"),
    environment={"DB_PASSWORD": "tiger-of-the-api"},
)
JOB = detail("job", "Exited (3) 5 minutes ago", state=State.EXITED, ended=timedelta(minutes=5), exit_code=3)
DONE = detail("done", "Exited (0) 1 hour ago", state=State.EXITED, ended=timedelta(hours=1), exit_code=0)
TREE = Tree(
    (
        Service("shop", "web", "shop/compose.yml", "nginx:1.2.3", None),
        Service("shop", "worker", "shop/compose.yml", "worker:1", None),
        Service("shop", "debug", "shop/compose.yml", "debug:1", None, ("debug",)),
        Service("shop", "off", "shop/compose.yml", "off:1", None, (), 0),
    ),
    {"wiki/compose.yml": "line 2: found a tab"},
    frozenset({"secret-of-the-tree"}),
)


def talk(*details: Detail, tree: Tree = TREE, **more: object) -> Talk:
    engine = FakeEngine(details, **more)  # type: ignore[arg-type]
    return Talk().with_services(engines=(engine,), compose=FakeCompose(tree))


def engine_of(room: Talk) -> FakeEngine:
    (engine,) = room.services.engines
    assert isinstance(engine, FakeEngine)
    return engine


# ---- status ---------------------------------------------------------------------------------------------


async def test_status_says_the_sum_first_and_lists_what_is_not_running() -> None:
    room = talk(WEB, API, JOB)
    assert (await room.ask("ann", "!status")).splitlines() == [
        "🔴 2 of 4 running, 1 unhealthy",
        "service      state               since      image",
        "shop/api     running, unhealthy  3 h ago    nginx:1.2.3",
        "shop/job     exited (3)          5 min ago  nginx:1.2.3",
        "shop/web     running, healthy    3 h ago    nginx:1.2.3",
        "shop/worker  not running         –          worker:1",
        "- not read: wiki/compose.yml: line 2: found a tab",
    ]
    assert engine_of(room).calls == ["containers"], "one call, however many containers"


async def test_status_when_all_is_well() -> None:
    said = await talk(WEB, tree=Tree(TREE.services[:1])).ask("ann", "!status")
    assert said.splitlines()[0] == "🟢 1 of 1 running"


async def test_status_of_nothing() -> None:
    assert await talk(tree=Tree()).ask("ann", "!status") == "🟢 nothing runs and nothing is configured"


async def test_status_without_an_engine_says_what_is_missing_and_what_is_configured() -> None:
    said = await talk(trouble=Upstream("no Docker Engine at unix:///x: no such file")).ask("ann", "!status")
    assert said.splitlines()[0] == "🟡 2 configured, whether they run is unknown"
    assert said.splitlines()[1] == "- not seen: no Docker Engine at unix:///x: no such file"
    assert "shop/web     nginx:1.2.3" in said
    assert "running" not in said
    none = Talk().with_services(compose=FakeCompose(TREE))
    assert "not seen: no Docker Engine answers here" in await none.ask("ann", "!status")


async def test_status_of_one() -> None:
    said = await talk(WEB, API).ask("ann", "!status api")
    assert said.startswith("🔴 shop/api: running, unhealthy")
    assert "container: shop-api-1 (api000000000)" in said
    assert "the probe curl is not in the image" in said
    assert "tiger-of-the-api" not in said
    assert said.count("not out of memory") == 1


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ("Up Less than a second", "1 s ago"),
        ("Up About a minute (healthy)", "1 min ago"),
        ("Up About an hour", "1 h ago"),
        ("Up 3 days (unhealthy)", "3 d ago"),
        ("Up 2 months", "2 months ago"),
        ("Exited (0) About a minute ago", "1 min ago"),
        ("Exited (-1) 5 weeks ago", "5 w ago"),
        ("Created", "–"),
    ],
)
def test_since_when_is_said_in_few_letters(words: str, since: str) -> None:
    assert state_words(replace(WEB.container, status=words))[1] == since


async def test_status_of_one_that_has_no_container() -> None:
    room = talk(WEB)
    assert "it is configured, and has no container" in await room.ask("ann", "!status worker")
    assert "the profile debug, which is not active" in await room.ask("ann", "!status debug")


async def test_a_long_status_shows_what_needs_a_look_and_sends_the_rest() -> None:
    many = [detail(f"s{n:03}") for n in range(60)]
    answer = await talk(*many, API, tree=Tree()).answer("ann", "!status")
    assert answer.doc is not None
    assert "shop/api" in plain(answer.doc)
    assert "and 21 more, all of them in the file" in plain(answer.doc)
    assert answer.doc.files[0].content.decode().count("\n") == 62


async def test_status_with_500_containers_is_quick() -> None:
    room = talk(*(detail(f"s{n:03}") for n in range(500)))
    began = time.process_time()
    await room.ask("ann", "!status")
    assert time.process_time() - began < 2
    assert engine_of(room).calls == ["containers"]


# ---- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["web", "shop/web", "shop-web-1", "/shop-web-1"])
async def test_each_name_of_a_service_finds_it(typed: str) -> None:
    assert (await talk(WEB, API).ask("ann", f"!status {typed}")).startswith("🟢 shop/web: running, healthy")


async def test_several_matches_are_listed_and_none_is_taken() -> None:
    other = detail("web", project="blog")
    other = replace(other, container=replace(other.container, id="x" * 64, name="blog-web-1"))
    room = talk(WEB, other)
    assert await room.ask("ann", "!status web") == "unknown: web is 2 services: blog/web, shop/web"
    assert "blog/web: running" in await room.ask("ann", "!status blog/web")


async def test_a_near_miss_is_suggested_and_not_taken() -> None:
    room = talk(WEB, API)
    assert await room.ask("ann", "!logs wev") == "unknown: wev — did you mean web?"
    assert not [call for call in engine_of(room).calls if call.startswith("logs")]
    assert " — status lists what there is" in await room.ask("ann", "!status zzzzzz")


async def test_the_engine_asks_for_every_name_of_a_target() -> None:
    room = talk(WEB)
    from bot.core.command import ServiceRef

    assert await names(room.services, ServiceRef("web")) == ("shop/web", "web", "shop-web-1")


# ---- unhealthy ------------------------------------------------------------------------------------------


async def test_unhealthy_says_why() -> None:
    said = await talk(WEB, API, JOB, DONE, log={"shop-job-1": "a\nb\nno such table\n"}).ask(
        "ann", "!unhealthy"
    )
    assert said.splitlines() == [
        "🔴 2 of 4 need a look",
        "shop/api: unhealthy for about 10 min",
        "- the probe curl is not in the image",
        "- the last probe ended with exit code 127: /bin/sh: curl: not found",
        "- 21 probes failed in a row",
        "- not out of memory (no limit of its own)",
        "shop/job: exited 5 min ago",
        "- exit code 3",
        "- not out of memory (no limit of its own)",
        "- its last words: a / b / no such table",
        "not read: wiki/compose.yml: line 2: found a tab",
        "configured, not running: shop/worker",
    ]


async def test_unhealthy_when_nothing_is() -> None:
    said = await talk(WEB, DONE, tree=Tree(TREE.services[:1])).ask("ann", "!unhealthy")
    assert said == "🟢 nothing is wrong with the 2 containers that I see"


async def test_unhealthy_looks_closely_at_suspects_only() -> None:
    room = talk(WEB, API)
    await room.ask("ann", "!unhealthy")
    assert engine_of(room).calls == ["containers", "detail shop-api-1"]


async def test_a_probe_that_says_a_secret_is_redacted_before_it_is_cut() -> None:
    secret = "k" * 40 + "-long"
    ill = replace(API, probes=probes(1, "x" * 280 + secret), environment={"API_KEY": secret})
    said = await talk(ill).ask("ann", "!unhealthy")
    assert "kkk" not in said
    assert "‹redacted›" in said


async def test_without_an_engine_the_answer_says_what_is_missing() -> None:
    room = talk(trouble=Upstream("no Docker Engine at unix:///x: no such file"))
    for asked in ("!unhealthy", "!images", "!logs web"):
        assert await room.ask("ann", asked) == "I could not: no Docker Engine at unix:///x: no such file"


# ---- logs -----------------------------------------------------------------------------------------------


async def test_logs_are_redacted_with_what_this_container_and_the_tree_know() -> None:
    log = "\x1b[31mconnect tiger-of-the-\x1b[0mapi\nsecret-of-the-tree\npassword=hunter2\nfine\n"
    said = await talk(API, log={"shop-api-1": log}).ask("ann", "!logs api")
    assert said.splitlines() == [
        "shop/api: the last 4 lines",
        "  connect ‹redacted›",
        "  ‹redacted›",
        "  password=‹redacted›",
        "  fine",
    ]


async def test_logs_are_not_shown_when_the_environment_is_unknown() -> None:
    gone = detail("web")
    engine = FakeEngine((API,), log={"shop-web-1": "x"})
    room = Talk().with_services(engines=(engine,), compose=FakeCompose(TREE))
    engine.details = (gone,)
    engine.detail = _fail  # type: ignore[method-assign]
    assert await room.ask("ann", "!logs web") == "I could not: gone"


async def _fail(container: Container) -> Detail:
    raise Upstream("gone")


async def test_grep_searches_what_is_shown_not_what_was_written() -> None:
    room = talk(API, log={"shop-api-1": "key tiger-of-the-api\nall fine\nFINE again\n"})
    assert await room.ask("ann", "!logs api --grep tiger") == "shop/api: no line with “tiger”"
    said = await room.ask("ann", "!logs api --grep fine --tail 1 --since 10m")
    assert said.splitlines() == ["shop/api: the last line of the last 10 min with “fine”", "  FINE again"]
    assert engine_of(room).calls[-1] == "logs shop-api-1 20000 2026-01-01 11:50:00+00:00"


async def test_a_long_log_is_a_file_with_its_last_lines_shown() -> None:
    log = "".join(f"line {n}\n" for n in range(1000)) + "token=abcdef\n"
    answer = await talk(WEB, log={"shop-web-1": log}).answer("ann", "!logs web --tail 500")
    assert isinstance(answer.doc, Doc)
    said = plain(answer.doc)
    assert "line 999" in said
    assert "line 980" not in said
    assert "These are the newest; the file has all 500." in said
    (file,) = answer.doc.files
    assert (file.name, file.content.count(b"\n")) == ("shop-web.log", 500)
    assert b"abcdef" not in file.content


async def test_a_key_in_a_long_log_is_redacted_across_pieces() -> None:
    rows = [f"row {n} " + "x" * 60 for n in range(450)]
    rows += [
        "-----BEGIN RSA PRIVATE KEY-----",
        *["A1b2C3d4" * 8] * 400,
        "-----END RSA PRIVATE KEY-----",
        "after",
    ]
    answer = await talk(WEB, log={"shop-web-1": "\n".join(rows)}).answer("ann", "!logs web --tail 5000")
    assert isinstance(answer.doc, Doc)
    assert b"A1b2" not in answer.doc.files[0].content
    assert answer.doc.files[0].content.endswith(b"after\n")


async def test_a_log_in_a_room_forges_nothing() -> None:
    said = await talk(WEB, log={"shop-web-1": "\u202eevil\r\ndone: all good\x07\n"}).ask("ann", "!logs web")
    assert said.splitlines() == ["shop/web: the last 2 lines", "  \\u{202e}evil", "  done: all good\\u{7}"]


# ---- images ---------------------------------------------------------------------------------------------


async def test_images() -> None:
    used, latest = detail("web"), detail("wiki", image="wiki:latest")
    stock = (
        Image(
            used.container.image_id,
            "local",
            ("nginx:1.2.3",),
            ("nginx@sha256:" + "ab" * 32,),
            41_200_000,
            NOW,
        ),
        Image("sha256:old", "local", ("old:1",), (), 2_500_000_000, NOW),
    )
    said = await talk(used, latest, tree=Tree(), stock=stock).ask("ann", "!images")
    assert said.splitlines() == [
        "🟡 2 images in use, 1 floating",
        "image        holds           digest            size   age  used by",
        "nginx:1.2.3  exact           abababababab      41 MB  0 s  web",
        "wiki:latest  floats: latest  none: local only  gone   ?    wiki",
        "- 1 unused, 2.5 GB",
    ]
