"""What is wrong with a container and why, by the Engine's facts; and what is not wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.diagnosis import diagnose, exit_words, failing_since, missing_binary, suspicious
from estate.inventory import inventory
from estate.model import Container, Detail, Health, Probe, Service, State
from estate.reference import parse_reference

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=2)


def container(
    state: State = State.RUNNING, health: Health = Health.NONE, status: str = "Up 2 days"
) -> Container:
    return Container("c" * 64, "web", "local", "web:1", "sha256:w", state, health, status, LONG_AGO)


def detail(one: Container | None = None, **more: object) -> Detail:
    base = Detail(one or container(), LONG_AGO, None, None, False, 0, "", 0, (), ())
    return replace(base, **more)  # type: ignore[arg-type]


def ended(code: int, **more: object) -> Detail:
    facts: dict[str, object] = {"exit_code": code, "finished": NOW - timedelta(minutes=1), **more}
    return detail(container(State.EXITED, status=f"Exited ({code}) 1 minute ago"), **facts)


STARTING = container(health=Health.STARTING, status="Up 5 minutes (health: starting)")
MINUTE = timedelta(minutes=1)

NO_APP = 'runc create failed: exec: "app": executable file not found in $PATH: unknown'
NO_WGET = 'OCI runtime exec failed: exec failed: exec: "wget": executable file not found in $PATH: unknown'

WRONG: list[tuple[Detail, str, str]] = [
    (ended(1), "exited", "exit code 1"),
    (ended(0, restart_policy="always"), "exited", "somebody stopped it"),
    (ended(0, restart_policy="unless-stopped"), "exited", "somebody stopped it"),
    (ended(137, oom_killed=True), "exited", "killed (SIGKILL), for lack of memory"),
    (ended(137), "exited", "not out of memory"),
    (ended(143), "exited", "ended by SIGTERM"),
    (ended(127), "exited", "its command was not found"),
    (detail(container(State.RESTARTING), exit_code=7, restarts=3), "restarting", "restarted 3 times"),
    # Between two falls it is up for a moment: it is no better for that.
    (detail(started=NOW - MINUTE, restarts=3, restart_policy="always"), "restarting", "restarted 3 times"),
    (detail(container(State.DEAD)), "dead", "docker rm -f"),
    (detail(container(State.PAUSED)), "paused", "docker unpause"),
    (detail(container(State.CREATED)), "created", "never started"),
    (detail(container(State.CREATED), error=NO_APP), "created", "app is not in the image"),
    (detail(container(health=Health.UNHEALTHY), failing_streak=3), "unhealthy", "not out of memory"),
    (detail(STARTING, started=NOW - 5 * MINUTE, patience=MINUTE), "stuck starting", "no probe has ended yet"),
    (detail(oom_killed=True), "short of memory", "out of memory"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "kind", "why"), WRONG, ids=[f"{kind}-{why}" for _, kind, why in WRONG])
def test_wrong(one: Detail, kind: str, why: str) -> None:
    trouble = diagnose(one, NOW)
    assert trouble is not None
    assert trouble.kind == kind
    assert why in "\n".join(trouble.why)


@pytest.mark.parametrize(
    "one",
    [
        detail(),
        detail(container(health=Health.HEALTHY)),
        ended(0),
        ended(0, restart_policy="on-failure"),
        detail(STARTING, started=NOW - MINUTE, patience=2 * MINUTE),
        detail(restarts=9, restart_policy="always"),
        detail(replace(container(State.CREATED), created=NOW)),
    ],
    ids=[
        "running",
        "healthy",
        "job done",
        "done after a retry",
        "starting",
        "long recovered",
        "just created",
    ],
)
def test_not_wrong(one: Detail) -> None:
    assert diagnose(one, NOW) is None


@pytest.mark.parametrize(
    ("code", "output", "command", "name"),
    [
        (127, "/bin/sh: curl: not found\n", ("CMD-SHELL", "curl -f http://x"), "curl"),
        (127, "/bin/bash: line 1: curl: command not found", ("CMD-SHELL", "curl x"), "curl"),
        (127, "sh: 1: /opt/check: not found", ("CMD-SHELL", "/opt/check"), "/opt/check"),
        (1, "/bin/sh: curl: not found\n", ("CMD-SHELL", "curl -f http://x || exit 1"), "curl"),
        (-1, NO_WGET, ("CMD", "wget", "-q"), "wget"),
        (-1, 'OCI runtime exec failed: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown',
         ("CMD-SHELL", "true"), "/bin/sh"),
        (127, "", ("CMD-SHELL", "curl -s x >/dev/null 2>&1"), "curl"),
        (1, "wget: server returned error: HTTP/1.1 404 Not Found", ("CMD", "wget"), None),
        (1, "user: not found", ("CMD-SHELL", "check-login"), None),
        (1, "", ("CMD", "curl"), None),
        (0, "sh: curl: not found", ("CMD", "curl"), None),
    ],
)  # fmt: skip
def test_the_missing_program_is_named(
    code: int, output: str, command: tuple[str, ...], name: str | None
) -> None:
    assert missing_binary(Probe(NOW, code, output), command) == name


def test_since_when_is_read_while_the_engine_remembers_and_reckoned_after() -> None:
    five = tuple(Probe(NOW - timedelta(seconds=30 * n), 1, "") for n in (4, 3, 2, 1, 0))
    ill = container(health=Health.UNHEALTHY)
    assert failing_since(detail(ill, probes=five, failing_streak=5)) == (NOW - timedelta(minutes=2), False)
    assert failing_since(detail(ill, probes=five, failing_streak=21)) == (NOW - timedelta(minutes=10), True)
    young = detail(ill, probes=five, failing_streak=21, started=NOW - timedelta(minutes=5))
    assert failing_since(young) == (NOW - timedelta(minutes=5), True)
    healed = (*five[:3], Probe(NOW, 0, ""), Probe(NOW, 1, ""))
    assert failing_since(detail(ill, probes=healed, failing_streak=1)) == (NOW, False)


@given(code=st.integers(-1, 300))
def test_every_exit_code_has_words(code: int) -> None:
    assert exit_words(ended(code)).startswith("exit code")


@pytest.mark.parametrize(
    ("status", "look"),
    [("Up 2 days", False), ("Up 11 minutes", False), ("Up 9 minutes", True), ("Up 3 seconds", True),
     ("Up About a minute", True), ("Up Less than a second", True), ("Up 3 hours (healthy)", False)],
)  # fmt: skip
def test_only_what_may_be_ill_is_looked_at_closely(status: str, look: bool) -> None:
    assert suspicious(container(status=status)) is look


# ---- what belongs together ------------------------------------------------------------------------------


def labelled(name: str, project: str, service: str, **labels: str) -> Container:
    given = {"project": project, "service": service, **labels}
    prefixed = {f"com.docker.compose.{key}": value for key, value in given.items()}
    return replace(container(), id=name * 3, name=name, labels=prefixed)


def test_containers_find_their_service() -> None:
    services = [
        Service("shop", "web", "shop/compose.yml", "web:1", None),
        Service("blog", "web", "apps/blog/compose.yml", "web:1", None),
        Service("tool", "db", "tool/compose.yml", "db:1", "the-db"),
    ]
    things = inventory(
        [
            labelled("shop-web-10", "shop", "web"),
            labelled("shop-web-2", "shop", "web"),
            # Started as another project, from the same folder, which the host sees elsewhere.
            labelled("x-web-1", "renamed", "web", **{"project.working_dir": "/srv/infra/apps/blog"}),
            replace(container(), id="db", name="the-db"),
            replace(container(), id="alone", name="alone"),
            labelled("shop-web-run-1", "shop", "web", oneoff="True"),
        ],
        services,
    )
    found = {thing.full_name: [one.name for one in thing.containers] for thing in things}
    assert found == {
        "shop/web": ["shop-web-2", "shop-web-10"],
        "blog/web": ["x-web-1"],
        "tool/db": ["the-db"],
        "alone": ["alone"],
        "shop-web-run-1": ["shop-web-run-1"],
    }


# ---- image references -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts", "floats"),
    [
        ("nginx", ("nginx", None), "no tag: latest"),
        ("nginx:latest", ("nginx", "latest"), "latest"),
        ("localhost:5000/a/b", ("localhost:5000/a/b", None), "no tag: latest"),
        ("localhost:5000/a/b:1.2.3", ("localhost:5000/a/b", "1.2.3"), ""),
        ("traefik:v3.5", ("traefik", "v3.5"), "partial version"),
        ("postgres:15-alpine", ("postgres", "15-alpine"), "partial version"),
        ("supabase/studio:20240923-2e3e90c", ("supabase/studio", "20240923-2e3e90c"), ""),
        ("app:3f2a1b0", ("app", "3f2a1b0"), ""),
        ("node:lts", ("node", "lts"), "moving tag"),
        ("supabase/postgres:15.6.1.115", ("supabase/postgres", "15.6.1.115"), ""),
    ],
)
def test_references(text: str, parts: tuple[str, str | None], floats: str) -> None:
    reference = parse_reference(text)
    assert (reference.repository, reference.tag) == parts
    assert reference.floats == floats
    assert str(reference) == text


def test_a_digest_holds_whatever_the_tag_says() -> None:
    reference = parse_reference("nginx:latest@sha256:" + "a" * 64)
    assert (reference.tag, reference.digest, reference.floats) == ("latest", "sha256:" + "a" * 64, "")
