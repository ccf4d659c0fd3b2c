"""CodeCarbon as a meter: its totals, in a process of its own, that leaves nothing behind. All against the real CodeCarbon."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from footprint.errors import MeterError
from footprint.meters import METERS_VARIABLE, OpenMeters, codecarbon, open_meters
from footprint.meters.common import ALL_GPUS, Meter
from footprint.model import Device, Sample
from footprint.testing import ReplayMeter

pytestmark = pytest.mark.slow

NAMED = {METERS_VARIABLE: "codecarbon"}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files, so that what is left behind is seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def opened() -> Iterator[OpenMeters]:
    found = open_meters(NAMED)
    try:
        yield found
    finally:
        found.close()


def ended(pid: int, limit_s: float = 10.0) -> bool:
    """Whether a process that is no child of ours ends in time."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def read_until_grown(meters: OpenMeters, first: dict[str, float]) -> dict[str, Sample]:
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        found = {sample.device_id: sample for sample in meters.read()}
        if found and all((sample.energy_j or 0) > first[name] for name, sample in found.items()):
            return found
        time.sleep(0.2)
    raise AssertionError("the energy does not grow")


def test_it_counts_cpu_and_memory_in_joules(opened: OpenMeters) -> None:
    kinds = {device.id: (device.component, device.grade, device.meter) for device in opened.devices}
    assert kinds.pop("cpu") == ("cpu", "model", "codecarbon")
    assert kinds.pop("memory") == ("memory", "model", "codecarbon")
    assert kinds in ({}, {ALL_GPUS: ("accelerators", "power", "codecarbon")})
    first = {sample.device_id: sample for sample in opened.read()}
    assert set(first) == {device.id for device in opened.devices}
    second = read_until_grown(opened, {name: sample.energy_j or 0 for name, sample in first.items()})
    for name in ("cpu", "memory"):
        seconds = second[name].t_s - first[name].t_s
        watts = ((second[name].energy_j or 0) - (first[name].energy_j or 0)) / seconds
        assert 0.1 < watts < 3000  # joules, and neither kWh nor Wh
        assert abs(second[name].t_s - time.monotonic()) < 30  # our clock


def test_its_own_reader_agrees_with_ours(opened: OpenMeters) -> None:
    """Memory is a model of constant power: CodeCarbon asked directly must give the same watts."""
    code = """
import time
from codecarbon import OfflineEmissionsTracker
from codecarbon.external.ram import RAM
print(RAM(tracking_mode="machine").total_power().W)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    watts = float(done.stdout.split()[-1])
    first = {sample.device_id: sample for sample in opened.read()}["memory"]
    last = read_until_grown(opened, {"cpu": -1.0, "memory": first.energy_j or 0.0, ALL_GPUS: -1.0})["memory"]
    assert ((last.energy_j or 0) - (first.energy_j or 0)) / (last.t_s - first.t_s) == pytest.approx(watts, rel=0.2)


def test_nothing_is_left_behind(temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    threads = set(threading.enumerate())
    meters = open_meters(NAMED)
    (meter,) = meters.meters
    assert isinstance(meter, codecarbon.CodeCarbonMeter)
    pid = meter._pid
    assert pid is not None
    assert meters.read()
    meters.close()
    meters.close()
    assert ended(pid)
    assert meters.read() == ()
    assert set(threading.enumerate()) == threads
    assert list(temporary.iterdir()) == []
    assert list(tmp_path.iterdir()) == [temporary]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    meters = open_meters(NAMED)
    meters.read()
    meters.close()
    assert tuple(capfd.readouterr()) == ("", "")


def test_the_tracker_is_no_child_that_the_program_can_meet(opened: OpenMeters) -> None:
    (meter,) = opened.meters
    assert isinstance(meter, codecarbon.CodeCarbonMeter)
    parent = int(Path(f"/proc/{meter._pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    assert parent != os.getpid()


def test_the_users_settings_of_codecarbon_are_not_followed(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".codecarbon.config").write_text("[codecarbon]\nforce_ram_power = 2000\npue = 9\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CODECARBON_FORCE_RAM_POWER", "2000")
    monkeypatch.setenv("CODECARBON_OUTPUT_METHODS", "csv")
    meters = open_meters(NAMED)
    first = {sample.device_id: sample for sample in meters.read()}["memory"]
    last = read_until_grown(meters, {"cpu": -1.0, "memory": first.energy_j or 0.0, ALL_GPUS: -1.0})["memory"]
    meters.close()
    assert ((last.energy_j or 0) - (first.energy_j or 0)) / (last.t_s - first.t_s) < 1500
    assert not list(tmp_path.glob("*.csv"))
    assert list(temporary.iterdir()) == []


def test_a_tracker_that_is_killed_is_a_gap(opened: OpenMeters) -> None:
    (meter,) = opened.meters
    assert isinstance(meter, codecarbon.CodeCarbonMeter)
    assert meter._pid is not None
    os.kill(meter._pid, 9)
    assert ended(meter._pid)
    until_s = time.monotonic() + 10
    while opened.read() and time.monotonic() < until_s:
        time.sleep(0.02)
    assert opened.read() == ()


def test_it_ends_with_the_process_that_opened_it(temporary: Path) -> None:
    code = """
import os, signal
from footprint.meters import open_meters
meters = open_meters({"FOOTPRINT_METERS": "codecarbon"})
print(meters.meters[0]._pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == -9
    assert ended(int(done.stdout))
    assert list(temporary.iterdir()) == []


def test_it_ends_though_a_fork_of_the_program_holds_its_input_open(temporary: Path) -> None:
    meters = open_meters(NAMED)
    (meter,) = meters.meters
    assert isinstance(meter, codecarbon.CodeCarbonMeter)
    assert meter._pid is not None
    held = os.dup(meter._pipe(meter._process.stdin).fileno())
    meters.close()
    assert ended(meter._pid)
    os.close(held)
    assert list(temporary.iterdir()) == []


def test_the_network_is_refused_there() -> None:
    code = """
import socket, sys
from footprint.meters.codecarbon import _no_network
sys.addaudithook(_no_network)
refused = 0
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.getaddrinfo("localhost", 80),
    lambda: socket.gethostbyname("localhost"),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
):
    try:
        attempt()
    except OSError as error:
        refused += "uses no network" in str(error)
print(refused)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "4"


def test_on_linux_it_is_only_used_where_it_is_named() -> None:
    meters = open_meters({})
    assert "codecarbon" not in {meter.name for meter in meters.meters}
    meters.close()


def test_without_codecarbon_there_is_no_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert codecarbon.open_meter() is None


def test_one_that_does_not_start_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(MeterError, match="it ended"):
        codecarbon.open_meter()
    assert "CodeCarbon does not measure here" in open_meters(NAMED).warnings[0]


def gpu(name: str, meter: str) -> Meter:
    return ReplayMeter([Device(id=name, component="accelerators", name="GPU", meter=meter, grade="power")], [], meter)


def test_all_gpus_together_count_only_where_none_is_read_by_itself() -> None:
    alone = open_meters({}, [("codecarbon", lambda _: gpu(ALL_GPUS, "codecarbon"))])
    assert [device.id for device in alone.devices] == [ALL_GPUS]
    both = [("nvml", lambda _: gpu("gpu:GPU-1", "nvml")), ("codecarbon", lambda _: gpu(ALL_GPUS, "codecarbon"))]
    assert [device.id for device in open_meters({}, both).devices] == ["gpu:GPU-1"]
