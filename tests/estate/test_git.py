"""git, the real one: what is committed, by whom, and what is refused."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.core.errors import Upstream
from estate.git import Author, GitFailed, Repository

ANN = Author("ann", "matrix:@ann:example.org")
ENVIRON = {**os.environ, "GIT_DIR": "/nonexistent", "GIT_AUTHOR_NAME": "mallory"}
Git = Callable[..., str]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "ünï estate"
    (root / "web").mkdir(parents=True)
    (root / "web" / "compose.yml").write_text("image: a:latest\n")
    (root / "web" / ".env").write_text("A=1\n")
    (root / ".gitignore").write_text(".env\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def git(root: Path, *words: str) -> str:
    argv = ["git", "-c", "user.name=t", "-c", "user.email=t@x", "-C", str(root), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


async def repository(tree: Path) -> Repository:
    found = await Repository.of(tree / "web" / "compose.yml", ENVIRON)
    assert found is not None
    return found


async def change(tree: Path) -> tuple[Repository, Path]:
    file = tree / "web" / "compose.yml"
    file.write_text("image: a:1.2.3\n")
    return await repository(tree), file


async def test_one_file_is_committed_with_its_author_and_trailers(tree: Path) -> None:
    (tree / "other").write_text("staged by somebody\n")
    git(tree, "add", "other")
    (tree / ".git" / "hooks" / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (tree / ".git" / "hooks" / "pre-commit").chmod(0o755)
    git(tree, "config", "commit.gpgSign", "true")
    repo, file = await change(tree)
    trailers = [("Tocsin-Plan", "K7QF"), ("Approved-by", "adam <x>\nEvil: yes")]
    made = await repo.commit([file], "pin web\nInjected: yes", trailers, ANN)
    shown = git(tree, "show", "--format=%H|%an|%ae|%cn|%B", "--name-only", made)
    assert shown.startswith(f"{made}|ann|matrix:@ann:example.org|Tocsin|pin web Injected: yes\n\n")
    assert "Tocsin-Plan: K7QF\nApproved-by: adam x Evil: yes\n" in shown
    assert shown.rstrip().endswith("web/compose.yml")
    assert git(tree, "diff", "--cached", "--name-only") == "other\n"


async def test_what_is_in_the_way_is_said(tree: Path) -> None:
    repo, file = await change(tree)
    assert "not committed" in (await repo.standing([file])).why_not
    git(tree, "add", "web/compose.yml")
    assert "not committed" in (await repo.standing([file])).why_not
    git(tree, "reset", "--quiet", "--hard")
    assert (await repo.standing([file])).why_not == ""
    git(tree, "checkout", "--quiet", "--detach")
    assert "detached" in (await repo.standing([file])).why_not
    git(tree, "checkout", "--quiet", "main")
    (tree / ".git" / "MERGE_HEAD").write_text(git(tree, "rev-parse", "HEAD"))
    assert "in the middle of a merge" in (await repo.standing([file])).why_not


async def test_what_git_does_not_keep_is_told_apart(tree: Path) -> None:
    repo = await repository(tree)
    new = tree / "web" / "new.yml"
    new.write_text("x\n")
    found = await repo.standing([tree / "web" / ".env", new, tree / "web" / "compose.yml"])
    assert (found.why_not, found.not_kept) == ("", (tree / "web" / ".env", new))


async def test_a_lock_is_waited_for_and_then_told(tree: Path) -> None:
    repo, file = await change(tree)
    (tree / ".git" / "index.lock").touch()
    with pytest.raises(GitFailed, match=r"index\.lock"):
        await repo.commit([file], "pin", [], ANN)
    assert git(tree, "log", "--format=%s") == "first\n"


async def test_a_folder_of_somebody_else_and_none_at_all(tree: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        for path in (tree, tree / ".git"):
            os.chown(path, 12345, 12345)
    repo, file = await change(tree)
    assert len(await repo.commit([file], "pin", [], ANN)) == 40
    assert await Repository.of(tmp_path / "x", ENVIRON) is None


async def test_no_program_of_the_repositorys_is_run(tree: Path, tmp_path: Path) -> None:
    git(tree, "config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    (tree / ".git" / "info").mkdir(exist_ok=True)
    (tree / ".git" / "info" / "attributes").write_text("*.yml filter=evil\n")
    repo = await repository(tree)
    found = await repo.standing([tree / "web" / "compose.yml"])
    assert found.why_not.startswith(
        "web/compose.yml would run the filter evil, a program of the repository's"
    )
    assert not (tmp_path / "ran").exists()


async def test_a_repository_that_git_cannot_read_is_not_none(tree: Path) -> None:
    (tree / ".git" / "config").write_text("[core\n")
    with pytest.raises(Upstream, match=r"git in .*bad config"):
        await Repository.of(tree / "web" / "compose.yml", ENVIRON)


async def test_a_link_into_the_tree_and_a_name_like_an_option(tree: Path) -> None:
    odd = tree / "--help"
    odd.mkdir()
    (odd / ":(top)x").write_text("1\n")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "-m", "odd")
    (odd / ":(top)x").write_text("2\n")
    repo = await repository(tree)
    made = await repo.commit([odd / ":(top)x"], "odd", [], ANN)
    assert git(tree, "show", "--format=", "--name-only", made) == "--help/:(top)x\n"


async def test_as_root_it_commits_as_the_one_whose_repository_it_is() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = folder / "estate"
        (root / "web").mkdir(parents=True)
        (root / "web" / "compose.yml").write_text("image: a:latest\n")
        (root / "other.txt").write_text("x\n")
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "-m", "first")
        is_root = os.geteuid() == 0
        whose = 12345 if is_root else os.geteuid()
        for path in (root, *root.rglob("*")) if is_root else ():
            os.chown(path, whose, whose)
        repo, file = await change(root)
        assert repo.owner == ((whose, whose) if is_root else None)
        await repo.commit([file], "pin web", [], ANN)
        assert {path.stat().st_uid for path in (root / ".git").rglob("*")} == {whose}
