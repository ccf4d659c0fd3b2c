"""Sums of a large ledger: what deriving each run by itself says, field by field."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from footprint.ledger.engines.engine import Keeping
from footprint.model import ATTRIBUTIONS, Attribution
from footprint.report import at_scale
from footprint.report import gather as door
from footprint.report.data import Summary
from footprint.report.gather import Asked, gather
from tests.benchmarks.synthetic import write_home
from tests.derive.examples import host
from tests.derive.mixed import Tables, ledger
from tests.report import examples

# Of each run by itself is told what sums cannot tell: what it warned of, what work it counted; shares of time by device.
UNLIKE: Final = {"warnings", "how", "work", "options", "actions", "equivalences", "read_ratio", "low", "high"}


class Kept(Tables, Keeping):
    """The same tables in an engine that keeps what it found."""


def both(engine: Any, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> tuple[Summary, Summary]:
    """A report of runs by themselves, and one of sums."""
    summaries = []
    for most in (10**9, -1):
        monkeypatch.setattr(door, "MOST_DERIVED", most)
        summaries.append(door._of_ledger(engine, asked).summary)
    assert [one.how for one in summaries] == ["runs", "groups"]
    return summaries[0], summaries[1]


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two reports say different things; joules are whole millijoules in the one, and no draws are compared."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = (one.keys() | other.keys()) - UNLIKE
        return [told for name in sorted(names) for told in differences(one.get(name), other.get(name), f"{at}.{name}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [told for n, (a, b) in enumerate(zip(one, other, strict=True)) for told in differences(a, b, f"{at}[{n}]")]
    if isinstance(one, float) and isinstance(other, float):
        return [] if math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9) else [f"{at}: {one} and {other}"]
    return [] if one == other else [f"{at}: {one} and {other}"]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_sums_say_what_runs_by_themselves_do(attribution: Attribution, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested, overlapping, failed, placeless and declared runs on several hosts."""
    runs, sums = both(Kept(ledger(3, 60)), Asked(attribution=attribution, rows=0), monkeypatch)
    assert differences(msgspec.to_builtins(runs), msgspec.to_builtins(sums)) == []


def test_an_engine_that_keeps_nothing_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, sums = both(Tables(ledger(5, 8)), Asked(rows=3), monkeypatch)
    assert differences(msgspec.to_builtins(runs), msgspec.to_builtins(sums)) == []


def test_all_rows_are_there_where_all_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read some at a time, and none is left out in between."""
    some = examples.runs(9, placed=3)
    monkeypatch.setattr(door, "MOST_DERIVED", -1)
    monkeypatch.setattr(at_scale, "_ROWS_AT_ONCE", 4)
    newest = [run.id for run in sorted(some, key=lambda run: run.started_at, reverse=True)]
    assert [row.id for row in door._of_ledger(Kept(some), Asked(rows=0)).summary.rows] == newest
    monkeypatch.setattr(at_scale, "MOST_ROWS", 5)
    cut = door._of_ledger(Kept(some), Asked(rows=0)).summary
    assert [row.id for row in cut.rows] == newest[:5]
    assert any("newest 5 runs of 9" in note.message for note in cut.warnings)


def test_groups_add_up_to_the_total_and_the_rest_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [examples.run(f"r{n:02}", account=f"a{n}", started_at=f"2025-05-{1 + n % 28:02}T00:00:00Z") for n in range(40)]
    monkeypatch.setattr(door, "MOST_DERIVED", 10)
    summary = door._of_ledger(Kept(some), Asked()).summary
    assert summary.total.energy_kwh is not None
    for groups in (*summary.by.values(), summary.over_time):
        assert sum(group.amounts.runs for group in groups) == summary.total.runs == 40
        kwh = math.fsum(group.amounts.energy_kwh.central for group in groups if group.amounts.energy_kwh)
        assert kwh == pytest.approx(summary.total.energy_kwh.central, rel=1e-9)
    *_, rest = summary.by["account"]
    assert (len(summary.by["account"]), rest.merged, rest.key) == (24, 17, "")


@pytest.mark.parametrize("name", ["t*", "tes?", "*-1", "te[rs]t", "a_%", "test^", "[]x]"])
def test_a_pattern_means_the_same_in_sums(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("test", "tert", "a_%", "abc", "test^", "]", "x-1")
    some = [examples.run(f"r{n}", name=own, started_at=f"2025-05-0{1 + n}T00:00:00Z") for n, own in enumerate(names)]
    runs, sums = both(Kept(some), Asked(name=name, rows=0, said=("--name",)), monkeypatch)
    assert [row.name for row in runs.rows] == [row.name for row in sums.rows]
    assert runs.total.runs == sums.total.runs > 0


def test_a_choice_means_the_same_in_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    where = {"outcome": ("failed", "completed"), "region": ("",), "day": ("2025-05-03", "2025-05-08", "nonsense")}
    runs, sums = both(Kept(examples.runs(20, placed=5)), Asked(where=where, group_by="label:team"), monkeypatch)
    assert runs.total.runs == sums.total.runs > 0
    assert differences(msgspec.to_builtins(runs), msgspec.to_builtins(sums)) == []


def test_a_large_ledger_of_its_own_is_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path))
    write_home(tmp_path, 1200)
    summary = gather(Asked())
    assert (summary.how, summary.all_runs, len(summary.rows)) == ("groups", 1200, 100)
    assert summary.use
    assert math.fsum(one.energy_kwh for one in summary.use) == pytest.approx(summary.devices[0].energy_kwh)


def test_what_a_device_read_counts_once_where_a_run_of_unknown_energy_overlapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its energy is in no sum, so that it takes none from others there; the joules of a device are still read once."""
    known = examples.run("known", host=host(name="n", boot_id="b"))
    blind = examples.run("blind", host=host(name="n", boot_id="b", unmetered_accelerators=("0000:00:05.0",)), journal_id="other")
    runs, sums = both(Kept([known, blind]), Asked(rows=0), monkeypatch)
    assert (runs.total.with_energy, sums.total.with_energy) == (1, 1)
    assert [one.energy_kwh for one in runs.devices] == pytest.approx([0.6])
    assert [one.energy_kwh for one in sums.devices] == pytest.approx([0.6])
