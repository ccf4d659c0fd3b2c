from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import zlib
from pathlib import Path

import msgspec
import pytest

from footprint.errors import LedgerError
from footprint.ledger import find_run, read_runs, series
from footprint.ledger.archive import Batch, read_archives
from footprint.ledger.archive.compacting import MERGE_FROM, Compaction, Policy, compact
from footprint.ledger.archive.lock import locked
from footprint.ledger.processes import Process, identify
from footprint.ledger.reading import journal_paths
from footprint.ledger.records import Close, Imported, Tick, line_of
from footprint.model import Declaration, Sample
from tests.ledger.archive.examples import AT_ONCE, fill, left_over, put, rows, sampled_mj, told
from tests.ledger.conftest import GPU, opened, tick, whole_run

RUN = "a" * 16
DAY_S = 86_400.0


def only_batch(home: Path) -> Batch:
    (batch,) = read_archives(home).batches
    return batch


def test_a_ledger_tells_the_same_before_and_after(home: Path) -> None:
    fill(home, 4)
    put(home, [*whole_run("x" * 16, start_s=100.0), *whole_run("y" * 16, start_s=102.0, parent="x" * 16, account="x" * 16)])
    put(home, [opened("z" * 16), tick(100.0, ("z" * 16,)), tick(103.0, ("z" * 16,))])  # never closed
    before, energies = told(home), sampled_mj(home)
    done = compact(home, AT_ONCE)
    assert (done.journals, done.runs, done.batches, done.problems) == (6, 7, 1, [])
    assert journal_paths(home) == []
    assert told(home) == before
    assert sampled_mj(home) == energies
    assert find_run("z", home).outcome == "interrupted"
    assert left_over(home) == []


def test_a_batch_says_what_it_holds_and_replaces(home: Path) -> None:
    fill(home, 3)
    ids = {path.stem: path.stat().st_size for path in journal_paths(home)}
    compact(home, AT_ONCE)
    batch = only_batch(home)
    manifest = batch.manifest
    assert manifest.journals == ids
    assert manifest.rows == {"runs": 3, "devices": 6, "samples": 18, "ticks": 18, "others": 0}
    assert manifest.energy_mj == {"devices": 750_000, "samples": 750_000}
    assert stat.S_IMODE(batch.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in batch.folder.iterdir()} == {0o600}


def test_the_same_again_does_nothing(home: Path) -> None:
    fill(home, 3)
    compact(home, AT_ONCE)
    folder = only_batch(home).folder
    assert compact(home, AT_ONCE) == Compaction()
    assert only_batch(home).folder == folder


def test_an_empty_ledger_stays_empty(home: Path) -> None:
    assert compact(home, AT_ONCE) == Compaction()
    assert read_runs(home).runs == ()


def test_a_dry_run_changes_nothing(home: Path) -> None:
    fill(home, 2)
    before = sorted(path.name for path in home.rglob("*"))
    assert compact(home, AT_ONCE, dry_run=True).journals == 2
    assert sorted(path.name for path in home.rglob("*")) == before


def test_young_journals_wait(home: Path) -> None:
    put(home, whole_run("old"), age_s=8 * DAY_S)
    put(home, whole_run("new"), age_s=6 * DAY_S)
    done = compact(home, Policy(keep_samples_s=None, keep_minutes_s=None))
    assert (done.journals, done.left) == (1, {"written to lately": 1})
    assert {run.id for run in read_runs(home).runs} == {"old", "new"}


def test_a_journal_whose_recorder_lives_is_left_alone(home: Path) -> None:
    path = put(home, whole_run(recorder=identify(os.getpid())), age_s=9 * DAY_S)  # its run is closed, and others may follow
    before = path.read_bytes()
    assert compact(home, AT_ONCE).left == {"its recorder lives": 1}
    assert path.read_bytes() == before


@pytest.mark.parametrize(("age_s", "archived"), [(3_600.0, 0), (2 * DAY_S, 1)])
def test_of_a_recorder_elsewhere_a_days_silence_is_asked(home: Path, age_s: float, archived: int) -> None:
    put(home, whole_run(recorder=Process(pid=7, start_ticks=7, boot_id="b", host="elsewhere")), age_s=age_s)
    assert compact(home, AT_ONCE).journals == archived


def test_whole_runs_from_elsewhere_are_archived_too(home: Path) -> None:
    put(home, whole_run())
    (run,) = read_runs(home).runs
    bill = msgspec.structs.replace(
        run, id="bill", devices=(), cpu=None, declared=Declaration(hardware="A100", count=8, hours=1.0)
    )
    put(home, [Imported(facts=bill), Imported(facts=msgspec.structs.replace(run, id="other"))], age_s=3_600.0)
    before = told(home)
    assert compact(home, AT_ONCE).runs == 3
    assert told(home) == before
    assert series("bill", home) == ()


def test_what_a_journal_could_not_tell_is_kept_and_still_told(home: Path) -> None:
    newer = b'{"v":9,"journal":"j","seq":77,"type":"dream","run":"a"'
    newer += b',"crc":"%08x"}\n' % zlib.crc32(newer)
    damaged = b'{"v":1,"journal":"j","seq":78,"ty\xff\x00\n'
    orphan = line_of(tick(101.0, ("lost",)), "j", 79)
    path = put(home, whole_run())
    path.write_bytes(path.read_bytes() + newer + damaged + orphan)
    problems = read_runs(home).problems
    assert len(problems) == 3
    compact(home, AT_ONCE)
    assert read_runs(home).problems == problems
    kept = rows(home, "SELECT reason, bytes FROM {others} ORDER BY line")
    assert kept == [("newer", newer), ("damaged", damaged), ("orphan", orphan)]


def test_names_that_are_hostile_to_sql_and_json_come_back(home: Path) -> None:
    name = "'; DROP TABLE runs; -- \x00 \" \\ \u202e é 😀"
    put(home, whole_run("a'b\\c", name=name, labels={"it's": '"'}))
    before = told(home)
    compact(home, AT_ONCE)
    assert told(home) == before
    assert find_run("a'b", home).name == name


def test_samples_that_were_read_before_their_tick_stay_with_it(home: Path) -> None:
    def early(t_s: float) -> Tick:
        samples = tuple(Sample(device_id=GPU.id, t_s=t_s - late_s, energy_j=50 * (t_s - late_s)) for late_s in (0.9, 0.2))
        return Tick(runs=(RUN,), t_s=t_s, samples=samples, tree_s=t_s)

    put(home, [opened(), early(100.0), early(101.0), early(101.5), Close(run=RUN, t_s=102.0, outcome="completed")])
    before = told(home)
    compact(home, AT_ONCE)
    assert told(home) == before


def test_a_run_without_a_start_that_can_be_read_keeps_its_journal(home: Path) -> None:
    path = put(home, [*whole_run("good"), *whole_run("bad", started_at="yesterday", start_s=300.0)])
    put(home, whole_run("other"))
    done = compact(home, AT_ONCE)
    assert done.journals == 1
    assert [f"{path}: not archived" in problem for problem in done.problems] == [True]
    assert path.exists()
    assert {run.id for run in read_runs(home).runs} == {"good", "bad", "other"}


def test_foreign_files_are_left_alone(home: Path) -> None:
    fill(home, 2)
    day = journal_paths(home)[0].parent
    (day / "notes.txt").write_text("mine")
    (day / "text.jsonl").write_text("mine, too\n")
    (day / "link.jsonl").symlink_to(day / "notes.txt")
    (home / "archive").mkdir()
    (home / "archive" / "README").write_text("mine")
    (home / "archive" / "photos").mkdir()
    compact(home, AT_ONCE)
    assert (day / "notes.txt").read_text() == "mine"
    assert (day / "text.jsonl").read_text() == "mine, too\n"
    assert (day / "link.jsonl").is_symlink()
    assert (home / "archive" / "README").read_text() == "mine"
    assert len(read_runs(home).runs) == 2
    assert ["photos" in problem for problem in read_archives(home).problems] == [True]


def test_two_at_once_are_refused_in_one_line(home: Path) -> None:
    fill(home, 2)
    with locked(home), pytest.raises(LedgerError, match="another `runs compact`"):
        compact(home, AT_ONCE)
    assert compact(home, AT_ONCE).journals == 2


def test_a_journal_that_is_written_to_meanwhile_is_not_archived(home: Path) -> None:
    path = put(home, whole_run())

    def late(step: str) -> None:
        if step == "begun":
            with path.open("ab") as file:
                file.write(line_of(tick(106.0), "j", 99))

    done = compact(home, AT_ONCE, step=late)
    assert (done.journals, done.left) == (0, {"changed meanwhile": 1})
    assert path.exists()
    assert compact(home, AT_ONCE).journals == 1


@pytest.mark.parametrize("at", ["written", "synced", "verified", "described"])
def test_a_full_disk_is_one_line_and_leaves_the_ledger_as_it_was(home: Path, at: str) -> None:
    fill(home, 2)
    before = sorted(home.rglob("*.jsonl")), told(home)

    def full(step: str) -> None:
        if step == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(LedgerError, match="No space left on device; what was to be archived is kept"):
        compact(home, AT_ONCE, step=full)
    assert (sorted(home.rglob("*.jsonl")), told(home)) == before
    assert left_over(home) == []
    assert compact(home, AT_ONCE).runs == 2


def test_what_does_not_read_back_as_it_was_is_not_archived(home: Path) -> None:
    fill(home, 2)

    def spoil(step: str) -> None:
        if step == "synced":
            (folder,) = (home / "archive").glob(".tmp-*")
            (folder / "samples.parquet").write_bytes((folder / "ticks.parquet").read_bytes())

    with pytest.raises(LedgerError, match=r"cannot be read back|does not read back"):
        compact(home, AT_ONCE, step=spoil)
    assert left_over(home) == []
    assert len(list(home.rglob("*.jsonl"))) == 2


def test_a_run_that_stands_in_two_journals_counts_once(home: Path) -> None:
    path = put(home, whole_run("one", ticks=6))
    (run,) = read_runs(home).runs
    put(home, [Imported(facts=run), *whole_run("two", start_s=200.0)], age_s=3_600.0)
    shutil.copy(path, path.with_name("copy.jsonl"))
    before = told(home)
    assert [run.id for run in before[0]] == ["two", "one"]
    compact(home, AT_ONCE)
    assert told(home) == before
    assert rows(home, "SELECT count(*) FROM {runs}") == [(2,)]
    assert sampled_mj(home) == {("one", GPU.id): 300_000, ("two", GPU.id): 250_000}


def test_of_two_tellings_of_a_run_the_one_that_knows_more_counts(home: Path) -> None:
    whole = whole_run(RUN, ticks=6)
    put(home, whole[:-3])  # copied while it still ran
    compact(home, AT_ONCE)
    assert (find_run(RUN, home).outcome, find_run(RUN, home).duration_s) == ("interrupted", 4.0)
    put(home, whole)
    assert compact(home, AT_ONCE).left == {"it tells more of a run than is archived": 1}
    (run,) = read_runs(home).runs
    assert (run.outcome, run.duration_s) == ("completed", 6.0)
    assert find_run(RUN, home) == run
    assert len(series(RUN, home)) == 7


def test_batches_that_hold_a_run_twice_are_merged_and_hold_it_once(home: Path) -> None:
    for number in range(MERGE_FROM - 1):
        fill(home, 1, first=number)
        compact(home, AT_ONCE)
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "ledger"
        put(other, whole_run(f"{0:016x}", ticks=3)[:-1])  # that one before its end
        fill(other, 1, first=1)
        fill(other, 1, first=99)
        compact(other, AT_ONCE)
        batch = only_batch(other).folder
        shutil.copytree(batch, home / "archive" / batch.name)  # another machine's, with a run that is here, too
    before = told(home)
    assert len(before[0]) == MERGE_FROM
    done = compact(home, AT_ONCE)
    assert (done.merged, done.problems) == (MERGE_FROM, [])
    assert told(home) == before
    assert rows(home, "SELECT count(*), count(DISTINCT id) FROM {runs}") == [(MERGE_FROM, MERGE_FROM)]
    expected_mj = sum(round((one.energy_j or 0) * 1e3) for run in before[0] for one in run.devices)
    assert sum(sampled_mj(home).values()) == expected_mj
    assert left_over(home) == []


def test_a_copy_of_an_archived_journal_counts_nothing(home: Path) -> None:
    path = put(home, whole_run())
    data = path.read_bytes()
    compact(home, AT_ONCE)
    before = told(home)
    path.write_bytes(data)
    assert told(home) == before
    assert read_runs(home).problems == ()
    assert compact(home, AT_ONCE).finished == 1
    assert not path.exists()
    assert told(home) == before


def test_an_archived_journal_that_has_grown_is_told_of(home: Path) -> None:
    path = put(home, whole_run())
    data = path.read_bytes()
    compact(home, AT_ONCE)
    path.write_bytes(data + line_of(tick(109.0), "j", 50))
    assert ["has grown" in problem for problem in read_runs(home).problems] == [True]
    compact(home, AT_ONCE)
    assert path.exists()


def test_a_copied_batch_counts_once(home: Path) -> None:
    fill(home, 3)
    compact(home, AT_ONCE)
    before = told(home)
    shutil.copytree(only_batch(home).folder, home / "archive" / "2026-11-copy")
    assert told(home) == before
    assert len(read_archives(home).batches) == 1


def test_small_batches_are_merged(home: Path) -> None:
    for number in range(MERGE_FROM):
        fill(home, 2, first=10 * number)
        before, energies = told(home), sampled_mj(home)
        done = compact(home, AT_ONCE)
        assert done.merged == (MERGE_FROM if number == MERGE_FROM - 1 else 0)
        assert told(home) == before
        assert sampled_mj(home) == energies
    assert len(only_batch(home).manifest.journals) == 2 * MERGE_FROM
    assert left_over(home) == []


def test_the_newest_runs_of_a_limit(home: Path) -> None:
    ids = fill(home, 12)
    whole = read_runs(home)
    compact(home, AT_ONCE)
    put(home, whole_run("live", started_at="2026-11-21T09:00:00.000+00:00"))
    reading = read_runs(home, newest=3)
    assert [run.id for run in reading.runs if run.id != "live"] == [run.id for run in whole.runs[:3]] == ids[:-4:-1]
    assert reading.total == 13
    chosen = read_runs(home, newest=5, since=None, fits=lambda name: name == "nobody")
    assert [run.id for run in chosen.runs] == ["live"]


def test_a_damaged_file_is_told_of_and_never_counted_less_silently(home: Path) -> None:
    fill(home, 3)
    compact(home, AT_ONCE)
    path = only_batch(home).path("samples")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    fill(home, 1, first=100)
    reading = read_runs(home)
    assert len(reading.runs) == 1
    (problem,) = reading.problems
    assert "samples.parquet is damaged" in problem
    assert "3 run(s) that read 750.000 J are not counted" in problem
    with pytest.raises(LedgerError, match=r"1 problem\(s\) in its archive"):
        find_run("0" * 16, home)


def test_a_missing_file_and_a_torn_manifest_are_told_of(home: Path) -> None:
    fill(home, 1)
    compact(home, AT_ONCE)
    fill(home, 1, first=50)
    compact(home, AT_ONCE)
    first, second = read_archives(home).batches
    first.path("ticks").unlink()
    (second.folder / "manifest.json").write_text('{"tables":1,')
    problems = read_runs(home).problems
    assert ["ticks.parquet cannot be read" in problem for problem in problems].count(True) == 1
    assert ["manifest.json is damaged" in problem for problem in problems].count(True) == 1


def test_a_batch_of_a_newer_version_is_refused_and_its_journals_still_count(home: Path) -> None:
    path = put(home, whole_run())
    data = path.read_bytes()
    compact(home, AT_ONCE)
    manifest = only_batch(home).folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"tables":1', '"tables":2'))
    assert ["newer version" in problem for problem in read_runs(home).problems] == [True]
    assert read_runs(home).runs == ()
    path.write_bytes(data)  # as after a crash before the source went
    assert len(read_runs(home).runs) == 1
    assert compact(home, AT_ONCE).journals == 0
    assert path.exists()


def test_a_path_that_is_a_pattern_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    home = tmp_path / "a[b]*"
    fill(home, 2)
    with pytest.raises(LedgerError, match="must hold none of"):
        compact(home, AT_ONCE)
    assert len(read_runs(home).runs) == 2
