"""An edit reaches the disk whole or not at all, and leaves everything else of the file as it was."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from estate.compose.apply import Drifted, EditFailed, apply_edit, undo_edit
from estate.compose.edit import Edit, plan_edit
from estate.compose.files import read_disk
from estate.compose.invocation import Invocation
from estate.compose.resolve import resolve

TEXT = "# é 🦊\r\nservices:\r\n  web: {image: 'app:1'}  # kept".encode()
AFTER = TEXT.replace(b"app:1", b"app:2.0")


def planned(folder: Path) -> Edit:
    found = resolve(Invocation(folder), read_disk)
    assert not found.problems
    value = found.services["web"].image
    assert value is not None
    return plan_edit(found, value, "app:2.0", service="web")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "compose.yaml"
    path.write_bytes(TEXT)
    return path


def test_there_and_back(file: Path) -> None:
    edit = planned(file.parent)
    apply_edit(edit)
    assert file.read_bytes() == AFTER
    undo_edit(edit)
    assert file.read_bytes() == TEXT
    assert [path.name for path in file.parent.iterdir()] == ["compose.yaml"]


def test_a_file_that_changed_is_left_alone(file: Path) -> None:
    edit = planned(file.parent)
    file.write_bytes(TEXT + b" by another hand")
    with pytest.raises(Drifted, match="nothing was written"):
        apply_edit(edit)
    assert file.read_bytes() == TEXT + b" by another hand"


def test_no_undo_over_another_hand(file: Path) -> None:
    edit = planned(file.parent)
    apply_edit(edit)
    file.write_bytes(AFTER + b"# more")
    with pytest.raises(Drifted):
        undo_edit(edit)


def test_twice_is_once(file: Path) -> None:
    edit = planned(file.parent)
    apply_edit(edit)
    with pytest.raises(Drifted):
        apply_edit(edit)
    assert file.read_bytes() == AFTER


def test_mode_owner_and_attributes_stay(file: Path) -> None:
    edit = planned(file.parent)
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    try:
        os.setxattr(file, "user.note", b"mine")
        kept = True
    except OSError:
        kept = False  # a file system without them
    before = file.stat()
    apply_edit(edit)
    now = file.stat()
    assert now.st_ino != before.st_ino
    assert (now.st_mode, now.st_uid, now.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    if kept:
        assert os.getxattr(file, "user.note") == b"mine"


def test_a_symlink_stays_and_its_target_changes(tmp_path: Path) -> None:
    real = tmp_path / "git" / "real.yaml"
    real.parent.mkdir()
    real.write_bytes(TEXT)
    (tmp_path / "p").mkdir()
    link = tmp_path / "p" / "compose.yaml"
    link.symlink_to("../git/real.yaml")
    apply_edit(planned(link.parent))
    assert link.is_symlink()
    assert real.read_bytes() == AFTER
    assert [path.name for path in real.parent.iterdir()] == ["real.yaml"]


def test_a_hard_link_stays_one_file(file: Path) -> None:
    other = file.parent / "other"
    os.link(file, other)
    apply_edit(planned(file.parent))
    assert file.read_bytes() == other.read_bytes() == AFTER


def test_another_path_to_the_same_file(file: Path, tmp_path: Path) -> None:
    """The file has another path inside the bot's container than on the host."""
    edit = planned(file.parent)
    apply_edit(replace(edit, file=Path("/on/the/host/compose.yaml")), file)
    assert file.read_bytes() == AFTER


def test_a_file_mounted_alone_is_written_in_place(file: Path, tmp_path: Path) -> None:
    """As Docker mounts a single file: a rename over it is EBUSY, in a mount namespace of its own."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "compose.yaml").touch()
    script = (
        "import sys; from pathlib import Path; from estate.compose.apply import apply_edit\n"
        "from tests.estate.compose.test_apply import planned\n"
        "folder = Path(sys.argv[1]); apply_edit(planned(folder))\n"
        "assert [path.name for path in folder.iterdir()] == ['compose.yaml']\n"
    )
    python = __import__("sys").executable
    shell = 'mount --bind "$1" "$2/compose.yaml" && exec "$3" -c "$4" "$2"'
    before = file.stat()
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", shell, "sh", str(file), str(folder), python, script],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == AFTER
    assert file.stat().st_ino == before.st_ino


def test_a_folder_that_may_not_be_written(file: Path) -> None:
    """Then the file itself is written, when that is allowed."""
    edit = planned(file.parent)
    inode = file.stat().st_ino
    file.chmod(0o666)
    file.parent.chmod(0o555)
    child = os.fork()
    if child == 0:
        try:
            for folder in file.parents:
                if not os.access(folder, os.X_OK):
                    break
            if os.geteuid() == 0:
                _open_up(file)
                os.setgid(65534)
                os.setuid(65534)
            apply_edit(edit)
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    file.parent.chmod(0o755)
    assert os.waitstatus_to_exitcode(status) == 0
    assert file.read_bytes() == AFTER
    assert file.stat().st_ino == inode


def _open_up(file: Path) -> None:
    """pytest's folders are their owner's only."""
    for folder in list(file.parents)[1:4]:
        if str(folder).startswith("/tmp/pytest"):
            folder.chmod(0o755)


def test_a_file_that_went_away(file: Path) -> None:
    edit = planned(file.parent)
    file.unlink()
    with pytest.raises(EditFailed, match="no such file"):
        apply_edit(edit)


def test_a_plan_that_would_break_the_file_is_not_written(file: Path) -> None:
    edit = planned(file.parent)
    new = b"'x', other: 'y"
    after = TEXT[: edit.span.start] + new + TEXT[edit.span.end :]
    from hashlib import sha256

    forged = replace(edit, new=new, after=sha256(after).hexdigest())
    with pytest.raises(EditFailed, match="nothing was written"):
        apply_edit(forged)
    assert file.read_bytes() == TEXT
