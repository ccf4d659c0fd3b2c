"""Drivers at arm's length: the real pynvml against a library that hangs and crashes, in a process and in a thread."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.energy import Integral
from footprint.ledger.processes import identify, is_alive
from footprint.meters import apart
from footprint.model import Sample
from tests.meters.conftest import ROOT

BEGIN = """
import json, os, pathlib, time
from footprint.meters import apart, open_meters
faults = pathlib.Path(os.environ["STUB_FAULTS"])
place = os.environ["PLACE"]
def open_here():
    return open_meters(drivers_in=place)
def gpus(opened):
    return [s for s in opened.read() if s.device_id.startswith("gpu:")]
def until(condition, what):
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.01)
def children():
    return pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
"""
both = pytest.mark.parametrize("place", ["process", "thread"])


@both
def test_what_is_read_over_there_is_what_is_read_here(run_with_gpus: Any, tmp_path: Path, place: str) -> None:
    (tmp_path / "compute").write_text("0:11,1:12")
    code = """
here, there = open_meters(), open_here()
assert here.devices == there.devices and here.warnings == there.warnings
assert here.holders() == there.holders()
assert [m.unread for m in here.meters] == [m.unread for m in there.meters]
a, b, c = gpus(here), gpus(there), gpus(here)
print(json.dumps([[x.energy_j <= y.energy_j <= z.energy_j, x.t_s <= y.t_s <= z.t_s] for x, y, z in zip(a, b, c, strict=True)]))
here.close(); there.close(); there.close()
assert not children()
"""
    settings = {"STUB_GPUS": "3", "STUB_NO_COUNTER": "2", "STUB_NO_POWER": "2", "STUB_FAULTS": str(tmp_path), "PLACE": place}
    assert run_with_gpus(BEGIN + code, **settings) == [[True, True]] * 2


@both
def test_a_driver_that_hangs_is_left_out_until_it_answers(run_with_gpus: Any, tmp_path: Path, place: str) -> None:
    code = """
apart.READ_LIMIT_S = 0.2
opened = open_here()
before = gpus(opened)
(faults / "hang").touch()
assert gpus(opened) == []
apart.READ_LIMIT_S = 3600  # it is waited for once, and then only looked at
assert [gpus(opened) for _ in range(100)] == [[]] * 100 and opened.holders() == {}
(faults / "hang").unlink()
until(lambda: gpus(opened), "an answer")
after = gpus(opened)
opened.close()
print(json.dumps([(after[0].energy_j - before[0].energy_j) / (after[0].t_s - before[0].t_s), opened.warnings]))
"""
    mean_w, warnings = run_with_gpus(BEGIN + code, STUB_POWER_W="300", STUB_FAULTS=str(tmp_path), PLACE=place)
    assert mean_w == pytest.approx(300, rel=0.01)
    (warning,) = [text for text in warnings if "nvml" in text]
    assert warning.startswith("nvml: the driver stopped answering for a time")


def test_a_driver_that_crashes_is_opened_anew_and_loses_nothing_of_its_counters(run_with_gpus: Any, tmp_path: Path) -> None:
    code = """
apart.REOPEN_AFTER_S = 0.0
opened = open_here()
before = gpus(opened)
(faults / "crash").touch()
assert gpus(opened) == []
(faults / "crash").unlink()
until(lambda: gpus(opened), "an answer")
after = gpus(opened)
opened.close()
assert not children()
print(json.dumps([(after[0].energy_j - before[0].energy_j) / (after[0].t_s - before[0].t_s), opened.warnings]))
"""
    mean_w, warnings = run_with_gpus(BEGIN + code, STUB_POWER_W="300", STUB_FAULTS=str(tmp_path), PLACE="process")
    assert mean_w == pytest.approx(300, rel=0.01)
    (warning,) = [text for text in warnings if "nvml" in text]
    assert "ended the process that read it (signal 11)" in warning


def test_a_driver_that_crashes_on_and_on_is_given_up(run_with_gpus: Any, tmp_path: Path) -> None:
    code = """
apart.REOPEN_AFTER_S = 0.0
opened = open_here()
(faults / "crash").touch()
(nvml,) = [meter for meter in opened.meters if meter.name == "nvml"]
until(lambda: gpus(opened) == [] and nvml._openings_left == 0 and nvml._line is None, "it is given up")
(faults / "crash").unlink()
assert [gpus(opened) for _ in range(10)] == [[]] * 10
assert not children()
print(json.dumps([text for text in opened.warnings if "nvml" in text]))
"""
    (warning,) = run_with_gpus(BEGIN + code, STUB_FAULTS=str(tmp_path), PLACE="process")
    assert "signal 11" in warning


@pytest.mark.parametrize(
    ("place", "how", "told"),
    [
        (
            "process",
            "crash",
            "nvml: the driver's library ended the process that read it (signal 11); its devices are not measured",
        ),
        ("process", "hang", "nvml: the driver did not answer within 0.3 s; its devices are not measured, see `nvidia-smi`"),
        ("thread", "hang", "nvml: the driver did not answer within 0.3 s; its devices are not measured, see `nvidia-smi`"),
        ("process", "9", "nvml: libnvidia-ml.so.1 is there but does not work (Driver Not Loaded)"),
    ],
)
def test_what_cannot_be_opened_is_told_and_the_rest_opens(
    run_with_gpus: Any, tmp_path: Path, place: str, how: str, told: str
) -> None:
    code = """
apart.OPEN_LIMIT_S = 0.3
opened = open_here()
print(json.dumps([[d.id for d in opened.devices], [m.name for m in opened.meters], opened.warnings]))
assert not children()
"""
    ids, meters, warnings = run_with_gpus(BEGIN + code, STUB_INIT=how, STUB_FAULTS=str(tmp_path), PLACE=place)
    assert "nvml" not in meters
    assert ids
    assert next(text for text in warnings if "nvml" in text).startswith(told)


def test_nothing_of_the_process_is_held_over_there(run_with_gpus: Any, tmp_path: Path) -> None:
    code = """
kept = os.open("/dev/null", os.O_RDONLY)
descriptors = set(os.listdir("/proc/self/fd"))
opened = open_here()
(child,) = children()
held = sorted(os.readlink(f"/proc/{child}/fd/{n}") for n in os.listdir(f"/proc/{child}/fd") if int(n) > 2)
opened.close()
assert set(os.listdir("/proc/self/fd")) == descriptors
print(json.dumps(held))
"""
    (held,) = run_with_gpus(BEGIN + code, STUB_FAULTS=str(tmp_path), PLACE="process")
    assert held.startswith("socket:")


def test_it_ends_with_the_process_that_asks(stub_folder: Path, tmp_path: Path) -> None:
    code = (
        BEGIN
        + """
opened = open_here()
print(children()[0], flush=True)
time.sleep(600)
"""
    )
    environ = {
        **os.environ,
        "LD_LIBRARY_PATH": str(stub_folder),
        "PYTHONPATH": str(ROOT),
        "STUB_FAULTS": str(tmp_path),
        "PLACE": "process",
    }
    with subprocess.Popen([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = identify(int(parent.stdout.readline()))
        assert is_alive(child)
        parent.send_signal(signal.SIGKILL)
    deadline_s = time.monotonic() + 60
    while is_alive(child):
        assert time.monotonic() < deadline_s, "it outlives the process that asks"
        time.sleep(0.01)


STEPS = st.lists(
    st.tuples(
        st.floats(0.05, 600),  # seconds
        st.floats(0, 1400),  # watts
        st.sampled_from(["read", "read", "read", "silent", "reset"]),
    ),
    max_size=40,
)


@given(STEPS, st.floats(0, 1e7))
def test_a_stretch_that_is_read_is_read_right_whatever_happened_in_a_silence(
    steps: list[tuple[float, float, str]], old_j: float
) -> None:
    """After any silence, a reset in it or not, what counts as read is what was drawn."""
    counter, integral = apart._Counter(), Integral(0.0)
    t_s, shown_j, true_j = 0.0, old_j, [(0.0, 0.0)]
    integral.add(Sample(device_id="gpu", t_s=0.0, energy_j=counter.joined(0.0, old_j)))
    for length_s, power_w, what in steps:
        t_s += length_s
        true_j.append((t_s, true_j[-1][1] + power_w * length_s))
        shown_j = power_w * length_s / 2 if what == "reset" else shown_j + power_w * length_s  # a reset in the middle of it
        if what != "read":
            counter.was_silent = True
            continue
        covered_s, energy_j = integral.read_s, integral.energy_j or 0.0
        integral.add(Sample(device_id="gpu", t_s=t_s, energy_j=counter.joined(t_s, shown_j)))
        if integral.read_s > covered_s:
            begin_s = t_s - (integral.read_s - covered_s)
            drawn_j = true_j[-1][1] - next(
                drawn for at_s, drawn in true_j if math.isclose(at_s, begin_s, rel_tol=1e-9, abs_tol=1e-6)
            )
            assert (integral.energy_j or 0.0) - energy_j == pytest.approx(drawn_j, rel=1e-6, abs=1e-3)


def test_a_counter_that_was_not_silent_is_as_it_is() -> None:
    counter = apart._Counter()
    assert [counter.joined(t_s, 10.0 * t_s) for t_s in range(5)] == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_a_step_that_no_device_can_draw_is_a_gap() -> None:
    counter, integral = apart._Counter(), Integral(0.0)
    for t_s, energy_j in ((0.0, 100.0), (1.0, 400.0), (2.0, 9e9), (3.0, 9e9 + 300)):
        integral.add(Sample(device_id="gpu", t_s=t_s, energy_j=counter.joined(t_s, energy_j)))
    assert integral.energy_j == pytest.approx(600)
    assert integral.read_s == 2.0
