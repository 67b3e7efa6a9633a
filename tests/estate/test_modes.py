"""The mode of exactly the file that was shown, and whole files over what was shown."""

import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from bot.core.errors import NotDone
from bot.core.plan import FileChange, ModeChange
from estate.modes import change_mode, undo_mode
from estate.rewrite import restore, rewrite


def mode_of(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def change(path: Path, before: str = "0644", after: str = "0600") -> ModeChange:
    status = path.stat()
    return ModeChange(
        path.name, f"{status.st_dev}:{status.st_ino}:{status.st_uid}:{status.st_gid}", before, after
    )


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    return path


def test_the_mode_changes_and_goes_back(env: Path) -> None:
    one = change(env)
    change_mode(env.parent, one)
    assert mode_of(env) == "0600"
    undo_mode(env.parent, one)
    assert mode_of(env) == "0644"
    assert env.read_text() == "A=1\n"


def test_another_mode_than_the_one_that_was_shown(env: Path) -> None:
    env.chmod(0o640)
    with pytest.raises(NotDone, match="has mode 0640 now, not 0644"):
        change_mode(env.parent, change(env))
    assert mode_of(env) == "0640"


def test_another_file_of_the_same_name(env: Path) -> None:
    one = change(env)
    other = env.with_name("other")
    other.write_text("B=2\n")
    other.chmod(0o644)
    other.replace(env)
    with pytest.raises(NotDone, match="another file"):
        change_mode(env.parent, one)
    assert mode_of(env) == "0644"


def test_a_symlink_in_its_place_is_not_followed(env: Path) -> None:
    one = change(env)
    real = env.with_name("real")
    env.replace(real)  # the very same inode, by another name
    env.symlink_to(real)
    with pytest.raises(NotDone, match="cannot be opened"):
        change_mode(env.parent, one)
    assert mode_of(real) == "0644"


def test_a_pipe_in_its_place_is_not_waited_for(env: Path) -> None:
    one = change(env)
    env.unlink()
    os.mkfifo(env)
    with pytest.raises(NotDone):
        change_mode(env.parent, one)


def test_a_file_that_is_gone(env: Path) -> None:
    one = change(env)
    env.unlink()
    with pytest.raises(NotDone, match="no such file"):
        change_mode(env.parent, one)


# ---- whole files ----------------------------------------------------------------------------------------


def test_a_file_is_written_over_what_was_shown_and_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "w.yml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    one = FileChange("w.yml", sha256(b"old").hexdigest(), b"new")
    had = rewrite(tmp_path, one)
    assert (had, path.read_bytes(), mode_of(path)) == (b"old", b"new", "0640")
    restore(tmp_path, one, had)
    assert (path.read_bytes(), mode_of(path)) == (b"old", "0640")
    assert [one.name for one in tmp_path.iterdir()] == ["w.yml"]


def test_a_new_file_and_its_end(tmp_path: Path) -> None:
    one = FileChange("w.yml", "", b"new")
    assert rewrite(tmp_path, one) is None
    assert (tmp_path / "w.yml").read_bytes() == b"new"
    restore(tmp_path, one, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [b"other", None])
def test_what_has_changed_since_is_left_alone(tmp_path: Path, there: bytes | None) -> None:
    path = tmp_path / "w.yml"
    if there is not None:
        path.write_bytes(there)
    one = FileChange("w.yml", sha256(b"old").hexdigest() if there is None else "", b"new")
    with pytest.raises(NotDone, match="has changed since"):
        rewrite(tmp_path, one)
    assert (path.read_bytes() if path.exists() else None) == there


def test_what_somebody_wrote_after_us_is_not_taken_back(tmp_path: Path) -> None:
    one = FileChange("w.yml", "", b"new")
    rewrite(tmp_path, one)
    (tmp_path / "w.yml").write_bytes(b"newer")
    with pytest.raises(NotDone, match="was changed since"):
        restore(tmp_path, one, None)
    assert (tmp_path / "w.yml").read_bytes() == b"newer"


def test_a_symlink_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "w.yml").symlink_to("real")
    with pytest.raises(NotDone, match="symlink"):
        rewrite(tmp_path, FileChange("w.yml", sha256(b"old").hexdigest(), b"new"))
    assert (tmp_path / "real").read_bytes() == b"old"
