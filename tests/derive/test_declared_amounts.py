"""Declared work by what was computed, on whole instances, and on processors alone."""

from __future__ import annotations

from typing import Any

import pytest

from footprint.accounting.ranges import check_triple
from footprint.derive import declared_footprint, estimate, worked
from footprint.derive.understanding import understood
from footprint.errors import ConfigError
from footprint.model import Declaration, Footprint, Range


def energy(found: Footprint) -> Range:
    assert found.it_energy_kwh is not None, (found.unknown, found.warnings)
    return found.it_energy_kwh


# -- Operations --------------------------------------------------------------------------------------------------------


def test_operations_at_a_stated_utilisation_are_device_hours() -> None:
    """3.12e20 operations at half of 312 TFLOP/s are 2 million seconds: 555.6 hours, at 400 W."""
    found = estimate(hardware="A100 SXM4 80GB", flops=3.12e20, mfu_ratio=0.5, power_w=400)
    assert energy(found).central == pytest.approx(3.12e20 / (0.5 * 312e12) / 3600 * 0.4)
    assert energy(found).low == energy(found).high
    assert any("at 50 % of the peak, as stated" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("kind", "each"), [("pre-training", 6), ("fine-tuning", 6), (None, 6), ("inference", 2), ("evaluation", 2)]
)
def test_parameters_and_tokens_are_operations_of_the_kind_of_work(kind: Any, each: int) -> None:
    facts: dict[str, Any] = {"hardware": "H100 SXM5 80GB", "mfu_ratio": 0.4, "power_w": 700, "kind": kind}
    by_tokens = estimate(parameters=7e9, tokens=1e12, **facts)
    by_operations = estimate(flops=each * 7e21, **facts)
    assert energy(by_tokens).central == pytest.approx(energy(by_operations).central)
    assert any(f"{each} x 7e9 parameters x 1e12 tokens" in warning for warning in by_tokens.warnings)
    assert any("no kind was stated" in warning for warning in by_tokens.warnings) == (kind is None)


@pytest.mark.parametrize(
    ("hardware", "parameters", "tokens", "device_hours"),
    [
        ("A100-80GB", 65.2e9, 1.4e12, 1_022_362),  # LLaMA 65B
        ("A100-80GB", 70e9, 2e12, 1_720_320),  # Llama 2 70B
        ("H100 SXM5 80GB", 405e9, 15.6e12, 30_840_000),  # Llama 3.1 405B
        ("A100-80GB", 176e9, 366e9, 1_082_990),  # BLOOM
        ("TPU v4", 540e9, 780e9, 6144 * 1200 + 3072 * 337),  # PaLM: 6,144 chips for 1,200 h and 3,072 for 337 h
    ],
)
def test_published_trainings_lie_in_the_range_of_their_parameters_and_tokens(
    hardware: str, parameters: float, tokens: float, device_hours: float
) -> None:
    found = estimate(hardware=hardware, parameters=parameters, tokens=tokens, kind="pre-training", power_w=1000)
    assert energy(found).low < device_hours < energy(found).high  # at 1,000 W a device, kWh are hours
    assert energy(found).high / energy(found).low < 3.5


def test_less_known_of_the_work_is_a_wider_range() -> None:
    facts: dict[str, Any] = {"hardware": "A100 SXM4 80GB", "flops": 1e22, "power_w": 400}
    widths = [
        energy(found).high / energy(found).low
        for found in (
            estimate(**facts, mfu_ratio=0.4),
            estimate(**facts, kind="pre-training", workload="llm"),
            estimate(**facts, kind="fine-tuning", workload="llm"),
            estimate(**facts, kind="fine-tuning"),
            estimate(**facts, kind="inference"),
        )
    ]
    assert widths == sorted(widths)
    assert widths[0] == 1.0
    assert widths[-1] > 50


def test_an_ambiguous_chip_widens_the_hours_too() -> None:
    one, several = (estimate(hardware=name, flops=1e22, mfu_ratio=0.4, power_w=700) for name in ("H100 SXM5 80GB", "H100"))
    assert energy(one).low == energy(one).high
    assert energy(several).low < energy(several).central < energy(several).high
    assert energy(several).high > energy(one).high  # the PCIe board takes longer


@pytest.mark.parametrize(
    ("name", "chips"),
    [
        ("MI250X", ("MI250X GCD", "MI250X package")),
        ("K80", ("Tesla K80", "Tesla K80 board")),
        ("GB200", ("GB200 NVL72", "GB200 superchip")),
        ("H100", ("H100 SXM5", "H100 PCIe", "H100 NVL")),
    ],
)
def test_the_energy_of_a_name_of_several_chips_is_the_mean_of_theirs(name: str, chips: tuple[str, ...]) -> None:
    """A package of two takes half the time at twice the power: neither mean alone says that."""
    work = {"flops": 1e22, "mfu_ratio": 0.4, "scope": "accelerators"}
    each = [energy(estimate(hardware=chip, **work)).central for chip in chips]
    several = energy(estimate(hardware=name, **work))
    assert several.central == pytest.approx(sum(each) / len(each), rel=2e-3)
    assert several.low < min(each)
    assert several.high > max(each)


def test_hours_that_were_stated_go_before_what_was_computed() -> None:
    found = estimate(hardware="A100 SXM4 80GB", count=8, hours=100, flops=3e20, power_w=400)
    assert energy(found).central == pytest.approx(320)


def test_embodied_emissions_share_the_range_of_the_hours() -> None:
    stated = estimate(hardware="A100 SXM4 80GB", device_hours=1000, embodied_g_per_device=1.5e5, life_years=4, use_ratio=1)
    computed = estimate(
        hardware="A100 SXM4 80GB",
        flops=1e21,
        kind="pre-training",
        workload="llm",
        embodied_g_per_device=1.5e5,
        life_years=4,
        use_ratio=1,
    )
    assert stated.embodied_g is not None
    assert stated.embodied_g.low == stated.embodied_g.high
    assert computed.embodied_g is not None
    assert 2 < computed.embodied_g.high / computed.embodied_g.low < 3.5


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"hardware": "M2 Ultra", "flops": 1e20}, "no dense peak of"),
        ({"hardware": "T4", "tokens": 1e9}, "tokens say nothing without parameters"),
        ({"hardware": "T4", "parameters": 1e9}, "parameters say nothing without tokens"),
        ({"flops": 1e20}, "hardware missing"),
        ({"hardware": "AMD EPYC 7742", "flops": 1e20}, "processor's peak"),
    ],
)
def test_operations_that_give_no_hours_say_why(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        estimate(**facts)


def test_a_card_with_operations_alone_stays_unknown_and_says_why() -> None:
    found = declared_footprint(Declaration(hardware="M2 Ultra", parameters=7e9, tokens=1e12))
    assert found.energy_kwh is None
    assert "hours" in found.unknown
    assert any("no dense peak" in warning for warning in found.warnings)


# -- Instances ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "devices"), [("p4d.24xlarge", 8), ("TPU v3-8", 4), ("v5litepod-16", 16), ("2x p4d.24xlarge", 16)]
)
def test_an_instance_is_its_devices_and_one_where_no_count_is_stated(name: str, devices: int) -> None:
    found = estimate(hardware=name, hours=10, power_w=100)
    assert energy(found).central == pytest.approx(devices)
    says = "counts 2" if name.startswith("2x") else "one"
    assert any(says in warning for warning in found.warnings)


def test_what_was_computed_needs_no_count_of_instances() -> None:
    found, chips = (estimate(hardware=name, flops=1e20, mfu_ratio=0.4) for name in ("p4d.24xlarge", "A100 SXM4 40GB"))
    assert found.it_energy_kwh == chips.it_energy_kwh
    assert not any("one p4d.24xlarge" in warning for warning in found.warnings)


def test_a_chip_without_a_count_is_not_taken_to_be_one() -> None:
    with pytest.raises(ConfigError, match="count missing"):
        estimate(hardware="A100", hours=10)


def test_what_was_understood_is_said() -> None:
    def said(**facts: Any) -> str:
        return ", ".join(understood(Declaration(**facts)))

    assert said(hardware="64 Volta GPUs", hours=2) == "64 x Volta GPUs, 2 h, 128 device-hours"
    held = "1 x p4d.24xlarge (8 NVIDIA A100-SXM4-40GB each), 10 h, 80 device-hours"
    assert said(hardware="p4d.24xlarge", hours=10) == f"{held}, at Amazon Web Services (AWS), which alone has it"
    assert said(hardware="p4d.24xlarge", hours=10, region="aws:us-east-1") == f"{held}, aws:us-east-1"
    assert said(hardware="T4", flops=1e20, kind="inference") == "T4 (Tesla T4), 1e20 operations, as stated, inference"
    assert said(hardware="ours", energy_kwh=7, zone="FRA", year=2023) == "ours, 7 kWh as stated, FRA, 2023"


# -- Processors --------------------------------------------------------------------------------------------------------


def test_a_processor_is_a_server_at_work_and_nothing_is_counted_twice() -> None:
    found = estimate(hardware="AMD EPYC 7742", count=2, hours=100, zone="FRA", year=2023)
    assert found.scope == "server"
    assert found.accelerator_energy_kwh is None
    assert {part.component for part in found.breakdown} == {"cpu", "memory"}
    assert not [factor for factor in found.factors if factor.id.startswith(("overhead", "utilisation", "host"))]
    watts = energy(found).central * 1000 / 100
    assert 2 * 0.7 * 225 < watts < 2 * 1.7 * 225  # two chips of 225 W
    parts = [part.energy_kwh.central for part in found.breakdown if part.energy_kwh is not None]
    assert sum(parts) == pytest.approx(energy(found).central)


@pytest.mark.parametrize(
    ("cpu", "chips", "full_load_w"),
    # Wall power of two-socket servers at full load, published SPECpower_ssj2008 results.
    [("Intel Xeon E5-2660", 2, 257), ("Intel Xeon X5670", 2, 258), ("Intel Xeon Platinum 8180", 2, 939 / 2)],
)
def test_measured_servers_lie_in_the_range(cpu: str, chips: int, full_load_w: float) -> None:
    found = energy(estimate(hardware=cpu, count=chips, hours=1000))
    assert found.low < full_load_w < found.high


def test_a_processor_of_unknown_size_has_a_range_by_its_rated_power() -> None:
    from footprint.reference import Cpu
    from footprint.reference.cpu_jobs import server_power

    found = server_power(Cpu(name="Intel Xeon Gold 9999", tdp_w=200, low_w=200, high_w=200, source="made up", year=2021))
    assert found is not None
    assert found.per_tdp is not None
    check_triple(found.per_tdp.low, found.per_tdp.central, found.per_tdp.high)
    assert found.rated_w == 200


def test_the_making_of_a_machine_of_processors_is_unknown_for_what_it_is() -> None:
    sheet = worked(Declaration(hardware="2x EPYC 7742", hours=10))
    assert sheet.embodied is None
    assert "machine without accelerators" in sheet.reasons["embodied"]


def test_a_processor_with_stated_watts_is_taken_as_given() -> None:
    found = estimate(hardware="2x Xeon E5-2630 v3", hours=10, power_w=85)
    assert found.scope == "server"
    assert energy(found).central == pytest.approx(1.7)
    assert any("nothing is added" in warning for warning in found.warnings)


def test_a_processor_has_no_accelerators() -> None:
    with pytest.raises(ConfigError, match="is a processor"):
        estimate(hardware="AMD EPYC 7742", count=2, hours=1, scope="accelerators")


def test_every_term_of_declared_work_sums_to_its_energy() -> None:
    for facts in ({"hardware": "AMD EPYC 7742", "count": 2, "hours": 10}, {"hardware": "A100", "count": 8, "hours": 10}):
        sheet = worked(Declaration(**facts))  # type: ignore[arg-type]
        assert sheet.it is not None
        assert sum(term.energy_kwh for term in sheet.terms) == pytest.approx(sheet.it.central)
