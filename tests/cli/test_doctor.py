"""`footprint doctor`: what it says is what is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import diagnosis
from footprint.cli.doctor import doctor

KEYS = ["footprint", "host", "devices", "cpu", "place", "ledger", "recorder", "findings", "schema"]
STUB = Path(__file__).parents[1] / "meters" / "stub_nvml.c"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("FOOTPRINT_", "CUDA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "ledger"))
    return tmp_path / "ledger"


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    doctor(json=True)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def remedies(found: dict[str, Any], about: str) -> list[str]:
    return [finding["remedy"] for finding in found["findings"] if finding["about"] == about]


def test_the_json_is_the_contract(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys)
    assert list(found) == KEYS
    assert found["schema"] == 1
    assert {device["id"] for device in found["devices"]} >= {"cpu", "memory"}
    assert set(found["devices"][0]) == {"id", "component", "name", "meter", "grade", "power_w"}
    assert set(found["cpu"]) == {"matched", "grade", "idle_w_per_cpu", "active_w_per_cpu", "reserved_cpus"}
    assert set(found["cpu"]["idle_w_per_cpu"]) == {"low", "central", "high"}
    assert all(set(finding) == {"about", "message", "remedy"} for finding in found["findings"])


def test_nothing_is_made_by_looking(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys)
    assert found["ledger"] == {"home": str(home), "writable": True}
    assert not home.exists()


def test_an_unwritable_ledger_and_the_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file stands where the folder should be")
    found = told(capsys)
    assert found["ledger"]["writable"] is False
    assert "FOOTPRINT_HOME" in remedies(found, "ledger")[0]


def test_an_unknown_place_says_how_to_give_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys)
    assert found["place"] is None
    assert "FOOTPRINT_REGION" in remedies(found, "place")[0]


def test_a_stated_place_is_shown(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:eu-west-1")
    found = told(capsys)
    assert (found["place"]["provider"], found["place"]["region"]) == ("aws", "eu-west-1")
    doctor()
    assert "aws:eu-west-1" in capsys.readouterr().out


def test_a_wrong_place_is_a_finding_and_no_failure(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:nowhere-9")
    found = told(capsys)
    assert found["place"] is None
    assert any("nowhere-9" in finding["message"] for finding in found["findings"] if finding["about"] == "place")


def test_a_pipe_gets_plain_lines(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    doctor()
    out = capsys.readouterr().out
    assert "\x1b" not in out
    for word in ("component", "cpu-model", "memory-model", "place", "ledger", "recorder", "-> set FOOTPRINT_REGION"):
        assert word in out


def test_names_are_no_markup(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from footprint.meters import OpenMeters
    from footprint.model import Device
    from footprint.testing import ReplayMeter

    device = Device(id="gpu:x", component="accelerators", name="[red]X[/red] \x1b[2J\n:smile:", meter="replay", grade="power")
    monkeypatch.setattr("footprint.meters.open_meters", lambda: OpenMeters([ReplayMeter([device], [])]))
    doctor()
    out = capsys.readouterr().out
    assert "[red]X[/red] [2J :smile:" in out
    assert "\x1b" not in out
    assert "no answer" in out
    assert "its reading is missing" in out


def test_a_cpu_counter_that_is_not_used_is_admitted(tmp_path: Path) -> None:
    assert "no energy counter" in diagnosis._rapl(tmp_path).message
    (tmp_path / "intel-rapl:0").mkdir()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("1\n")
    assert "does not use it" in diagnosis._rapl(tmp_path).message


def test_the_command_ends_with_0(home: Path) -> None:
    code = "import typer; from footprint.cli.doctor import doctor; app = typer.Typer(); app.command()(doctor); app(['--json'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)) == KEYS


@pytest.mark.slow
def test_a_gpu_shows_what_it_draws_now(tmp_path: Path, home: Path) -> None:
    import shutil

    if (compiler := shutil.which("gcc")) is None:
        pytest.skip("no C compiler: the doctor's GPU reading is not proven here")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "libnvidia-ml.so.1", STUB, "-lm"], check=True)
    environ = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "STUB_GPUS": "2", "STUB_POWER_W": "300,0", "PYTHONPATH": str(ROOT)}
    code = "from footprint.cli.doctor import doctor; doctor(json=True)"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    works, stands = found["devices"][:2]
    assert works["power_w"] == pytest.approx(300, rel=0.01)
    assert stands["power_w"] == 0
    assert any("stands still" in finding["message"] and finding["about"] == stands["id"] for finding in found["findings"])


def test_a_home_where_nothing_can_be_made_is_not_called_writable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", "/proc/no-such-folder")
    doctor(json=True)
    assert json.loads(capsys.readouterr().out)["ledger"]["writable"] is False
