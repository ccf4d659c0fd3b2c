"""The CPU and memory models: their factors are the fit, the fit finds what is there, and servers that it has not seen agree."""

from __future__ import annotations

import csv
import io

import pytest

from footprint.model import Range
from footprint.reference import memory_power, tables
from footprint.reference.cpu import era, terms
from footprint.reference.fitting import LOADS, PATH, Server, factors, fit, render, servers
from tests.benchmarks.cpu_model import (
    COVERAGE,
    SINCE,
    TARGETS,
    Point,
    coverage,
    curved,
    held_out,
    host_of,
    of_years,
    peer,
    score,
)  # fmt: skip

NUMBERS = ("low", "central", "high")
COEFFICIENTS = {
    "cpu.idle.2008": 0.4, "cpu.idle.2012": 0.2, "cpu.idle.chip.2014": 3.0, "cpu.idle.cpu.2014": 0.25, "cpu.active.2008": 0.9,
    "cpu.active.2012": 0.7, "cpu.active.intel.2014": 0.8, "cpu.active.amd.2014": 0.6, "memory.power.2008": 0.5,
    "memory.power.2014": 0.1,
}  # fmt: skip


def test_the_shipped_factors_are_the_fit() -> None:
    shipped = tables.table("cpu_fit")
    fitted = list(csv.DictReader(io.StringIO(render(fit(servers())), newline="")))
    assert [row["id"] for row in shipped] == [row["id"] for row in fitted]
    for old, new in zip(shipped, fitted, strict=True):
        assert {k: v for k, v in old.items() if k not in NUMBERS} == {k: v for k, v in new.items() if k not in NUMBERS}
        for column in NUMBERS:
            assert float(old[column]) == pytest.approx(float(new[column]), rel=1e-3), old["id"]
    assert PATH.read_text(encoding="utf-8").splitlines()[0] == ",".join(tables.FACTOR_COLUMNS)


def test_the_filter_keeps_what_its_rule_says() -> None:
    assert len(tables.table("server_power")) == 368
    assert len(servers()) == 296
    assert len({one.cpu.name for one in servers()}) == 67
    for one in servers():
        rated_w = one.cpu.tdp_w * one.chips
        assert 0.5 <= one.watts[-1] / rated_w <= 2.0
        assert one.watts[0] / rated_w <= 0.6
        assert len(one.watts) == len(LOADS)


def test_the_table_of_cpus_has_the_facts_of_the_measured_servers() -> None:
    """What the fit multiplies with is what a run's host is known by: the same rated power, threads and years."""
    for one in servers():
        assert one.cpu.threads is not None
        assert one.logical_cpus == one.cpu.threads * one.chips, one.cpu.name
        assert one.cpu.year is not None


def _synthetic(one: Server) -> Server:
    found = terms(one.cpu, one.chips / one.logical_cpus)
    idle_w = sum(COEFFICIENTS[name] * amount for name, amount in found.idle.items()) * one.logical_cpus
    active_w = sum(COEFFICIENTS[name] * amount for name, amount in found.active.items()) * one.logical_cpus
    memory = "memory.power.2014" if era(one.cpu) == "2014" else "memory.power.2008"
    idle_w += COEFFICIENTS[memory] * one.memory_gb
    return one._replace(watts=tuple(idle_w + load * active_w for load in LOADS))


def test_the_fit_finds_the_coefficients_that_servers_were_made_with() -> None:
    found = {row["id"]: row for row in fit([_synthetic(one) for one in servers()])}
    for name, coefficient in COEFFICIENTS.items():
        assert [float(found[name][column]) for column in NUMBERS] == pytest.approx([coefficient] * 3, rel=1e-3)


def test_a_cpu_that_was_submitted_often_weighs_no_more() -> None:
    one = next(one for one in servers() if one.cpu.name == "AMD EPYC 7551P")
    twice, once = fit([*servers(), one, one, one]), fit(servers())
    for left, right in zip(twice, once, strict=True):
        assert float(left["central"]) == pytest.approx(float(right["central"]), rel=1e-6), left["id"]


def test_a_fit_of_its_own_goes_before_the_shipped_one() -> None:
    priors = factors([dict(tables.by_id("cpu_fit")["memory.power.2014"]) | {"low": "1", "central": "2", "high": "3"}])
    host = host_of(next(one for one in servers() if one.cpu.name == "AMD EPYC 7742"))
    assert memory_power(host, priors=priors).central == 2
    assert priors("overhead.host").central == 1.5


def test_errors_are_counted_as_they_say() -> None:
    def point(measured_w: float, weight: float) -> Point:
        return Point(servers()[0], weight, 0.0, measured_w, Range(low=90, central=100, high=110))

    points = [point(100, 1), point(80, 1), point(125, 1), point(50, 0.1)]
    assert score(points).median == pytest.approx((0.2 + 0.25) / 2)
    assert score(points)[2:] == pytest.approx((0.2, 0.25))
    assert coverage(points) == pytest.approx((1 / 4, 1 / 3.1))


@pytest.mark.slow
def test_servers_whose_cpu_was_left_out_of_the_fit_are_told_within_the_stated_errors() -> None:
    points = held_out()
    assert len(points) == len(servers()) * len(LOADS)
    newer = of_years(points, SINCE)
    for part, (median, p90) in ((points, TARGETS["all"]), (newer, TARGETS["since"])):
        found = score(part)
        assert found.median <= median
        assert found.p90 <= p90
        assert all(share >= COVERAGE for share in coverage(part))
        # The line costs little: a curve that is evaluated at each tick does about as well.
        assert found.median - score(curved(part)).median < 0.01
        for share_of_tdp in (lambda load: load**3, lambda load: 0.1 + 0.9 * load**3):
            assert score(peer(part, share_of_tdp)).median > 4 * found.median


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_watts_that_are_all_scaled_scale_the_factors_with_their_ranges(scale: float) -> None:
    scaled = [one._replace(watts=tuple(watts * scale for watts in one.watts)) for one in servers()]
    for before, after in zip(fit(servers()), fit(scaled), strict=True):
        if before["id"] != "host.rest":  # has terms of its own
            for column in NUMBERS:
                assert float(after[column]) == pytest.approx(float(before[column]) * scale, rel=2e-3), before["id"]
