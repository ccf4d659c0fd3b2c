"""Metrics of a ledger: counters that never fall, whatever happens to it, and each joule once."""

from __future__ import annotations

import math
import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import footprint
from footprint.cli import call
from footprint.derive import group_totals
from footprint.errors import ConfigError
from footprint.integrations.exporting.counters import Counters, Series
from footprint.integrations.exporting.exporter import EMISSIONS, ENERGY, READ, WORK, LedgerExporter
from footprint.integrations.exporting.families import OTHERS, Family, Labels, exposition, gauge, label_value
from footprint.integrations.exporting.runs import Devices, FollowedRuns
from footprint.integrations.following import DeviceReading, Reading
from footprint.ledger import home
from footprint.ledger.journal import Journal
from footprint.ledger.processes import identify
from footprint.ledger.records import Close
from footprint.model import Host, Place, Range
from footprint.reference import using_edition
from tests.faults.conftest import wait_for
from tests.ledger.archive.examples import put
from tests.ledger.conftest import GPU, HOST, opened, tick, whole_run

FRANCE = Place(zone="FRA", name="France")
DAY_S = 86_400.0


def values(exporter: LedgerExporter, name: str) -> dict[Labels, float]:
    return next((one.samples for one in exporter.families() if one.name == name), {})


def total(exporter: LedgerExporter, name: str) -> float:
    return math.fsum(values(exporter, name).values())


@pytest.fixture(autouse=True)
def _at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is now."""
    monkeypatch.setattr("footprint.integrations.exporting.exporter.COST_RATIO", math.inf)
    monkeypatch.setattr("footprint.integrations.exporting.counters.ZERO_S", 0.0)


def looked(*by: str, **more: Any) -> LedgerExporter:
    """An exporter that has looked once."""
    exporter = LedgerExporter(by or ("project", "kind"), **more)
    assert exporter.refresh(), exporter.problems
    return exporter


# -- The counters by themselves ----------------------------------------------------------------------------------------

SERIES: Series = ("footprint_energy_joules_total", ())
amounts = st.floats(0, 1e12, allow_subnormal=False)


@given(
    steps=st.lists(st.tuples(st.sampled_from(["2026.11", "2026.12"]), st.one_of(st.none(), amounts), st.booleans()), max_size=12)
)
def test_a_counter_never_falls(steps: list[tuple[str, float | None, bool]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Through restarts, restatements, and ledgers that state less, or nothing."""
    path = tmp_path_factory.mktemp("counters") / "metrics.json"
    counters = Counters(path, "kind")
    last = 0.0
    for edition, level, is_restarted in steps:
        if is_restarted:
            counters = Counters(path, "kind")
        carried = counters.carry(edition, {} if level is None else {SERIES: level}, restated=(SERIES[0],))
        counters.keep()
        told = carried.values.get(SERIES, last)
        assert told >= last
        last = told


@given(levels=st.lists(amounts, min_size=1).map(sorted))
def test_it_is_what_the_ledger_states_where_that_only_grows(levels: list[float]) -> None:
    counters = Counters(None, "")
    assert [counters.carry("2026.11", {SERIES: level}).values[SERIES] for level in levels] == levels


def test_a_disk_that_comes_back_is_not_counted_twice(tmp_path: Path) -> None:
    counters = Counters(tmp_path / "metrics.json", "")
    told = [counters.carry("2026.11", {SERIES: level}) for level in (100.0, 40.0, 100.0, 110.0)]
    assert [one.values[SERIES] for one in told] == [100, 100, 100, 110]
    assert [one.held for one in told] == [0, 1, 0, 0]


def test_a_restatement_is_no_consumption(tmp_path: Path) -> None:
    read: Series = (READ, ())
    counters = Counters(tmp_path / "metrics.json", "")
    counters.carry("2026.11", {SERIES: 100.0, read: 50.0})
    counters.keep()
    again = Counters(tmp_path / "metrics.json", "")
    assert again.carry("2026.12", {SERIES: 200.0, read: 60.0}, restated=(SERIES[0],)).values == {SERIES: 100, read: 60}
    assert again.carry("2026.12", {SERIES: 210.0, read: 60.0}, restated=(SERIES[0],)).values[SERIES] == 110


def test_a_new_series_begins_at_zero_until_it_was_scraped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `increase()` would not count the first run of a project."""
    monkeypatch.setattr("footprint.integrations.exporting.counters.ZERO_S", 120.0)
    other: Series = (SERIES[0], (("project", "new"),))
    counters = Counters(tmp_path / "metrics.json", "")
    assert counters.carry("2026.11", {SERIES: 9.0}, now_s=1_000.0).values == {SERIES: 9}
    told = [
        counters.carry("2026.11", {SERIES: 9.0, other: level}, now_s=1_000.0 + at_s).values[other]
        for at_s, level in ((10, 5.0), (20, 6.0), (129, 6.0), (131, 7.0), (140, 8.0))
    ]
    assert told == [0, 0, 0, 7, 8]
    counters.keep()
    assert Counters(tmp_path / "metrics.json", "").carry("2026.11", {other: 8.0}, now_s=0.0).values[other] == 8


def test_exporters_of_other_labels_keep_to_their_own(tmp_path: Path) -> None:
    for export in ("kind", "project"):
        counters = Counters(tmp_path / "metrics.json", export)
        assert counters.carry("2026.11", {SERIES: float(len(export))}).values == {SERIES: len(export)}
        counters.keep()
    assert (tmp_path / "metrics.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema":1,"exports":{"":{"series":3}}}', b"\xff"])
def test_a_damaged_file_is_told_and_replaced(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes(data)
    counters = Counters(path, "")
    assert "it is damaged" in counters.problems[0]
    counters.carry("2026.11", {SERIES: 1.0})
    counters.keep()
    assert Counters(path, "").problems == ()


# -- The ledger --------------------------------------------------------------------------------------------------------


def test_the_sums_are_those_of_the_ledger() -> None:
    put(home(), whole_run("a", place=FRANCE, labels={"project": "x"}))
    put(home(), whole_run("b", kind="inference"))
    put(home(), whole_run("c", parent="a", account="a", place=FRANCE))
    exporter = looked()
    (row,) = group_totals().rows
    assert row.energy_kwh is not None
    assert row.emissions_g is not None
    assert (
        total(exporter, ENERGY)
        == total(exporter, "footprint_ledger_energy_joules")
        == pytest.approx(row.energy_kwh.central * 3.6e6)
    )
    assert total(exporter, EMISSIONS) == pytest.approx(row.emissions_g.central)
    assert values(exporter, EMISSIONS).keys() < values(exporter, ENERGY).keys()  # what is not known is no zero
    assert total(exporter, "footprint_unknown_emissions_runs") == 1
    assert total(exporter, "footprint_ledger_runs") == 3
    assert total(exporter, READ) == pytest.approx(250)  # of three runs side by side: their GPU is one
    assert total(exporter, WORK) == 30
    assert total(exporter, "footprint_ledger_evidence_ratio") == pytest.approx(1)
    assert total(exporter, "footprint_running_runs") == 0


def test_a_counter_goes_through_all_that_becomes_of_a_run(tmp_path: Path) -> None:
    """While it goes on, ended, archived, deleted; told by one exporter, and by one that is started anew each time."""
    journal = Journal(home())
    for record in (opened("a", place=FRANCE, recorder=None), tick(100.0, ("a",))):
        assert journal.write(record)
    staying = LedgerExporter(("kind",), state=tmp_path / "staying.json")
    seen: list[tuple[float, ...]] = []

    def look() -> None:
        assert staying.refresh(), staying.problems
        fresh = looked("kind")
        told = tuple(total(staying, name) for name in (ENERGY, EMISSIONS, READ, WORK))
        assert told == pytest.approx(tuple(total(fresh, name) for name in (ENERGY, EMISSIONS, READ, WORK)))
        assert all(now >= before * (1 - 1e-12) for now, before in zip(told, seen[-1] if seen else told, strict=True))
        seen.append(told)

    for second in range(1, 4):
        journal.write(tick(100.0 + second, ("a",)))
    look()
    journal.write(Close(run="a", t_s=104.0, outcome="completed", work={"samples": 10.0}))
    journal.close()
    look()
    assert call(["runs", "compact", "--older-than", "0s", "--keep-samples", "never"]) == 0
    look()
    before = seen[-1]
    put(home(), whole_run("b", place=FRANCE))
    look()
    assert call(["runs", "delete", "a", "--yes"]) == 0
    look()
    assert seen[-1] == seen[-2]
    assert total(staying, "footprint_exporter_held_series") >= 3
    assert total(staying, "footprint_ledger_energy_joules") < before[0] + total(staying, ENERGY)


def test_the_runs_that_go_on() -> None:
    here = identify(os.getpid())
    journal = Journal(home())
    journal.write(opened("a", recorder=here, labels={"project": "x"}))
    journal.write(opened("b", recorder=here, parent="a", labels={"project": "y"}))
    journal.write(
        opened(
            "c",
            recorder=here,
            devices=(),
            labels={"project": "z"},
            host=Host(**{**msgspec.structs.asdict(HOST), "cpu_name": None}),
        )
    )
    for second in range(4):
        journal.write(tick(100.0 + second, ("a", "b")))
    exporter = looked("project", limit=2)
    runs = {dict(labels)["project"]: value for labels, value in values(exporter, "footprint_running_runs").items()}
    powers = {dict(labels)["project"]: value for labels, value in values(exporter, "footprint_running_power_watts").items()}
    unknown = {dict(labels)["project"]: value for labels, value in values(exporter, "footprint_unknown_power_runs").items()}
    assert sum(runs.values()) == 3
    assert len(runs) == 3
    assert powers["x"] > 50  # its GPU, and the host's share
    assert sum(powers.values()) == pytest.approx(powers["x"])  # the nested one is in it
    assert sum(unknown.values()) == 1  # and of one nothing is read, which is no zero
    assert len(powers) < 3
    assert values(exporter, "footprint_running_read_ratio")
    journal.close()


def test_an_upgrade_of_the_factors_moves_the_gauges_alone() -> None:
    put(home(), whole_run("a", place=FRANCE))
    with using_edition("2026.11"):
        before = looked("kind")
    after = looked("kind")
    name = "footprint_ledger_emissions_grams"
    assert total(after, EMISSIONS) == total(before, EMISSIONS)
    assert total(after, ENERGY) == total(before, ENERGY)
    put(home(), whole_run("b", place=FRANCE, start_s=500.0))
    grown = total(later := looked("kind"), EMISSIONS) - total(after, EMISSIONS)
    assert grown == pytest.approx(total(later, name) - total(after, name))


def test_a_ledger_that_is_gone_leaves_what_was_told(tmp_path: Path) -> None:
    put(home(), whole_run("a", place=FRANCE))
    state = tmp_path / "metrics.json"
    exporter = looked("kind", state=state)
    told = values(exporter, ENERGY)
    kept = home().rename(tmp_path / "away")
    for one in (exporter, LedgerExporter(("kind",), state=state)):
        assert not one.refresh()
        assert "has no runs any more" in one.problems[0]
        assert total(one, "footprint_exporter_up") == 0
    assert values(exporter, ENERGY) == told
    home().parent.mkdir(exist_ok=True)
    shutil.copytree(kept, home())
    assert exporter.refresh()
    assert values(exporter, ENERGY) == told
    (home() / "runs").rename(tmp_path / "runs")
    (home() / "runs").write_text("no folder")
    assert not exporter.refresh()
    assert "footprint_exporter_up 0.0" in exposition(exporter.families())


def test_many_groups_are_a_few_series_that_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        put(home(), whole_run(f"{number}", ticks=number + 1, start_s=100.0 * number, labels={"project": f"p{number}"}))
    exporter = looked("project", limit=2)
    names = {dict(labels)["project"] for labels in values(exporter, ENERGY)}
    assert names == {"p5", "p4", OTHERS}
    assert total(exporter, "footprint_exporter_left_out_groups") == 4
    whole_j = total(exporter, ENERGY)
    assert whole_j == pytest.approx(total(looked("kind"), ENERGY))
    put(home(), whole_run("big", ticks=100, start_s=5_000.0, labels={"project": "p0"}))
    later = looked("project", limit=2)  # the greatest of all now, and still one of the others
    assert {dict(labels)["project"] for labels in values(later, ENERGY)} == names
    assert total(later, ENERGY) > whole_j
    more = looked("project", limit=9)  # what the others told is not told again
    assert len(values(more, ENERGY)) == 7
    assert total(more, ENERGY) == pytest.approx(total(later, ENERGY))
    put(home(), whole_run("last", ticks=50, start_s=9_000.0, labels={"project": "p1"}))
    assert total(looked("project", limit=9), ENERGY) - total(more, ENERGY) == pytest.approx(
        total(looked("kind"), ENERGY) - total(later, ENERGY)
    )
    monkeypatch.setattr("footprint.integrations.exporting.sums.MOST_GROUPS", 5)
    assert not (refused := LedgerExporter(("project",))).refresh()
    assert "more than 5 such groups" in refused.problems[0]


def test_names_that_look_alike_are_one_series() -> None:
    for run, name in (("a", "x\ny"), ("b", "x\x00 y"), ("c", "x y"), ("d", "q\\\"'\u202e"), ("e", "n" * 5_000)):
        put(home(), whole_run(run, labels={"label": name}, host=HOST))
    exporter = looked("label:label", "label:a b")
    found = [dict(labels) for labels in values(exporter, "footprint_ledger_runs")]
    assert {one["label_label"] for one in found} == {"x y", "q\\\"'", label_value("n" * 5_000)}
    assert {one["label_a_b"] for one in found} == {""}
    lines = [line for line in exposition(exporter.families()).splitlines() if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(series) == len(set(series))
    assert max(map(len, lines)) < 600


@pytest.mark.parametrize(
    ("by", "why"),
    [
        (["outcome"], "from one counter to another"),
        (["component"], "by component"),
        (["projct"], "project"),
        (["project", "project"], "already"),
        (["label:a-b", "label:a.b"], "already"),
        (["label:a'b"], "no label"),
    ],
)
def test_keys_that_cannot_be_labels(by: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        LedgerExporter(by)


# -- The text and the devices ------------------------------------------------------------------------------------------


def test_the_text_of_a_family() -> None:
    labels = (("a", 'x"\\\n'), ("b", "é"))
    families = [
        Family(name="f_total", type="counter", help="One\nline \\.", samples={labels: 1e21}),
        gauge("empty", "Nothing.", {}),
        gauge("g", "Odd.", {(("v", "n"),): math.nan, (("v", "i"),): math.inf, (("v", "m"),): -math.inf}),
    ]
    assert exposition(families) == (
        '# HELP f_total One\\nline \\\\.\n# TYPE f_total counter\nf_total{a="x\\"\\\\\\n",b="é"} 1e+21\n'
        '# HELP g Odd.\n# TYPE g gauge\ng{v="n"} NaN\ng{v="i"} +Inf\ng{v="m"} -Inf\n'
    )


def reading(run: str, at_s: float, energy_j: float | None, *, is_final: bool = False) -> Reading:
    device = DeviceReading(id=GPU.id, component="accelerators", name="GPU", grade="counter", energy_j=energy_j)
    outcome: Any = "completed" if is_final else "running"
    return Reading(run=run, name=run, kind="other", account=run, outcome=outcome, at_s=at_s, is_final=is_final, devices=(device,))


def test_ended_runs_that_are_called_alike_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("footprint.integrations.exporting.runs.MOST_NAMES", 2)
    runs = FollowedRuns()
    for number, name in enumerate(("a", "a", "b", "c", "d")):
        runs._open.add(f"{number}")
        one = msgspec.structs.replace(reading(f"{number}", 1, 10), name=name, account=f"{number}", work={"tokens": 1.0})
        amounts = Range(low=1, central=2, high=3)
        runs._take(msgspec.structs.replace(one, energy_kwh=amounts, emissions_g=amounts if name == "a" else None))
        runs._take(msgspec.structs.replace(one, energy_kwh=amounts, emissions_g=amounts if name == "a" else None, is_final=True))
    told = {one.names["name"]: one for one in runs.told()}
    assert set(told) == {"a", "b", OTHERS}
    assert {name: one.energy_j for name, one in told.items()} == {"a": 4 * 3.6e6, "b": 2 * 3.6e6, OTHERS: 4 * 3.6e6}
    assert (told["a"].emissions_g, told["a"].emissions_low_g, told["b"].emissions_g) == (4, 2, None)
    assert told[OTHERS].work == {"tokens": 2}
    assert "emissions" in told["b"].unknown
    assert "emissions" not in told["a"].unknown


def test_a_run_whose_end_nobody_read_goes_on_no_longer_and_its_counters_stand_still() -> None:
    runs = FollowedRuns(interval_s=0.2)
    with footprint.track("lost", interval_s=0.1) as run:
        runs.add(run)
        wait_for(lambda: bool(runs.told()), "the run is told of")
        runs.close()
        (before,) = runs.told()
        assert not before.reading.is_final
        not_known = msgspec.structs.replace(before.reading, energy_kwh=None, unknown=("energy: a meter is gone",))
        runs._take(not_known)
        (now,) = runs.told()
        assert (now.energy_j, "energy" in now.unknown) == (before.energy_j, True)

        def end() -> None:
            with runs._lock:  # as in a handler of a signal that comes during a scrape
                run.stop()

        ending = threading.Thread(target=end, daemon=True)
        ending.start()
        ending.join(60)
        assert not ending.is_alive()
    (after,) = runs.told()
    assert (after.reading.is_final, after.reading.power_w, after.energy_j) == (True, None, before.energy_j)
    assert all(one.power_w is None for one in runs.devices())
    runs._take(msgspec.structs.replace(before.reading, is_final=True))  # what was on its way
    assert [one.energy_j for one in runs.told()] == [before.energy_j]
    with pytest.raises(ConfigError, match="no run"):
        runs.add(None)  # type: ignore[arg-type]


def test_a_device_that_two_runs_read_is_told_once() -> None:
    devices = Devices()

    def told(readings: Iterable[Reading]) -> tuple[float, float | None]:
        for one in readings:
            devices.take(one)
        (found,) = devices.totals()
        return found.energy_j, found.power_w

    assert told([reading("a", 1, 10), reading("b", 1, 10), reading("a", 2, 30)]) == (30, 20)
    assert told([reading("b", 2, 25), reading("a", 3, 40, is_final=True)]) == (40, None)
    assert told([reading("b", 3, 35)]) == (50, 10)  # the other goes on from where it was
    assert told([reading("b", 4, 45, is_final=True), reading("c", 1, 5), reading("c", 2, None)]) == (65, 5)
