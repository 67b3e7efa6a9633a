"""What the Matrix adapter keeps on disk, and which room is where."""

from pathlib import Path

import pytest

from bot.core.model import Room
from bot.platforms.matrix_rooms import Book
from bot.platforms.matrix_state import (
    Login,
    ReplayGuard,
    load_login,
    load_moves,
    private_directory,
    save_login,
    save_moves,
)


def test_the_replay_guard_outlives_the_process(tmp_path: Path) -> None:
    guard = ReplayGuard(tmp_path / "seen")
    guard["curve", "session", 0] = ("$first", 17)
    guard.close()
    guard = ReplayGuard(tmp_path / "seen")
    assert guard["curve", "session", 0] == ("$first", 17)
    assert list(guard) == [("curve", "session", 0)]
    assert len(guard) == 1
    with pytest.raises(KeyError):
        guard["curve", "session", 1]
    del guard["curve", "session", 0]
    assert ("curve", "session", 0) not in guard
    guard.close()
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_login_is_private_and_shows_no_token(tmp_path: Path) -> None:
    login = Login("@bot:x", "DEV", "the token")
    path = private_directory(tmp_path / "m") / "login.json"
    save_login(path, login)
    save_login(path, login)
    assert load_login(path) == login
    assert path.stat().st_mode & 0o777 == 0o600
    assert "the token" not in repr(login)
    path.write_text("{}")
    assert load_login(path) is None
    assert load_login(tmp_path / "none") is None


def test_moves_survive(tmp_path: Path) -> None:
    save_moves(tmp_path / "moves", {"!a": "!b"})
    assert load_moves(tmp_path / "moves") == {"!a": "!b"}
    (tmp_path / "moves").write_text("[")
    assert load_moves(tmp_path / "moves") == {}


def test_rooms_by_alias_id_and_where_they_moved() -> None:
    ops, dev = Room("matrix", "#ops:x", "ops"), Room("matrix", "!dev", "dev")
    book = Book([ops, dev, ops], {})
    assert book.rooms == (ops, dev)
    assert book.id_of("#ops:x") is None
    assert book.aliases() == ["#ops:x"]
    book.learn("#ops:x", "!ops")
    assert book.at("!ops") == ops
    assert book.move("!ops", "!ops2")
    assert book.move("!ops2", "!ops3")
    assert not book.move("!ops3", "!ops")
    assert not book.move("!ops2", "!ops3")
    assert book.id_of("#ops:x") == "!ops3"
    assert book.at("!ops") is None
    assert book.at("!dev") == dev
    for address in ("#ops:x", "!dev"):
        book.doubt(address)
    assert book.aliases() == ["#ops:x"]
    assert book.id_of("#ops:x") == "!ops3"
    book.learn("#ops:x", "!other")
    assert book.aliases() == []
    assert book.id_of("#ops:x") == "!other"
