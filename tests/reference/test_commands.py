"""`footprint reference`: what it prints, and its JSON contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from footprint.cli import call


def answer(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    assert call(["reference", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_hardware(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "hardware", "TPU", "v3-8")
    said = ["count_in_text", "name_in_text", "instance"]
    assert list(found) == ["query", "candidates", "devices_per_unit", "provider", "power", "warnings", *said, "schema"]
    assert (found["devices_per_unit"], found["provider"]) == (4, "gcp")
    assert found["candidates"][0]["power_scope"] == "with-host"
    assert found["power"]["source"].startswith("Patterson")


def test_hardware_in_loose_text_shows_its_count_and_all_that_it_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "hardware", "64", "V100", "GPUs")
    assert (found["count_in_text"], found["name_in_text"], len(found["candidates"])) == (64, "V100 GPUs", 5)
    assert call(["reference", "hardware", "2x p4d.24xlarge"]) == 0
    out = capsys.readouterr().out
    assert "2 x p4d.24xlarge" in out
    assert "8 of them" in out
    assert call(["reference", "hardware", "64 V100 GPUs"]) == 0
    out = capsys.readouterr().out
    assert "Tesla V100-SXM3-32GB" in out
    assert "each" in out


def test_a_cpu_among_hardware_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reference", "hardware", "2x AMD EPYC 7742"]) == 2
    assert "reference cpu" in capsys.readouterr().err


def test_a_region_shows_its_chain_and_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reference", "region", "US average (EPA 2018)", "--year", "2018"]) == 0
    out = capsys.readouterr().out
    assert "grid: USA: life-cycle figure of 2018" in out
    assert "note: '(EPA 2018)' is left out" in out


def test_hardware_without_a_published_power(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "hardware", "Trainium")["power"] is None
    assert call(["reference", "hardware", "Trainium"]) == 0
    assert "not known" in capsys.readouterr().out


def test_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "cpu", "AMD EPYC 7742 64-Core Processor")
    assert (found["name"], found["tdp_w"], found["threads"]) == ("AMD EPYC 7742", 225, 128)
    assert found["active_w_per_cpu"]["central"] > found["idle_w_per_cpu"]["central"]


def test_a_cpu_that_one_cloud_only_has(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "cpu", "AMD EPYC 7R32")
    assert (found["grade"], found["threads"]) == ("assumed", 96)
    assert found["tdp_low_w"] < found["tdp_w"] < found["tdp_high_w"]
    assert call(["reference", "cpu", "AMD EPYC 7R32"]) == 0
    out = capsys.readouterr().out
    assert "EPYC 7642" in out
    assert "96 logical CPUs" in out


def test_a_cpu_whose_model_is_hidden_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reference", "cpu", "Intel(R) Xeon(R) CPU @ 2.20GHz"]) == 2
    assert "hypervisor" in capsys.readouterr().err


def test_a_cpu_that_is_nearly_spelled_right_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reference", "cpu", "Xeon Platinum 8259"]) == 2
    assert "8259CL" in capsys.readouterr().err


def test_region(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "region", "aws:us-east-1", "--year", "2023")
    assert found["provider_name"] == "Amazon Web Services (AWS)"
    assert found["place"]["name"] == "Northern Virginia, USA"
    assert found["intensity"]["basis"] == "life-cycle, estimated"
    assert found["pue"]["central"] == 1.15


def test_grid(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "grid", "Sweden")
    assert found["zone"] == "SWE"
    assert {figure["basis"] for figure in found["figures"]} == {"life-cycle", "direct", "market"}


@pytest.mark.parametrize("argv", [("hardware", "V100"), ("cpu", "AMD EPYC 7742"), ("region", "Iowa, USA"), ("grid", "FR")])
def test_tables_print(capsys: pytest.CaptureFixture[str], argv: tuple[str, str]) -> None:
    assert call(["reference", *argv]) == 0
    assert "source" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["hardware", "cpu", "region", "grid"])
@pytest.mark.parametrize("query", ["no such thing", "\x1b]0;x\x07", "[bold]", "CA "])
def test_what_is_not_known_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str], what: str, query: str) -> None:
    assert call(["reference", what, query]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\x1b" not in err
