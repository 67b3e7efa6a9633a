"""A copy of the sample estate: its modes, its repository, and a folder without git."""

import stat
import subprocess
from pathlib import Path

from estate.sample import MODES, copy_sample, keep_in_git


def test_the_modes_are_those_that_the_sample_asks_for(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "web").mkdir(parents=True)
    (source / "web" / ".env").write_text("A=1\n")
    (source / "web" / "compose.yml").write_text("services: {}\n")
    (source / MODES).write_text("0600 web/.env\n")
    copy_sample(source, tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy" / "web" / ".env").stat().st_mode) == 0o600
    assert not (tmp_path / "copy" / MODES).exists()
    assert (source / MODES).exists()


def test_all_of_it_is_one_commit(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1\n")
    assert keep_in_git(tmp_path)
    log = ["git", "-C", str(tmp_path), "log", "--format=%an %s"]
    said = subprocess.run(log, capture_output=True, text=True, check=True).stdout
    assert said == "Sample The sample estate\n"
    status = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, check=True).stdout == b""


def test_without_git_there_is_a_folder(tmp_path: Path) -> None:
    assert not keep_in_git(tmp_path / "nowhere")
