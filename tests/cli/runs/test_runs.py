from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footprint.cli import call
from footprint.cli.printing import wrapped
from footprint.derive import Account, run_footprint
from footprint.ledger import home, write_run_file
from footprint.model import Attribution, CpuTime, Device, DeviceEnergy, Run
from footprint.report import explain
from footprint.report.terminal import render_runs
from tests.report.examples import HOSTILE, record, run, runs, somewhere

CONTRACT = [
    "id",
    "name",
    "kind",
    "outcome",
    "started_at",
    "duration_s",
    "energy_kwh",
    "emissions_g",
    "coverage",
    "labels",
    "account",
]


BESIDE = ["direct beside it", "market-based beside it"]


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert call(["runs", "list", "--json", *options]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    return found


def test_list_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(5, placed=2))
    found = listed(capsys)
    assert [list(one) for one in found] == [CONTRACT] * 5
    assert [one["started_at"] for one in found] == sorted((one["started_at"] for one in found), reverse=True)
    newest = found[0]
    assert list(newest["energy_kwh"]) == ["low", "central", "high"]
    assert list(newest["coverage"][0]) == ["component", "grade", "read_ratio"]
    assert [one["emissions_g"] is None for one in found] == [False, True, False, True, False]
    assert [one["labels"] for one in found][:2] == [{}, {"team": "vision"}]


def test_every_object_says_its_schema_last(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc")])
    for command in (["runs", "list"], ["runs", "show", "abc"], ["runs", "show", "abc", "--explain"], ["report"]):
        assert call([*command, "--json"]) == 0
        assert list(json.loads(capsys.readouterr().out).items())[-1] == ("schema", 1)


def test_list_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(5))
    assert len(listed(capsys, "--limit", "2")) == 2
    assert len(listed(capsys, "--limit", "0")) == 5
    assert [one["name"] for one in listed(capsys, "--name", "nightly-*")] == ["nightly-2"]
    assert call(["runs", "list", "--limit", "2"]) == 0
    assert "the newest 2 of 5 runs" in capsys.readouterr().out


def test_an_empty_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == []
    assert call(["runs", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_hostile_names_stay_on_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(len(HOSTILE), names=HOSTILE))
    assert call(["runs", "list"]) == 0
    out = capsys.readouterr().out
    assert not set("\x1b\x07\u202e\u2028") & set(out)
    assert len(out.splitlines()) == len(HOSTILE) + 2
    assert call(["runs", "show", "run00002", "--explain"]) == 0
    assert not set("\x1b\x07\u202e") & set(capsys.readouterr().out)


def test_show_states_facts_and_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc123"), run("abd456", place=somewhere())])
    assert call(["runs", "show", "abc"]) == 0
    out = capsys.readouterr().out
    assert "2 × NVIDIA A100-SXM4-80GB" in out
    assert re.search(r"emissions +unknown", out)
    assert "--region" in out
    assert call(["runs", "show", "abd456"]) == 0
    assert "gcp:europe-west1" in capsys.readouterr().out


def test_both_policies_are_shown_for_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere())])
    assert call(["runs", "show", "abc", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    mine, whole = shown["policies"]["share"], shown["policies"]["machine"]
    assert shown["footprint"]["energy_kwh"] == mine["energy_kwh"]
    assert mine["it_energy_kwh"]["central"] < whole["it_energy_kwh"]["central"]
    assert call(["runs", "show", "abc"]) == 0
    assert re.search(
        r"whose +[\d.]+ Wh of [\d.]+ Wh that the machine drew .*; [\d.]+ Wh are others' or nobody's", capsys.readouterr().out
    )
    assert call(["runs", "show", "abc", "--attribution", "machine"]) == 0
    assert re.search(r"whose +all of the machine's", capsys.readouterr().out)


SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
BEYOND = (
    "making of NVIDIA A100-SXM4-80GB",
    "making of the servers of NVIDIA A100-SXM4-80GB",
    "water on the site",
    "water for its electricity",
)


def worked_out(steps: str) -> list[tuple[str, float]]:
    """Each formula of an explanation, with its result after its operands were multiplied by hand."""
    found = []
    for line in steps.partition("\nfactors")[0].splitlines():
        left, equals, right = line.replace(",", "").partition(" = ")
        if not equals or " × " not in left:
            continue
        name, colon, product = left.strip().partition(": ")
        product = product if colon else left
        value = 1.0
        for operator, operand, unit in re.findall(r"(^|[×÷]) ?\s*(-?[\d.]+)(?: ([^×÷]*))?", product):
            number = float(operand) / (100 if unit.strip() == "%" else 1)
            value = value / number if operator == "÷" else value * number
        result = float(right.split()[0].translate(SUPERSCRIPTS).replace("×10", "e"))
        assert value == pytest.approx(result, rel=2e-5), line
        found.append((name if colon else "PUE" if "PUE" in left else "g/kWh", result))
    return found


def of_counters(**facts: Any) -> Run:
    """A run of an hour whose CPU and memory were read, on a machine that did as much besides."""
    package = Device(id="cpu:package-0", component="cpu", name="CPU package 0", meter="rapl", grade="counter")
    dram = Device(id="memory:dram-0", component="memory", name="Memory of package 0", meter="rapl", grade="counter")
    readings = tuple(
        DeviceEnergy(device=device, energy_j=power_w * 3600, read_s=3600.0, floor_w=power_w / 2)
        for device, power_w in ((package, 120.0), (dram, 20.0))
    )
    return run(devices=readings, place=somewhere(), **facts)


@pytest.mark.parametrize("attribution", ["share", "machine"])
def test_what_counters_read_can_be_followed_in_joules(attribution: Attribution) -> None:
    one = of_counters()
    steps = explain.steps(one, run_footprint(one, attribution=attribution))
    formulas = dict(worked_out("\n".join(steps)))
    assert formulas["rest"] > 0
    assert not any("kWh of CPU" in step for step in steps)


def test_a_run_that_is_all_of_the_machine_leaves_nothing_to_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cpu = CpuTime(tree_s=3600.0, busy_s=3600.0, logical_cpus=64, reserved_cpus=64.0, read_s=3600.0)
    write_run_file(run(devices=(), cpu=cpu), tmp_path / "run.json")
    assert call(["runs", "show", str(tmp_path / "run.json")]) == 0
    assert "whose      all that the machine drew is the run's\n" in capsys.readouterr().out


def test_a_terminal_gets_no_line_that_is_longer_than_it() -> None:
    long = "a word and another " * 12
    told = wrapped(f"known by   {long}", 80).splitlines()
    assert len(told) > 1
    assert all(len(line) <= 80 for line in told)
    assert all(line.startswith(" " * 11) and line[11] != " " for line in told[1:])
    assert wrapped(f"  {long}", 80).splitlines()[1].startswith(" " * 6)
    assert " ".join(" ".join(told).split()) == f"known by {long}".strip()
    assert wrapped("short", 80) == "short"


@pytest.mark.parametrize("seconds", [0.02, 3.0, 36.9, 3600.0, 5e7])
@pytest.mark.parametrize("attribution", ["share", "machine"])
def test_every_formula_gives_what_stands_beside_it(seconds: float, attribution: Attribution) -> None:
    one = run(duration_s=seconds, place=somewhere())
    footprint = run_footprint(one, attribution=attribution)
    steps = "\n".join(explain.steps(one, footprint))
    assert len(worked_out(steps)) == 9 + len(BEYOND)
    # One unit of energy in the whole explanation; what was read is in joules.
    results = re.findall(r"= [\d.,]+ (\w+) ?\(?", steps.split("\nemissions")[0])
    assert len(set(results)) == 1


def test_explain_can_be_followed_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere())])
    assert call(["runs", "show", "abc", "--explain", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    steps = "\n".join(shown["steps"]).replace(",", "")
    products = worked_out(steps)
    assert [name for name, *_ in products] == [
        "gpu:GPU-0",
        "gpu:GPU-1",
        "CPU idle",
        "CPU active",
        "memory",
        "PUE",
        "g/kWh",
        *BESIDE,
        *BEYOND,
    ]
    parts, total = re.findall(r"sum: ([\d.+ ]+) = ([\d.]+) Wh", steps)[0]
    assert sum(map(float, parts.split("+"))) == pytest.approx(float(total), rel=2e-5)
    assert sum(result for *_, result in products[:5]) == pytest.approx(float(total), rel=2e-5)
    assert shown["footprint"]["emissions_g"]["central"] == pytest.approx(products[6][1], rel=1e-5)
    for factor in shown["footprint"]["factors"]:
        assert factor["id"] in steps


def test_explain_names_what_stops_it(capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(run("abc", devices=(), cpu=None), Path(home().parent / "run.json"))
    assert call(["runs", "show", str(home().parent / "run.json"), "--explain"]) == 0
    out = capsys.readouterr().out
    assert "sum: unknown" in out
    assert out.count("unknown, because") == 3
    assert "unknown, because the place is unknown" in out


def test_what_is_unknown_is_said_once_and_what_is_assumed_is_not_called_measured(capsys: pytest.CaptureFixture[str]) -> None:
    host = msgspec.structs.replace(run().host, cpu_name=None)
    record(home(), [run("abc", host=host)])
    assert call(["runs", "show", "abc"]) == 0
    out = capsys.readouterr().out
    assert out.count("the place") == 1
    assert "known by   CPU: assumed, for 100 % of the time" in out
    assert "known by   Rest of the server: unknown\n" in out
    assert "measured" not in out


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_narrow_terminal_gets_fewer_columns_and_whole_ids(width: int) -> None:
    some = [run(f"{index:016x}", name="a name of some length " * 3, place=somewhere()) for index in range(2)]
    account = Account(some)
    lines = render_runs([(one, account.footprint(one.id)) for one in some], width=width).splitlines()
    assert len(lines) == 4
    assert all(len(line) <= width for line in lines)
    assert [line.split()[0] for line in lines[2:]] == [one.id for one in some]
    assert "energy" in lines[0]
    assert ("CO2e" in lines[0]) == (width >= 60)
    assert ("outcome" in lines[0]) == (width >= 80)
    assert ("started" in lines[0]) == (width >= 100)


def test_a_list_has_one_unit_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("a", duration_s=3.0), run("b", duration_s=36_000.0)])
    assert call(["runs", "list"]) == 0
    assert set(re.findall(r"[\d.] (\w*Wh|J)\b", capsys.readouterr().out)) == {"kWh"}


@pytest.mark.parametrize(
    "command",
    [
        ["show", "nowhere"],
        ["show", ""],
        ["show", "missing.json"],
        ["list", "--limit", "-1"],
        ["list", "--since", "soon"],
        ["paint"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_clear_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["runs", *command]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1


def test_a_terminal_without_unicode_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    record(home(), [run("abc", name="Übung")])
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding="ascii", write_through=True))
    for command in (["runs", "list"], ["runs", "show", "abc", "--explain"], ["report", "--format", "table"]):
        assert call(command) == 0
    assert b"?bung" in out.getvalue()
