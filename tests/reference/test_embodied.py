"""What making hardware emitted: each range follows from published figures by its rule, and what nobody published is unknown."""

from __future__ import annotations

import pytest

from footprint.accounting.ranges import check_triple
from footprint.reference import accelerator, embodied, find_accelerator, tables, using_edition
from footprint.reference.triples import log_normal, stretched


def rows() -> dict[str, tuple[float, float, float]]:
    return {row["id"]: (float(row["low"]), float(row["central"]), float(row["high"])) for row in tables.table("embodied")}


def published(hardware: str, kind: str = "assessment") -> list[float]:
    return [float(row["kg"]) for row in tables.table("embodied_published") if row["hardware"] == hardware and row["kind"] == kind]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def of_figure(kg: float) -> tuple[float, float, float]:
    return stretched(log_normal(kg, embodied.making_sigma())[0], kg, kg * embodied.model_ratio())


def test_a_published_figure_is_the_mean_and_its_range_follows_the_rule() -> None:
    figures = {
        "embodied:a100-40gb": published("nvidia-a100-sxm4-40gb"),
        "embodied:a100-80gb": published("nvidia-a100-sxm4-80gb"),
        "embodied:h100": published("nvidia-h100-sxm5-80gb"),
        "embodied:h200": [kg / embodied.model_ratio() for kg in published("nvidia-h200", "model")],
        "embodied:b200": published("nvidia-b200"),
        "embodied:tpu-v4i": published("google-tpu-v4i"),
        "embodied:tpu-v5p": published("google-tpu-v5p"),
        "embodied:tpu-v6e": published("google-tpu-v6e"),
    }
    for row_id, kgs in figures.items():
        assert rows()[row_id] == pytest.approx(of_figure(mean(kgs)), rel=1e-3), row_id


def test_a_class_spans_what_was_published_of_its_kind() -> None:
    found = rows()
    chips = [found[f"embodied:{name}"] for name in ("a100-40gb", "a100-80gb", "h100", "h200", "b200")]
    tpus = [found[f"embodied:tpu-{name}"] for name in ("v4i", "v5p", "v6e")]
    for row_id, members in (("embodied:hbm", chips), ("embodied:tpu", tpus)):
        lows, centrals, highs = (list(bounds) for bounds in zip(*members, strict=True))
        assert found[row_id] == pytest.approx(stretched(min(lows), mean(centrals), max(highs)), rel=1e-3)
    low, _, high = found["embodied:a100-40gb"]
    memory = 0.42
    assert found["embodied:hbm-small"] == pytest.approx((low * (1 - memory), 127.6 * (1 - memory / 2), high), rel=1e-3)


@pytest.mark.parametrize("name", ["MI250X", "MI250"])
def test_two_gpus_of_a_package_are_made_as_one_package(name: str) -> None:
    package, one = (embodied.making(find_accelerator(f"{name} {part}")) for part in ("package", "GCD"))
    assert package is not None
    assert one is not None
    bounds = [(found.factor.low, found.factor.central, found.factor.high) for found in (package, one)]
    assert bounds[0] == pytest.approx([2 * bound for bound in bounds[1]], rel=1e-3)
    either = embodied.making(find_accelerator(name))
    assert either is not None
    assert either.factor.low <= bounds[1][0]
    assert either.factor.high == bounds[0][2]


def test_the_share_of_a_server_spans_five_servers_for_eight() -> None:
    shares = [kg / 8 for kg in published("server")]
    assert len(shares) == 5
    assert rows()["embodied:server-share"] == pytest.approx((min(shares), mean(shares), max(shares)), rel=1e-3)


def test_two_sources_of_one_chip_lie_in_its_range() -> None:
    low, _, high = rows()["embodied:h100"]
    assert low < 164
    assert high >= 273
    low, _, high = rows()["embodied:tpu-v6e"]
    assert low < 692
    assert high > 766.75
    low, _, high = rows()["embodied:hbm-small"]
    assert low < 127.6 < high  # the nearest chip that somebody assessed


def test_life_and_use_are_reciprocals_of_what_was_published() -> None:
    life, use = embodied.lives_per_year(), embodied.life_per_use()
    assert life is not None
    assert use is not None
    assert [1 / bound for bound in (life.low, life.central, life.high)] == pytest.approx([6, 4, 3], rel=1e-3)
    assert [1 / bound for bound in (use.low, use.central, use.high)] == pytest.approx([1, 0.85, 0.6], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "factor_id", "covers", "grade"),
    [
        ("A100 SXM4 40GB", "embodied:a100-40gb", "chip", "declared"),
        ("NVIDIA A100-SXM4-80GB", "embodied:a100-80gb", "chip", "assumed"),
        ("H100 SXM5", "embodied:h100", "chip", "declared"),
        ("V100 SXM2 16GB", "embodied:hbm-small", "chip", "assumed"),
        ("MI300X", "embodied:hbm", "chip", "assumed"),
        ("TPU v3-8", "embodied:tpu", "with-host", "assumed"),
        ("TPU v6e", "embodied:tpu-v6e", "with-host", "declared"),
    ],
)
def test_a_name_finds_its_making(name: str, factor_id: str, covers: str, grade: str) -> None:
    found = embodied.making(find_accelerator(name))
    assert found is not None
    assert (found.factor.id, found.covers, found.factor.grade) == (factor_id, covers, grade)
    assert found.factor.unit == "kg CO2e"


def test_a_name_of_several_chips_spans_them() -> None:
    found = embodied.making(find_accelerator("A100"))
    assert found is not None
    small, large = rows()["embodied:a100-40gb"], rows()["embodied:a100-80gb"]
    assert (found.factor.low, found.factor.high) == (small[0], large[2])
    assert small[1] < found.factor.central < large[1]
    assert found.factor.grade == "assumed"
    assert "over " in found.factor.note
    check_triple(found.factor.low, found.factor.central, found.factor.high)


@pytest.mark.parametrize("name", ["T4", "RTX 4090", "L40S", "K80", "M1 Max", "Cerebras CS-3", "MI355X", "GB300"])
def test_what_nobody_published_is_unknown(name: str) -> None:
    """Chips without HBM, whole machines, and chips with more memory than any that was assessed."""
    assert embodied.making(find_accelerator(name)) is None


def test_every_chip_stands_in_one_row_and_is_known() -> None:
    listed = [one for row in tables.table("embodied") for one in row["hardware"].split("; ") if one]
    assert len(listed) == len(set(listed)) > 50
    for one in listed:
        assert accelerator(one).kind in {"gpu", "tpu", "hpu", "asic"}


def test_an_edition_without_the_table_knows_nothing() -> None:
    with using_edition("2026.11"):
        assert embodied.making(find_accelerator("A100 SXM4 40GB")) is None
        assert embodied.server_share() is embodied.lives_per_year() is embodied.life_per_use() is None
    assert embodied.server_share() is not None
