"""What `--explain` prints is recomputed line by line, as a reader with a pocket calculator would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import footprint.reference as ref
from footprint.cli import call
from footprint.ledger import home, write_run_file
from footprint.model import CpuTime, Device, DeviceEnergy, Run
from footprint.reference import tables
from tests.report.examples import record, run, somewhere

_SCALES: Final = {"kg": 1e3, "t": 1e6, "kt": 1e9, "mg": 1e-3, "µg": 1e-6, "g": 1.0}
# Six digits are printed of each operand.
CLOSE: Final = 1e-4


def value_of(formula: str) -> float:
    """What a pocket calculator makes of a formula: its numbers and signs, without the words and the references."""
    plain = re.sub(r" \[[^\[\]]*\]", "", formula).replace(",", "").replace("%", "* 0.01")
    plain = re.sub(r"×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "e" + m[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), plain)
    plain = re.sub(r"(?<=\d) 1/[a-z]+", "", plain)  # the unit `1/year`
    plain = re.sub(r"(?<![\d.])[A-Za-zµ·][A-Za-zµ·/0-9-]*", "", plain)
    for sign, operator in (("×", "*"), ("÷", "/"), ("−", "-")):
        plain = plain.replace(sign, operator)
    assert re.fullmatch(r"[-+*/().\de\s]+", plain), formula
    return float(eval(plain))


def recomputed(lines: list[str]) -> dict[str, float]:
    """Each formula's result by the head of its line; every `=` is checked, also that of a result in two units."""
    found = {}
    for line in lines:
        if line == "unknown" or line.startswith("factors, "):
            break
        parts = line.strip().split(" = ")
        if len(parts) == 1:
            continue
        head, colon, formula = parts[0].rpartition(": ")
        results = [re.match(r"(-?[\d.,]+(?:×10[⁻⁰-⁹]+)?) (\S+)", part) for part in parts[1:]]
        assert all(results), line
        first, *again = [one for one in results if one]
        assert value_of(formula) == pytest.approx(value_of(first[1]), rel=CLOSE, abs=1e-12), line
        for other in again:
            left, right = (value_of(one[1]) * _SCALES[one[2].rstrip(",")] for one in (first, other))
            assert left == pytest.approx(right, rel=CLOSE), line
        found[head if colon else formula] = value_of(first[1])
    return found


def package(power_w: float, number: int = 0, seconds: float = 3600.0) -> DeviceEnergy:
    device = Device(id=f"cpu:package-{number}", component="cpu", name=f"CPU package {number}", meter="rapl", grade="counter")
    return DeviceEnergy(device=device, energy_j=power_w * seconds, read_s=seconds, floor_w=power_w / 2, readings=3601, gaps=1)


DRAM = DeviceEnergy(
    device=Device(id="memory:dram-0", component="memory", name="Memory of package 0", meter="rapl", grade="counter"),
    energy_j=20.0 * 3600,
    read_s=3600.0,
    floor_w=11.0,
)
RUNS: Final = {
    "GPU counters": run("abc", place=somewhere()),
    "RAPL": run("abc", devices=(package(120.0), package(90.0, 1), DRAM), place=somewhere("aws:eu-west-1")),
    "a CPU model": run("abc", devices=(), place=somewhere("gcp:northamerica-northeast1")),
    "an unknown place": run("abc"),
    "a short run": run("abc", duration_s=0.3, place=somewhere()),
    "a long run": run("abc", duration_s=4e6, place=somewhere("aws:us-east-1")),
}


def explained(run_id: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capsys.readouterr()
    assert call(["runs", "show", run_id, "--explain", *options]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("attribution", ["share", "machine"])
@pytest.mark.parametrize("which", RUNS)
def test_every_line_gives_its_result(which: str, attribution: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = RUNS[which]
    write_run_file(one, tmp_path / "run.json")
    shown = explained(str(tmp_path / "run.json"), capsys, "--attribution", attribution)
    found = recomputed(shown)
    assert "sum" in found
    assert any("PUE" in formula for formula in found)
    assert any("g/kWh" in formula for formula in found) == (one.place is not None)
    # No formula of a part is left out: each component that is known has a term of its own.
    assert len(found) >= len({one.component for each in RUNS[which].devices for one in [each.device]}) + 2


@pytest.mark.parametrize("which", RUNS)
def test_the_contract_can_be_followed_by_a_program(which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(RUNS[which], tmp_path / "run.json")
    shown = json.loads("\n".join(explained(str(tmp_path / "run.json"), capsys, "--json")))
    told = shown["explanation"]
    assert list(told) == ["edition", "steps", "chain", "unknown", "attributions"]
    ids = {factor["id"] for factor in shown["footprint"]["factors"]}
    for step in told["steps"]:
        assert list(step) == ["of", "name", "formula", "result", "unit", "low", "high", "grade", "why"]
        assert step["unit"] in {"kWh", "g", "L"}
        if step["formula"]:
            assert value_of(step["formula"]) == pytest.approx(step["result"], rel=CLOSE, abs=1e-12), step
            assert set(re.findall(r"\[([^\[\]]*)\]", step["formula"])) <= ids
    results: dict[str, Any] = {step["of"]: step["result"] for step in told["steps"] if not step["name"] or step["name"] == "sum"}
    for name in ("it_energy_kwh", "energy_kwh", "emissions_g"):
        central = shown["footprint"][name] and shown["footprint"][name]["central"]
        assert results[name] == central
    assert sum(results[one["component"]] for one in shown["footprint"]["breakdown"]) == pytest.approx(results["it_energy_kwh"])
    assert {one["what"] for one in told["unknown"]} == set(shown["footprint"]["unknown"])


def test_readings_and_gaps_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(RUNS["RAPL"], tmp_path / "run.json")
    lines = explained(str(tmp_path / "run.json"), capsys)
    read = next(line for line in lines if "package-0" in line and "432,000 J" in line)
    assert "3,601 readings, 1 gap, for 1 h of 1 h (100 %)" in read


def test_factors_are_numbered_cited_and_their_makers_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(RUNS["a CPU model"], tmp_path / "run.json")
    lines = explained(str(tmp_path / "run.json"), capsys)
    at = next(index for index, line in enumerate(lines) if line.startswith("factors, edition 2026.11"))
    listed = {line.split("]")[0].strip(" [") for line in lines[at:] if re.match(r"  \[\d+\] ", line)}
    used = {number for line in lines[:at] for number in re.findall(r"\[(\d+)\]", line)}
    assert used <= listed
    assert len(used) >= 5
    # Quebec's figure is the province's and an add-on: all who are in it are named.
    named = "\n".join(lines[lines.index(next(line for line in lines if line.startswith("attributions"))) :])
    for who in ("Environment and Climate Change Canada", "Ember (CC BY 4.0)", "SPECpower"):
        assert who in named


def test_each_work_is_named_once_by_its_own_title() -> None:
    titles = {row["title"] for row in tables.sources().values()}
    pairs = [(one, other) for one in titles for other in titles if one != other and other.startswith(one)]
    assert pairs, "one title is the beginning of another"
    for short, long in pairs:
        factor = msgspec.structs.replace(tables.prior("meter.nvml"), source=f"{long}; something else")
        assert short not in [one.title for one in ref.attributions([factor])]


def test_hours_are_explained_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(RUNS["GPU counters"], tmp_path / "run.json")
    (tmp_path / "day.csv").write_text("start,g_per_kwh\n2025-05-01T00:00Z,120\n2025-05-01T00:30Z,140\n2025-05-01T01:00Z,140\n")
    series = ["--intensity-from", str(tmp_path / "day.csv"), "--intensity-basis", "life-cycle"]
    lines = explained(str(tmp_path / "run.json"), capsys, *series)
    assert any("130 g/kWh [" in formula for formula in recomputed(lines))


def test_what_is_unknown_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host = RUNS["GPU counters"].host
    blind = run("abc", devices=(), host=msgspec.structs.replace(host, unmetered_accelerators=("AMD Instinct",)))
    write_run_file(blind, tmp_path / "run.json")
    lines = explained(str(tmp_path / "run.json"), capsys)
    told = lines[lines.index("unknown") :]
    assert any("accelerators' energy: accelerators that no meter can read: AMD Instinct" in line for line in told)
    assert "  sum: unknown, because a part is" in lines
    recomputed(lines)


def overlapping() -> list[Run]:
    """Two runs of one account that read the same GPUs for half an hour together, and a run inside the first."""
    course = ((0.0, 0.0), (3600.0, 300.0 * 3600))

    def at(run_id: str, start_s: float, **facts: Any) -> Run:
        gpu = Device(id="gpu:GPU-0", component="accelerators", name="NVIDIA A100-SXM4-80GB", meter="nvml", grade="counter")
        read = DeviceEnergy(device=gpu, energy_j=300.0 * 3600, read_s=3600.0, held_ratio=1.0, course=course)
        cpu = CpuTime(tree_s=100.0, busy_s=7200.0, logical_cpus=64, reserved_cpus=64.0, read_s=3600.0)
        return run(run_id, devices=(read,), cpu=cpu, monotonic_s=start_s, **facts)

    inner = at("inner", 0.0, parent="first")
    return [at("first", 0.0), at("second", 1800.0), inner]


def test_what_counts_in_the_sum_of_an_account_is_said() -> None:
    from footprint.derive import Account, run_footprint
    from footprint.report import explain

    first, second, inner = overlapping()
    lines = explain.steps(first, run_footprint(first), [second, inner])
    at = next(index for index, line in enumerate(lines) if line.startswith("in the sum of its account, lab (3 runs)"))
    of_sum = lines[at + 1 : at + 5]
    assert of_sum[2].strip() == "inner: nothing, because first contains it"
    assert all("what runs read together is divided among them" in line for line in of_sum[:2])
    found = recomputed(of_sum)
    total = Account([first, second, inner]).total(["first", "second", "inner"]).footprint
    unit = of_sum[3].split(" = ")[1].split()[1]
    assert total.it_energy_kwh is not None
    assert found["sum"] * {"kWh": 1, "Wh": 1e-3}[unit] == pytest.approx(total.it_energy_kwh.central, rel=CLOSE)


def test_a_recorded_run_is_shown_beside_its_account(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc"), run("abd", started_at="2025-05-02T00:00:00Z"), run("other", account="another")])
    lines = explained("abc", capsys)
    assert any(line.startswith("in the sum of its account, lab (2 runs)") for line in lines)
    assert any(line.startswith("  abd: ") for line in lines)
    assert not any(line.startswith("  other: ") for line in lines)
    recomputed(lines)
