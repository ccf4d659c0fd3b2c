from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.errors import LedgerError
from footprint.ledger.home import make_private
from footprint.ledger.journal import Journal
from footprint.ledger.reading import read_journal
from footprint.ledger.records import AnyRecord
from tests.ledger.conftest import opened, tick, whole_run


@pytest.fixture(params=[0o000, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_the_ledger_is_private_whatever_the_umask(home: Path, umask: int) -> None:
    journal = Journal(home)
    journal.close()
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert [folder.stat().st_mode & 0o777 for folder in (*journal.path.parents[:3], home)] == [0o700] * 4


def test_where_a_journal_lies(home: Path) -> None:
    journal = Journal(home)
    journal.close()
    day, group, name = journal.path.relative_to(home / "runs").parts
    assert (len(day), group, name) == (len("2026-11-21"), journal.id[:2], f"{journal.id}.jsonl")


def test_a_folder_that_exists_keeps_its_mode(home: Path) -> None:
    home.mkdir(0o755)
    home.chmod(0o755)
    make_private(home / "runs")
    assert home.stat().st_mode & 0o777 == 0o755


def test_a_link_in_the_place_of_the_journal_is_not_followed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Journal(home)
    first.close()
    target = tmp_path / "victim"
    target.write_text("precious")
    monkeypatch.setattr("footprint.ledger.journal.new_id", lambda: first.id)
    first.path.unlink()
    first.path.symlink_to(target)
    with pytest.raises(LedgerError, match="cannot be written"):
        Journal(home)
    assert target.read_text() == "precious"


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/footprint"])
def test_an_unwritable_home_is_one_clear_line(place: str) -> None:
    with pytest.raises(LedgerError, match="set FOOTPRINT_HOME to a writable folder") as raised:
        Journal(Path(place))
    assert "\n" not in str(raised.value)


def test_a_write_that_is_cut_short_costs_one_record(home: Path, write: Callable[[list[AnyRecord]], Path]) -> None:
    """The disk is full for a while: what fits half is lost, what comes after it is not."""
    journal = Journal(home)
    assert journal.write(opened())
    assert journal.write(tick(100.0))
    size = journal.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, before[1]))
        assert not journal.write(tick(101.0))
        assert not journal.write(tick(102.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert journal.lost == 2
    for record in whole_run(start_s=100.0)[4:]:
        assert journal.write(record)
    journal.close()
    reading = read_journal(journal.path, keep_ticks=True)
    assert [point.t_s for point in reading.runs["a" * 16].points()] == [0.0, 3.0, 4.0, 5.0]
    assert len(reading.problems) == 1


def test_closing_twice_is_closing_once(home: Path) -> None:
    journal = Journal(home)
    journal.close()
    journal.close()


def test_a_journal_knows_when_it_was_deleted(home: Path) -> None:
    journal = Journal(home)
    assert not journal.is_deleted()
    journal.path.rename(journal.path.with_name("elsewhere"))
    assert not journal.is_deleted()  # it is only somewhere else
    journal.path.with_name("elsewhere").unlink()
    assert journal.is_deleted()
    journal.close()


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_a_sync_aside_syncs_and_leaves_no_descriptor(home: Path) -> None:
    journal = Journal(home)
    before = descriptors()
    for _ in range(20):
        assert journal.write(opened())
        assert journal.sync_in_s() is not None
        journal.sync_aside()
    deadline_s = time.monotonic() + 60
    while descriptors() != before:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert journal.sync_error is None
    journal.close()
