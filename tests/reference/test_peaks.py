"""Peaks and utilisations: dense rates that agree with the chips, and priors that follow from what was published."""

from __future__ import annotations

import pytest

from footprint.accounting.ranges import check_triple
from footprint.reference import find_accelerator, peaks, tables, using_edition


def tflops(name: str) -> tuple[float, float]:
    found = peaks.peak(find_accelerator(name))
    assert found is not None
    return found.low_tflops, found.high_tflops


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A100 SXM4 80GB", 312),  # NVIDIA's data sheets, without sparsity
        ("H100 SXM5 80GB", 989.4),
        ("H100 PCIe", 756),
        ("V100 SXM2 32GB", 125),
        ("T4", 65.1),
        ("L40S", 362),
        ("TPU v3", 123),  # Google's documentation of TPUs
        ("TPU v4", 275),
        ("v5litepod-16", 197),
        ("P40", 11.8),  # half precision runs at a 64th there: FP32 is the peak
    ],
)
def test_the_peak_is_dense_and_in_the_precision_of_training(name: str, expected: float) -> None:
    assert tflops(name) == (expected, expected)


def test_sparse_rates_are_nowhere() -> None:
    sparse = {624, 1979, 1513, 242, 733, 5000, 4500}
    chips = [row for row in tables.table("peaks") if row["accelerator"] != "nvidia-gb200-superchip"]  # two GPUs of 2,500
    assert not sparse & {float(row["high"]) for row in chips}


def test_each_peak_is_of_a_chip_that_is_known() -> None:
    assert {row["accelerator"] for row in tables.table("peaks")} <= set(tables.by_id("accelerators"))


def test_an_ambiguous_name_has_a_range_of_times_with_the_mean_of_reciprocals() -> None:
    found = peaks.peak(find_accelerator("H100"))
    assert found is not None
    check_triple(found.time.low, found.time.central, found.time.high)
    assert found.low_tflops == 756
    assert found.high_tflops > 980
    per_tflops = 1e18 / 1e12 / 3600
    assert found.time.low == pytest.approx(per_tflops / found.high_tflops, rel=1e-6)
    assert found.time.high == pytest.approx(per_tflops / found.low_tflops, rel=1e-6)
    assert found.time.low < found.time.central < found.time.high


def test_a_chip_without_a_peak_has_none() -> None:
    assert peaks.peak(find_accelerator("Apple M2 Ultra")) is None


def test_an_edition_without_the_tables_knows_nothing() -> None:
    with using_edition("2026.11"):
        assert peaks.peak(find_accelerator("T4")) is None
        assert peaks.slowdown("pre-training", "llm") is None


def test_the_priors_are_those_of_the_published_figures() -> None:
    rules = peaks.rules()
    rows = tables.by_id("mfu")
    assert set(rules) == set(rows)
    for name, triple in rules.items():
        stated = tuple(float(rows[name][column]) for column in ("low", "central", "high"))
        assert stated == pytest.approx(triple, rel=1e-3), name


def test_published_utilisations_are_shares_and_those_computed_agree_with_those_printed() -> None:
    for work, least in (("training", 0.1), ("serving", 0.001)):
        found = peaks.published_utilisations(work)
        assert len(found) >= 20
        assert all(least < share < 0.6 for share in found)
    # Patterson et al. 2021 print 24.6 TFLOP/s a V100 for GPT-3: 19.7 % of 125.
    gpt3 = next(row for row in tables.table("mfu_published") if row["model"] == "GPT-3")
    rate = float(gpt3["flops"]) / (float(gpt3["device_hours"]) * 3600) / 1e12
    assert rate == pytest.approx(24.6, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "workload", "factor"),
    [
        ("pre-training", "llm", "mfu.training.llm"),
        (None, "llm", "mfu.training.llm"),
        ("fine-tuning", "llm", "mfu.training.transformer"),
        ("pre-training", "transformer", "mfu.training.transformer"),
        ("fine-tuning", None, "mfu.training"),
        (None, None, "mfu.training"),
        ("inference", "llm", "mfu.serving"),
        ("evaluation", None, "mfu.serving"),
    ],
)
def test_less_knowledge_is_a_wider_range(kind: object, workload: object, factor: str) -> None:
    found = peaks.slowdown(kind, workload)  # type: ignore[arg-type]
    assert found is not None
    assert found.id == factor
    known = peaks.slowdown("pre-training", "llm")
    assert known is not None
    assert found.high / found.low >= known.high / known.low
