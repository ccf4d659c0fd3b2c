"""Writing and reading journals, beside the CSV file that CodeCarbon writes: what is lost, and what it costs."""

from __future__ import annotations

import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from footprint.ledger import read_runs
from footprint.ledger.journal import Journal
from footprint.ledger.reading import read_journal
from footprint.ledger.records import Open, Tick, line_of, record_of
from footprint.ledger.rows import rows_of
from footprint.model import Sample
from tests.benchmarks.effort import FULL, Effort
from tests.benchmarks.peers import CODECARBON, OURS, ToolError, python
from tests.benchmarks.rows import Row, failed, milliseconds, times
from tests.ledger.conftest import opened, whole_run

TITLE: Final = "journals: nothing lost, and what it costs"
PROCESSES, ROUNDS, KILLS, JOURNALS, CHANNELS = 8, 30, 60, 10_000, 10
TARGET_S, TARGET_APPEND_US = 3.0, 20.0
_TICKS: Final = 10
_ROOT: Final = Path(__file__).parents[2]
# A writer: told a folder and a name, it writes there what it writes first of a run, and says so.
_OURS: Final = f"""
import sys
sys.path.insert(0, {str(_ROOT)!r})
from pathlib import Path
from footprint.ledger.journal import Journal
from tests.ledger.conftest import whole_run
def write(folder, name):
    journal = Journal(Path(folder))
    for record in whole_run(name, ticks=1):
        journal.write(record)
    journal.close()
"""
_CODECARBON: Final = """
import logging, sys
logging.disable(logging.CRITICAL)
from inspect import signature
from codecarbon.output_methods.emissions_data import EmissionsData
from codecarbon.output_methods.file import FileOutput
fields = signature(EmissionsData).parameters
def row(name):
    return EmissionsData(**{field: name if field == "run_id" else 1.0 for field in fields})
def write(folder, name):
    data = row(name)
    FileOutput("emissions.csv", folder).out(data, data)
"""
_LOOP: Final = """
print("ready", flush=True)
for line in sys.stdin:
    try:
        write(*line.split())
        print("done", flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""
_APPENDS: Final = """
import tempfile, time
folder = tempfile.mkdtemp()
output = FileOutput("emissions.csv", folder)
data = row("x")
taken = []
for number in range(300):
    begin = time.perf_counter()
    output.out(data, data)
    taken.append(time.perf_counter() - begin)
print(sorted(taken)[len(taken) // 2] * 1e6)
"""
_KILLED: Final = f"""
import sys
sys.path.insert(0, {str(_ROOT)!r})
from pathlib import Path
from footprint.ledger.journal import Journal
from tests.ledger.conftest import opened, tick
journal = Journal(Path(sys.argv[1]))
journal.write(opened())
number = 0
while True:
    number += 1
    if journal.write(tick(100.0 + number)):
        sys.stdout.write(f"{{number}}\\n")
        sys.stdout.flush()
"""


def run(effort: Effort) -> Iterator[Row]:
    """First writes at once, kills, 10,000 journals, one append."""
    is_full = effort == FULL
    yield from _first_writes(ROUNDS if is_full else 3)
    yield _kills(KILLS if is_full else 5)
    yield from _many(JOURNALS if is_full else 500, effort.repeats)
    yield from _appends()


def _first_writes(rounds: int) -> Iterator[Row]:
    what = f"first writes of {PROCESSES} processes at once, {rounds} times"
    expected = PROCESSES * rounds
    kept = _kept([sys.executable, "-c", _OURS + _LOOP], rounds, _runs_in)
    yield Row(what, OURS.label, f"{kept} of {expected} kept", f"{expected} of {expected}", kept == expected)
    try:
        kept = _kept([python(CODECARBON), "-c", _CODECARBON + _LOOP], rounds, _rows_in)
    except (ToolError, OSError, AssertionError) as error:
        yield failed(what, CODECARBON.label, error)
    else:
        yield Row(what, CODECARBON.label, f"{kept} of {expected} kept in its CSV file")


def _kept(command: Sequence[str], rounds: int, count: Any) -> int:
    """How many of the writes are there afterwards, of processes that each write once into a new folder a round."""
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n", "the writer does not start"
        kept = 0
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                names = [f"{number:08x}{place:08x}" for place in range(PROCESSES)]
                for writer, name in zip(writers, names, strict=True):
                    assert writer.stdin is not None
                    writer.stdin.write(f"{folder} {name}\n")
                    writer.stdin.flush()
                for writer in writers:
                    assert writer.stdout is not None
                    writer.stdout.readline()
                kept += len(set(names) & count(Path(folder)))
        return kept
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def _runs_in(folder: Path) -> set[str]:
    return {one.id for one in read_runs(folder).runs if one.outcome == "completed"}


def _rows_in(folder: Path) -> set[str]:
    import csv

    with (folder / "emissions.csv").open(newline="", errors="replace") as file:
        return {str(row.get("run_id")) for row in csv.DictReader(file)}


def _kills(kills: int) -> Row:
    """Kill a writer at any moment: what it said is written must be there."""
    lost = acknowledged = 0
    chance = random.Random(1)
    for _ in range(kills):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", _KILLED, folder]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
                assert writer.stdout is not None
                writer.stdout.readline()
                time.sleep(chance.uniform(0.0, 0.05))
                writer.send_signal(signal.SIGKILL)
                said = [1, *[int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]]
            (path,) = Path(folder).glob("runs/*/*/*.jsonl")
            lines = path.read_bytes().splitlines(keepends=True)
            there = {round(r.t_s - 100) for line in lines if line.endswith(b"\n") and isinstance(r := record_of(line[:-1]), Tick)}
            lost += len(set(said) - there)
            acknowledged += len(said)
    measured = f"{lost} of {acknowledged:,} acknowledged records lost"
    return Row(f"kill -9, {kills} times", OURS.label, measured, "none lost", lost == 0)


def fill(home: Path, count: int) -> None:
    """So many journals of one run each, every tenth with a torn tail."""
    chance = random.Random(1)
    for number in range(count):
        run_id, journal = (f"{chance.getrandbits(64):016x}" for _ in range(2))
        records = whole_run(run_id, start_s=100.0 + number, ticks=_TICKS)
        data = b"".join(line_of(record, journal, seq) for seq, record in enumerate(records))
        folder = home / "runs" / "2026-11-21" / journal[:2]
        folder.mkdir(parents=True, exist_ok=True)
        torn = chance.randint(2, 150) if number % 10 == 0 else 0
        (folder / f"{journal}.jsonl").write_bytes(data[: len(data) - torn])


def _many(count: int, repeats: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, count)
        for what, read in (("read to runs", _read_runs), ("read to rows for SQL", _read_rows)):
            taken_s, used_s = [], []
            for _ in range(repeats):
                begin_s, before_s = time.perf_counter(), time.process_time()
                found = read(home)
                taken_s.append(time.perf_counter() - begin_s)
                used_s.append(time.process_time() - before_s)
                assert found == count, f"{found} of {count} runs"
            middle_s = statistics.median(taken_s)
            measured = (
                f"{milliseconds(middle_s)} ({statistics.median(used_s):.1f} s of CPU; fastest {milliseconds(min(taken_s))})"
            )
            name = f"{count:,} live journals, 10 % torn: {what}"
            yield Row(name, OURS.label, measured, f"<= {TARGET_S:g} s", middle_s <= TARGET_S)


def _read_runs(home: Path) -> int:
    return len(read_runs(home).runs)


def _read_rows(home: Path) -> int:
    return sum(len(rows_of(read_journal(path, keep_ticks=True)).runs) for path in home.glob("runs/*/*/*.jsonl"))


def _appends() -> Iterator[Row]:
    samples = tuple(
        Sample(device_id=f"gpu:GPU-5b2c7c3e-{number:04d}-4d5e-8f90-ccccddddeeee", t_s=12_345.678, energy_j=1_234_567.891 + number)
        for number in range(CHANNELS)
    )
    wall_s = 1_795_000_000.123
    tick = Tick(runs=("a" * 16,), t_s=12_345.678, boot_s=12_345.9, wall_s=wall_s, samples=samples, tree_s=123.45, busy_s=456.78)
    first: Open = opened()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        journal.write(first)
        taken_us = []
        for _ in range(20_000):
            begin_s = time.perf_counter()
            journal.write(tick)
            taken_us.append((time.perf_counter() - begin_s) * 1e6)
        journal.close()
    ours_us = statistics.median(taken_us)
    what = "one append, without sync"
    said = f"{ours_us:.1f} µs, a tick of {CHANNELS} channels"
    yield Row(what, OURS.label, said, f"<= {TARGET_APPEND_US:g} µs", ours_us <= TARGET_APPEND_US)
    try:
        done = subprocess.run(
            [python(CODECARBON), "-c", _CODECARBON + _APPENDS], capture_output=True, text=True, check=True, timeout=300
        )
        theirs_us = float(json.loads(done.stdout.splitlines()[-1]))
    except (ToolError, OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        yield failed(what, CODECARBON.label, error)
    else:
        yield Row(what, CODECARBON.label, f"{theirs_us:,.0f} µs, a row of its CSV file", ratio=times(theirs_us, ours_us))


if __name__ == "__main__":
    for found in run(FULL):
        print(found, flush=True)
