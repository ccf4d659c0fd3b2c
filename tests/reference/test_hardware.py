"""One chip, all that a name may mean, or a refusal."""

from __future__ import annotations

import pytest

from footprint.accounting.ranges import check_triple
from footprint.errors import UnknownHardware
from footprint.reference import accelerator, accelerator_power, chips, find_accelerator, tables
from tests.each import each

ROWS = tables.table("accelerators")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("NVIDIA A100-SXM4-80GB", "nvidia-a100-sxm4-80gb"),
        ("nvidia a100-sxm4-80gb", "nvidia-a100-sxm4-80gb"),
        ("A100 SXM4 80GB", "nvidia-a100-sxm4-80gb"),
        ("A100 80GB SXM4", "nvidia-a100-sxm4-80gb"),
        ("a100_sxm4_80gb", "nvidia-a100-sxm4-80gb"),
        ("nvidia-a100-sxm4-80gb", "nvidia-a100-sxm4-80gb"),
        ("NVIDIA H100 80GB HBM3", "nvidia-h100-sxm5-80gb"),
        ("Tesla K80", "nvidia-k80"),
        ("Tesla T4", "nvidia-t4"),
        ("T4", "nvidia-t4"),
        ("RTX 3090", "nvidia-rtx-3090"),
        ("GeForce RTX 3090 GPUs", "nvidia-rtx-3090"),
        ("Intel Data Center GPU Max 1550", "intel-max-1550"),
        ("TPU v3", "google-tpu-v3"),
        ("Google Cloud TPU v3 chips", "google-tpu-v3"),
    ],
)
def test_a_name_of_one_chip(query: str, expected: str) -> None:
    match = find_accelerator(query)
    assert [one.id for one in match.candidates] == [expected]
    assert match.devices_per_unit == 1


@each(ROWS, lambda row: row["id"])
def test_each_chip_is_found_by_its_id_and_driver_names_and_has_a_power_or_a_gap(row: tables.Row) -> None:
    for name in filter(None, row["nvml_names"].split("; ")):
        assert [one.id for one in find_accelerator(name).candidates] == [row["id"]], name
    found = find_accelerator(row["id"])
    assert row["id"] in {one.id for one in found.candidates}
    one = accelerator(row["id"])
    assert one.power_scope in {"chip", "with-host", "machine"}
    if one.tdp_w is None:
        assert row["note"] == "power not published"
    else:
        assert one.tdp_w.basis in {"rated", "mean"}
        assert one.tdp_w.unit == "W"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("A100s", {"nvidia-a100-sxm4-40gb", "nvidia-a100-sxm4-80gb", "nvidia-a100-pcie-40gb", "nvidia-a100-pcie-80gb"}),
        ("L40s", {"nvidia-l40", "nvidia-l40s"}),
        ("nvidia-l40s", {"nvidia-l40s"}),
        ("L40S", {"nvidia-l40s"}),
        ("V100S", {"nvidia-v100s-pcie-32gb"}),
        ("T4s", {"nvidia-t4"}),
    ],
)
def test_a_small_s_may_be_a_plural(query: str, expected: set[str]) -> None:
    assert {one.id for one in find_accelerator(query).candidates} == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("RTX 4070S", {"NVIDIA GeForce RTX 4070 SUPER"}),
        ("8x 2080S 8GB", {"NVIDIA GeForce RTX 2080 SUPER"}),
        ("2080s", {"NVIDIA GeForce RTX 2080", "NVIDIA GeForce RTX 2080 SUPER"}),
        ("L40S 48GB", {"NVIDIA L40S"}),
    ],
)
def test_a_super_is_not_taken_for_several_of_the_smaller(query: str, expected: set[str]) -> None:
    found = find_accelerator(query)
    assert {one.name for one in found.candidates} == expected
    assert bool(found.warnings) == (len(expected) > 1)


@pytest.mark.parametrize("query", ["A100S", "T4S 16GB", "H100S GPUs", "L4S"])
def test_a_large_s_is_no_plural(query: str) -> None:
    with pytest.raises(UnknownHardware) as caught:
        find_accelerator(query)
    assert query.split(maxsplit=1)[0] not in caught.value.near
    assert any(name in query for name in caught.value.near)


def test_several_v100_are_not_taken_for_v100s() -> None:
    both = {one.id for one in find_accelerator("V100s").candidates}
    assert both > {one.id for one in find_accelerator("V100").candidates}
    assert "nvidia-v100s-pcie-32gb" in both


@pytest.mark.parametrize("query", ["MI250X", "AMD Instinct MI250X", "MI250", "K80"])
def test_a_package_of_two_is_not_settled_in_silence(query: str) -> None:
    match = find_accelerator(query)
    power = accelerator_power(match)
    assert power is not None
    assert power.high >= 2 * power.low
    assert "may be" in match.warnings[0]


def test_ambiguity_is_a_range_and_a_warning() -> None:
    match = find_accelerator("H100")
    assert len(match.candidates) == 3
    assert "may be" in match.warnings[0]
    power = accelerator_power(match)
    assert power is not None
    assert (power.low, power.high) == (350, 700)
    assert power.central == pytest.approx((700 + 350 + 400) / 3)


@pytest.mark.parametrize("query", ["V100", "Tesla V100"])
def test_v100_means_all_of_its_boards(query: str) -> None:
    ids = {one.id for one in find_accelerator(query).candidates}
    assert {"nvidia-v100-sxm2-16gb", "nvidia-v100-pcie-32gb", "nvidia-v100-sxm3-32gb"} <= ids
    assert "nvidia-titan-v" not in ids


@pytest.mark.parametrize("query", ["Volta", "Volta GPU", "Volta GPUs", "NVIDIA Volta GPUs"])
def test_an_architecture_means_all_of_its_chips(query: str) -> None:
    match = find_accelerator(query)
    assert {one.id for one in match.candidates} == {row["id"] for row in ROWS if "Volta" in row["families"]}
    assert "architecture" in match.warnings[0]
    for one in match.candidates:
        assert one.name in match.warnings[0]


def test_every_gpu_says_its_architecture() -> None:
    silent = {row["id"] for row in ROWS if row["kind"] == "gpu" and not row["families"]}
    assert silent == {"intel-max-1100", "intel-max-1550"}  # theirs is known by its code name, Ponte Vecchio
    for family in {name for row in ROWS for name in chips.split(row["families"])}:
        match = find_accelerator(family)
        assert {one.id for one in match.candidates} == {row["id"] for row in ROWS if family in chips.split(row["families"])}
        power = accelerator_power(match)
        assert power is not None
        check_triple(power.low, power.central, power.high)


@each(ROWS, lambda row: row["id"])
def test_each_name_of_a_chip_means_it_or_all_that_share_the_name(row: tables.Row) -> None:
    for name in {row["name"], *chips.split(row["aliases"])}:
        for written in (name, name.upper(), name.lower(), f"  {name}\u00a0", name.replace("-", "\u2011"), f"NVIDIA {name} GPUs"):
            if written.startswith("NVIDIA ") and row["vendor"] != "NVIDIA":
                continue
            match = find_accelerator(written)
            assert row["id"] in {one.id for one in match.candidates}, written
            assert (
                len(match.candidates) == 1
                or len({one.tdp_w and one.tdp_w.high for one in match.candidates}) == 1
                or match.warnings
            )


def test_variants_of_one_power_need_no_warning() -> None:
    match = find_accelerator("V100 SXM2")
    assert len(match.candidates) == 2
    assert match.warnings == ()
    power = accelerator_power(match)
    assert power is not None
    assert (power.low, power.central, power.high) == (300, 300, 300)


def test_every_ambiguous_name_has_a_power_that_a_law_fits() -> None:
    for row in tables.table("ambiguous_names"):
        match = find_accelerator(row["name"])
        assert len(match.candidates) > 1, row
        assert len({one.power_scope for one in match.candidates}) == 1
        power = accelerator_power(match)
        assert power is not None
        check_triple(power.low, power.central, power.high)


@pytest.mark.parametrize(
    ("query", "chips"),
    [
        ("TPU v3-8", 4),
        ("v3-8", 4),
        ("tpu-v3-32", 16),
        ("v4-4096", 2048),
        ("TPU v5p-8", 4),
        ("tpu7x-8", 4),
        ("v5litepod-16", 16),
        ("TPU v5e-16", 16),
        ("v6e-8", 8),
        ("TPU v3\u20118", 4),
    ],
)
def test_a_slice_counts_cores_or_chips(query: str, chips: int) -> None:
    match = find_accelerator(query)
    assert match.devices_per_unit == chips
    assert match.provider == "gcp"
    assert match.candidates[0].vendor == "Google"


@pytest.mark.parametrize("query", ["v3-7", "v3-0", "v6e-0", "v4-999999"])
def test_a_slice_that_cannot_be_is_refused(query: str) -> None:
    with pytest.raises(UnknownHardware):
        find_accelerator(query)


@pytest.mark.parametrize(
    ("query", "provider", "count", "chip"),
    [
        ("p4d.24xlarge", "aws", 8, "nvidia-a100-sxm4-40gb"),
        ("ml.p4d.24xlarge", "aws", 8, "nvidia-a100-sxm4-40gb"),
        ("Standard_ND96asr_v4", "azure", 8, "nvidia-a100-sxm4-40gb"),
        ("a3-highgpu-8g", "gcp", 8, "nvidia-h100-sxm5-80gb"),
        ("g6f.xlarge", "aws", 0.125, "nvidia-l4"),
    ],
)
def test_an_instance_is_its_chips(query: str, provider: str, count: float, chip: str) -> None:
    match = find_accelerator(query)
    assert (match.provider, match.devices_per_unit, match.candidates[0].id) == (provider, count, chip)


def test_every_instance_is_found() -> None:
    for row in tables.table("instances"):
        match = find_accelerator(row["instance"])
        assert tuple(one.id for one in match.candidates) == chips.split(row["accelerator"])
        assert (match.provider, match.instance) == (row["provider"] or None, row["instance"])
        assert (match.devices_per_unit, match.count_in_text) == (float(row["count"]), None)
        assert bool(match.warnings) >= (row["mapping"] == "unverified")


def test_scope_keeps_the_host_from_being_counted_twice() -> None:
    assert find_accelerator("TPU v3").power_scope == "with-host"
    assert find_accelerator("Apple M2 Ultra").power_scope == "machine"
    assert find_accelerator("TPU v4").power_scope == "chip"


def test_a_measured_mean_says_so() -> None:
    power = accelerator_power(find_accelerator("TPU v3"))
    assert power is not None
    assert power.basis == "mean"
    assert power.low < 245 < power.central < 310 < power.high


def test_what_is_not_published_is_unknown_and_an_estimate_is_wide() -> None:
    assert accelerator_power(find_accelerator("Trainium")) is None
    estimate = accelerator_power(find_accelerator("TPU v5e"))
    assert estimate is not None
    assert estimate.grade == "assumed"
    assert estimate.high / estimate.low >= 2


@pytest.mark.parametrize(
    "query", ["A10O", "H 1000", "8x A10O", "GPU", "Tesla", "", " ", "A100 \u4e2d\u6587", "x" * 10_000, "\x00"]
)
def test_a_near_match_is_never_used(query: str) -> None:
    with pytest.raises(UnknownHardware):
        find_accelerator(query)


def test_near_matches_are_offered() -> None:
    with pytest.raises(UnknownHardware, match="A100") as caught:
        find_accelerator("A100X SXM4")
    assert caught.value.near


def test_no_two_chips_share_a_name_that_is_not_listed_as_ambiguous() -> None:
    shared = {form: ids for form, ids in chips._plain().items() if len(ids) > 1 and form not in chips._ambiguous()}
    assert not shared


def test_instances_do_not_hide_behind_chips() -> None:
    assert not set(chips._instances()) & (set(chips._plain()) | set(chips._ambiguous()))


def test_one_chip_spelled_in_two_ways_has_one_error() -> None:
    powers = [accelerator_power(find_accelerator(name)) for name in ("A100 80GB", "80GB A100")]
    assert all(powers)
    assert len({power.error_family for power in powers if power}) == 1
