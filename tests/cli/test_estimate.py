from __future__ import annotations

import json
from typing import Any

import pytest

from footprint.cli import call

STATED = ["--hardware", "V100 SXM2", "--count", "8", "--hours", "100", "--pue", "1.11", "--intensity", "293.85"]


def estimate(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert call(["estimate", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    found = estimate(capsys, *STATED, "--power-w", "300")
    assert found["scope"] == "accelerators"
    assert found["energy_kwh"]["central"] == 266.4
    assert found["emissions_g"]["central"] == 78_281.64
    assert found["power_w"] == {"low": 300, "central": 300, "high": 300}
    for name in ("accelerator_energy_kwh", "it_energy_kwh", "pue", "intensity_g_per_kwh"):
        assert set(found[name]) == {"low", "central", "high"}
    assert set(found["embodied_g"]) == {"low", "central", "high"}
    assert found["water_l"] is None  # no place was stated
    assert "water" in found["unknown"]
    assert found["cost"] is found["currency"] is None
    assert found["ghg_scopes"]["embodied_g"].startswith("scope 3")
    assert {"basis", "unknown", "factors", "warnings"} <= set(found)
    assert found["understood"] == ["8 x V100 SXM2", "100 h", "800 device-hours"]
    assert all({"id", "low", "central", "high", "unit", "source", "year", "licence", "basis"} <= set(f) for f in found["factors"])


def test_switch_as_patterson_et_al_state_it_and_from_hardware_hours_and_place_alone(capsys: pytest.CaptureFixture[str]) -> None:
    work = ["--hardware", "TPU v3", "--count", "1024", "--hours", "648"]
    stated = estimate(capsys, *work, "--power-w", "245", "--pue", "1.10", "--intensity", "403")
    assert round(stated["energy_kwh"]["central"] / 1e3, 1) == 178.8
    assert round(stated["emissions_g"]["central"] / 1e6, 1) == 72.1
    plain = estimate(capsys, *work, "--zone", "US-GA", "--year", "2020")
    for name in ("energy_kwh", "emissions_g"):
        assert plain[name]["low"] < stated[name]["central"] < plain[name]["high"]
        assert plain[name]["high"] / plain[name]["low"] < 4


def test_every_option_is_a_fact(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--hardware", "A100 SXM4 80GB", "--parameters", "7e9", "--tokens", "1e12", "--mfu", "0.4", "--kind", "pre-training"]
    more = ["--workload", "llm", "--life-years", "4", "--use-ratio", "0.8", "--embodied-g-per-device", "150000"]
    found = estimate(capsys, *words, *more, "--price", "0.25", "--currency", "EUR", "--zone", "FRA", "--year", "2023")
    hours = 4.2e22 / (0.4 * 312e12) / 3600
    assert found["embodied_g"]["central"] == pytest.approx(hours / 8760 / 4 / 0.8 * 150_000, rel=1e-3)
    assert found["cost"]["central"] == pytest.approx(found["energy_kwh"]["central"] * 0.25)
    assert found["currency"] == "EUR"
    assert any("4.2e22 operations" in part for part in found["understood"])
    by_operations = estimate(capsys, "--hardware", "A100 SXM4 80GB", "--flops", "4.2e22", "--mfu", "0.4", "--workload", "llm")
    assert by_operations["it_energy_kwh"]["central"] > 0


def test_a_processor_is_no_accelerator(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", "--hardware", "2x Xeon E5-2630 v3", "--hours", "5"]) == 0
    printed = capsys.readouterr().out
    assert "work       2 x Xeon E5-2630 v3" in printed
    assert "server (processors and all beside them)" in printed
    assert " a chip" in printed
    assert "an accelerator" not in printed


def test_without_power_the_host_is_in_the_range(capsys: pytest.CaptureFixture[str]) -> None:
    found = estimate(capsys, *STATED)
    assert found["scope"] == "server"
    assert found["it_energy_kwh"]["central"] > found["accelerator_energy_kwh"]["central"]
    assert any("host" in warning for warning in found["warnings"])
    call(["estimate", *STATED])
    assert "server (accelerators and host)" in capsys.readouterr().out


def test_a_terminal_reads_what_is_unknown_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", "--hardware", "T4", "--count", "1", "--hours", "2"]) == 0
    printed = capsys.readouterr().out
    assert "emissions  unknown" in printed
    assert "--region" in printed


def test_the_grid_of_a_place_can_be_followed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--energy-kwh", "1000", "--region", "gcp:northamerica-northeast1", "--year", "2023"]
    found = estimate(capsys, *words)
    assert found["basis"] == "life-cycle, estimated"
    assert found["intensity_g_per_kwh"]["central"] < 100  # Quebec's water, not Canada's average
    assert found["emissions_direct_g"]["central"] < found["emissions_g"]["central"]
    assert found["chain"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--hardware", "T4", "--count", "1", "--hours", "-3"], "hours is -3"),
        (["--hardware", "T4", "--count", "1", "--hours", "nan"], "hours is nan"),
        (["--hardware", "T4", "--count", "one", "--hours", "3"], "--count"),
        (["--hardware", "T4", "--count", "1"], "hours missing"),
        (["--hardware", "H10", "--hours", "3"], "H10"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--power-w", "70 W"], "--power-w"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--intensity", "0.403"], "if it is in kg/kWh, give 403"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--intensity", "2500"], "kg or lb"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--pue", "0.9"], "PUE"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--year", "1999"], "year is 1999"),
        (["--hardware", "T4", "--count", "1", "--hours", "0"], "hours is 0"),
        (["--hardware", "T4", "--count", "1", "--hours", "10", "--power-w", "70", "--energy-kwh", "1"], "energy_kwh is 1 but"),
        (["--hardware", "64 Volta GPUs", "--count", "8", "--hours", "3"], "counts 64 but count is 8"),
        (["--hardware", "A100", "--tokens", "1e9"], "tokens say nothing without parameters"),
        (["--hardware", "A100", "--flops", "1e20", "--mfu", "40"], "40 % are 0.4"),
        (["--hardware", "Volta 9000", "--count", "1", "--hours", "3"], "Volta 9000"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--region", "aws:us-eats-1"], "us-east-1"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--region", "CA"], "US-CA"),
        (["--hardware", "T4", "--count", "1", "--hours", "3", "--kind", "finetune"], "fine-tuning"),
        (["--hardware", "T4\n\x1b[2J", "--count", "1", "--hours", "3"], "T4"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert "\x1b" not in printed.err


@pytest.mark.parametrize("group", [[], ["runs"], ["card"], ["reference"]])
def test_a_group_alone_shows_its_commands_line_by_line(group: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(group) == 2
    assert capsys.readouterr().err.count("\n") > 5


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--version"]) == 0
    assert capsys.readouterr().out.startswith("footprint 0.")
    for command in ([], ["run"], ["attach"], ["estimate"], ["runs"], ["report"], ["card"], ["reference"], ["doctor"]):
        assert call([*command, "--help"]) == 0
        out = capsys.readouterr().out
        assert "Usage" in out
        commands = out.partition("Commands:\n")[2].splitlines()
        assert not [line for line in commands if line.endswith("...")]  # what a list of commands says of one is said whole


def test_a_pipe_gets_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reference", "hardware", "H100"]) == 0
    out = capsys.readouterr().out
    assert sum("NVIDIA H100" in line and " W " in line and "CC BY" in line for line in out.splitlines()) == 3
    assert not [line for line in out.splitlines() if line != line.rstrip()]


def test_an_edition_that_nobody_named_is_no_edition(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", "--energy-kwh", "1", "--factors", ""]) == 2
    assert "unknown factors ''" in capsys.readouterr().err
