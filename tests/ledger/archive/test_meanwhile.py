"""A ledger that is read while somebody compacts it, and one that was put together from copies: no run is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec

from footprint.ledger import read_runs
from footprint.ledger.archive.compacting import MERGE_FROM, compact
from footprint.ledger.archive.manifest import MANIFEST, Archives, read_archives, steadily
from footprint.ledger.engines import open_ledger
from footprint.ledger.engines.duck import DuckEngine
from footprint.ledger.engines.sources import Store, batches_of, left_out
from footprint.ledger.exchange.exporting import export, gathered
from footprint.ledger.exchange.importing import bring_in
from footprint.ledger.journal import Journal
from footprint.ledger.push import push
from footprint.ledger.reading import journal_paths, read_journal
from footprint.ledger.runfile import write_run_file
from footprint.ledger.whole import live_paths
from tests.ledger.archive.examples import AT_ONCE, aged, fill, put
from tests.ledger.conftest import whole_run

TOTAL = "SELECT CAST(sum(energy_mj) AS BIGINT), count(DISTINCT run_id) FROM samples"


def test_a_journal_that_is_archived_while_one_reads_is_read(tmp_path: Path) -> None:
    ids = fill(tmp_path, 3)
    calls = []

    def read(archives: Archives) -> set[str]:
        calls.append(len(archives.batches))
        if len(calls) == 1:
            compact(tmp_path, AT_ONCE)  # after the batches were listed, before the journals are
        live = {run.id for path in live_paths(tmp_path, archives, []) for run in read_journal(path).facts()}
        return live | (set(ids) if archives.batches else set())

    assert steadily(tmp_path, read) == set(ids)
    assert calls == [0, 1]


def test_an_open_ledger_answers_after_its_batches_were_merged(tmp_path: Path) -> None:
    for first in range(MERGE_FROM - 1):
        fill(tmp_path, 1, first=first)
        compact(tmp_path, AT_ONCE)
    with DuckEngine(tmp_path) as engine:
        before = engine.query(TOTAL).rows
        fill(tmp_path, 1, first=MERGE_FROM)
        assert compact(tmp_path, AT_ONCE).merged == MERGE_FROM
        ((energy_mj, runs),) = engine.query(TOTAL).rows
    ((energy_before_mj, runs_before),) = before
    assert (runs, energy_mj) == (runs_before + 1, energy_before_mj * MERGE_FROM // (MERGE_FROM - 1))


def test_of_two_homes_in_one_the_batch_with_the_longer_journal_counts(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    journal = Journal(home)
    records = whole_run("a" * 16, ticks=5)
    for record in records[:4]:
        assert journal.write(record)
    aged(journal.path, 10 * 86_400)
    shutil.copytree(home, copy)  # while it runs
    for record in records[4:]:
        assert journal.write(record)
    journal.close()
    aged(journal.path, 10 * 86_400)
    (whole,) = read_runs(home).runs
    for place in (home, copy):
        assert compact(place, AT_ONCE).runs == 1
    (batch,) = (copy / "archive").glob("[!.]*")
    (other,) = (home / "archive").glob("[!.]*")
    first = other.with_name(f"0-{batch.name}")  # whichever is listed first
    shutil.copytree(batch, first)
    manifest = msgspec.json.decode((first / MANIFEST).read_bytes())
    (first / MANIFEST).write_bytes(msgspec.json.encode({**manifest, "batch": first.name}))
    assert read_runs(home).runs == (whole,)
    assert read_archives(home).journals[journal.path.stem] == max(
        found["journals"][journal.path.stem] for found in (manifest, msgspec.json.decode((other / MANIFEST).read_bytes()))
    )


def test_all_readers_take_the_same_of_two_tellings(tmp_path: Path) -> None:
    """The one of which more was read, though the other is longer."""
    home = tmp_path / "home"
    put(home, whole_run("a" * 16, ticks=5))
    (run,) = read_runs(home).runs
    poorer = msgspec.structs.replace(
        run,
        duration_s=run.duration_s + 1,
        devices=tuple(msgspec.structs.replace(one, read_s=one.read_s / 2, energy_j=one.energy_j and 1.0) for one in run.devices),
    )
    elsewhere = tmp_path / "elsewhere"
    write_run_file(poorer, tmp_path / "run.json")
    bring_in([str(tmp_path / "run.json")], home=elsewhere)
    shutil.copytree(elsewhere / "archive", home / "archive")
    assert read_runs(home).runs == (run,)
    assert len(journal_paths(home)) == 1
    expected = sum(round((one.energy_j or 0) * 1e3) for one in run.devices)
    assert sum(row[4] for row in gathered([], home=home).samples) == expected
    with DuckEngine(home) as engine:
        assert engine.query(TOTAL).rows == [(expected, 1)]
    store = f"file://{tmp_path}/store"
    for ledger in (elsewhere, home):  # the poorer one was pushed first
        push(store, home=ledger)
    with open_ledger(store) as engine:
        assert engine.query(TOTAL).rows == [(expected, 1)]
    place = Store(store)
    batches = batches_of(place).batches
    ((dropped, ids),) = left_out(place, batches).items()
    assert (len(batches), ids) == (2, [run.id])
    told = json.loads(batches[dropped].manifest)
    assert told["counts"]["energy_mj"] != expected


def test_imported_runs_that_were_merged_with_a_journal_stay_beside_another_batch_of_it(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    fill(home, 1)
    shutil.copytree(home, copy)
    compact(home, AT_ONCE)
    for number in range(1, MERGE_FROM):
        other = tmp_path / f"other{number}"
        fill(other, 1, first=number)
        export(tmp_path / f"out{number}", "jsonl", home=other)
        bring_in([str(tmp_path / f"out{number}")], home=copy)
    assert compact(copy, AT_ONCE).merged == MERGE_FROM
    (batch,) = read_archives(copy).batches
    shutil.copytree(batch.folder, home / "archive" / batch.manifest.batch)
    assert len(read_runs(home).runs) == MERGE_FROM
    for first in ("0", "z"):  # in whichever order they are listed
        for found in read_archives(home).batches:
            if found.manifest.batch == batch.manifest.batch:
                manifest = msgspec.json.decode((found.folder / MANIFEST).read_bytes())
                moved = found.folder.rename(found.folder.with_name(f"{first}-{number}"))
                (moved / MANIFEST).write_bytes(msgspec.json.encode({**manifest, "batch": moved.name}))
                batch = read_archives(home).batches[0 if first == "0" else -1]
        assert len(read_runs(home).runs) == MERGE_FROM
        with DuckEngine(home) as engine:
            assert engine.query(TOTAL).rows == [(MERGE_FROM * 250_000, MERGE_FROM)]
