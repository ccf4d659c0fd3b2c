from __future__ import annotations

import itertools
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.ledger import find_run, read_runs, series
from footprint.ledger.archive import read_archives
from footprint.ledger.archive.compacting import Policy, compact
from footprint.ledger.archive.rewriting import rewrite
from footprint.ledger.archive.store import connect
from footprint.ledger.archive.thinning import HOUR_S, MINUTE_S, thinned_samples, thinned_ticks
from footprint.ledger.records import AnyRecord, Close, Tick
from footprint.ledger.rows import microseconds
from footprint.model import Sample
from tests.ledger.archive.examples import AT_ONCE, fill, put, rows, sampled_mj
from tests.ledger.conftest import GPU, opened, whole_run

US = 1_000_000
START_US = 1_000 * 60 * US
RUN = "a" * 16


class Row(NamedTuple):
    run: str
    device: str
    begin_us: int
    end_us: int
    energy_mj: int
    t_s: float
    energy_j: float | None = None
    power_w: float | None = None


def thinned(samples: list[Row], bucket_s: int) -> list[Row]:
    with connect() as database:
        database.execute("CREATE TABLE runs AS SELECT unnest(['r', 's']) AS id, ? AS started_us", [START_US])
        database.execute(
            "CREATE TABLE samples (run_id VARCHAR, device_id VARCHAR, begin_us BIGINT, end_us BIGINT, energy_mj BIGINT, "
            "t_s DOUBLE, energy_j DOUBLE, power_w DOUBLE)"
        )
        if samples:
            database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?)", samples)
        return [Row(*row) for row in database.execute(thinned_samples("samples", "runs", bucket_s)).fetchall()]


def at(begin_s: float, end_s: float, energy_mj: int, *, device: str = "gpu", run: str = "r") -> Row:
    begin_us, end_us = START_US + round(begin_s * US), START_US + round(end_s * US)
    return Row(run, device, begin_us, end_us, energy_mj, end_s, 1.0, None)


def spans(found: list[Row]) -> list[tuple[float, float, int]]:
    return [((row.begin_us - START_US) / US, (row.end_us - START_US) / US, row.energy_mj) for row in found]


def in_buckets(samples: list[Row], bucket_s: int) -> dict[tuple[str, str, int], int]:
    """The energy of each run and device in each bucket of the clock; stretches that reach over one border are cut there."""
    us = bucket_s * US
    found: dict[tuple[str, str, int], int] = defaultdict(int)
    for row in samples:
        border_us = (row.begin_us // us + 1) * us
        first_mj = row.energy_mj
        if row.begin_us < border_us < row.end_us <= row.begin_us + us:
            # Towards zero, as SQL divides.
            first_mj = int(abs(row.energy_mj) * (border_us - row.begin_us) // (row.end_us - row.begin_us))
            first_mj = first_mj if row.energy_mj >= 0 else -first_mj
        found[row.run, row.device, row.begin_us // us] += first_mj
        found[row.run, row.device, row.begin_us // us + 1] += row.energy_mj - first_mj
    return {key: energy_mj for key, energy_mj in found.items() if energy_mj}


def test_neighbours_become_one_a_bucket() -> None:
    found = thinned([at(0, 0, 0), *(at(second, second + 1, 100) for second in range(150))], MINUTE_S)
    assert spans(found) == [(0, 60, 6_000), (60, 120, 6_000), (120, 150, 3_000)]
    assert [(row.t_s, row.energy_j, row.power_w) for row in found] == [(60, None, None), (120, None, None), (150, None, None)]


def test_a_stretch_over_a_border_is_cut_there_to_the_millijoule() -> None:
    assert spans(thinned([at(59, 62, 100)], MINUTE_S)) == [(59, 60, 33), (60, 62, 67)]


def test_over_a_gap_nothing_is_merged() -> None:
    found = thinned([at(0, 5, 10), at(5, 9, 10), at(20, 20, 0), at(20, 30, 10), at(30, 31, 0)], MINUTE_S)
    assert spans(found) == [(0, 9, 20), (20, 31, 10)]


def test_devices_and_runs_stay_apart() -> None:
    found = thinned([at(0, 5, 1), at(0, 5, 2, device="cpu"), at(5, 9, 4, run="s"), at(5, 9, 8)], MINUTE_S)
    assert {(row.run, row.device): row.energy_mj for row in found} == {("r", "gpu"): 9, ("r", "cpu"): 2, ("s", "gpu"): 4}


def test_what_is_longer_than_a_bucket_stays_as_it_is() -> None:
    long = at(5, 500, 77)
    assert long in thinned([at(0, 5, 1), long, at(500, 501, 3)], MINUTE_S)


def test_ticks_keep_the_first_and_the_last_that_told() -> None:
    ticks = [(0.0, 0.0), (1.0, 1.0), (58.0, 5.0), (59.0, None), (60.0, None), (61.0, 6.0), (70.0, None)]
    with connect() as database:
        database.execute("CREATE TABLE ticks (run_id VARCHAR, t_s DOUBLE, tree_s DOUBLE, busy_s DOUBLE)")
        database.executemany("INSERT INTO ticks VALUES ('r', ?, ?, NULL)", ticks)
        found = database.execute(thinned_ticks("ticks", 60)).fetchall()
    assert [row[1] for row in found] == [0.0, 58.0, 59.0, 61.0, 70.0]


stretches = st.lists(
    st.tuples(st.floats(0, 200), st.sampled_from([0.0, 0.0, 0.0, 7.0]), st.integers(0, 10**9), st.sampled_from(["gpu", "cpu"])),
    min_size=1,
    max_size=40,
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(stretches, st.sampled_from([MINUTE_S, HOUR_S]))
def test_no_joule_leaves_its_run_device_or_bucket(steps: list[tuple[float, float, int, str]], bucket_s: int) -> None:
    now: dict[str, float] = {}
    samples = []
    for length_s, gap_s, energy_mj, device in steps:
        begin_s = now.get(device, 0.0) + gap_s
        now[device] = begin_s + length_s
        samples.append(at(begin_s, now[device], energy_mj, device=device))
    once = thinned(samples, bucket_s)
    assert in_buckets(once, bucket_s) == in_buckets(samples, bucket_s)
    assert thinned(once, bucket_s) == once
    assert len(once) <= 2 * len(samples)
    for device in now:
        own = [row for row in once if row.device == device]
        before = [row for row in samples if row.device == device]
        assert all(one.end_us <= other.begin_us for one, other in itertools.pairwise(own))
        assert sum(row.end_us - row.begin_us for row in own) == sum(row.end_us - row.begin_us for row in before)
    hours = thinned(thinned(samples, MINUTE_S), HOUR_S)
    assert sum(row.energy_mj for row in hours) == sum(row.energy_mj for row in samples)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 30.0), st.floats(-20.0, 2_000.0)), min_size=2, max_size=40), st.integers(2, 4))
def test_a_ledger_keeps_its_joules_through_compaction_thinning_and_merging(steps: list[tuple[float, float]], count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "ledger"
        for number in range(count):
            run = f"{number:016x}"
            t_s, energy_j = 100.0, 50.0
            records: list[AnyRecord] = [opened(run)]
            for apart_s, grown_j in steps[number:] + steps[:number]:
                t_s, energy_j = t_s + apart_s, energy_j + grown_j
                sample = Sample(device_id=GPU.id, t_s=t_s, energy_j=energy_j)
                records.append(Tick(runs=(run,), t_s=t_s, samples=(sample,)))
            put(home, [*records, Close(run=run, t_s=t_s - 0.005, outcome="completed")])
            if number == 0:
                compact(home, AT_ONCE)
        energies, runs = sampled_mj(home), read_runs(home).runs
        for policy in (AT_ONCE, Policy(older_than_s=0, keep_samples_s=0, keep_minutes_s=None), Policy(keep_minutes_s=0)):
            compact(home, policy)
            assert sampled_mj(home) == energies
            assert read_runs(home).runs == runs
        batch = rewrite(home, read_archives(home).batches)
        assert sampled_mj(home) == energies
        assert batch.manifest.energy_mj["samples"] == sum(energies.values())
        assert [round(1e3 * (one.energy_j or 0)) for run in runs for one in run.devices if one.device.id == GPU.id] == [
            energies.get((run.id, GPU.id), 0) for run in runs
        ]


def test_readings_are_thinned_by_their_runs_age_and_once(home: Path) -> None:
    fill(home, 1, ticks=180)
    compact(home, AT_ONCE)
    assert rows(home, "SELECT count(*) FROM {samples}") == [(181,)]
    young = Policy(older_than_s=0, keep_samples_s=1e9, keep_minutes_s=None)
    assert compact(home, young).thinned == 0
    minutes = Policy(older_than_s=0, keep_samples_s=0, keep_minutes_s=1e9)
    assert compact(home, minutes, dry_run=True).thinned == 1
    assert compact(home, minutes).thinned == 1
    assert compact(home, minutes).thinned == 0
    start_us = microseconds("2026-11-21T10:00:00+00:00")
    assert rows(home, "SELECT begin_us, end_us, energy_mj FROM {samples}") == [
        (start_us + minute * 60 * US, start_us + (minute + 1) * 60 * US, 3_000_000) for minute in range(3)
    ]
    hours = Policy(older_than_s=0, keep_samples_s=0, keep_minutes_s=0)
    assert compact(home, hours).thinned == 1
    assert compact(home, minutes).thinned == 0
    assert rows(home, "SELECT energy_mj FROM {samples}") == [(9_000_000,)]


def test_the_series_of_a_thinned_run_is_a_counter_of_its_energy(home: Path) -> None:
    put(home, whole_run(RUN, ticks=150))
    compact(home, Policy(older_than_s=0, keep_samples_s=0, keep_minutes_s=None))
    points = series(RUN, home)
    samples = [sample for point in points for sample in point.samples]
    assert [sample.t_s for sample in samples] == [60.0, 120.0, 150.0]
    assert [sample.energy_j for sample in samples] == pytest.approx([3_000, 6_000, 7_500])
    assert points[0].tree_s == 0.0
    assert points[-1].tree_s == 150.0
    assert find_run(RUN, home).devices[0].energy_j == pytest.approx(7_500)
