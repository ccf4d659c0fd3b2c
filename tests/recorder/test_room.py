from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from footprint.cli.diagnosis import Finding, _room
from footprint.errors import ConfigError
from footprint.ledger import read_runs
from footprint.recorder import room
from footprint.recorder.room import Room, bytes_of, told

TRACKED = """
import footprint
for number in range(3):
    with footprint.track("x", zone="FRA"):
        pass
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ledger of more than 100 kB."""
    found = Path(os.environ["FOOTPRINT_HOME"])
    (found / "runs" / "2026-11-21" / "aa").mkdir(parents=True)
    (found / "runs" / "2026-11-21" / "aa" / "big.txt").write_bytes(bytes(range(256)) * 400)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOOTPRINT_QUOTA", raising=False)
    yield found
    room._looked_s.clear()


def run(**environment: str) -> str:
    """What three runs say on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", TRACKED], env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr


@pytest.mark.parametrize(
    ("stated", "size"),
    [("2GB", 2 * 10**9), ("500 MiB", 500 * 2**20), ("1.5t", 15 * 10**11), ("1000", 1000), ("64k", 64_000), ("1 b", 1)],
)
def test_sizes(stated: str, size: int) -> None:
    assert bytes_of(stated, "here") == size


@pytest.mark.parametrize("stated", ["", "much", "-1GB", "0", "1 PB", "2GB of it", "\x1b[2J"])
def test_what_is_no_size_is_one_clear_line(stated: str) -> None:
    with pytest.raises(ConfigError, match=r"^here: .* is not a size such as 2GB or 500MiB$"):
        bytes_of(stated, "here")


def test_over_its_quota_a_ledger_is_written_all_the_same(home: Path) -> None:
    err = run(FOOTPRINT_QUOTA="50kB")
    (line,) = err.splitlines()  # once, however many runs begin
    assert "more than its quota of 50 kB: nothing is lost, and runs are recorded all the same; `footprint runs compact`" in line
    runs = read_runs(home).runs
    assert {one.outcome for one in runs} == {"completed"}
    assert sum(any("its quota" in warning for warning in one.warnings) for one in runs) == 1
    assert run(FOOTPRINT_QUOTA="50MB") == ""


def test_the_quota_of_a_site(home: Path, tmp_path: Path) -> None:
    (tmp_path / "footprint.toml").write_text('[ledger]\nquota = "50 kB"\n')
    assert "its quota of 50 kB" in run()
    assert run(FOOTPRINT_QUOTA="1GB") == ""  # the environment is nearer
    for wrong in ("[ledger]\nquota = 5\n", "[ledger]\nqouta = '5'\n", "[ledger]\nquota = 'some'\n"):
        (tmp_path / "footprint.toml").write_text(wrong)
        err = run()
        assert "[ledger]" in err
        assert "footprint.toml" in err
    assert len(read_runs(home).runs) == 15  # a bad wish costs no run


def test_a_disk_that_is_short() -> None:
    full = Room(used_bytes=1, is_whole=True, quota_bytes=None, free_bytes=150 * 10**6, disk_bytes=100 * 10**9)
    (message,) = told(full)
    assert message.startswith("the disk of the ledger has only 150 MB left of 100 GB: what does not fit will be lost")
    assert told(full._replace(free_bytes=1900 * 10**6, disk_bytes=10**12))
    assert told(full._replace(free_bytes=3 * 10**9, disk_bytes=10**12)) == []
    assert told(full._replace(free_bytes=60 * 10**6, disk_bytes=100 * 10**6)) == []  # a small disk, more than half of it free
    assert told(full._replace(free_bytes=None, disk_bytes=None)) == []


def test_a_disk_that_is_short_is_told_and_recorded(home: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root may mount")
    try:
        (disk / "ballast").write_bytes(bytes(3900 * 1024))
        (line,) = run(FOOTPRINT_HOME=str(disk / "home")).splitlines()
        assert "the disk of the ledger has only" in line
        assert len(read_runs(disk / "home").runs) == 3
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_doctor_says_so_and_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings: list[Finding] = []
    _room(home, findings)
    assert findings == []
    monkeypatch.setenv("FOOTPRINT_QUOTA", "50kB")
    _room(home, findings)
    (finding,) = findings
    assert "more than its quota" in finding.message
    assert "footprint runs compact" in (finding.remedy or "")
    monkeypatch.setenv("FOOTPRINT_QUOTA", "lots")
    _room(home, findings)
    assert "'lots' is not a size" in findings[-1].message


def test_a_large_ledger_holds_nobody_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_QUOTA", "50kB")
    found = room.look(home, 50_000, limit_s=0.0)
    assert not found.is_whole
    assert room.warnings(home)
    assert room.warnings(home) == []  # it was looked at a moment ago
