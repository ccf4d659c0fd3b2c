from __future__ import annotations

import os
import shutil
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.errors import LedgerError
from footprint.ledger import find_run, read_runs, series, write_run_file
from footprint.ledger.processes import identify
from footprint.ledger.reading import read_journal
from footprint.ledger.records import AnyRecord, Close, Held, Marked, Work, line_of
from tests.ledger.conftest import opened, tick, whole_run

Write = Callable[[list[AnyRecord]], Path]


def test_a_ledger_that_nobody_wrote_to_is_empty(home: Path) -> None:
    assert read_runs(home) == read_runs(home)
    assert read_runs(home).runs == ()
    assert read_runs(home).problems == ()


def test_runs_come_newest_first(home: Path, write: Write) -> None:
    write(whole_run("old", started_at="2026-11-20T10:00:00.000+00:00"))
    write(whole_run("new", started_at="2026-11-21T10:00:00.000+00:00"))
    assert [run.id for run in read_runs(home).runs] == ["new", "old"]


def test_runs_of_one_recorder_share_a_journal(home: Path, write: Write) -> None:
    write([*whole_run("x", start_s=100), *whole_run("y", start_s=200)])
    assert {run.id: run.duration_s for run in read_runs(home).runs} == {"x": 5.0, "y": 5.0}


def test_a_run_is_found_by_a_beginning_of_its_id(home: Path, write: Write, tmp_path: Path) -> None:
    write([*whole_run("abc1"), *whole_run("abd2")])
    write(whole_run("abc"))
    assert find_run("abd", home).id == "abd2"
    assert find_run("abc", home).id == "abc"
    with pytest.raises(LedgerError, match="fits 3 runs"):
        find_run("ab", home)
    with pytest.raises(LedgerError, match="no run 'zz'"):
        find_run("zz", home)
    with pytest.raises(LedgerError, match="no run is named"):
        find_run("", home)
    file = tmp_path / "run.json"
    write_run_file(find_run("abd", home), file)
    assert find_run(str(file)).id == "abd2"


def test_who_asks_for_a_run_by_its_name_is_told_its_id(home: Path, write: Write) -> None:
    write(whole_run("a1", name="finetune", started_at="2026-11-20T10:00:00.000+00:00"))
    write(whole_run("a2", name="finetune", started_at="2026-11-21T10:00:00.000+00:00"))
    write(whole_run("a3", name="finetune-2", started_at="2026-11-22T10:00:00.000+00:00"))
    with pytest.raises(LedgerError, match=r"it is the name of 2 run\(s\), the newest of them a2: give a run's id$"):
        find_run("finetune", home)


def test_the_series_of_a_run_is_on_its_own_clock(home: Path, write: Write) -> None:
    write(whole_run("x", start_s=500.0))
    points = series("x", home)
    assert [point.t_s for point in points] == [0, 1, 2, 3, 4, 5]
    assert [point.tree_s for point in points] == [0, 1, 2, 3, 4, 5]
    assert points[2].samples[0].t_s == 2.0
    with pytest.raises(LedgerError):
        series("none", home)


def test_a_tail_torn_at_any_byte_costs_one_record(write: Write) -> None:
    path = write(whole_run())
    data = path.read_bytes()
    last = data.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(data)):
        path.write_bytes(data[:cut])
        reading = read_journal(path)
        (run,) = (records.run() for records in reading.runs.values())
        complete = cut == len(data) - 1  # only the newline is missing
        assert run.outcome == ("completed" if complete else "interrupted")
        assert run.duration_s == 5.0
        assert len(reading.problems) == (0 if complete or cut == last else 1)


def test_a_flipped_byte_anywhere_costs_at_most_its_record(write: Write) -> None:
    path = write(whole_run())
    data = path.read_bytes()
    for at in range(data.index(b"\n") + 1, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x0A]) + data[at + 1 :])
        reading = read_journal(path, keep_ticks=True)
        records = reading.runs["a" * 16]
        kept = len(records.points()) + (records.closed is not None)
        assert kept >= 6, at
        assert reading.problems, at


def test_while_the_recorder_lives_an_unfinished_line_is_no_damage(write: Write) -> None:
    path = write([opened(recorder=identify(os.getpid())), tick(100.0), tick(101.0)])
    path.write_bytes(path.read_bytes()[:-20])
    reading = read_journal(path)
    assert reading.problems == []
    assert reading.runs["a" * 16].run().outcome == "running"


def test_newer_records_are_counted_and_left_alone(home: Path, write: Write) -> None:
    path = write(whole_run())
    text = b'{"v":9,"journal":"j","seq":77,"type":"dream","run":"a"'
    with path.open("ab") as file:
        file.write(text + b',"crc":"%08x"}\n' % zlib.crc32(text))
    reading = read_runs(home)
    assert [run.outcome for run in reading.runs] == ["completed"]
    assert ["newer version" in problem for problem in reading.problems] == [True]


def test_an_intact_line_that_is_no_record_is_left_out(home: Path, write: Write) -> None:
    path = write(whole_run())
    text = b'{"v":1,"journal":"j","seq":77,"type":"tick","runs":9'
    with path.open("ab") as file:
        file.write(b'{"v":1,"jour' + text + b',"crc":"%08x"}\n' % zlib.crc32(text))
        file.write(text + b',"crc":"%08x"}\n' % zlib.crc32(text))
    reading = read_runs(home)
    assert [run.outcome for run in reading.runs] == ["completed"]
    assert ["damaged record" in problem for problem in reading.problems] == [True, True]


def test_a_run_whose_beginning_is_lost_is_named(home: Path, write: Write) -> None:
    path = write(whole_run())
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    reading = read_runs(home)
    assert reading.runs == ()
    assert "a" * 16 in reading.problems[0]


def test_a_copied_journal_counts_its_records_once(home: Path, write: Write) -> None:
    path = write(whole_run())
    path.write_bytes(path.read_bytes() * 2)
    assert len(series("a" * 16, home)) == 6


@given(st.data())
def test_records_in_whatever_order_and_however_often_tell_the_same(data: st.DataObject) -> None:
    runs = [f"{number:016x}" for number in range(3)]
    records: list[AnyRecord] = [opened(run, t_s=100.0 + number) for number, run in enumerate(runs)]
    for second in range(100, 112):
        records += [
            tick(float(second), tuple(runs)),
            Held(runs=tuple(runs), t_s=float(second), device_id="gpu:GPU-1", ours=second > 105, others=second % 2),
            Work(run=runs[second % 3], t_s=float(second), work={"samples": float(second)}),
            Marked(run=runs[0], key=second % 4, name=f"at {second}", t_s=float(second)),
        ]
    records += [Close(run=run, t_s=112.0, outcome="completed") for run in runs[:2]]
    lines = [line_of(record, "j", seq) for seq, record in enumerate(records)]
    shuffled = data.draw(st.permutations(range(len(lines))) | st.just(range(len(lines))))
    more = data.draw(st.lists(st.integers(0, len(lines) - 1), max_size=6))
    pieces = [lines[place] for place in shuffled]
    for place in more:
        again = data.draw(st.integers(0, len(pieces) - 1))
        glue = data.draw(st.booleans())
        pieces[again] = (pieces[again].removesuffix(b"\n") if glue else pieces[again]) + lines[place]

    with tempfile.TemporaryDirectory() as folder:
        told = []
        for name, content in (("whole", b"".join(lines)), ("disordered", b"".join(pieces))):
            path = Path(folder) / f"{name}.jsonl"
            path.write_bytes(content)
            told.append([records.run() for records in read_journal(path).runs.values()])
    assert told[0] == told[1]


def test_two_journals_in_one_file_lose_nothing(home: Path, write: Write) -> None:
    first, second = write(whole_run("x")), write(whole_run("y"))
    first.write_bytes(first.read_bytes() + second.read_bytes())
    second.unlink()
    assert {run.id: (run.duration_s, run.devices[0].energy_j) for run in read_runs(home).runs} == {"x": (5, 250), "y": (5, 250)}


def test_a_long_run_costs_no_more_memory_than_a_short_one(home: Path) -> None:
    def peak_bytes(count: int) -> int:
        path = home / f"{count}.jsonl"
        run = "a" * 16
        with path.open("wb") as file:
            file.write(line_of(opened(run), "j", 0))
            for number in range(count):
                t_s = 100.0 + number
                file.write(line_of(tick(t_s, (run,)), "j", 3 * number + 1))
                looked = Held(runs=(run,), t_s=t_s, device_id="gpu:GPU-1", ours=True, others=number % 2)
                file.write(line_of(looked, "j", 3 * number + 2))
                file.write(line_of(Work(run=run, t_s=t_s, work={"samples": float(number)}), "j", 3 * number + 3))
        # A flipped digit of a record's number is no sign of disorder.
        data = bytearray(path.read_bytes())
        at = data.index(b'"seq":%d,' % (count // 2 * 3 + 1)) + len(b'"seq":')
        data[at] ^= 0x08
        path.write_bytes(data)
        tracemalloc.start()
        read_journal(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    home.mkdir()
    peak_bytes(10)  # what is loaded and kept once
    assert peak_bytes(4_000) < 1.5 * peak_bytes(500)


def test_a_journal_copied_to_another_day_counts_its_runs_once(home: Path, write: Write) -> None:
    path = write(whole_run())
    other = home / "runs" / "2020-01-01" / path.parent.name
    other.mkdir(parents=True)
    shutil.copy(path, other / path.name)
    assert len(read_runs(home).runs) == 1


def test_what_is_no_journal_is_told_and_passed_over(home: Path, write: Write, tmp_path: Path) -> None:
    path = write(whole_run())
    (path.parent / "noise.jsonl").write_bytes(os.urandom(3000))
    (path.parent / "empty.jsonl").write_bytes(b"")
    (path.parent / "link.jsonl").symlink_to(path)
    (path.parent / "folder.jsonl").mkdir()
    os.mkfifo(path.parent / "pipe.jsonl")
    held = len(list(Path("/proc/self/fd").iterdir()))
    (home / "runs" / "stray").write_text("x")
    reading = read_runs(home)
    assert len(reading.runs) == 1
    assert any("noise" in problem for problem in reading.problems)
    assert len(list(Path("/proc/self/fd").iterdir())) == held
    assert any("link" in problem for problem in reading.problems)


def test_a_home_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="cannot be read") as raised:
        read_runs(tmp_path / "file")
    assert "\n" not in str(raised.value)


def test_facts_are_json_that_reads_back(home: Path, write: Write) -> None:
    write(whole_run())
    (run,) = read_runs(home).runs
    assert msgspec.json.decode(msgspec.json.encode(run), type=type(run)) == run
