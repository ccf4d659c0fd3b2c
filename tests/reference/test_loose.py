"""Hardware as people write it: what and how many, all that it may mean, or a refusal that says what to do."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footprint.errors import UnknownHardware
from footprint.reference import (
    CpuMatch,
    HardwareMatch,
    accelerator_power,
    chips,
    find_accelerator,
    find_hardware,
    loose,
    names,
    using_edition,
)
from tests.accounting.published import shared_cases

A100 = {"nvidia-a100-sxm4-40gb", "nvidia-a100-sxm4-80gb", "nvidia-a100-pcie-40gb", "nvidia-a100-pcie-80gb"}
A100_80 = {"nvidia-a100-sxm4-80gb", "nvidia-a100-pcie-80gb"}
V100_32 = {"nvidia-v100-sxm2-32gb", "nvidia-v100-pcie-32gb", "nvidia-v100-sxm3-32gb", "nvidia-v100s-pcie-32gb"}


def ids(match: HardwareMatch) -> set[str]:
    return {one.id for one in match.candidates}


@pytest.mark.parametrize(
    ("query", "count", "per_unit", "expected"),
    [
        ("8 x A100 80GB", 8, 1, A100_80),
        ("8x A100", 8, 1, A100),
        ("8xA100", 8, 1, A100),
        ("8 A100s", 8, 1, A100),
        ("8 × A100", 8, 1, A100),
        ("A100 x8", 8, 1, A100),
        ("A100x8", 8, 1, A100),
        ("A100 (x8)", 8, 1, A100),
        ("A100 (8x)", 8, 1, A100),
        ("A100, 8 GPUs", 8, 1, A100),
        ("8-GPU A100", 8, 1, A100),
        ("8x A100 (8 GPUs)", 8, 1, A100),
        ("32 x 8 x A100 GPUs", 256, 1, A100),
        ("4 nodes of 8 A100", 32, 1, A100),
        ("4 nodes with A100 x 8", 32, 1, A100),
        ("1,024 A100 GPUs", 1024, 1, A100),
        ("sixteen A100", 16, 1, A100),
        ("an A100", None, 1, A100),
        ("the NVIDIA A100 Tensor Core GPU", None, 1, A100),
        ("NVIDIA® A100™", None, 1, A100),
        ("NVIDIA\u00a0A100", None, 1, A100),
        ("Ampere A100", None, 1, A100),
        ("A100 80 GB", None, 1, A100_80),
        ("Nvidia A100 80G", None, 1, A100_80),
        ("400 A100 (80 GB) GPUS", 400, 1, A100_80),
        ("A100-SXM4-80GB x8", 8, 1, {"nvidia-a100-sxm4-80gb"}),
        ("one NVIDIA A10G", 1, 1, {"nvidia-a10g"}),
        ("a single RTX 4090", 1, 1, {"nvidia-rtx-4090"}),
        ("4x NVIDIA H100 80GB HBM3", 4, 1, {"nvidia-h100-sxm5-80gb"}),
        ("Tesla V100 32GB GPUs", None, 1, V100_32),
        ("8x 32GB V100", 8, 1, V100_32),
        ("4XTesla V100 32GB", 4, 1, V100_32),
        ("NVIDIA RTX A6000 48GB", None, 1, {"nvidia-rtx-a6000"}),
        ("T4 16GB VRAM", None, 1, {"nvidia-t4"}),
        ("K80 12GB", None, 1, {"nvidia-k80"}),
        ("TITAN X 12GB", None, 1, {"nvidia-gtx-titan-x", "nvidia-titan-x-pascal"}),
        ("GeForce GTX TITAN X 12 GB GPU", None, 1, {"nvidia-gtx-titan-x"}),
        ("2080 Ti", None, 1, {"nvidia-rtx-2080-ti"}),
        ("8x 2080 Ti", 8, 1, {"nvidia-rtx-2080-ti"}),
        ("2080 Ti x 4", 4, 1, {"nvidia-rtx-2080-ti"}),
        ("2 2080 Ti", 2, 1, {"nvidia-rtx-2080-ti"}),
        ("NVIDIA RTX3090", None, 1, {"nvidia-rtx-3090"}),
        ("MI250X", None, 1, {"amd-mi250x", "amd-mi250x-gcd"}),
        ("Google Colab T4", None, 1, {"nvidia-t4"}),
        ("Kaggle T4 x2", 2, 1, {"nvidia-t4"}),
        ("2x p4d.24xlarge", 2, 8, {"nvidia-a100-sxm4-40gb"}),
        ("8 nodes of p4d.24xlarge", 8, 8, {"nvidia-a100-sxm4-40gb"}),
        ("p4d.24xlarge (8 GPUs)", None, 8, {"nvidia-a100-sxm4-40gb"}),
        ("p4d.24xlarge (8 x A100)", None, 8, {"nvidia-a100-sxm4-40gb"}),
        ("p4d.24xlarge, 16 GPUs", 2, 8, {"nvidia-a100-sxm4-40gb"}),
        ("AWS EC2 p3.2xlarge instances", None, 1, {"nvidia-v100-sxm2-16gb"}),
        ("Azure Standard_ND96asr_v4", None, 8, {"nvidia-a100-sxm4-40gb"}),
        ("DGX A100", None, 8, {"nvidia-a100-sxm4-40gb", "nvidia-a100-sxm4-80gb"}),
        ("4 DGX A100 nodes", 4, 8, {"nvidia-a100-sxm4-40gb", "nvidia-a100-sxm4-80gb"}),
        ("DGX A100 80GB", None, 8, {"nvidia-a100-sxm4-80gb"}),
        ("HGX H100 8-GPU", None, 8, {"nvidia-h100-sxm5-80gb"}),
        ("4 TPU v3-8", 4, 4, {"google-tpu-v3"}),
        ("TPU v3-8 (8 cores)", None, 4, {"google-tpu-v3"}),
        ("TPU v3-512 pod", None, 256, {"google-tpu-v3"}),
        ("v3-8 TPU VM", None, 4, {"google-tpu-v3"}),
        ("256 cores of a Cloud TPU v3 Pod", 128, 1, {"google-tpu-v3"}),
        ("TPU v3 (32 cores)", 16, 1, {"google-tpu-v3"}),
        ("TPU v3 or TPU v4", None, 1, {"google-tpu-v3", "google-tpu-v4"}),
        ("TPU v3 or v4 pods", None, 1, {"google-tpu-v3", "google-tpu-v4"}),
        ("8 A100 or V100S", 8, 1, A100 | {"nvidia-v100s-pcie-32gb"}),
    ],
)
def test_what_and_how_many(query: str, count: int | None, per_unit: int, expected: set[str]) -> None:
    match = find_accelerator(query)
    assert ids(match) == expected
    assert (match.count_in_text, match.devices_per_unit) == (count, per_unit)
    if count is not None:
        again = find_accelerator(match.name_in_text)
        assert (again.count_in_text, ids(again)) == (None, expected), "the advice must work"


def test_a_choice_and_a_list_are_said() -> None:
    choice = find_accelerator("TPU v3 or TPU v4")
    assert "Google TPU v3 and Google TPU v4" in choice.warnings[0]
    assert any("without its host" in warning for warning in choice.warnings)
    power = accelerator_power(choice)
    assert power is not None
    for one in ("TPU v3", "TPU v4"):
        alone = accelerator_power(find_accelerator(one))
        assert alone is not None
        assert power.low <= alone.low < alone.high <= power.high
    listed = find_accelerator("TITAN X 12GB + 2x E5-2630v3 + 256 GB")
    assert ids(listed) == {"nvidia-gtx-titan-x", "nvidia-titan-x-pascal"}
    assert "E5-2630v3 and 256 GB: left out" in listed.warnings[0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("DGX-1 (P100)", {"nvidia-p100-sxm2-16gb"}),
        ("2x DGX A100 (16 x A100 80GB)", {"nvidia-a100-sxm4-80gb"}),
        ("p4d.24xlarge (8 A100)", {"nvidia-a100-sxm4-40gb"}),
    ],
)
def test_what_a_machine_holds_settles_which_it_is(query: str, expected: set[str]) -> None:
    assert ids(find_accelerator(query)) == expected


def test_a_pod_says_no_number_unless_it_is_a_slice() -> None:
    assert any("give the count" in warning for warning in find_accelerator("TPU v3 pod").warnings)
    for told in ("TPU v3-512 pod", "256 cores of a TPU v3 pod"):
        assert not any("give the count" in warning for warning in find_accelerator(told).warnings)


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("A100 and V100", "one estimate for each"),
        ("8 A100 + 4 V100", "one estimate for each of '8 A100' and '4 V100'"),
        ("A100/V100", "one estimate for each"),
        ("A100 or TPU v4", "one estimate for each"),
        ("8 A100 or 4 V100", "one estimate for each"),
        ("about 64 V100", "the number as the count"),
        ("~64 V100", "the number as the count"),
        ("HGX H100", "4 or 8 GPUs"),
        ("4 nodes with A100", "how many are in each"),
        ("p4d.24xlarge (4 x V100)", "is not '4 x V100'"),
        ("p4d.24xlarge with 12 GPUs", "holds 8"),
        ("0 x A100", "at least 1"),
        ("3 cores of a TPU v3", "number of chips"),
        ("RTX 3080 24GB", "with 24 GB is known: known are 10 GB"),
        ("v3-7", "two to a chip"),
        ("8 x v3-7", "two to a chip"),
        ("GPU", "names no model"),
        ("one GPU", "names no model"),
        ("Google Colab", "names no model"),
        ("TPU", "names no model"),
        ("Google Cloud TPU Pods", "names no model"),
        ("", "no hardware was named"),
        ("\u00a0", "no hardware was named"),
        ("Intel Xeon CPU @ 2.20GHz", "hypervisor"),
        ("x" * 10_000, "10,000 characters"),
    ],
)
def test_a_refusal_says_what_to_do(query: str, advice: str) -> None:
    with pytest.raises(UnknownHardware, match=re.escape(advice)) as caught:
        find_hardware(query)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("A10O", "A100"),
        ("H1000", "H100"),
        ("RTX 4900", "NVIDIA GeForce RTX 4090"),
        ("8 x H1000", "H100"),
        ("TPU v9-8", "Google TPU v7"),
        ("p4d.24xlrge", "p4d.24xlarge"),
        ("A100 provisioned by Azure Machine Learning", "A100"),
        ("RTX 3080 Laptop GPU", "NVIDIA GeForce RTX 3080"),
        ("A100 MIG 1g.5gb", "A100"),
        ("AWS Standard_ND96asr_v4", "Standard_ND96asr_v4"),
        ("Hopper V100", "V100"),
        ("Xeon Platinum 8259", "Intel Xeon Platinum 8259CL"),
    ],
)
def test_near_matches_are_offered_and_never_used(query: str, near: str) -> None:
    with pytest.raises(UnknownHardware) as caught:
        find_hardware(query)
    assert near in caught.value.near


@pytest.mark.parametrize(
    ("query", "name", "count"),
    [
        ("AMD EPYC 7742", "AMD EPYC 7742", None),
        ("AMD EPYC 7742 64-Core Processor", "AMD EPYC 7742", None),
        ("dual AMD EPYC 7742", "AMD EPYC 7742", 2),
        ("2x AMD EPYC 7742 + 512 GB RAM", "AMD EPYC 7742", 2),
    ],
)
def test_a_cpu_is_told_from_an_accelerator(query: str, name: str, count: int | None) -> None:
    found = find_hardware(query)
    assert isinstance(found, CpuMatch)
    assert (found.name, found.count_in_text) == (name, count)
    with pytest.raises(UnknownHardware, match="is a CPU, not an accelerator"):
        find_accelerator(query)


def test_an_older_edition_reads_as_its_tables_know() -> None:
    with using_edition("2026.11"):
        match = find_accelerator("64 Volta GPUs")
        assert (match.count_in_text, len(match.candidates)) == (64, 6)
        for later in ("Ampere", "DGX A100"):
            with pytest.raises(UnknownHardware):
                find_hardware(later)
    assert len(find_accelerator("64 Volta GPUs").candidates) == 7


def _answer(text: str) -> tuple[HardwareMatch | CpuMatch | None, str]:
    try:
        return find_hardware(text), ""
    except UnknownHardware as error:
        return None, str(error)


def _sane(text: str) -> None:
    """Found is only what the tables name, word for word, or it is refused in one line."""
    found, refusal = _answer(text)
    assert "\n" not in refusal
    if not isinstance(found, HardwareMatch):
        return
    said = names.cleaned(text).casefold()
    for one in found.candidates:
        known = {one.id, *one.nvml_names, *one.families, *chips.row(one.id)["aliases"].split("; "), one.name}
        listed = {row for row, meant in chips._ambiguous().items() if one.id in meant}
        forms = {names.key(name) for name in known} | listed
        digits = {re.sub(r"\D", "", form) for form in forms} - {""}
        assert (
            found.instance or any(part in re.sub(r"\D", "", said) for part in digits) or forms & {*map(names.key, said.split())}
        )
    assert found.count_in_text is None or found.count_in_text >= 1


COUNTS = ["8", "64", "x", "×", "(", ")", "nodes", "of", "a", "cores", "or", "and", "+", ",", "/", "-"]
NAMES = [
    "A100",
    "V100",
    "TPU",
    "v3",
    "v3-8",
    "80GB",
    "GPUs",
    "NVIDIA",
    "Tesla",
    "GB",
    "p4d.24xlarge",
    "RTX",
    "3090",
    "Ti",
    "EPYC",
    "7742",
]
WORDS = st.sampled_from([*COUNTS, *NAMES, "3090", "Ti", "EPYC", "7742", "Colab", "HGX", "DGX"])


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9 \-_.]{0,25}", fullmatch=True))
@example("8 " * 200)
@example("(" * 300)
@example("1x" * 150)
@example("A100 " + "," * 290)
@example("A100 or " * 37)
@example("1,000" * 60)
@example("\u0661\u0662 A100")
@example("\ufdfa" * 100)
def test_random_text_finds_only_what_is_a_name(text: str) -> None:
    _sane(text)


@given(st.lists(WORDS, max_size=9).map(" ".join) | st.lists(WORDS, max_size=9).map("".join))
def test_random_words_of_hardware_find_only_what_is_a_name(text: str) -> None:
    _sane(text)


@given(st.integers(1, 100_000), st.sampled_from(["V100", "A100 SXM4 80GB", "2080 Ti", "TPU v3", "p4d.24xlarge", "MI300X"]))
def test_every_count_is_read_in_every_shape(count: int, name: str) -> None:
    for text in (
        f"{count} x {name}",
        f"{count}x {name}",
        f"{count} {name}",
        f"{name} x{count}",
        f"{name} (x{count})",
        f"{count:,} {name}",
    ):
        match = find_accelerator(text)
        assert (match.count_in_text, match.name_in_text) == (count, name), text
        assert ids(match) == ids(find_accelerator(name))


def test_each_pattern_needs_no_more_steps_than_the_text_allows() -> None:
    for text in ("1" * loose.LONGEST, "x" * loose.LONGEST, "8 x " * 75, "a " * 150, "- " * 150, "+1" * 150):
        assert len(list(loose.counted(text))) <= 5 * 5  # five beginnings, each with five endings


def test_the_hardware_of_published_cases_is_found_or_refused_for_a_reason() -> None:
    said = {case["inputs"].get("hardware") for case in shared_cases().values()} - {None}
    assert len(said) > 5
    refused = {one for one in said if _answer(one)[0] is None}
    assert refused <= {"Jean Zay idle/infrastructure", "HPE Apollo 6500 server + A100"}  # no hardware; a server of unknown parts
