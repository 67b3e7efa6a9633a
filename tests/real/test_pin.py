"""Pin, update and roll back on a real Engine, with the real Compose, registry and git."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.steps import Step
from tests.real.components.engine import COMPOSE, Engine
from tests.real.components.registry import Registry
from tests.real.components.synapse import Synapse
from tests.real.compose_site import ILL, WELL, ComposeSite
from tests.real.house import MORE_USERS, House, house, join
from tests.real.pipe import Pipe, code_of
from tests.real.slack import RemoteSlack, spawn
from tests.real.stage import USERS

WEB = """\
services:
  web:
    image: {}  # what we run: é 🦊
    network_mode: none
    restart: unless-stopped
"""


@pytest.fixture
def site(tmp_path: Path, engine: Engine, registry: Registry) -> Iterator[ComposeSite]:
    made = ComposeSite(tmp_path, engine, registry)
    yield made
    made.down()


@pytest.fixture
def pipe(site: ComposeSite, tmp_path: Path) -> Iterator[Pipe]:
    made = Pipe(site.engine, tmp_path, site.estate)
    yield made
    made.end()


def approved(pipe: Pipe, asked: str) -> list[str]:
    """What is said when ann asks and adam says yes."""
    pipe.ask("/as ann")
    card = pipe.ask(asked)
    code = code_of(card)
    pipe.ask("/as adam")
    return pipe.ask(f"!approve {code}")


def running(site: ComposeSite, files: dict[str, bytes | str]) -> str:
    """The project runs from these files; the id of its image, whose exact version is 1.2.3."""
    image = site.push(WELL, "latest", "1", "1.2", "1.2.3")
    site.engine.client.api.tag(image, site.repository, "1.2.3" if ":1.2.3" in str(files) else "latest")
    site.files(files)
    site.up()
    site.healthy()
    return image


def places(repository: str) -> dict[str, tuple[dict[str, bytes | str], str, bytes, bytes]]:
    """Where an image can be written: the files, which of them changes, and what becomes what in it."""
    plain, bare = WEB.format(f"{repository}:latest"), WEB.format(repository)
    env = "A=1\r\nV='latest' # ours\r\nSECRET=hunter22\r\n"
    latest, exact = f"{repository}:latest".encode(), f"{repository}:1.2.3".encode()
    return {
        "literal": ({"compose.yml": plain}, "compose.yml", latest, exact),
        "implicit": ({"compose.yml": bare}, "compose.yml", f"{repository} ".encode(), exact + b" "),
        "crlf": ({"compose.yml": plain.replace("\n", "\r\n")}, "compose.yml", latest, exact),
        "no final newline": ({"compose.yml": plain.rstrip("\n")}, "compose.yml", latest, exact),
        "default": (
            {"compose.yml": WEB.format(f'"{repository}:${{V:-latest}}"')},
            "compose.yml",
            b"${V:-latest}",
            b"${V:-1.2.3}",
        ),
        ".env": (
            {"compose.yml": WEB.format(f"{repository}:${{V}}"), ".env": env},
            ".env",
            b"V='latest' # ours",
            b"V='1.2.3' # ours",
        ),
        "override": (
            {
                "compose.yml": WEB.format(f"{repository}:0.1"),
                "compose.override.yml": f"services: {{web: {{image: '{repository}:latest'}}}}\n",
            },
            "compose.override.yml",
            latest,
            exact,
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    "place", ["literal", "implicit", "crlf", "no final newline", "default", ".env", "override"]
)
def test_one_value_changes_and_the_image_stays(site: ComposeSite, pipe: Pipe, place: str) -> None:
    files, name, old, new = places(site.repository)[place]
    image = running(site, files)
    before, container = site.bytes(), site.container().id
    said = approved(pipe, "!pin web")
    assert re.match(
        rf"done: {site.project}/web pinned: \S+ → {re.escape(site.repository)}:1\.2\.3; the same image as"
        rf" before \({image[7:19]}\); \S+ is running, healthy, after \d+ s; commit [0-9a-f]{{12}}$",
        said[-1],
    ), said
    assert before[name].count(old) == 1
    assert site.bytes() == {**before, name: before[name].replace(old, new)}
    assert site.image() == image
    assert site.container().id != container
    assert site.container().attrs["Config"]["Image"] == f"{site.repository}:1.2.3"
    assert site.git("show", "--format=%an %s", "--name-only", "HEAD").split("\n\n") == [
        f"ann pin {site.project}/web: {_was(place, site)} → {site.repository}:1.2.3",
        f"{site.project}/{name}\n",
    ]
    assert site.git("status", "--porcelain") == ""
    assert "hunter22" not in "\n".join(said)


def _was(place: str, site: ComposeSite) -> str:
    return site.repository if place == "implicit" else f"{site.repository}:latest"


def test_a_second_pin_has_nothing_to_do_and_trailers_say_who(site: ComposeSite, pipe: Pipe) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    approved(pipe, "!pin web")
    assert pipe.ask("!pin web") == [f"refused: {site.project}/web is pinned already: {site.repository}:1.2.3"]
    trailers = site.git("log", "-1", "--format=%(trailers:only)").splitlines()
    assert [row.partition(":")[0] for row in trailers if row] == [
        "Tocsin-Plan", "Tocsin-Digest", "Asked-by", "Approved-by", "Tocsin-Journal",
    ]  # fmt: skip
    assert "Approved-by: adam (console:adam)" in trailers


# ---- what is refused, with its reason, and nothing is changed -------------------------------------------


def test_what_cannot_be_pinned_safely_is_refused(site: ComposeSite, pipe: Pipe) -> None:
    latest = f"{site.repository}:latest"
    site.push(WELL, "latest", "1.2.3")
    other = site.push(WELL, "latest", "1.2.3", name="2")
    assert other
    site.files(
        {
            "compose.yml": f"x-i: &i {latest}\n"
            "services:\n"
            f"  built: {{image: '{latest}', build: ., network_mode: none}}\n"
            "  one: {image: *i, network_mode: none}\n"
            "  two: {image: *i, network_mode: none}\n"
            f"  left: {{image: '{site.repository}:${{V}}', network_mode: none}}\n"
            f"  right: {{image: '{site.repository}2:${{V}}', network_mode: none}}\n"
            f"  shell: {{image: '{site.repository}:${{HOME:+latest}}', network_mode: none}}\n"
            f"  exact: {{image: '{site.repository}:1.2.3', network_mode: none}}\n"
            f"  local: {{image: 'tocsin-test/plain:1', network_mode: none}}\n",
            ".env": "V=latest\n",
        }
    )
    site.engine.client.api.tag(f"{site.repository}:latest", site.repository, "1.2.3")
    site.up()
    before, head = site.bytes(), site.git("rev-parse", "HEAD")
    full = f"refused: {site.project}/"
    for asked, words in (
        ("built", f"{full}built cannot be pinned (build): it is built here, not pulled"),
        ("one", f"{full}one stands where|the image of {site.project}/one stands where two take theirs"),
        ("left --shared", f"{full}right is another image"),
        ("exact", f"{full}exact is pinned already"),
        ("local", f"{full}local: tocsin-test/plain was never pulled from or pushed"),
        ("one 9.9.9 --shared", "has no "),
        ("exact ../../other/1.0", "usage: VERSION is a tag"),
        ("exact sha256:" + "0" * 64, "usage: VERSION is a tag"),
        ("nothing", "unknown: nothing"),
        ("--help", "usage: !pin [SERVICE]"),
        ("'; rm -rf /'", "unknown: ; rm -rf /"),
        ("we\u202eb", "U+202E RIGHT-TO-LEFT OVERRIDE"),
    ):
        said = "\n".join(pipe.ask(f"!pin {asked}"))
        assert any(one in said for one in words.split("|")), (asked, said)
    assert (site.bytes(), site.git("rev-parse", "HEAD")) == (before, head)
    said = approved(pipe, "!pin one --shared")
    assert said[-1].startswith("done: "), said
    assert site.bytes()["compose.yml"].startswith(f"x-i: &i {site.repository}:1.2.3\n".encode())
    assert {site.container(name).attrs["Config"]["Image"] for name in ("one", "two")} == {
        f"{site.repository}:1.2.3"
    }


def test_what_would_come_along_unseen_is_refused(site: ComposeSite, pipe: Pipe) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    file = site.folder / "compose.yml"
    file.write_text(file.read_text() + "    environment: {NEW: '1'}\n")
    site.git("commit", "--quiet", "--all", "--message", "not deployed yet")
    [said] = pipe.ask("!pin web")
    assert said.startswith(f"refused: {site.project}/web: its files say something else than what runs")


def test_as_many_containers_stay_as_run(site: ComposeSite, pipe: Pipe) -> None:
    """Scaled by hand: the files say one, and nobody said yes to taking two away."""
    image = site.push(WELL, "latest", "1.2.3")
    site.files({"compose.yml": WEB.format(f"{site.repository}:latest")})
    site.up("--scale", "web=3")
    card = "\n".join(pipe.ask("!pin web"))
    assert "up --detach --no-deps --pull never --scale web=3 -- web" in card
    assert "- 3 of web run, its files say another number: they stay" in card
    assert approved(pipe, "!pin web")[-1].startswith("done: ")
    found = site.engine.client.containers.list(
        filters={"label": f"com.docker.compose.project={site.project}"}
    )
    assert [(str(one.attrs["Image"]), one.status) for one in found] == [(image, "running")] * 3


def test_what_no_hash_tells_is_rehearsed_and_nothing_is_touched(site: ComposeSite, pipe: Pipe) -> None:
    """A network that is to be made anew would stop all that is in it, and perhaps leave it so."""
    text = WEB.format(f"{site.repository}:latest").replace("network_mode: none", "networks: [a]")
    more = "  db: {image: 'tocsin-test/plain:1', networks: [a]}\nnetworks: {a: {internal: true}}\n"
    try:
        running(site, {"compose.yml": text + more})
        site.files({"compose.yml": text + more.replace("true", "true, labels: {x: '1'}")})
        site.git("commit", "--quiet", "--all", "--message", "not deployed yet")
        before, started = site.bytes(), site.container().attrs["State"]["StartedAt"]
        said = approved(pipe, "!pin web")
        assert said[-1].startswith(f"failed: {site.project}/web: Compose would also do what the plan"), said
        assert f"network {site.project}_a: removed" in said[-1]
        assert said[-1].endswith("Nothing was touched")
        assert (site.bytes(), site.container().attrs["State"]["StartedAt"]) == (before, started)
        assert site.container().status == "running"
    finally:
        site.down()
        site.engine.client.networks.prune()


def test_who_lives_in_its_network_is_not_cut_off(site: ComposeSite, pipe: Pipe) -> None:
    text = WEB.format(f"{site.repository}:latest")
    running(
        site,
        {"compose.yml": text + "  side: {image: 'tocsin-test/plain:1', network_mode: 'service:web'}\n"},
    )
    [said] = pipe.ask("!pin web")
    assert said.startswith(f"refused: {site.project}/side lives in it (network_mode: service:web)")


def test_what_compose_1_made_is_found_by_its_relative_labels(site: ComposeSite, pipe: Pipe) -> None:
    image = site.push(WELL, "latest", "1.2.3")
    site.files({"docker-compose.yml": WEB.format(f"{site.repository}:latest")})
    argv = ["/usr/bin/docker-compose", "up", "--detach"]
    subprocess.run(argv, cwd=site.folder, env=site.engine.env, capture_output=True, check=True)
    site.up("--no-recreate")
    labels = site.container().labels
    assert labels["com.docker.compose.project.config_files"] == "docker-compose.yml"
    assert site.container().name == f"{site.project}_web_1"
    site.healthy()
    card = "\n".join(pipe.ask("!pin web"))
    assert "- made by Compose 1." in card
    assert "whether its files say more than what runs is unknown" in card
    assert "- Compose 2 names containers with - instead of _" in card
    said = approved(pipe, "!pin web")
    assert said[-1].startswith("done: "), said
    assert (site.container().name, site.image()) == (f"{site.project}-web-1", image)


def test_a_service_that_is_called_like_an_option(site: ComposeSite, pipe: Pipe) -> None:
    image = site.push(WELL, "latest", "1.2.3")
    site.files({"compose.yml": WEB.format(f"{site.repository}:latest").replace("  web:", "  --help:")})
    site.engine.compose(site.folder, "up", "--detach", "--pull", "never")
    site.up()
    site.healthy("--help")
    before = site.container("--help").id
    said = approved(pipe, f"!pin {site.container('--help').name}")
    assert said[-1].startswith(f"done: {site.project}/--help pinned"), said
    assert (site.container("--help").id != before, site.image("--help")) == (True, image)


def test_one_of_a_profile_that_nobody_chose(site: ComposeSite, pipe: Pipe) -> None:
    site.push(WELL, "latest", "1.2.3")
    site.files({"compose.yml": WEB.format(f"{site.repository}:latest") + "    profiles: [tools]\n"})
    site.up("web")
    site.healthy()
    assert approved(pipe, "!pin web")[-1].startswith("done: ")


def test_compose_1_is_not_let_near_what_compose_2_made(site: ComposeSite, tmp_path: Path) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    before, container = site.bytes(), site.container().id
    only = tmp_path / "only"
    only.mkdir()
    # Debian 12's docker-compose.
    (only / "docker-compose").symlink_to("/usr/bin/docker-compose")
    pipe = Pipe(site.engine, tmp_path, site.estate, str(only))
    try:
        [said] = pipe.ask("!pin web")
    finally:
        pipe.end()
    why = "Compose 2.40.3 made it, and here is only docker-compose 1.29.2: install the Docker Compose plugin"
    assert said.startswith(f"refused: {site.project}/web: {why}")
    assert (site.bytes(), site.container().id) == (before, container)


def test_a_dirty_file_is_refused(site: ComposeSite, pipe: Pipe) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    file = site.folder / "compose.yml"
    file.write_text(file.read_text() + "# mine\n")
    [said] = pipe.ask("!pin web")
    assert (
        said == f"refused: {site.project}/compose.yml has changes that are not committed:"
        " commit or undo those first"
    )


def test_a_version_that_does_not_run_is_not_believed(site: ComposeSite, pipe: Pipe) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    site.push(WELL, "2.0.0")
    [said] = pipe.ask("!pin web 2.0.0")
    assert "is not what runs: the registry's digest is another one" in said
    assert approved(pipe, "!pin web 1.2")[-1].startswith("done: ")
    assert site.container().attrs["Config"]["Image"] == f"{site.repository}:1.2"


def test_by_digest_where_no_version_is_known(site: ComposeSite, pipe: Pipe) -> None:
    image = site.push(WELL, "latest")
    site.files({"compose.yml": WEB.format(f"{site.repository}:latest")})
    site.up()
    site.healthy()
    [refused] = pipe.ask("!pin web")
    assert refused.endswith("By its digest it can be pinned: pin web --digest")
    said = approved(pipe, "!pin web --digest")
    assert said[-1].startswith("done: "), said
    assert re.search(rf"{site.repository}:latest@sha256:[0-9a-f]{{64}}", site.bytes()["compose.yml"].decode())
    assert site.image() == image


def test_all_is_a_plan_for_each_project_and_says_what_is_not(
    site: ComposeSite, pipe: Pipe, tmp_path: Path, engine: Engine, registry: Registry
) -> None:
    other = ComposeSite(tmp_path, engine, registry)
    try:
        image = running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
        text = WEB.format(f"{other.repository}:latest")
        running(other, {"compose.yml": text})
        local = "services: {own: {image: 'tocsin-test/plain:latest', network_mode: none}}\n"
        engine.client.api.tag("tocsin-test/plain:1", "tocsin-test/plain", "latest")
        third = ComposeSite(tmp_path, engine, registry)
        third.files({"compose.yml": local})
        third.up()
        card = pipe.ask("!pin --all")
        assert f"- {third.project}/own: tocsin-test/plain was never pulled from" in "\n".join(card)
        codes = [row.removeprefix("!approve ") for row in card if row.startswith("!approve ")]
        asked = [row for row in card if " asks: pin " in row]
        mine = [code for code, row in zip(codes, asked, strict=True) if site.project in row]
        assert any(other.project in row for row in asked)
        pipe.ask("/as adam")
        assert pipe.ask(f"!approve {mine[0]}")[-1].startswith(f"done: {site.project}/web pinned: ")
        assert site.container().attrs["Config"]["Image"] == f"{site.repository}:1.2.3"
        assert (site.image(), other.container().attrs["Config"]["Image"]) == (
            image,
            f"{other.repository}:latest",
        )
    finally:
        for one in (other, third):
            one.down()


# ---- drift ----------------------------------------------------------------------------------------------


def test_what_changed_between_plan_and_yes_is_shown_and_nothing_runs(site: ComposeSite, pipe: Pipe) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    container = site.container().id
    code = code_of(pipe.ask("!pin web"))
    file = site.folder / "compose.yml"
    file.write_text("# a comment\n" + file.read_text())
    site.git("commit", "--quiet", "--all", "--message", "a comment")
    before = site.bytes()
    pipe.ask("/as adam")
    [said] = pipe.ask(f"!approve {code}")
    assert said.startswith(f"drifted: {code}: files.{file}.after: "), said
    assert (site.bytes(), site.container().id) == (before, container)
    assert pipe.ask(f"!approve {code}")[0].startswith(f"refused: {code} was not run")


# ---- update, and back -----------------------------------------------------------------------------------


def test_update_and_rollback(site: ComposeSite, pipe: Pipe) -> None:
    old = running(site, {"compose.yml": WEB.format(f"{site.repository}:1.2.3")})
    new = site.push(WELL, "1.3.0")
    site.engine.client.images.remove(f"{site.repository}:1.3.0", force=True)
    before = site.bytes()
    said = approved(pipe, "!update web 1.3.0")
    assert said[-1].startswith(f"done: {site.project}/web updated: "), said
    assert (site.image(), "1.3.0" in site.bytes()["compose.yml"].decode()) == (new, True)
    assert pipe.ask("!update web 1.3.0")[0].startswith("refused: ")
    [none] = pipe.ask("!update web 7.7.7")
    assert none.startswith(f"refused: {site.repository} has no version 7.7.7")
    said = approved(pipe, "!rollback web")
    assert said[-1].startswith(f"done: {site.project}/web rolled back: "), said
    assert (site.image(), site.bytes()) == (old, before)
    assert site.git("log", "--format=%s").splitlines()[0].startswith(f"rollback {site.project}/web: ")


def test_one_that_gets_ill_is_put_back_by_bytes_and_by_id(site: ComposeSite, pipe: Pipe) -> None:
    old = running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    site.push(ILL, "2.0.0")
    before, head = site.bytes(), site.git("rev-parse", "HEAD")
    # Somebody pulled since: the floating name means another image here now, which is not what ran.
    later = site.push(WELL, "latest")
    said = approved(pipe, "!update web 2.0.0")
    assert said[-1].startswith(
        f"rolled back: {site.project}/web: {site.container().name} is running, unhealthy"
    ), said
    assert f"Back as it was, proved: {site.container().name} is running, healthy" in said[-1]
    assert (site.image(), site.bytes(), site.git("rev-parse", "HEAD")) == (old, before, head)
    assert site.engine.client.images.get(f"{site.repository}:latest").id == later


def test_a_database_does_not_cross_a_major_version_unasked(site: ComposeSite, pipe: Pipe) -> None:
    site.repository += "/postgres"
    running(site, {"compose.yml": WEB.format(f"{site.repository}:1.2.3")})
    site.push(WELL, "2.0.0")
    [said] = pipe.ask("!update web 2.0.0")
    assert "crosses a major version" in said
    assert said.endswith("Take a backup, then update web 2.0.0 --major")
    assert pipe.ask("!update web 2.0.0 --major")[-1].startswith("!approve ")


def test_the_tool_that_cannot_deploy_leaves_all_as_it_was(site: ComposeSite, pipe: Pipe) -> None:
    old = running(site, {"compose.yml": WEB.format(f"{site.repository}:1.2.3")})
    broken = site.push('ENTRYPOINT ["/nothing/there"]', "1.4.0")
    assert broken
    before = site.bytes()
    said = approved(pipe, "!update web 1.4.0")
    assert said[-1].startswith(f"rolled back: {site.project}/web: Compose could not make it: "), said
    assert (site.image(), site.bytes()) == (old, before)


# ---- Matrix and Slack, and every death ------------------------------------------------------------------

POLICY = {
    "pin": {"ask": "approve", "by": "admin", "votes": 1, "self": False},
    "update": {"ask": "approve", "by": "admin", "votes": 1, "self": False},
}


@pytest.fixture
def slack() -> Iterator[RemoteSlack]:
    with spawn(*USERS, *MORE_USERS) as remote:
        yield join(remote)


@pytest.fixture
def asleep(tmp_path: Path, synapse: Synapse, slack: RemoteSlack, site: ComposeSite) -> Iterator[House]:
    estate = {"docker": site.engine.host, "root": str(site.estate), "compose": [str(COMPOSE)]}
    with house(tmp_path, synapse, slack, estate, POLICY) as made:
        yield made


def test_asked_on_matrix_approved_on_slack_pinned_and_told(asleep: House, site: ComposeSite) -> None:
    image = running(site, {"compose.yml": WEB.format(f"{site.repository}:latest")})
    before = site.bytes()
    asleep.stage.tocsin.start()
    asleep.ready()
    asleep.ann("!pin web")
    code, matrix, slack = asleep.card(f"pin {site.project}/web")
    assert f"+    image: {site.repository}:1.2.3" in matrix.first
    asleep.click("ann", slack)
    asleep.refused("wants the yes of somebody else")
    asleep.click("bob", slack)
    asleep.told("done")
    changed = before["compose.yml"].replace(b":latest", b":1.2.3")
    assert site.bytes()["compose.yml"] == changed
    assert site.image() == image
    body = site.git("log", "-1", "--format=%an%n%B")
    assert body.startswith(f"ann\npin {site.project}/web: ")
    assert "Approved-by: bob (slack:" in body
    assert f"Tocsin-Plan: {code}" in body


THERE = [
    Step.RELEASE_NAMED,
    Step.RELEASE_WRITTEN,
    Step.RELEASE_DEPLOYED,
    Step.RELEASE_PROVED,
    Step.RELEASE_COMMITTED,
]
BACK = [Step.RELEASE_UNWRITTEN, Step.RELEASE_UNDONE]


@pytest.mark.parametrize("step", [*THERE, *BACK], ids=lambda step: step.value)
def test_dying_at_a_step_of_a_release(asleep: House, site: ComposeSite, step: Step) -> None:
    running(site, {"compose.yml": WEB.format(f"{site.repository}:1.2.3")})
    site.push(ILL if step in BACK else WELL, "1.3.0")
    tocsin = asleep.stage.tocsin.start(die=f"{step.value}:1")
    asleep.ready()
    asleep.ann("!update web 1.3.0")
    code, _, _ = asleep.card(f"update {site.project}/web")
    asleep.slack("bob", f"!approve {code}")
    tocsin.died()
    there = (site.bytes(), site.container().id, site.git("rev-parse", "HEAD"))
    tocsin.start()
    asleep.ready()
    asleep.told("interrupted", code)
    asleep.hears("its files say ")
    asleep.stage.settled()
    asleep.slack("bob", f"!approve {code}")
    asleep.refused(f"{code} is used")
    # Nothing runs by itself: whatever the death left is still there, and nothing else.
    assert (site.bytes(), site.container().id, site.git("rev-parse", "HEAD")) == there
    says_new = b":1.3.0" in site.bytes()["compose.yml"]
    assert says_new == (step in THERE[1:])


def test_compose_ends_with_the_bot(site: ComposeSite, tmp_path: Path) -> None:
    """Killed while Compose waits for a container to end: no Compose goes on without us."""
    site.push('CMD ["sleep", "3600"]', "latest", "1.2.3")
    site.files({"compose.yml": WEB.format(f"{site.repository}:latest") + "    stop_grace_period: 20s\n"})
    site.up()
    first = Pipe(site.engine, tmp_path, site.estate)
    try:
        code = code_of(first.ask("!pin web"))
        first.ask("/as adam")
        assert first.process.stdin is not None
        assert first.process.stdout is not None
        first.process.stdin.write(f"!approve {code}\n")
        first.process.stdin.flush()
        while "Recreate" not in first.process.stdout.readline():
            pass
        assert _composing(site)
        first.process.kill()
        first.process.wait()
        deadline = time.monotonic() + 10
        while _composing(site):
            assert time.monotonic() < deadline, "Compose goes on without the bot"
            time.sleep(0.1)
    finally:
        first.end()


def _composing(site: ComposeSite) -> bool:
    listed = subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True).stdout
    return any(site.project in row and " up " in row for row in listed.splitlines())
