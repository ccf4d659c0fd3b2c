from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from footprint.errors import LedgerError
from footprint.ledger import find_run, read_run_file, read_runs, write_run_file
from footprint.ledger.records import AnyRecord
from footprint.model import Run
from tests.ledger.conftest import whole_run


@pytest.fixture
def run(home: Path, write: Callable[[list[AnyRecord]], Path]) -> Run:
    write(whole_run())
    return read_runs(home).runs[0]


def test_a_run_file_reads_back(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_run_file(run, path)
    write_run_file(run, path)  # and may be written over
    assert read_run_file(path) == run
    assert [file.name for file in tmp_path.glob("*run.json*")] == ["run.json"]


def test_what_cannot_be_written_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(LedgerError, match="cannot be written"):
        write_run_file(run, tmp_path / "taken")
    with pytest.raises(LedgerError, match="cannot be written"):
        write_run_file(run, tmp_path / "missing" / "run.json")
    assert [path.name for path in tmp_path.glob(".*.tmp")] == []


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"id":1}', b"null"])
def test_what_is_no_run_file_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(data)
    with pytest.raises(LedgerError, match="no run file") as raised:
        find_run(str(path))
    assert "\n" not in str(raised.value)


def test_a_newer_file_asks_for_an_upgrade(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_run_file(run, path)
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(LedgerError, match="upgrade"):
        read_run_file(path)
    with pytest.raises(LedgerError, match="cannot be read"):
        read_run_file(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r'"started_at": "[^"]*"', '"started_at": "yesterday"'),
        (r'"started_at": "[^"]*"', '"started_at": "2026-11-21T10:00:00"'),
        (r'"duration_s": [^,]*', '"duration_s": -1.0'),
        (r'"energy_j": [^,n]*', '"energy_j": -0.1'),
        (r'"read_s": [^,n}]*', '"read_s": -5'),
        (r'"tree_s": [^,]*', '"tree_s": -5'),
    ],
)
def test_what_no_run_can_be_is_refused_in_one_line(run: Run, tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "run.json"
    write_run_file(run, path)
    text, changed = re.subn(before, after, path.read_text(), count=1)
    assert changed
    path.write_text(text)
    with pytest.raises(LedgerError, match="no run file") as raised:
        read_run_file(path)
    assert "\n" not in str(raised.value)


def test_a_start_is_told_in_utc_whatever_zone_a_file_states(run: Run, tmp_path: Path) -> None:
    """Its day is that of UTC, where the day of a file's own zone is the next one."""
    path = tmp_path / "run.json"
    for stated, told in (
        ("2026-05-01T01:00:00+02:00", "2026-04-30T23:00:00+00:00"),
        ("2026-05-01T01:00:00.5Z", "2026-05-01T01:00:00.5Z"),
        ("0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00"),
    ):
        write_run_file(msgspec.structs.replace(run, started_at=stated), path)
        assert read_run_file(path).started_at == told
