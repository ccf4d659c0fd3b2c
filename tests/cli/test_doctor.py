"""`footprint doctor`: what it says is what is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from footprint.cli.diagnosis import _accelerator_findings
from footprint.cli.doctor import doctor
from footprint.meters.host import read_host
from footprint.testing import SyntheticRapl, Zone, steady, without_root
from footprint.testing.nvml import SOURCE as STUB

KEYS = ["footprint", "host", "devices", "cpu", "place", "ledger", "recorder", "findings", "schema"]
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
    monkeypatch.setattr("footprint.meters.open_meters", lambda **_: OpenMeters([ReplayMeter([device], [])]))
    doctor()
    out = capsys.readouterr().out
    assert "[red]X[/red] [2J :smile:" in out
    assert "\x1b" not in out
    assert "no answer" in out
    assert "its reading is missing" in out


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("NVIDIA 10de:2330 at 0000:1b:00.0", "nvidia-smi"),
        ("AMD 1002:74a1 at 0000:1b:00.0", "amd-smi"),
        ("AMD (Xilinx) 10ee:5010 at 0000:1b:00.0", "footprint estimate"),
        ("Habana 1da3:1020 at 0000:1b:00.0", "footprint estimate"),
    ],
)
def test_an_accelerator_that_nobody_reads_says_what_to_do(name: str, remedy: str) -> None:
    host = msgspec.structs.replace(read_host(), unmetered_accelerators=(name,))
    found = [finding for finding in _accelerator_findings(host, ()) if finding.message.startswith(name)]
    assert [remedy in (finding.remedy or "") for finding in found] == [True]


def show(root: Path, files: dict[str, str]) -> None:
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)


RAPL = {
    "class/powercap/intel-rapl:0/name": "package-0",
    "class/powercap/intel-rapl:0/energy_uj": "123456",
    "class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
}


@pytest.fixture
def machine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `/sys` that shows nothing yet."""
    monkeypatch.setenv("FOOTPRINT_SYSFS", str(tmp_path / "sys"))
    return tmp_path / "sys"


def said(found: dict[str, Any], about: str) -> list[str]:
    return [finding["message"] for finding in found["findings"] if finding["about"] == about]


def test_a_machine_without_counters_is_told(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert any("shows no energy counter of its CPU" in message for message in said(told(capsys), "cpu"))


def test_a_sysfs_that_is_not_there_is_told(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(told(capsys), "meters") == [f"FOOTPRINT_SYSFS='{machine}' is not a folder, and so no sensor of the CPU is found"]
    machine.mkdir()
    assert said(told(capsys), "meters") == []


def test_a_machine_of_which_nothing_is_read_has_no_empty_table(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPRINT_METERS", "rapl")
    doctor()
    out = capsys.readouterr().out
    assert "\nno meter has a device here\n" in out
    assert "component" not in out


def test_a_counter_that_can_be_read_is_used_and_shown(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SyntheticRapl(machine, {"intel-rapl:0": Zone("package-0", steady(80)), "intel-rapl:0:0": Zone("dram", steady(6))}):
        found = told(capsys)
    watts = {device["id"]: device["power_w"] for device in found["devices"] if device["meter"] == "rapl"}
    assert watts == {"cpu:package-0": pytest.approx(80, rel=0.05), "memory:dram-0": pytest.approx(6, rel=0.05)}
    assert not {"cpu", "memory"} & {device["id"] for device in found["devices"]}
    assert not any("RAPL" in message for message in said(found, "cpu"))


def test_a_counter_that_stands_still_is_admitted(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(machine, RAPL)
    found = told(capsys)
    assert found["devices"][0]["power_w"] == 0
    assert said(found, "cpu:package-0") == ["CPU package 0 is there, but its counter stands still"]


def test_a_counter_that_may_not_be_read_says_how_to_mend_it(machine: Path) -> None:
    show(machine, RAPL)
    (machine / "class/powercap/intel-rapl:0/energy_uj").chmod(0)
    code = "from footprint.cli.doctor import doctor; doctor(json=True)"
    command = without_root(sys.executable, "-c", code)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = json.loads(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)
    (finding,) = [finding for finding in found["findings"] if "root only" in finding["message"]]
    assert finding["about"] == "cpu"
    assert finding["remedy"].startswith(f"`sudo chmod a+r {machine}/class/powercap/intel-rapl*:*/energy_uj`")
    assert {"cpu", "memory"} <= {device["id"] for device in found["devices"]}
    assert sum("CVE-2020-8694" in finding["message"] for finding in found["findings"]) == 1  # once, and not as a warning too


def test_power_sensors_are_shown_with_their_watts_and_the_others_are_named(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(machine, {"class/hwmon/hwmon0/name": "power_meter", "class/hwmon/hwmon0/power1_average": "412000000"})
    show(machine, {f"class/hwmon/hwmon{n}/{file}": text for n in range(1, 15) for file, text in UNKNOWN_CHIP.items()})
    found = told(capsys)
    (device,) = [device for device in found["devices"] if device["meter"] == "hwmon"]
    assert (device["id"], device["component"], device["grade"], device["power_w"]) == (
        "machine:power-meter",
        "rest",
        "power",
        412,
    )
    assert {"cpu", "memory"} <= {device["id"] for device in found["devices"]}
    (message,) = said(found, "sensors")
    assert "ina226 \x1b[31mrail" not in message
    assert "rail" in message


UNKNOWN_CHIP = {"name": "ina226", "power1_input": "5000000", "power1_label": "\x1b[31mrail"}


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
    environ = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "STUB_GPUS": "1", "STUB_POWER_W": "300", "PYTHONPATH": str(ROOT)}
    code = "from footprint.cli.doctor import doctor; doctor(json=True)"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["devices"][0]["component"] == "accelerators"
    assert found["devices"][0]["power_w"] == pytest.approx(300, rel=0.01)


def test_a_home_where_nothing_can_be_made_is_not_called_writable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", "/proc/no-such-folder")
    doctor(json=True)
    assert json.loads(capsys.readouterr().out)["ledger"]["writable"] is False
