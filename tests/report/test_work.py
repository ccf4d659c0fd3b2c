"""Work done per joule: of the runs of which both are known, each joule once."""

from __future__ import annotations

import pytest

from footprint.model import Range
from footprint.report import exports, terminal
from footprint.report.work import work_of
from tests.report.examples import run, somewhere, summary


def test_a_thousand_of_it_took_its_share_of_the_energy() -> None:
    found = summary(
        [run("a", place=somewhere(), work={"samples": 2000.0}), run("b", place=somewhere(), work={"samples": 2000.0})]
    )
    (row,) = found.work
    assert (row.unit, row.kind, row.runs, row.uncounted, row.amount) == ("samples", "fine-tuning", 2, 0, 4000.0)
    assert found.total.energy_kwh is not None
    assert found.total.emissions_g is not None
    assert row.per_1000_wh is not None
    assert row.per_1000_g is not None
    for bound in ("low", "central", "high"):
        assert getattr(row.per_1000_wh, bound) == pytest.approx(getattr(found.total.energy_kwh, bound) * 1000 / 4)
        assert getattr(row.per_1000_g, bound) == pytest.approx(getattr(found.total.emissions_g, bound) / 4)


def test_runs_that_counted_nothing_are_left_out_and_said_to_be() -> None:
    some = [run("a", work={"tokens": 1e6}), run("b"), run("c", work={"tokens": 0.0}), run("d", work={"tokens": float("nan")})]
    (row,) = summary(some).work
    assert (row.runs, row.uncounted, row.amount) == (1, 3, 1e6)
    # What the others read together with it is theirs by the account's division: of four alike, a quarter.
    assert row.energy_kwh is not None


def test_a_run_of_unknown_energy_lends_its_work_to_no_ratio() -> None:
    unread = run("b", devices=(), cpu=None, work={"tokens": 9e9})
    (row,) = summary([run("a", work={"tokens": 1e6}), unread]).work
    assert (row.runs, row.uncounted, row.amount) == (1, 1, 1e6)
    assert summary([unread]).work == ()


def test_emissions_of_some_of_the_runs_only_give_no_ratio() -> None:
    (row,) = summary([run("a", place=somewhere(), work={"tokens": 1e6}), run("b", work={"tokens": 1e6})]).work
    assert row.per_1000_wh is not None
    assert (row.emissions_g, row.per_1000_g) == (None, None)


def test_a_nested_run_counts_nothing_twice() -> None:
    outer = run("outer", work={"samples": 1000.0})
    inner = run("inner", parent="outer", duration_s=600.0, work={"samples": 1000.0})
    assert summary([outer, inner]).work == summary([outer]).work


def test_a_part_of_a_counter_has_no_row_of_its_own() -> None:
    served = {"requests": 4.0, "tokens": 100.0, "tokens/prompt": 60.0, "requests/tokens unknown": 1.0, "pages/eval": 3.0}
    found = summary([run("a", kind="inference", work=served)])
    assert {row.unit for row in found.work} == {"requests", "tokens", "pages/eval"}


def test_kinds_and_units_have_rows_of_their_own() -> None:
    some = [
        run("a", work={"samples": 10.0, "tokens": 1e4}),
        run("b", kind="inference", started_at="2025-05-02T00:00:00Z", work={"requests": 5.0}),
        run("c", kind="inference", started_at="2025-05-03T00:00:00Z", work={"tokens": 5.0}),
    ]
    found = {(row.kind, row.unit): (row.runs, row.uncounted) for row in summary(some).work}
    assert found == {
        ("fine-tuning", "samples"): (1, 0),
        ("fine-tuning", "tokens"): (1, 0),
        ("inference", "requests"): (1, 1),
        ("inference", "tokens"): (1, 1),
    }


def test_ranks_that_shared_their_devices_share_the_joules() -> None:
    alone = summary([run("r0", work={"samples": 800.0})])
    ranks = summary([run(f"r{rank}", work={"samples": 100.0}) for rank in range(8)])
    assert alone.total.accelerator_energy_kwh is not None
    assert ranks.total.energy_kwh == ranks.work[0].energy_kwh
    assert ranks.work[0].amount == alone.work[0].amount


def test_a_row_from_sums() -> None:
    kwh = Range(low=1.0, central=2.0, high=3.0)
    row = work_of("inference", "requests", runs=3, uncounted=1, amount=500.0, energy_kwh=kwh, emissions_g=None)
    assert row.per_1000_wh == Range(low=2000.0, central=4000.0, high=6000.0)
    assert row.per_1000_g is None
    nothing = work_of("inference", "requests", runs=0, uncounted=1, amount=0.0, energy_kwh=kwh, emissions_g=kwh)
    assert (nothing.per_1000_wh, nothing.per_1000_g) == (None, None)


def test_text_shows_it() -> None:
    found = summary([run("a", place=somewhere(), work={"<b>tok|ens</b>": 3e6}), run("b")])
    markdown, table = exports.to_markdown(found), terminal.render(found)
    assert "Energy per 1,000" in markdown
    assert "\\<b\\>tok\\|ens" in markdown
    assert "energy per 1,000" in table
    assert "1 of 2" in table
    assert "3,000,000" in table


def test_text_says_that_there_is_more_than_it_shows() -> None:
    found = summary([run("a", work={f"unit{index:02}": 1.0 + index for index in range(20)})])
    assert len(found.work) == 20
    for shown in (exports.to_markdown(found), terminal.render(found)):
        assert "8 more rows of work" in shown
        assert "unit11" in shown
        assert "unit12" not in shown
