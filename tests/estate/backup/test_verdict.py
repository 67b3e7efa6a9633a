"""What restic says, in every version, and whether that may be called a backup."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate.backup.coverage import Cover, Holding, Listed, candidates, cover
from estate.backup.drill import compare
from estate.backup.history import PARTS, Verified
from estate.backup.item import Item, Method
from estate.backup.manifest import Manifest, SavedDatabase, SavedFile, from_json, to_json
from estate.backup.message import (
    Lock,
    Progress,
    Snapshot,
    Summary,
    Trouble,
    read_lock,
    read_node,
    read_said,
    read_snapshots,
)
from estate.backup.restic import Attempt, Restic, is_locked, say_lock
from estate.backup.verdict import Problem, Size, problems

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ASKED = ("/srv/a", "/state/spool/saved")
DUMP = "/state/spool/saved/databases/db/app.dump"
GOOD = Attempt(0, Summary("1a2b3c4d", 10, 1000))
SNAPSHOT = Snapshot("1a2b3c4d" + "e" * 56, NOW, ASKED, ("svc:shop/web", "run:77"))


# ---- what it says ---------------------------------------------------------------------------------------

ERROR_14 = (
    '{"message_type":"error","error":{"Op":"open","Path":"/x","Err":13},"during":"archival","item":"/x"}'
)
ERROR_17 = '{"message_type":"error","error":{"message":"open /x: denied"},"during":"archival","item":"/x"}'


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", None),
        ("/b does not exist, skipping", Trouble("/b does not exist, skipping")),
        (ERROR_14, Trouble("open: permission denied", "/x")),
        (ERROR_17, Trouble("open /x: denied", "/x")),
        ('{"message_type":"exit_error","code":11,"message":"locked"}', Trouble("locked")),
        ('{"message_type":"verbose_status","action":"new"}', None),
        ('{"message_type":"something new"}', None),
        ('{"message_type":"status","percent_done":1.5}', Progress(1.0, 0, 0)),
        (
            '{"message_type":"status","percent_done":0.5,"total_bytes":10,"bytes_done":5,"seconds_remaining":3}',
            Progress(0.5, 5, 10, 3),
        ),
        (
            '{"message_type":"summary","snapshot_id":"1a2b3c4d","total_files_processed":2,'
            '"total_bytes_processed":7,"data_added":3,"data_added_packed":1}',
            Summary("1a2b3c4d", 2, 7, 3),
        ),
    ],
)
def test_a_line_of_a_backup(line: str, said: object) -> None:
    assert read_said(line) == said


@given(st.text())
def test_no_line_breaks_the_reader(text: str) -> None:
    read_said(text)
    read_node(text)
    read_lock(text)


def test_snapshots_amid_other_words() -> None:
    row = {"time": "2026-01-02T03:04:05.123456789+02:00", "paths": ["/a"], "id": "f" * 64, "tags": ["svc:x"]}
    [found] = read_snapshots("unable to open cache\n" + json.dumps([row]) + "\n")
    assert found.at == datetime(2026, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)
    assert found.tagged("svc") == ("x",)
    with pytest.raises(ValueError, match="no list"):
        read_snapshots("Fatal: wrong password")


def test_a_lock_is_told_and_never_taken_away() -> None:
    lock = read_lock('{"time":"2026-01-02T00:00:00Z","exclusive":true,"hostname":"web1","pid":4000000}')
    assert lock == Lock("web1", 4_000_000, NOW, True)
    later = NOW.timestamp() + 3600
    assert "another host" in say_lock(lock, later, here="web2")
    assert "stale" in say_lock(lock, later, here="web1")
    assert "restic unlock" in say_lock(lock, NOW.timestamp() + 60, here="web1")
    assert is_locked(["unable to create lock in backend: repository is already locked by PID 7"])


# ---- the verdict ----------------------------------------------------------------------------------------


def verdict(attempt: Attempt = GOOD, snapshot: Snapshot | None = SNAPSHOT, **more: object) -> tuple[str, ...]:
    held = {DUMP: 500}
    given_ = {"held": held, "dumps": {DUMP: 500}, "usual": (), **more}
    return tuple(str(one) for one in problems(ASKED, attempt, snapshot, **given_))  # type: ignore[arg-type]


def test_all_of_it_holds() -> None:
    assert verdict() == ()


@pytest.mark.parametrize(
    ("attempt", "what"),
    [
        (Attempt(3, GOOD.summary, (Trouble("open: denied", "/x"),), 1), "/x: open: denied"),
        (Attempt(3, GOOD.summary), "restic ended with 3"),
        (Attempt(1, None, (Trouble("Fatal: no"),)), "restic ended with 1"),
        (Attempt(0, None), "restic gave no summary"),
        (Attempt(0, GOOD.summary, (Trouble("/b does not exist, skipping"),)), "skipping"),
        (Attempt(0, GOOD.summary, (), 4), "restic counted 4 errors"),
    ],
)
def test_anything_less_is_a_problem(attempt: Attempt, what: str) -> None:
    assert any(what in one for one in verdict(attempt))


def test_a_source_that_restic_left_out() -> None:
    less = Snapshot(SNAPSHOT.id, NOW, ASKED[1:])
    assert verdict(snapshot=less) == ("/srv/a: is not in the snapshot",)
    assert verdict(snapshot=None) == ("the repository lists no snapshot of this run",)


def test_a_dump_that_is_not_what_was_spooled() -> None:
    assert verdict(held={}) == (f"{DUMP}: this dump is not in the snapshot",)
    assert verdict(held={DUMP: 499}) == (f"{DUMP}: this dump has 499 bytes in the snapshot, not 500",)


def test_far_less_than_usual() -> None:
    usual = [Size(100, 10_000)] * 3
    assert [one.partition(",")[0] for one in verdict(usual=usual)] == ["10 files", "1000 bytes"]
    assert verdict(usual=usual[:1]) == ()  # one run is no habit
    assert verdict(usual=[*usual, *[Size(10, 1000)] * 3]) == ()  # it has become usual


# ---- the words that are run -----------------------------------------------------------------------------


def test_no_secret_is_in_the_words(tmp_path: object) -> None:
    from pathlib import Path

    found = Restic(
        "rest:https://u:hunter2@host/", "hunter2", Path("/c"), environ={"PATH": "/bin", "TOKEN": "t"}
    )
    argv = Restic.backup_argv(Path("/s/paths"), "h", ["a/b"], "77")
    assert argv == (
        "restic", "backup", "--json", "--host", "h", "--tag", "svc:a/b", "--tag", "run:77",
        "--files-from-verbatim", "/s/paths",
    )  # fmt: skip
    assert "hunter2" not in " ".join(argv)
    assert "TOKEN" not in found.environment
    assert {"PATH", "RESTIC_PASSWORD", "RESTIC_REPOSITORY"} <= set(found.environment)


def test_a_path_is_no_pattern() -> None:
    from pathlib import Path

    argv = Restic.restore_argv("id", Path("/t"), ["/a[1]*"])
    assert argv[-1] == "/a\\[1]\\*"


# ---- coverage -------------------------------------------------------------------------------------------

NONE = Listed()
FILES = Item("volume", "/v/data", "/v/data", ("shop/web",), Method.FILES, "data")
DATABASE = Item("database", "/v/pg", "", ("shop/db",), Method.DUMP, "shop-db-1")
SAVED = SavedDatabase("shop/db", "shop-db-1", "postgres", "postgres", "postgres:15", "sha256:a", "app",
                      (SavedFile("databases/shop-db-1/app.dump", 5, "ff"),))  # fmt: skip
TOLD = Manifest("77", NOW.isoformat(), "h", (), (SAVED,))


def holding(**more: object) -> Holding:
    snapshot = Snapshot("a" * 64, NOW, ("/v/data", "/s/saved"), ("svc:shop/web", "svc:shop/db"))
    present = frozenset({"/v/data", "/s/saved/databases/shop-db-1/app.dump"})
    given_ = {"snapshot": snapshot, "present": present, "manifest": TOLD, "saved": "/s/saved", **more}
    return Holding(**given_)  # type: ignore[arg-type]


def covers(item: Item, *held: Holding, listed: Listed = NONE, hours: int = 1) -> Cover:
    [found] = cover([item], held, listed, NOW + timedelta(hours=hours), timedelta(hours=26))
    return found.cover


@pytest.mark.parametrize("item", [FILES, DATABASE], ids=["files", "database"])
def test_coverage(item: Item) -> None:
    assert covers(item, holding()) is Cover.COVERED
    assert covers(item, holding(), hours=27) is Cover.STALE
    assert covers(item) is Cover.UNCOVERED
    assert covers(item, holding(present=frozenset())) is Cover.UNCOVERED
    assert covers(item, holding(bad=frozenset({item.title}))) is Cover.UNCOVERED
    assert covers(item, holding(ours=False)) is Cover.UNKNOWN
    assert covers(item, holding(ours=False), holding(), hours=27) is Cover.STALE
    claims = Listed("backup-config.yml", ("/v/data",), frozenset({"shop-db-1"}))
    assert covers(item, listed=claims) is Cover.CONFIG_ONLY


def test_a_databases_folder_as_files_is_no_coverage() -> None:
    raw = holding(manifest=None, present=frozenset({"/v/pg", "/v/pg/base"}))
    assert covers(DATABASE, raw) is Cover.UNCOVERED


def test_a_snapshot_that_is_not_whole_is_no_candidate() -> None:
    snapshot = holding().snapshot
    assert candidates(FILES, [snapshot], {}, ()) == [snapshot]
    assert candidates(FILES, [snapshot], {snapshot.id: frozenset({FILES.title})}, ()) == []


# ---- rows, parts, manifests -----------------------------------------------------------------------------


def test_rows_are_compared() -> None:
    recorded = {"app": {"a": (3, 3), "b": (5, 9), "gone": (1, 1)}, "lost": {}}
    assert compare(recorded, {"app": {"a": 3, "b": 7, "new": 1}}) == [
        "the table gone is not there",
        "the table new was not there",
        "the database lost is not there",
    ]
    assert compare({"app": {"a": (3, 3)}}, {"app": {"a": 2}}) == ["the table a has 2 rows, not 3"]
    assert compare({"app": {"b": (9, 5)}}, {"app": {"b": 4}}) == [
        "the table b has 4 rows, not between 5 and 9"
    ]


def test_seven_in_a_row_are_all_of_it() -> None:
    found = Verified()
    for number in range(PARTS):
        assert found.full is None
        found = found.passed(found.next, NOW + timedelta(days=number))
    assert (found.full, found.next) == (NOW, 1)
    assert found.did_not("broken").next == 1  # the same part again


def test_a_manifest_is_read_back() -> None:
    assert from_json(to_json(TOLD)) == TOLD


@given(st.text() | st.builds(json.dumps, st.dictionaries(st.text(), st.integers() | st.lists(st.text()))))
def test_no_manifest_breaks_the_reader(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)


def test_a_problem_names_its_path() -> None:
    assert str(Problem("is gone", "/a")) == "/a: is gone"
