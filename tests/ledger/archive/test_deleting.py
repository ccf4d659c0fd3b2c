from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from footprint.errors import LedgerError
from footprint.ledger import find_run, read_runs
from footprint.ledger.archive import read_archives
from footprint.ledger.archive.compacting import compact
from footprint.ledger.archive.deleting import delete
from footprint.ledger.processes import identify
from footprint.ledger.reading import journal_paths
from footprint.ledger.records import Close, Imported, line_of
from tests.ledger.archive.examples import AT_ONCE, fill, left_over, put, rows, sampled_mj, told
from tests.ledger.conftest import opened, tick, whole_run

GONE = "dead" * 4
OTHER = "beef" * 4


def bytes_with(home: Path, text: str) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_a_run_alone_in_its_journal_goes_with_it(home: Path) -> None:
    path = put(home, whole_run(GONE))
    put(home, whole_run(OTHER))
    assert delete(home, [GONE], dry_run=True).journals == (str(path),)
    assert path.exists()
    done = delete(home, [GONE])
    assert done.done
    assert not path.exists()
    assert [run.id for run in read_runs(home).runs] == [OTHER]
    assert bytes_with(home, GONE) == []
    with pytest.raises(LedgerError, match="no run"):
        find_run(GONE, home)


def test_others_of_the_same_journal_stay_whole(home: Path) -> None:
    both = (GONE, OTHER)
    ticks = [tick(float(second), both) for second in range(100, 106)]
    closes = [Close(run=run, t_s=105.0, outcome="completed") for run in both]
    put(home, [opened(GONE), opened(OTHER), *ticks, *closes])
    runs, series = told(home)
    kept = [(run, points) for run, points in zip(runs, series, strict=True) if run.id == OTHER]
    delete(home, [GONE])
    assert list(zip(*told(home), strict=True)) == kept
    assert bytes_with(home, GONE) == []
    assert journal_paths(home) == []


def test_a_run_goes_out_of_an_archive(home: Path) -> None:
    fill(home, 3)
    put(home, whole_run(GONE))
    compact(home, AT_ONCE)
    energies = {key: energy_mj for key, energy_mj in sampled_mj(home).items() if key[0] != GONE}
    (before,) = read_archives(home).batches
    done = delete(home, [GONE])
    assert done.batches == (before.manifest.batch,)
    assert len(read_runs(home).runs) == 3
    assert sampled_mj(home) == energies
    assert left_over(home) == []
    for table, column in (("runs", "id"), ("devices", "run_id"), ("samples", "run_id"), ("ticks", "run_id")):
        assert rows(home, f"SELECT count(*) FROM {{{table}}} WHERE {column} = '{GONE}'") == [(0,)]


def test_damaged_and_newer_lines_of_a_deleted_run_go_with_it(home: Path) -> None:
    path = put(home, [*whole_run(GONE), *whole_run(OTHER, start_s=300.0)])
    of_gone = line_of(tick(105.0, (GONE,)), "j", 90).replace(b"tick", b"tack")
    of_other = line_of(tick(305.0, (OTHER,)), "j", 91).replace(b"tick", b"tack")
    path.write_bytes(path.read_bytes() + of_gone + of_other)
    compact(home, AT_ONCE)
    assert rows(home, "SELECT count(*) FROM {others}") == [(2,)]
    delete(home, [GONE])
    assert rows(home, "SELECT bytes FROM {others}") == [(of_other,)]


def test_an_orphans_name_goes_from_the_problems(home: Path) -> None:
    path = put(home, [*whole_run(OTHER), tick(101.0, (GONE,))])
    compact(home, AT_ONCE)
    assert GONE in read_runs(home).problems[0]
    delete(home, [GONE])
    assert read_runs(home).problems == ()
    assert bytes_with(home, GONE) == []
    assert not path.exists()


def test_copies_of_a_journal_go_too(home: Path) -> None:
    path = put(home, whole_run(GONE))
    other_day = home / "runs" / "2026-01-01" / "xx"
    other_day.mkdir(parents=True)
    shutil.copy(path, other_day / path.name)
    shutil.copy(path, other_day / "copy.jsonl")
    delete(home, [GONE])
    assert bytes_with(home, GONE) == []


@pytest.mark.parametrize("closed", [False, True])
def test_what_may_still_be_written_to_is_refused_and_nothing_is_deleted(home: Path, closed: bool) -> None:
    running = put(home, whole_run(GONE, recorder=identify(os.getpid()))[: None if closed else -1])
    put(home, whole_run(OTHER))
    with pytest.raises(LedgerError, match=r"nothing was deleted: .* may be written to: its recorder lives"):
        delete(home, [OTHER, GONE])
    assert running.exists()
    assert len(read_runs(home).runs) == 2


def test_a_run_that_only_names_another_as_its_parent_stays(home: Path) -> None:
    put(home, whole_run(GONE))
    put(home, whole_run(OTHER, parent=GONE, start_s=300.0))
    delete(home, [GONE])
    assert [run.id for run in read_runs(home).runs] == [OTHER]


def test_an_imported_run_goes_out_of_its_journal(home: Path) -> None:
    put(home, whole_run(OTHER))
    (run,) = read_runs(home).runs
    put(home, [Imported(facts=msgspec.structs.replace(run, id=name)) for name in (GONE, "kept")], age_s=3_600.0)
    delete(home, [GONE])
    assert {run.id for run in read_runs(home).runs} == {OTHER, "kept"}
    assert bytes_with(home, GONE) == []


def test_out_of_a_damaged_batch_nothing_is_deleted(home: Path) -> None:
    fill(home, 1)
    put(home, whole_run(GONE))
    compact(home, AT_ONCE)
    (batch,) = read_archives(home).batches
    path = batch.path("ticks")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    before = sorted(home.rglob("*"))
    delete(home, ["of nobody"])
    assert sorted(home.rglob("*")) == before
    assert read_runs(home).problems


def test_a_copy_of_a_batch_goes_with_it(home: Path) -> None:
    ids = fill(home, 2)
    compact(home, AT_ONCE)
    (batch,) = read_archives(home).batches
    shutil.copytree(batch.folder, home / "archive" / "2026-11-copy")
    delete(home, ids[:1])
    assert [run.id for run in read_runs(home).runs] == ids[1:]
    held = [path for path in home.rglob("*") if path.is_file() and ids[0].encode() in path.read_bytes()]
    assert held == []
