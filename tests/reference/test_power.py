"""Priors: each kind of work has its share of rated power, and each number its rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.ranges import check_triple
from footprint.model import KINDS, ComponentName, Factor, Host
from footprint.reference import (
    cpu_power,
    find_cpu,
    host_overhead,
    host_rest,
    memory_power,
    meter_error,
    meter_lag,
    mig_share,
    package_idle,
    tables,
    utilisation,
)
from footprint.reference.cpu_names import cpu_key
from tests.each import each

GIB = 2**30


def host(name: str | None, **facts: object) -> Host:
    known: dict[str, object] = {
        "name": "h", "os": "Linux", "cpu_name": name, "logical_cpus": 4, "sockets": 1, "memory_bytes": 8 * GIB, "boot_id": None,
    }  # fmt: skip
    return Host(**{**known, **facts})  # type: ignore[arg-type]


def pearson_tukey(p5: float, p50: float, p95: float) -> float:
    return 0.185 * p5 + 0.63 * p50 + 0.185 * p95


def test_utilisation_is_the_mean_of_published_quantiles() -> None:
    quantiles = {
        "training": (0.295, 0.80, 1.00), "training.transformer": (0.385, 0.80, 0.96), "training.llm": (0.67, 0.85, 0.97),
        "inference": (0.27, 0.70, 0.97), "inference.llm": (0.27, 0.60, 0.97), "evaluation": (0.27, 0.70, 0.97),
    }  # fmt: skip
    for kind, (p5, p50, p95) in quantiles.items():
        found = tables.prior(f"utilisation.{kind}")
        assert (found.low, found.high) == (p5, p95)
        assert found.central == pytest.approx(pearson_tukey(p5, p50, p95), abs=1e-4)
        assert f"{p5:g}, {p50:.2f}" in found.note or kind == "evaluation"


def test_work_of_another_kind_lies_over_training_and_inference_and_of_none_by_training() -> None:
    training, inference = utilisation("fine-tuning"), utilisation("inference")
    other, unstated = utilisation("other"), utilisation(None)
    assert (other.low, other.high) == (min(training.low, inference.low), max(training.high, inference.high))
    assert inference.central < other.central < training.central
    assert (unstated.low, unstated.high) == (training.low, training.high)
    assert unstated.central == pytest.approx(0.9 * training.central + 0.1 * inference.central, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_utilisation_varies_from_run_to_run(kind: str) -> None:
    assert utilisation(kind).varies == "run"  # type: ignore[arg-type]


def test_the_other_priors() -> None:
    overhead = host_overhead()
    assert (overhead.low, overhead.central, overhead.high, overhead.varies) == (1.2, 1.5, 1.8, "run")
    error = meter_error("nvml")
    assert (error.low, error.central, error.high, error.varies) == (0.95, 1.0, 1.05, "device")
    rest = host_rest()
    assert pytest.approx(rest.low, rel=1e-3) == 1 / 0.94 - 1
    assert rest.low < rest.central < rest.high < 1
    assert (rest.grade, rest.varies) == ("assumed", "run")


def test_memory_is_of_the_years_of_its_cpu_and_holds_what_calculators_say() -> None:
    calculators = (0.3725, 0.392)  # Green Algorithms, Cloud Carbon Footprint
    memory, old = memory_power(), memory_power(host("Intel(R) Xeon(R) CPU X5670 @ 2.93GHz"))
    assert memory.low < memory.central < min(calculators) < max(calculators) < memory.high
    assert memory_power(host("AMD EPYC 7742")) == memory_power(host("no such thing")) == memory
    assert old.low > memory.high


# -- Meters ------------------------------------------------------------------------------------------------------------

INTEL, AMD, OLD = "Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", "AMD EPYC 7742 64-Core Processor", "Intel(R) Xeon(R) X5670"


def width(factor: Factor) -> float:
    return factor.high - factor.low


@pytest.mark.parametrize(
    ("meter", "component"),
    [
        ("nvml", "accelerators"), ("amd", "accelerators"), ("rapl", "cpu"), ("rapl", "memory"), ("rapl", "rest"),
        ("hwmon", "cpu"), ("hwmon", "memory"), ("hwmon", "rest"),
    ],
)  # fmt: skip
def test_each_meter_has_an_error_about_one_and_a_lag_about_zero(meter: str, component: ComponentName) -> None:
    error, lag = meter_error(meter, component), meter_lag(meter)
    assert (error.central, error.unit, error.varies) == (1.0, "ratio", "device")
    assert 0.5 < error.low < 1 < error.high < 1.5
    assert (lag.central, lag.unit) == (0.0, "s")
    assert lag.low == -lag.high


@pytest.mark.parametrize(
    ("meter", "component"),
    [("crystal-ball", "cpu"), ("nvml", "cpu"), ("amd", "memory"), ("rapl", "accelerators"), ("hwmon", "accelerators"),
     ("rapl", "lag"), ("overhead", "host"), ("cpu-model", "cpu")],
)  # fmt: skip
def test_a_meter_that_nothing_is_known_of_is_refused(meter: str, component: ComponentName) -> None:
    with pytest.raises(KeyError):
        meter_error(meter, component)


def test_counters_that_measure_err_less_than_those_that_model() -> None:
    measured, modelled = meter_error("rapl", "cpu", name=INTEL), meter_error("rapl", "cpu", name=AMD)
    assert width(measured) < width(modelled)
    for name in (OLD, "AMD Ryzen 7 5800X 8-Core Processor", "Hygon C86 7285 32-core Processor", None, "", "Neoverse-N1"):
        assert meter_error("rapl", "cpu", name=name) == modelled
    for name in (
        "Intel(R) Xeon(R) CPU @ 2.20GHz",
        "Intel(R) Xeon(R) CPU E5-2660 v2 @ 2.20GHz",
        "Intel(R) Core(TM) i7-3770 CPU @ 3.40GHz",
    ):
        assert meter_error("rapl", "cpu", name=name) == modelled, name
    for name in ("Intel(R) Xeon(R) Gold 6130T CPU @ 2.10GHz", "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"):
        assert meter_error("rapl", "cpu", name=name) == measured, name
    assert width(measured) < width(meter_error("rapl", "memory")) < width(meter_error("rapl", "rest"))


def test_polled_power_errs_more_than_a_counter() -> None:
    counter, polled = meter_error("nvml"), meter_error("nvml", grade="power")
    assert width(counter) < width(polled)
    assert counter.error_family != polled.error_family


def test_a_slower_sensor_lags_more() -> None:
    assert meter_lag("rapl").high < meter_lag("nvml").high < meter_lag("hwmon").high
    assert meter_lag("nvml").high == pytest.approx(0.1 * (1 - 0.1**0.5), rel=1e-2)  # the 95th percentile of a triangle


@given(st.integers(1, 64), st.integers(1, 64))
def test_a_share_of_slices_is_a_share(one: int, other: int) -> None:
    ours, whole = sorted((one, other))
    share = mig_share(ours, whole)
    check_triple(share.low, share.central, share.high)
    assert 0 < share.low <= ours / whole <= share.high <= 1
    assert share.low <= share.central <= share.high
    if ours == whole:
        assert (share.low, share.high) == (1, 1)
    else:
        bigger = mig_share(ours + 1, whole)
        assert (share.low, share.central, share.high) < (bigger.low, bigger.central, bigger.high)
    assert (share.grade, share.varies) == ("assumed", "run")


@pytest.mark.parametrize(("ours", "whole"), [(0, 7), (8, 7), (-1, 7), (0, 0)])
def test_there_are_no_more_slices_than_there_are(ours: int, whole: int) -> None:
    with pytest.raises(ValueError, match="slices"):
        mig_share(ours, whole)


# -- CPUs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "xeon platinum 8259cl"),
        ("AMD EPYC 7742 64-Core Processor", "epyc 7742"),
        ("Intel(R) Xeon(R) CPU E5-2660 0 @ 2.20GHz", "xeon e5 2660"),
        ("Intel(R) Xeon(R) CPU E5-2699 v4 @ 2.20GHz", "xeon e5 2699 v4"),
        ("AMD Ryzen 7 4800H with Radeon Graphics", "ryzen 7 4800h"),
    ],
)
def test_cpu_names_lose_what_is_not_the_model(name: str, key: str) -> None:
    assert cpu_key(name) == key


def test_a_measured_cpu_in_a_virtual_machine_gets_its_threads_share_of_the_chip() -> None:
    power = cpu_power(host("AMD EPYC 7742 64-Core Processor", virtual=True, logical_cpus=2))
    assert (power.grade, power.name) == ("model", "AMD EPYC 7742")
    assert power.tdp_w_per_cpu == pytest.approx(225 / 128)
    assert power.idle_w_per_cpu.low > 0
    assert power.active_w_per_cpu.varies == "device"
    assert power.idle_w_per_cpu.error_family != power.active_w_per_cpu.error_family


def test_the_model_gives_back_the_wall_power_of_a_measured_server() -> None:
    """2 x EPYC 7742, 256 GiB: published 82 to 133 W idle and 391 to 492 W at full load."""
    server = host("AMD EPYC 7742", virtual=False, sockets=2, logical_cpus=256, memory_bytes=256 * GIB)
    power = cpu_power(server)
    memory_w = memory_power(server).central * 256 * GIB / 1e9
    idle_w = 256 * power.idle_w_per_cpu.central + memory_w
    full_w = idle_w + 256 * power.active_w_per_cpu.central
    assert 82 < idle_w < 140
    assert 391 < full_w < 492


def test_a_chip_has_its_parts_however_it_is_cut() -> None:
    """A machine's CPUs together draw what its chips do; a virtual machine's its share of that."""
    whole = cpu_power(host("Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", virtual=False, sockets=2, logical_cpus=112))
    part = cpu_power(host("Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", virtual=True, logical_cpus=2))
    assert bounds(whole.idle_w_per_cpu) == pytest.approx(bounds(part.idle_w_per_cpu))
    assert bounds(whole.active_w_per_cpu) == pytest.approx(bounds(part.active_w_per_cpu))
    cut = cpu_power(host("Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", virtual=False, sockets=2, logical_cpus=56))
    assert cut.active_w_per_cpu.central == pytest.approx(2 * whole.active_w_per_cpu.central)


@pytest.mark.parametrize(
    ("name", "fitted"),
    [
        ("Intel(R) Xeon(R) CPU X5670 @ 2.93GHz", ("cpu.idle.2008", "cpu.active.2008")),
        ("Intel(R) Xeon(R) CPU E5-2660 0 @ 2.20GHz", ("cpu.idle.2012", "cpu.active.2012")),
        ("AMD EPYC 7742 64-Core Processor", ("cpu.idle.chip.2014+cpu.idle.cpu.2014", "cpu.active.amd.2014")),
        ("AMD EPYC 9654 96-Core Processor", ("cpu.idle.chip.2014+cpu.idle.cpu.2014", "cpu.active.amd.2014")),
        ("Intel(R) Xeon(R) Platinum 8280", ("cpu.idle.chip.2014+cpu.idle.cpu.2014", "cpu.active.intel.2014")),
        ("Ampere Altra Q80-33", ("cpu.idle.chip.2014+cpu.idle.cpu.2014", "cpu.active.other.2014")),
        ("12th Gen Intel(R) Core(TM) i9-12900K", ("cpu.idle.desk", "cpu.active.desk")),
        ("AMD Ryzen 9 7950X 16-Core Processor", ("cpu.idle.desk", "cpu.active.desk")),
    ],
)
def test_each_chip_has_the_terms_of_its_years_and_kind(name: str, fitted: tuple[str, str]) -> None:
    power = cpu_power(host(name, virtual=False, sockets=1, logical_cpus=16))
    for factor, ids in zip((power.idle_w_per_cpu, power.active_w_per_cpu), fitted, strict=True):
        assert factor.id.partition(":")[0] == ids
        check_triple(*bounds(factor))
        central = sum(float(amount) * float(of) for amount, of in re.findall(r"([\d.]+) x ([\d.]+)", factor.note))
        assert central == pytest.approx(factor.central, rel=2e-3), factor.note


@each(tables.table("cpus"), lambda row: row["id"])
def test_every_cpu_that_is_known_has_a_power_that_a_law_fits(row: tables.Row) -> None:
    power = cpu_power(host(row["name"], virtual=True))
    assert power.name == row["name"]
    for factor in (power.idle_w_per_cpu, power.active_w_per_cpu, package_idle(host(row["name"], virtual=True))):
        check_triple(*bounds(factor))
        assert 0 <= factor.low < factor.central < factor.high < 60


def test_a_rated_power_that_is_not_published_widens_the_range() -> None:
    """The 8488C of AWS: 290 to 420 W by rule."""
    guessed, published = cpu_power(host("Intel(R) Xeon(R) Platinum 8488C")), cpu_power(host("Intel(R) Xeon(R) Platinum 8468"))
    assert (guessed.grade, published.grade) == ("assumed", "model")
    for one, wider in ((guessed, True), (published, False)):
        fitted = tables.prior("cpu.active.intel.2014")
        relative = width(one.active_w_per_cpu) / one.active_w_per_cpu.central
        assert (relative > width(fitted) / fitted.central * 1.01) is wider


def test_an_idle_package_draws_less_than_an_idle_server() -> None:
    for name in (AMD, INTEL, OLD, "no such thing"):
        package, server = package_idle(host(name)), cpu_power(host(name)).idle_w_per_cpu
        check_triple(*bounds(package))
        assert 0 <= package.low < package.central == pytest.approx(server.central / 2)
        assert package.central < package.high < server.high
        assert package.grade == "assumed"


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("Intel(R) Xeon(R) CPU           X5650  @ 2.67GHz", "cpu.idle.2008"),
        ("AMD Opteron(tm) Processor 6272", "cpu.idle.2008"),
        ("AMD Opteron(tm) Processor 4386", "cpu.idle.2012"),
        ("Intel(R) Xeon(R) CPU E3-1230 V2 @ 3.30GHz", "cpu.idle.2012"),
        ("Intel(R) Xeon(R) CPU E7-8890 v4 @ 2.20GHz", "cpu.idle.chip.2014"),
        ("Intel(R) Xeon(R) W-2145 CPU @ 3.70GHz", "cpu.idle.chip.2014"),
        ("AMD FX(tm)-8350 Eight-Core Processor", "cpu.idle.desk"),
        ("AMD A10-7850K Radeon R7, 12 Compute Cores 4C+8G", "cpu.idle.desk"),
    ],
)
def test_an_old_chip_without_a_year_is_told_by_its_name(name: str, factor: str) -> None:
    """A Westmere server idles at a third of its rated power, which that of a chip of 2014 is far below."""
    power = cpu_power(host(name, virtual=False, sockets=2, logical_cpus=24))
    assert power.idle_w_per_cpu.id.startswith(factor)


def test_a_desktop_needs_to_know_the_sockets_and_its_idle_power_is_assumed() -> None:
    name = "Intel(R) Core(TM) i7-9700K CPU @ 3.60GHz"
    known = find_cpu(name)
    assert known is not None
    assert known.tdp_w == 95
    bare = cpu_power(host(name, virtual=False, sockets=1, logical_cpus=8))
    assert (bare.grade, bare.tdp_w_per_cpu) == ("assumed", 95 / 8)
    assert "desktop" in bare.warnings[0]
    laptop_w, desktop_w = 5, 50
    assert 8 * bare.idle_w_per_cpu.low < laptop_w < desktop_w < 8 * bare.idle_w_per_cpu.high


def test_the_range_of_a_desktop_holds_its_turbo_power() -> None:
    """Intel i9-12900K: 125 W rated, 241 W turbo."""
    busy = cpu_power(host("12th Gen Intel(R) Core(TM) i9-12900K", virtual=False, sockets=1, logical_cpus=24)).active_w_per_cpu
    rated_w, turbo_w = 125, 241
    assert 24 * busy.low < rated_w < turbo_w < 24 * busy.high


@pytest.mark.parametrize("name", [None, "", "Neoverse-N1", "x" * 5000, "(((((((", "AMD EPYC 77420"])
def test_a_cpu_that_is_not_known_is_said_to_be_so(name: str | None) -> None:
    power = cpu_power(host(name))
    assert (power.grade, power.name, power.tdp_w_per_cpu) == ("assumed", None, None)
    assert "not identified" in power.warnings[0]


def test_every_measured_cpu_is_found_by_its_own_name() -> None:
    for row in tables.table("cpus"):
        found = find_cpu(row["name"])
        assert found is not None
        assert found.threads == int(row["threads"])


def bounds(factor: Factor) -> tuple[float, float, float]:
    return factor.low, factor.central, factor.high
