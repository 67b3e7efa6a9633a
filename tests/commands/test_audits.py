"""The audit in a room: what is read, what is mended, and what is put back."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import audit.fixes
from audit.fixes.changes import Changes
from audit.model import Finding
from bot.config.model import Estate
from bot.core.plan import FileChange
from bot.core.policy import Policy, Role
from bot.snapshots import LateSnapshots
from estate.snapshot.model import Snapshot
from tests.audit.cases.case import app, web
from tests.audit.estate import write
from tests.plans import Plans, codes, detail, plans

FILES = {
    **app(
        web(
            "restart: always",
            'healthcheck: {test: ["CMD", "curl", "-f", "http://127.0.0.1/"]}',
            image="nginx",
        )
    ),
    "app/.env": "DB_PASSWORD=s3cr3tEnough99\n",
    "app/README.md": "# App\n\n## Set-up\n",
}


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Plans]:
    root = write(tmp_path / "estate", FILES, {"app/.env": 0o644})
    (tmp_path / "state").mkdir()
    async with plans(tmp_path / "state", detail("web", project="app"), pick=codes("ACDE", "FGHJ")) as talk:
        talk.with_services(snapshots=LateSnapshots(root, Estate(), [talk.docker]))
        yield talk


def mode_of(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


async def id_of(room: Plans, rule: str) -> str:
    said = await room.ask("ann", f"!audit {rule}")
    return next(word for word in said.split() if word.startswith(f"{rule}-"))


async def test_ten_lines_and_the_rest_as_a_file(room: Plans) -> None:
    answer = await room.answer("vic", "!audit")
    assert answer.doc is not None
    (file,) = answer.doc.files
    assert file.name == "audit.md"
    assert b"ENV-01-" in file.content
    said = await room.ask("vic", "!audit")
    assert len([row for row in said.splitlines() if not row.startswith("[file")]) <= 10
    assert "s3cr3tEnough99" not in said + file.content.decode()


async def test_one_service_one_rule_one_finding(room: Plans) -> None:
    assert "app/web: " in await room.ask("vic", "!audit web")
    assert "Wrong: " in await room.ask("vic", "!audit img-01")
    name = await id_of(room, "IMG-01")
    said = await room.ask("vic", f"!finding {name.lower()}")
    assert "where: app/compose.yml:3:12 nginx" in said
    assert "mend: !pin app/web" in said
    assert "unknown: IMG-99" in await room.ask("vic", "!audit IMG-99")
    assert "no finding is called that now" in await room.ask("vic", "!finding IMG-01-AAAAA")
    assert "usage: !finding FINDING" in await room.ask("vic", "!finding web")


async def test_a_fix_is_asked_for_approved_by_another_and_proved(room: Plans, tmp_path: Path) -> None:
    env = tmp_path / "estate" / "app" / ".env"
    name = await id_of(room, "ENV-01")
    said = await room.ask("ann", f"!fix {name}")
    assert "old mode 0644" in said
    assert said.splitlines()[-1] == "!approve ACDE"
    assert "refused: " in await room.ask("ann", "!approve ACDE")
    assert mode_of(env) == "0644"
    # A chat hears of the end through the outbox; a seat in the console waits for it.
    await room.ask("adam", "!approve ACDE")
    stored = await ended(room, "ACDE")
    assert stored == "done"
    assert mode_of(env) == "0600"
    assert env.read_text() == FILES["app/.env"]
    assert "no finding is called that now" in await room.ask("ann", f"!finding {name}")


async def ended(room: Plans, code: str) -> str:
    import asyncio

    for _ in range(200):
        stored = await room.store.by_code(code)
        assert stored is not None
        if stored.approval.state.value not in {"asked", "approved", "running"}:
            return stored.approval.state.value
        await asyncio.sleep(0.05)
    raise AssertionError(f"{code} did not end")


async def test_a_mode_that_changed_in_between_is_drift(room: Plans, tmp_path: Path) -> None:
    env = tmp_path / "estate" / "app" / ".env"
    await room.ask("ann", f"!fix {await id_of(room, 'ENV-01')}")
    env.chmod(0o640)
    await room.ask("adam", "!approve ACDE")
    assert await ended(room, "ACDE") == "drifted"
    assert mode_of(env) == "0640"


async def test_another_file_of_that_name_is_drift(room: Plans, tmp_path: Path) -> None:
    env = tmp_path / "estate" / "app" / ".env"
    await room.ask("ann", f"!fix {await id_of(room, 'ENV-01')}")
    other = env.with_name("other")
    other.write_text("A=1\n")
    other.chmod(0o644)
    other.replace(env)
    await room.ask("adam", "!approve ACDE")
    assert await ended(room, "ACDE") == "drifted"
    assert mode_of(env) == "0644"


async def test_a_fix_that_brings_something_else_is_put_back(
    room: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = tmp_path / "estate" / "app" / "compose.yml"
    before = compose.read_bytes()

    def worse(finding: Finding, shot: Snapshot) -> Changes:
        from hashlib import sha256

        after = before.replace(
            b"image: nginx\n", b"image: nginx:1.99.3\n    environment: {API_TOKEN: hX92jjkSSq}\n"
        )
        return Changes(
            files=(FileChange("app/compose.yml", sha256(before).hexdigest(), after),), calls=("write",)
        )

    monkeypatch.setattr(audit.fixes, "ALL", {"IMG-01": worse})
    await room.ask("ann", f"!fix {await id_of(room, 'IMG-01')}")
    await room.ask("adam", "!approve ACDE")
    assert await ended(room, "ACDE") == "rolled back"
    assert compose.read_bytes() == before


async def test_a_fix_that_mends_nothing_is_put_back(
    room: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = tmp_path / "estate" / "app" / "compose.yml"
    before = compose.read_bytes()

    def nothing(finding: Finding, shot: Snapshot) -> Changes:
        from hashlib import sha256

        change = FileChange("app/compose.yml", sha256(before).hexdigest(), before + b"# mended\n")
        return Changes(files=(change,), calls=("write",))

    monkeypatch.setattr(audit.fixes, "ALL", {"IMG-01": nothing})
    await room.ask("ann", f"!fix {await id_of(room, 'IMG-01')}")
    await room.ask("adam", "!approve ACDE")
    assert await ended(room, "ACDE") == "rolled back"
    assert compose.read_bytes() == before


async def test_what_no_command_mends_is_refused_with_what_does(room: Plans) -> None:
    said = await room.ask("ann", f"!fix {await id_of(room, 'IMG-01')}")
    assert said == "refused: !pin app/web is the command that mends it, with a plan of its own"


async def test_a_waiver_is_written_and_counts(room: Plans, tmp_path: Path) -> None:
    file = tmp_path / "estate" / "audit-waivers.yml"
    name = await id_of(room, "IMG-01")
    said = await room.ask("ann", f"!waive {name} --until 30d the vendor has no versions")
    assert '+    reason: "the vendor has no versions"' in said
    assert not file.exists()
    await room.ask("adam", "!approve ACDE")
    assert await ended(room, "ACDE") == "done"
    assert f"target: {name}" in file.read_text()
    assert "waived: until " in await room.ask("vic", f"!finding {name}")
    assert "1 waived" in await room.ask("vic", "!audit IMG-01")
    assert "refused: " in await room.ask("ann", f"!waive {name} again", id="m2")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "REASON is missing"),
        ("--until 2020-01-01 x", "lies ahead"),
        ("--until soon x", "--until 2026-12-31 or --until 90d"),
        ("--until 9999-01-01 x", "within two years"),
        ("password=hunter2hunter2 is fine", "looks like a secret"),
    ],
)
async def test_a_waiver_that_cannot_be(room: Plans, words: str, says: str) -> None:
    assert says in await room.ask("ann", f"!waive {await id_of(room, 'IMG-01')} {words}")


async def test_roles_and_their_targets_hold(room: Plans) -> None:
    name = await id_of(room, "ENV-01")
    assert "refused: " in await room.ask("vic", f"!fix {name}")
    assert "refused: " in await room.ask("eve", "!audit")
    limited = Role("operator", ("*",), ("other",))
    policy = room.policy
    room.with_services(policy=Policy({**policy.roles, "operator": limited}, policy.rules))
    assert "outside of what your role may touch" in await room.ask("ann", f"!fix {name}")
    within = Role("operator", ("*",), ("app/*",))
    room.with_services(policy=Policy({**policy.roles, "operator": within}, policy.rules))
    assert "!approve" in await room.ask("ann", f"!fix {name}")


async def test_without_a_tree(room: Plans) -> None:
    room.with_services(snapshots=None)
    assert "there is no estate to audit" in await room.ask("vic", "!audit")
