"""Priors: each kind of work has its share of rated power, and each number its rule."""

from __future__ import annotations

import pytest

from footprint.model import KINDS, Factor, Host, Place
from footprint.reference import cpu_power, find_cpu, host_overhead, memory_power, meter_error, pue, tables, utilisation
from footprint.reference.cpu_names import cpu_key

GIB = 2**30


def host(name: str | None, **facts: object) -> Host:
    known: dict[str, object] = {
        "name": "h", "os": "Linux", "cpu_name": name, "logical_cpus": 4, "sockets": 1, "memory_bytes": 8 * GIB, "boot_id": None,
    }  # fmt: skip
    return Host(**{**known, **facts})  # type: ignore[arg-type]


def pearson_tukey(p5: float, p50: float, p95: float) -> float:
    return 0.185 * p5 + 0.63 * p50 + 0.185 * p95


def test_utilisation_is_the_mean_of_published_quantiles() -> None:
    training, inference, other = utilisation("fine-tuning"), utilisation("evaluation"), utilisation(None)
    assert training.central == pytest.approx(pearson_tukey(0.30, 0.80, 1.00), abs=1e-4)
    assert inference.central == pytest.approx(pearson_tukey(0.27, 0.70, 0.97), abs=1e-4)
    assert (other.low, other.high) == (min(training.low, inference.low), max(training.high, inference.high))
    assert utilisation("other") == other


@pytest.mark.parametrize("kind", KINDS)
def test_utilisation_varies_from_run_to_run(kind: str) -> None:
    assert utilisation(kind).varies == "run"  # type: ignore[arg-type]


def test_the_other_priors() -> None:
    overhead = host_overhead()
    assert (overhead.low, overhead.central, overhead.high, overhead.varies) == (1.2, 1.5, 1.8, "run")
    error = meter_error("nvml")
    assert (error.low, error.central, error.high, error.varies) == (0.95, 1.0, 1.05, "device")
    memory = memory_power()
    assert 0.1 < memory.low < memory.central < 0.392 < memory.high < 1.1
    with pytest.raises(KeyError):
        meter_error("crystal-ball")


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
    """2 x EPYC 7742, 256 GB: published 135 W idle and 494 W at full load (0.30 and 1.10 of 450 W)."""
    power = cpu_power(host("AMD EPYC 7742", virtual=False, sockets=2, logical_cpus=256))
    memory_w = memory_power().central * 256
    idle_w = 256 * power.idle_w_per_cpu.central + memory_w
    full_w = idle_w + 256 * power.active_w_per_cpu.central
    assert 100 < idle_w < 180
    assert 420 < full_w < 560


def test_a_cpu_of_codecarbons_table_needs_to_know_the_sockets() -> None:
    name = "Intel(R) Core(TM) i7-9700K CPU @ 3.60GHz"
    known = find_cpu(name)
    assert known is not None
    assert known.tdp_w == 95
    bare = cpu_power(host(name, virtual=False, sockets=1, logical_cpus=8))
    assert (bare.grade, bare.tdp_w_per_cpu) == ("model", 95 / 8)
    assert bare.warnings
    assert cpu_power(host(name, virtual=True)).grade == "assumed"
    assert cpu_power(host(name, virtual=None)).grade == "assumed"


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


def test_pue_goes_from_stated_to_region_to_provider_to_unknown() -> None:
    assert bounds(pue(Place(provider="aws", region="us-east-1", pue_ratio=1.3), 2024)) == (1.3, 1.3, 1.3)
    assert pue(Place(provider="aws", region="us-east-1"), 2024).central == 1.15
    fleet = pue(Place(provider="aws", region="eu-west-3"), 2024)
    assert fleet.low < 1.14 < fleet.central < fleet.high
    assert fleet.id == "pue:aws"
    assert pue(Place(provider="lambda", region="us-east-1"), 2024).id == "pue.cloud"
    assert pue(Place(region="us-east-1", zone="egrid:SRVC"), 2024).id == "pue.cloud"
    assert pue(Place(provider="my cellar"), 2024).id == "pue.unknown"
    assert bounds(pue(None, 2024)) == (1.0, 1.29, 1.58)
    assert pue(None, 2024).grade == "assumed"


def test_pue_of_another_year_says_so() -> None:
    assert "for a run of 2020" in pue(Place(provider="aws", region="us-east-1"), 2020).note
    assert "for a run of" not in pue(Place(provider="aws", region="us-east-1"), 2024).note
