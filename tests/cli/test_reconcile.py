from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.cli import call
from footprint.derive import reconcile
from footprint.derive.measured import derive_run
from footprint.derive.reconciling import Reconciliation
from footprint.ledger import home, write_run_file
from footprint.model import CpuTime, Declaration, Run
from tests.report.examples import record, run, somewhere

# What `run` of the examples is, declared: an hour on two A100.
SAME: dict[str, Any] = {
    "hardware": "A100 SXM4 80GB",
    "count": 2,
    "hours": 1,
    "region": "gcp:europe-west1",
    "year": 2025,
    "kind": "fine-tuning",
}


def against(facts: dict[str, Any], *runs: Run, **options: Any) -> Reconciliation:
    return reconcile(runs or (run("abc", place=somewhere()),), Declaration(**facts), **options)


def ratios(found: Reconciliation) -> dict[str, float | None]:
    return {one.what: one.ratio for one in found.causes}


def codes(found: Reconciliation, severity: str = "error") -> list[str]:
    return [one.code for one in found.findings if one.severity == severity]


def test_the_same_facts_agree() -> None:
    found = against(SAME)
    assert found.agrees
    assert codes(found) == []
    amounts = {one.name: one for one in found.amounts}
    energy = amounts["it_energy_kwh"]
    assert energy.within
    assert energy.measured is not None
    assert energy.declared is not None
    assert energy.ratio is not None
    assert energy.ratio.central == pytest.approx(energy.measured.central / energy.declared.central)
    causes = {one.what: one for one in found.causes}
    assert causes["power"].measured == pytest.approx(300)
    assert causes["power"].note == "75 % of the rated power of A100 SXM4 80GB"
    assert causes["power"].low is not None
    assert causes["power"].low < 300 < (causes["power"].high or 0)
    assert [causes[name].ratio for name in ("devices", "hours", "PUE", "grid")] == [pytest.approx(1.0)] * 4
    assert found.main == "host"


def test_what_both_sides_share_does_not_blur_their_ratio() -> None:
    """The grid and the PUE are of one place on both sides: the ratio of emissions is as sharp as that of energy."""
    amounts = {one.name: one for one in against(SAME).amounts}
    energy, emissions = amounts["it_energy_kwh"].ratio, amounts["emissions_g"].ratio
    assert energy is not None
    assert emissions is not None
    assert emissions.low == pytest.approx(energy.low, rel=1e-6)
    assert emissions.high == pytest.approx(energy.high, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hardware": "T4"}, "hardware"),
        ({"count": 4}, "count"),
        ({"hours": 2}, "hours"),
        ({"region": "aws:us-east-1"}, "place"),
        ({"hardware": "EPYC 7763"}, "hardware"),
        ({"hours": None, "device_hours": 5.0}, "hours"),
    ],
)
def test_facts_that_contradict_are_named(change: dict[str, Any], code: str) -> None:
    found = against({**SAME, **change})
    assert code in codes(found)
    assert not found.agrees


@pytest.mark.parametrize(
    ("change", "code"), [({"year": 2023}, "year"), ({"kind": "inference"}, "kind"), ({"power_w": 300}, "modelled")]
)
def test_what_makes_them_less_alike_is_a_warning(change: dict[str, Any], code: str) -> None:
    assert code in codes(against({**SAME, **change}), "warning")


def test_a_run_that_did_not_end_is_not_the_work() -> None:
    found = against(SAME, run("abc", place=somewhere(), outcome="interrupted"))
    assert "outcome" in codes(found, "warning")


def test_stated_watts_count_accelerators_alone_on_both_sides() -> None:
    found = against({**SAME, "power_w": 300})
    assert "scope" in codes(found, "info")
    energy = next(one for one in found.amounts if one.name == "it_energy_kwh")
    assert energy.measured is not None
    assert energy.measured.central == pytest.approx(0.6)
    assert energy.ratio is not None
    assert energy.ratio.central == pytest.approx(1.0)
    power = next(one for one in found.causes if one.what == "power")
    assert power.ratio == pytest.approx(1.0)
    assert not power.assumed


def test_a_measured_value_outside_of_the_declared_range_is_an_error() -> None:
    low = against({"energy_kwh": 0.1, "region": "gcp:europe-west1", "year": 2025})
    assert {"outside", "energy"} <= set(codes(low))
    assert any("energy of the equipment: the measured value is above the declared value" in one.message for one in low.findings)
    idle = [
        type(one)(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "energy_j": one.energy_j and one.energy_j / 20})
        for one in run("abc").devices
    ]
    below = against(SAME, run("abc", devices=tuple(idle), place=somewhere()))
    assert "outside" in codes(below)
    assert any("emissions: the measured value is below the declared 90 % range" in one.message for one in below.findings)
    assert below.main == "power"


@pytest.mark.parametrize(("times", "alike"), [(1.001, True), (0.999, True), (1.04, True), (0.5, False), (2.0, False)])
def test_a_stated_energy_is_no_contradiction_within_the_error_of_the_measured(times: float, alike: bool) -> None:
    measured = run("abc", place=somewhere())
    whole = derive_run(measured).footprint().it_energy_kwh
    assert whole is not None
    found = against({"energy_kwh": whole.central * times, "region": "gcp:europe-west1", "year": 2025}, measured)
    energy = next(one for one in found.amounts if one.name == "it_energy_kwh")
    assert energy.within is False  # of a single value, to the digit
    assert energy.contradicts is not alike
    assert found.agrees is alike


def test_a_modelled_energy_is_as_wide_as_it_says() -> None:
    """A model that errs by half contradicts no statement that is 10 % off."""
    cpu = CpuTime(tree_s=3600.0, busy_s=7200.0, logical_cpus=64, reserved_cpus=64.0, read_s=3600.0)
    modelled = run("abc", devices=(), cpu=cpu, place=somewhere())
    whole = derive_run(modelled).footprint().it_energy_kwh
    assert whole is not None
    assert whole.high > 1.2 * whole.central
    place: dict[str, Any] = {"region": "gcp:europe-west1", "year": 2025}
    assert against({"energy_kwh": whole.central * 1.1, **place}, modelled).agrees
    assert {"energy", "outside"} <= set(codes(against({"energy_kwh": whole.central * 10, **place}, modelled)))


@settings(max_examples=40, deadline=None)
@given(
    facts=st.fixed_dictionaries(
        {
            "hardware": st.sampled_from(["A100 SXM4 80GB", "T4", "TPU v3", "A100"]),
            "count": st.integers(1, 100),
            "hours": st.floats(0.1, 100),
            "pue": st.one_of(st.none(), st.floats(1, 2)),
            "intensity_g_per_kwh": st.one_of(st.none(), st.floats(10, 900)),
            "zone": st.sampled_from(["FRA", "BEL"]),
            "scope": st.sampled_from(["server", "accelerators", None]),
            "kind": st.sampled_from(["fine-tuning", "inference", None]),
        }
    ),
    duration_s=st.floats(10, 1e5),
    attribution=st.sampled_from(["share", "machine"]),
)
def test_the_causes_are_the_whole_gap(facts: dict[str, Any], duration_s: float, attribution: Any) -> None:
    found = against(facts, run("abc", duration_s=duration_s, place=somewhere()), attribution=attribution)
    parts = [one.ratio for one in found.causes if one.ratio is not None]
    assert len(parts) == len(found.causes)
    whole = next(one for one in found.amounts if one.name == "emissions_g").ratio
    assert whole is not None
    assert math.prod(parts) == pytest.approx(whole.central, rel=1e-6)
    assert whole.low <= whole.central <= whole.high


def test_processors_are_held_against_processors() -> None:
    cpu = CpuTime(tree_s=3600.0, busy_s=7200.0, logical_cpus=64, reserved_cpus=64.0, read_s=3600.0)
    alone = run("abc", devices=(), cpu=cpu, place=somewhere())
    found = against({"hardware": "EPYC 7763", "count": 1, "hours": 1, "region": "gcp:europe-west1", "year": 2025}, alone)
    assert "hardware" not in codes(found)
    assert [one.what for one in found.causes] == ["hours", "power", "PUE", "grid"]
    other = against({"hardware": "Xeon Platinum 8280", "count": 1, "hours": 1}, alone)
    assert "hardware" in codes(other)
    assert "hardware" in codes(against(SAME, alone))


def test_several_runs_are_held_against_the_work_that_they_are_together() -> None:
    some = [run("abc", place=somewhere()), run("abd", place=somewhere(), started_at="2025-05-02T00:00:00Z")]
    found = against({**SAME, "hours": None, "count": None, "device_hours": 4.0}, *some)
    assert codes(found) == []
    assert ratios(found)["hours"] == 1.0


def test_a_sum_of_some_of_the_runs_is_held_against_nothing() -> None:
    some = [run("abc", place=somewhere()), run("abd", started_at="2025-05-02T00:00:00Z")]
    found = against({**SAME, "hours": None, "count": None, "device_hours": 4.0}, *some)
    amounts = {one.name: one for one in found.amounts}
    assert amounts["it_energy_kwh"].ratio is not None
    assert (amounts["emissions_g"].measured, amounts["emissions_g"].ratio) == (None, None)
    assert found.measured.emissions_g is None
    assert ratios(found)["grid"] is None
    assert "unknown" in codes(found, "warning")
    placed = against(
        {**SAME, "hours": None, "count": None, "device_hours": 4.0}, some[0], msgspec.structs.replace(some[1], place=somewhere())
    )
    assert ratios(placed)["grid"] == pytest.approx(1.0)


# -- The command -------------------------------------------------------------------------------------------------------

WORDS = ["--hardware", "A100 SXM4 80GB", "--count", "2", "--hours", "1", "--region", "gcp:europe-west1", "--year", "2025"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    write_run_file(run("abc", place=somewhere()), tmp_path / "run.json")
    return str(tmp_path / "run.json")


def test_json_is_the_contract(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reconcile", file, *WORDS, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [
        "runs",
        "facts",
        "amounts",
        "causes",
        "main",
        "findings",
        "agrees",
        "measured",
        "declared",
        "schema",
    ]
    assert found["facts"] == {"hardware": "A100 SXM4 80GB", "count": 2, "hours": 1, "region": "gcp:europe-west1", "year": 2025}
    assert list(found["amounts"][0]) == ["name", "measured", "declared", "ratio", "within", "contradicts"]
    assert list(found["causes"][0]) == ["what", "measured", "declared", "low", "high", "unit", "ratio", "assumed", "note"]


def test_contradictions_exit_with_1_and_are_said(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reconcile", file, *WORDS[:3], "8", *WORDS[4:]]) == 1
    out = capsys.readouterr().out
    assert "error      count: the run held 2 accelerators, the declaration counts 8" in out
    assert "they do not agree" in out
    assert call(["reconcile", file, *WORDS]) == 0
    out = capsys.readouterr().out
    assert "verdict    they agree" in out
    assert re.search(r"power +300 W for the assumed [\d.]+ \([\d.]+–[\d.]+\): × 1\.\d+; 75 % of the rated power", out)


def test_a_profile_declares_too(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text(
        '[model]\nname = "m"\n[[work]]\nkind = "fine-tuning"\nhardware = "A100 SXM4 80GB"\ncount = 2\nhours = 1\n'
        'region = "gcp:europe-west1"\nyear = 2025\n',
        encoding="utf-8",
    )
    assert call(["reconcile", file, "--profile", str(profile)]) == 0
    capsys.readouterr()
    assert call(["reconcile", file, "--profile", str(profile), "--count", "2"]) == 2
    assert "--count cannot be combined" in capsys.readouterr().err
    assert call(["reconcile", file, "--profile", str(profile), "--kind", "inference"]) == 2
    assert "no piece of work" in capsys.readouterr().err


def test_recorded_runs_by_id(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere())])
    assert call(["reconcile", "abc", *WORDS]) == 0
    assert "measured   1 run: abc" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say what was declared"),
        (["--hardware", "A100"], "missing"),
        (["--hardware", "Volta 9000", "--count", "1", "--hours", "1"], "Volta 9000"),
        (["--profile", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_input_is_one_clear_line(file: str, words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reconcile", file, *words]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert says in err
    assert err.count("\n") == 1
