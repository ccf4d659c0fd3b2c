"""GPUs of known power through the whole thread: the command line, the recorder, pynvml, the ledger, footprint and report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

POWER_W = 300.0 + 200.0
Footprint = Callable[..., str]


def computing(seconds: float, on: str = "01") -> list[str]:
    """A command that the driver lists among the processes of some GPUs while it lasts."""
    held = ",".join(f"{gpu}:$$" for gpu in on)
    return ["sh", "-c", f'echo "{held}" > "$STUB_FAULTS/compute"; exec sleep {seconds}']


@pytest.fixture
def footprint_with_gpus(stub_folder: Path, tmp_path: Path) -> Footprint:
    """Call the command line on a machine of two GPUs, one of 300 W and one of 200 W; what it prints comes back."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "STUB_"))}
    environ |= {"LD_LIBRARY_PATH": str(stub_folder), "STUB_GPUS": "2", "STUB_POWER_W": "300,200", "STUB_FAULTS": str(tmp_path)}

    def call(*words: str, **settings: str) -> str:
        command = [sys.executable, "-m", "footprint.cli", *words]
        done = subprocess.run(command, env=environ | settings, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def listed(footprint: Footprint) -> dict[str, Any]:
    return {run["name"]: run for run in json.loads(footprint("runs", "list", "--json"))["runs"]}


def accelerators(of: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (one for one in of if one["component"] == "accelerators")
    return found


def joules(energy_kwh: dict[str, float]) -> float:
    return energy_kwh["central"] * 3.6e6


def test_what_the_counters_say_is_what_is_reported(footprint_with_gpus: Footprint) -> None:
    footprint_with_gpus("run", "--name", "training", "--", *computing(1))
    run_id = listed(footprint_with_gpus)["training"]["id"]
    shown = json.loads(footprint_with_gpus("runs", "show", run_id, "--json"))
    true_j = POWER_W * shown["run"]["duration_s"]
    read_j = [reading["energy_j"] for reading in shown["run"]["devices"] if reading["device"]["meter"] == "nvml"]
    assert read_j == pytest.approx([true_j * 0.6, true_j * 0.4], rel=0.02)
    assert joules(shown["footprint"]["accelerator_energy_kwh"]) == pytest.approx(true_j, rel=0.02)
    assert accelerators(shown["footprint"]["coverage"]) == {
        "component": "accelerators",
        "grade": "counter",
        "read_ratio": pytest.approx(1.0, abs=0.01),
    }
    report = json.loads(footprint_with_gpus("report", "--json"))
    assert joules(report["total"]["accelerator_energy_kwh"]) == pytest.approx(true_j, rel=0.02)
    assert accelerators(report["shares"])["grade"] == "counter"


def test_the_gpus_of_a_nested_run_are_counted_once(footprint_with_gpus: Footprint) -> None:
    inner = """
import footprint, os, pathlib, time
with footprint.track("inner"):
    pathlib.Path(os.environ["STUB_FAULTS"], "compute").write_text(f"0:{os.getpid()},1:{os.getpid()}")
    time.sleep(0.7)
"""
    footprint_with_gpus("run", "--name", "outer", "--", sys.executable, "-c", inner)
    runs = listed(footprint_with_gpus)
    assert runs["inner"]["account"] == runs["outer"]["account"]
    report = json.loads(footprint_with_gpus("report", "--json"))
    assert joules(report["total"]["accelerator_energy_kwh"]) == pytest.approx(POWER_W * runs["outer"]["duration_s"], rel=0.02)


def test_a_hidden_gpu_is_not_counted(footprint_with_gpus: Footprint) -> None:
    footprint_with_gpus("run", "--name", "one", "--", *computing(0.7), CUDA_VISIBLE_DEVICES="1")
    run = listed(footprint_with_gpus)["one"]
    shown = json.loads(footprint_with_gpus("runs", "show", run["id"], "--json"))
    assert joules(shown["footprint"]["accelerator_energy_kwh"]) == pytest.approx(200.0 * run["duration_s"], rel=0.02)


def test_a_gpu_that_others_hold_is_not_counted(footprint_with_gpus: Footprint) -> None:
    footprint_with_gpus("run", "--name", "one", "--", *computing(0.7, on="1"))
    run = listed(footprint_with_gpus)["one"]
    shown = json.loads(footprint_with_gpus("runs", "show", run["id"], "--json"))
    assert joules(shown["footprint"]["accelerator_energy_kwh"]) == pytest.approx(200.0 * run["duration_s"], rel=0.02)


def test_of_a_cut_gpu_the_runs_slices_are_counted(footprint_with_gpus: Footprint) -> None:
    settings = {"STUB_MIG": "0", "STUB_SLICES": "0:3,0:4", "CUDA_VISIBLE_DEVICES": "MIG-a0000000-1111-2222-3333-0000000000b0"}
    footprint_with_gpus("run", "--name", "cut", "--", *computing(0.7, on="0"), **settings)
    run = listed(footprint_with_gpus)["cut"]
    shown = json.loads(footprint_with_gpus("runs", "show", run["id"], "--json"))
    (device,) = [one["device"] for one in shown["run"]["devices"] if one["device"]["meter"] == "nvml"]
    assert device["slices"] == [3, 7]
    energy = shown["footprint"]["accelerator_energy_kwh"]
    assert joules(energy) < 300.0 * run["duration_s"]
    assert energy["low"] < energy["central"] < energy["high"]
    assert any("estimate" in text for text in shown["footprint"]["warnings"])
