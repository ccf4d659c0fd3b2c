from __future__ import annotations

import itertools
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.ledger import read_runs, tables
from footprint.ledger.journal import Journal
from footprint.ledger.reading import read_journal
from footprint.ledger.records import AnyRecord, Close, Imported, Tick
from footprint.ledger.rows import Rows, microseconds, rows_of, rows_of_run
from footprint.model import CpuTime, Declaration, Place, Run, Sample
from tests.ledger.conftest import CPU, GPU, opened, tick, whole_run

Write = Callable[[list[AnyRecord]], Path]
RUN = "a" * 16
START_US = microseconds("2026-11-21T10:00:00+00:00")


def named(table: str, row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip((column.name for column in tables.TABLES[table]), row, strict=True))


def sums(rows: Rows) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = defaultdict(int)
    for run, device, _begin_us, _end_us, energy_mj, *_ in rows.samples:
        found[run, device] += energy_mj
    return found


def stretches(rows: Rows) -> list[tuple[int, int, int]]:
    return [(begin_us - START_US, end_us - START_US, energy_mj) for _, _, begin_us, end_us, energy_mj, *_ in rows.samples]


def test_a_row_for_each_reading_and_none_lost(write: Write) -> None:
    rows = rows_of(read_journal(write(whole_run(ticks=3)), keep_ticks=True))
    assert stretches(rows) == [(0, 0, 0), (0, 10**6, 50_000), (10**6, 2 * 10**6, 50_000), (2 * 10**6, 3 * 10**6, 50_000)]
    assert [row[5:] for row in rows.samples] == [(float(t), 7_000 + 50.0 * (100 + t), None) for t in range(4)]
    assert rows.ticks == [(RUN, float(t), float(t), 2.0 * t) for t in range(4)]
    assert [named("devices", row)["energy_mj"] for row in rows.devices] == [150_000, None]
    assert rows.problems == []


def test_a_run_as_a_row(write: Write) -> None:
    labels = {
        "project": "p",
        "team": "t",
        "user": "u",
        "model": "m",
        "restart_of": "x",
        "fine_tuned_from": "y",
        "recorder": "node",
    }
    place = Place(provider="aws", region="us-east-1", zone="US-VA")
    rows = rows_of(read_journal(write(whole_run(labels=labels, place=place, devices=(GPU, GPU, CPU))), keep_ticks=True))
    row = named("runs", rows.runs[0])
    assert {name: row[name] for name in ("project", "team", "user", "model", "restart_of", "tuned_from", "background")} == {
        "project": "p",
        "team": "t",
        "user": "u",
        "model": "m",
        "restart_of": "x",
        "tuned_from": "y",
        "background": True,
    }
    assert (row["region"], row["zone"], row["hardware"], row["month"]) == ("aws:us-east-1", "US-VA", "2 × GPU", "2026-11")
    assert (row["started_us"], row["ended_us"]) == (START_US, START_US + 5_000_000)
    assert row["anchor_us"] == START_US - 100_000_000
    assert [named("devices", one)["device_key"] for one in rows.devices] == ["gpu:GPU-1", "gpu:GPU-1", "node/cpu"]


def test_the_facts_of_a_row_are_the_run(home: Path, write: Write) -> None:
    path = write(whole_run())
    row = named("runs", rows_of(read_journal(path, keep_ticks=True)).runs[0])
    assert msgspec.json.decode(str(row["facts"]), type=Run) == read_runs(home).runs[0]


def test_readings_are_cut_at_the_ends_and_at_gaps(write: Write) -> None:
    readings = [(99.0, 0.0), (101.0, 200.0), (102.0, 100.0), (103.0, 150.0), (105.0, 350.0)]
    ticks: list[AnyRecord] = [
        Tick(runs=(RUN,), t_s=t_s, samples=(Sample(device_id=GPU.id, t_s=t_s, energy_j=energy_j),)) for t_s, energy_j in readings
    ]
    path = write([opened(), *ticks, Close(run=RUN, t_s=104.0, outcome="completed")])
    rows = rows_of(read_journal(path, keep_ticks=True))
    second = 10**6
    assert stretches(rows) == [
        (0, 0, 0),  # the baseline lies before the run
        (0, second, 100_000),
        (2 * second, 2 * second, 0),  # the counter was reset
        (2 * second, 3 * second, 50_000),
        (3 * second, 4 * second, 100_000),
    ]
    assert sums(rows)[RUN, GPU.id] == named("devices", rows.devices[0])["energy_mj"] == 250_000


def test_a_suspend_is_a_gap(write: Write) -> None:
    def awake(t_s: float, boot_s: float) -> Tick:
        return Tick(runs=(RUN,), t_s=t_s, boot_s=boot_s, samples=(Sample(device_id=GPU.id, t_s=t_s, energy_j=boot_s * 10),))

    path = write([opened(), awake(100, 100), awake(101, 101), awake(102, 5_000), awake(103, 5_001)])
    rows = rows_of(read_journal(path, keep_ticks=True))
    assert [energy_mj for *_, energy_mj in stretches(rows)] == [0, 10_000, 0, 10_000]


def test_a_device_that_the_run_did_not_claim_is_kept_and_counts_nothing(write: Write) -> None:
    other = Sample(device_id="gpu:else", t_s=100.5, energy_j=9.0)
    path = write([opened(), msgspec.structs.replace(tick(100.0), samples=(other,)), tick(101.0)])
    rows = rows_of(read_journal(path, keep_ticks=True))
    assert [(row[1], row[4]) for row in rows.samples] == [("gpu:else", 0), (GPU.id, 0)]


def test_a_run_from_elsewhere_counts_by_its_courses(write: Write, home: Path) -> None:
    path = write(whole_run(ticks=40))
    (run,) = read_runs(home).runs
    imported = rows_of_run(msgspec.structs.replace(run, journal_id=""))
    measured = rows_of(read_journal(path, keep_ticks=True))
    assert sums(imported) == sums(measured)
    assert imported.devices == measured.devices
    assert stretches(imported) == stretches(measured)[1:]
    assert imported.ticks == []


def test_an_energy_without_a_course_is_spread_over_the_run(write: Write, home: Path) -> None:
    write(whole_run())
    (run,) = read_runs(home).runs
    bare = msgspec.structs.replace(run, devices=(msgspec.structs.replace(run.devices[0], course=()),))
    assert stretches(rows_of_run(bare)) == [(0, 5 * 10**6, 250_000)]


def test_whole_runs_stand_beside_recorded_ones(write: Write, home: Path) -> None:
    write(whole_run())
    (run,) = read_runs(home).runs
    declared = msgspec.structs.replace(
        run, id="bill", devices=(), cpu=None, declared=Declaration(hardware="A100", count=8, hours=3.0)
    )
    rows = rows_of(read_journal(write([Imported(facts=declared)]), keep_ticks=True))
    row = named("runs", rows.runs[0])
    assert (row["id"], row["hardware"], row["tree_s"]) == ("bill", "8 × A100", None)
    assert rows.devices == rows.samples == []


def test_a_start_that_is_no_time_is_told_and_costs_no_other_run(write: Write) -> None:
    path = write([*whole_run("bad", started_at="yesterday"), *whole_run("good", start_s=300.0)])
    rows = rows_of(read_journal(path, keep_ticks=True))
    assert [row[0] for row in rows.runs] == ["good"]
    assert ["bad" in problem for problem in rows.problems] == [True]


def test_ticks_must_have_been_kept(write: Write) -> None:
    with pytest.raises(ValueError, match="not kept"):
        rows_of(read_journal(write(whole_run())))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(0.001, 20.0), st.floats(-50.0, 400.0), st.booleans(), st.sampled_from([0.0, 0.0, 0.0, 900.0])),
        min_size=1,
        max_size=30,
    ),
    st.floats(95.0, 130.0),
)
def test_the_stretches_are_exactly_what_the_run_used(steps: list[tuple[float, float, bool, float]], end_s: float) -> None:
    t_s, energy_j, boot_s = 98.0, 1_000.0, 98.0
    records: list[AnyRecord] = [opened()]
    for apart_s, grown_j, of_power, slept_s in steps:
        t_s, energy_j, boot_s = t_s + apart_s, energy_j + grown_j, boot_s + apart_s + slept_s
        amount = {"power_w": abs(grown_j)} if of_power else {"energy_j": energy_j}
        sample = Sample(device_id=GPU.id, t_s=t_s, **amount)
        records.append(Tick(runs=(RUN,), t_s=t_s, boot_s=boot_s, samples=(sample,)))
    records.append(Close(run=RUN, t_s=end_s, outcome="completed"))
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        for record in records:
            journal.write(record)
        journal.close()
        reading = read_journal(journal.path, keep_ticks=True)
    rows = rows_of(reading)
    (run,) = reading.facts()
    energy_mj = named("devices", rows.devices[0])["energy_mj"]
    assert energy_mj == (None if run.devices[0].energy_j is None else round(run.devices[0].energy_j * 1000))
    assert sum(row[4] for row in rows.samples) == (energy_mj or 0)
    counted = [(begin_us, end_us) for _, _, begin_us, end_us, *_ in rows.samples if end_us > begin_us]
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(counted))
    assert sum(end_us - begin_us for begin_us, end_us in counted) == pytest.approx(
        run.devices[0].read_s * 1e6, abs=len(rows.samples)
    )
    bare = msgspec.structs.replace(run, cpu=CpuTime(tree_s=0.0, busy_s=None, logical_cpus=1, reserved_cpus=1, read_s=0.0))
    assert sum(row[4] for row in rows_of_run(bare).samples) == (energy_mj or 0)
