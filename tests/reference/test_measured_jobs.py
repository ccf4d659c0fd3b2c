"""The priors of power hold what real jobs drew, and are no wider than they must be.

Real jobs: those of `measured_jobs.csv`, and the measured ones among the published cases, each read here from its own numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from footprint.accounting.ranges import draw
from footprint.model import KINDS, WORKLOADS, Factor, Kind, Workload
from footprint.reference import (
    accelerator,
    accelerator_power,
    find_accelerator,
    host_overhead,
    tables,
    using_edition,
    utilisation,
)
from tests.accounting.published import shared_cases

COVERED = 0.9

Job = dict[str, str]


def jobs(scope: str = "accelerators") -> list[Job]:
    return [row for row in tables.table("measured_jobs") if row["scope"] == scope]


def kind(job: Job) -> Kind:
    return next(known for known in KINDS if known == job["kind"])


def workload(job: Job) -> Workload | None:
    return next(known for known in (*WORKLOADS, None) if known == (job["workload"] or None))


def covers(factor: Factor, share: str) -> bool:
    return factor.low <= float(share) <= factor.high


class Drawn(NamedTuple):
    """Watts a device of a job that was measured elsewhere."""

    case: str
    watts: float
    rated_w: float


def published() -> list[Drawn]:
    """Measured energy over devices and hours, of every published case that has all three."""
    found = []
    for case in shared_cases().values():
        known: dict[str, Any] = case["inputs"]
        if case["kind"] == "measured" and known.get("tdp_w"):
            watts = case["outputs"]["energy_kwh"] * 1000 / (known["count"] * known["hours"])
            found.append(Drawn(case["id"], watts, known["tdp_w"]))
    return found


# -- Widths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rated_w", [70, 250, 300, 350, 400, 450, 700, 1000, 1200])
@pytest.mark.parametrize(
    ("work", "on", "widest"),
    [
        ("pre-training", None, 3.4), ("fine-tuning", None, 3.4), (None, None, 3.4), (None, "llm", 3.4),
        ("pre-training", "transformer", 2.5), ("fine-tuning", "transformer", 2.5), ("fine-tuning", "llm", 2.5),
        ("pre-training", "llm", 1.5),
    ],
)  # fmt: skip
def test_power_is_no_wider_than_its_target(work: Kind | None, on: Workload | None, widest: float, rated_w: float) -> None:
    power = (draw(utilisation(work, on), run="one") * rated_w).range()
    assert power.high / power.low <= widest


def test_knowing_more_never_makes_the_range_wider() -> None:
    for work in KINDS:
        plain = utilisation(work)
        for on in WORKLOADS:
            told = utilisation(work, on)
            assert plain.low <= told.low <= told.high <= plain.high
            assert told.high / told.low <= plain.high / plain.low


def test_pre_training_alone_is_no_evidence_of_a_language_model() -> None:
    assert utilisation("pre-training") == utilisation("fine-tuning")
    assert utilisation("pre-training", "llm").low > utilisation("pre-training", "transformer").low
    assert utilisation("fine-tuning", "llm") == utilisation("fine-tuning", "transformer")
    assert utilisation(None, "llm") == utilisation(None)


# -- Coverage ----------------------------------------------------------------------------------------------------------


def test_the_ranges_of_training_hold_nine_of_ten_measured_jobs() -> None:
    training = [job for job in jobs() if kind(job) in {"pre-training", "fine-tuning"}]
    assert len(training) >= 13
    assert sum(covers(utilisation(kind(job)), job["share"]) for job in training) >= COVERED * len(training)
    assert sum(covers(utilisation(None), job["share"]) for job in training) >= COVERED * len(training)


def test_the_ranges_of_transformers_hold_nine_of_ten_measured_jobs() -> None:
    transformers = [job for job in jobs() if workload(job) and kind(job) in {"pre-training", "fine-tuning"}]
    assert len(transformers) >= 10
    held = sum(covers(utilisation(kind(job), "transformer"), job["share"]) for job in transformers)
    assert held >= COVERED * len(transformers)


def test_the_range_of_language_models_holds_every_measured_job_of_theirs() -> None:
    models = [job for job in jobs() if (job["kind"], job["workload"]) == ("pre-training", "llm")]
    assert len(models) >= 3
    assert all(covers(utilisation("pre-training", "llm"), job["share"]) for job in models)


def test_the_ranges_of_inference_hold_nine_of_ten_configurations() -> None:
    """Of each chip the 5th and the 95th percentile of its configurations are inside: at least nine of ten are."""
    inference = [job for job in jobs() if job["kind"] == "inference"]
    assert {job["accelerator"] for job in inference} == {"nvidia-h100-sxm5-80gb", "nvidia-b200"}
    for job in inference:
        assert covers(utilisation("inference", workload(job)), job["share"]), job
        assert covers(utilisation("evaluation"), job["share"]), job


def test_published_cases_lie_within_the_power_that_is_declared_for_them() -> None:
    cases = published()
    assert len(cases) >= 11
    for asked in (utilisation(None), utilisation("pre-training")):
        ranges = [(draw(asked, run=case.case) * case.rated_w).range() for case in cases]
        held = sum(power.low <= case.watts <= power.high for power, case in zip(ranges, cases, strict=True))
        assert held >= COVERED * len(cases)


def test_what_nodes_drew_at_the_plug_lies_within_the_power_of_their_server() -> None:
    nodes = jobs("server")
    assert len(nodes) >= 7
    held = 0
    for node in nodes:
        server = (draw(utilisation(kind(node), workload(node)), run="one") * draw(host_overhead(), run="one")).range()
        held += server.low <= float(node["share"]) <= server.high
    assert held >= COVERED * len(nodes)


# -- The table ---------------------------------------------------------------------------------------------------------


def test_every_job_is_of_a_chip_that_is_known_and_cited() -> None:
    for job in tables.table("measured_jobs"):
        assert accelerator(job["accelerator"]).tdp_w is not None
        assert job["source"] in tables.sources()
        assert 0 < float(job["share"]) < 1.5
        assert kind(job)
        workload(job)


def test_a_chip_of_which_no_job_is_known_says_so_and_draws_the_same_share() -> None:
    for name, seen in (("H100 SXM5 80GB", True), ("V100", True), ("RTX 4090", False), ("MI300X", False)):
        match = find_accelerator(name)
        found, plain = utilisation("fine-tuning", match=match), utilisation("fine-tuning")
        assert ("no measured job" in found.note) is not seen, name
        assert (found.low, found.central, found.high, found.id) == (plain.low, plain.central, plain.high, plain.id)


def test_an_earlier_edition_knows_the_priors_that_it_had() -> None:
    with using_edition("2026.11"):
        for work, on, known in (
            ("pre-training", "llm", "training"), ("fine-tuning", "transformer", "training"), ("inference", "llm", "inference"),
            ("evaluation", None, "inference"), ("other", None, "other"), (None, None, "other"), (None, "llm", "other"),
        ):  # fmt: skip
            assert utilisation(work, on, find_accelerator("RTX 4090")) == tables.prior(f"utilisation.{known}")  # type: ignore[arg-type]
        assert host_overhead(find_accelerator("T4")).id == "overhead.host"


# -- Hosts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "factor"),
    [("T4", "overhead.host.small"), ("L4", "overhead.host.small"), ("A100", "overhead.host"), ("RTX 4090", "overhead.host")],
)
def test_a_host_weighs_more_beside_a_small_accelerator(name: str, factor: str) -> None:
    match = find_accelerator(name)
    rated = accelerator_power(match)
    assert rated is not None
    assert host_overhead(match).id == factor
    assert host_overhead(match).high >= host_overhead().high


def test_the_host_of_a_small_accelerator_is_what_its_rule_says() -> None:
    """4 logical CPUs and 16 GB idle to 16 and 64 GB busy, beside 50 W."""
    idle, active, memory = (
        tables.prior(f"{name}").central for name in ("cpu.idle.unknown", "cpu.active.unknown", "memory.power.2014")
    )
    least, most = 1 + (4 * idle + 16 * memory) / 50, 1 + (16 * (idle + active) + 64 * memory) / 50
    small = host_overhead(find_accelerator("T4"))
    assert small.low == pytest.approx(least, abs=0.05)
    assert small.high == pytest.approx(most, abs=0.05)


def test_the_host_overhead_is_of_what_is_drawn_not_of_what_is_rated() -> None:
    """A node's power over its accelerators' rating, over the share of it that they draw: 0.75 to 1 of their rating."""
    overhead = host_overhead()
    assert (overhead.low, overhead.central, overhead.high) == (1.2, 1.5, 1.8)
    single = float(next(job for job in jobs("server") if job["id"].endswith(":bert"))["share"])
    assert overhead.low <= single <= single / 0.75 <= overhead.high
