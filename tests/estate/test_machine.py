"""What is read of a machine: recorded files of /proc, and the real systemctl where there is one."""

from pathlib import Path

import pytest

from estate.machine import read_machine

MEMINFO = (
    "MemTotal:       16303428 kB\nMemFree: 100 kB\nMemAvailable:    8000000 kB\nSwapTotal:       2097148 kB\n"
)


def test_memory(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    found = read_machine([], proc=tmp_path)
    assert found is not None
    assert (found.swap, found.memory, found.available) == (2097148 * 1024, 16303428 * 1024, 8000000 * 1024)
    assert read_machine([], proc=tmp_path / "none") is None


def test_this_machine() -> None:
    """Whatever it is: it answers, and a timer that is not there is not called well."""
    found = read_machine(["tocsin-is-not-here.timer"])
    assert found is not None
    assert found.memory > found.available > 0
    timer = found.timers.get("tocsin-is-not-here.timer")
    assert bool(found.no_systemd) or (timer is not None and timer.loaded == "not-found")


SYSTEMCTL = """#!/bin/sh
[ "$1 $2 $3 $4" = "show --property=LoadState,UnitFileState,ActiveState -- infra-backup.timer" ] || exit 9
printf 'LoadState=loaded\\nActiveState=inactive\\nUnitFileState=disabled\\n'
"""


@pytest.mark.parametrize(
    ("script", "timer", "why"),
    [
        (SYSTEMCTL, ("loaded", "disabled", "inactive"), ""),
        (
            "#!/bin/sh\necho 'System has not been booted with systemd' >&2; exit 1\n",
            None,
            "has not been booted",
        ),
        ("#!/bin/sh\necho LoadState=loaded\n", None, "says nothing of infra-backup.timer"),
        ("", None, "there is no systemctl here"),
    ],
)
def test_a_timer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, timer: tuple[str, ...] | None, why: str
) -> None:
    if script:
        (tmp_path / "systemctl").write_text(script)
        (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if script else str(tmp_path))
    found = read_machine(["infra-backup.timer"])
    assert found is not None
    assert why in found.no_systemd
    known = found.timers.get("infra-backup.timer")
    assert (known is None) == (timer is None)
    if known is not None:
        assert (known.loaded, known.enabled, known.active) == timer


def test_each_disk_once_and_who_is_asked_for_names(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# a comment\nsearch lan\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver\n")
    found = read_machine([], [tmp_path, tmp_path, tmp_path / "none"], resolv=file)
    assert found is not None
    [(folder, disk)] = found.disks.items()
    assert folder == str(tmp_path)
    assert 0 < disk.free <= disk.size
    assert found.resolvers == ("10.0.0.1", "fe80::1%eth0")
    seen = read_machine([], resolv=tmp_path / "none")
    assert seen is not None
    assert seen.resolvers is None
