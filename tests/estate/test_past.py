"""Earlier commits of a real repository."""

import os
import subprocess
from pathlib import Path

import pytest

from estate.past import NoPast, Past


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path


def git(root: Path, *words: str) -> str:
    argv = ["git", "-c", "user.name=ann", "-c", "user.email=a@x", "-c", "core.hooksPath=/dev/null", *words]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout


def commit(root: Path, subject: str, **files: str | None) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", subject)


def seen(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_each_commit_is_laid_out_and_only_what_differs_is_touched(root: Path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    commit(root, "first", web__a_yml="one", db__b_yml="x")
    commit(root, "second", web__a_yml="two", new__c_yml="y")
    commit(root, "third", db__b_yml=None)
    folder, laid = tmp_path_factory.mktemp("out"), {}  # type: ignore[var-annotated]
    with Past(root) as past:
        third, second, first = past.commits(10)
        assert [third.subject, second.subject, first.author] == ["third", "second", "ann"]
        assert past.lay_out(first.hash, folder, laid) == 2
        assert seen(folder) == {"db/b.yml": "x", "web/a.yml": "one"}
        assert past.lay_out(second.hash, folder, laid) == 3  # one is taken away, two are written
        assert seen(folder) == {"db/b.yml": "x", "new/c.yml": "y", "web/a.yml": "two"}
        assert past.lay_out(third.hash, folder, laid) == 1
        assert not (folder / "db").exists()
        assert past.lay_out(third.hash, folder, laid) == 0
        assert [one.subject for one in past.commits(2)] == ["third", "second"]


def test_only_what_lies_below_the_folder_counts(root: Path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    commit(root, "estate", estate__a_yml="one")
    commit(root, "elsewhere", other__b_yml="x")
    folder = tmp_path_factory.mktemp("out")
    with Past(root / "estate") as past:
        [only] = past.commits(10)
        assert only.subject == "estate"
        past.lay_out(only.hash, folder, {})
    assert seen(folder) == {"a.yml": "one"}


def test_nothing_of_the_repository_is_run_and_no_link_leads_out(root: Path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    mark = root / "ran"
    (root / ".gitattributes").write_text("* filter=evil\n")
    commit(root, "subject with \x1b[31m", a_yml="one")
    (root / "out").symlink_to("/etc/passwd")
    (root / "up").symlink_to("../../x")
    (root / "in").symlink_to("a.yml")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "links")
    for word in ("smudge", "clean", "process"):
        git(root, "config", f"filter.evil.{word}", f"touch {mark}")
    git(root, "config", "core.fsmonitor", f"touch {mark}")
    git(root, "config", "core.pager", f"touch {mark}")
    folder = tmp_path_factory.mktemp("out")
    with Past(root) as past:
        links, first = past.commits(10)
        assert "\x1b" not in first.subject
        past.lay_out(links.hash, folder, {})
    assert sorted(os.listdir(folder)) == [".gitattributes", "a.yml", "in"]
    assert not mark.exists()


def test_no_repository_and_no_commit_say_so(tmp_path: Path) -> None:
    with Past(tmp_path) as past, pytest.raises(NoPast, match="not a git repository"):
        past.commits(1)
    git(tmp_path, "init", "--quiet")
    with Past(tmp_path) as past, pytest.raises(NoPast, match="git in"):
        past.commits(1)


def test_a_partial_clone_fetches_nothing(root: Path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    """What it lacks it would fetch by a program that its own configuration names."""
    commit(root, "first", a_yml="one")
    mark = root / "ran"
    blob = git(root, "rev-parse", "HEAD:a.yml").strip()
    for key, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", str(root)),
        ("remote.origin.uploadpack", f"touch {mark}; git-upload-pack"),
    ):
        git(root, "config", key, value)
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with Past(root) as past, pytest.raises(NoPast, match="partial clone"):
        past.lay_out(past.commits(1)[0].hash, tmp_path_factory.mktemp("out"), {})
    assert not mark.exists()


def test_a_shallow_clone_is_not_whole(root: Path, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    commit(root, "first", a_yml="one")
    commit(root, "second", a_yml="two")
    clone = tmp_path_factory.mktemp("clones") / "shallow"
    git(root, "clone", "--quiet", "--depth", "1", f"file://{root}", str(clone))
    with Past(root) as whole, Past(clone) as shallow:
        assert (whole.is_whole(), shallow.is_whole()) == (True, False)
