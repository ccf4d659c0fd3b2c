"""Opening meters: the first to claim a device wins, and nothing that goes wrong is an exception."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from footprint.errors import MeterError
from footprint.meters import cpu_model, memory_model, open_meters
from footprint.meters.common import Meter
from footprint.model import Device, Sample
from footprint.testing import ReplayMeter


def device(name: str, meter: str) -> Device:
    return Device(id=name, component="accelerators", name=name, meter=meter, grade="counter")


def test_the_first_to_claim_a_device_wins_and_alone_reads_it() -> None:
    readings = [[Sample(device_id=name, t_s=0.0, energy_j=value) for name in ("a", "b")] for value in (1.0,)]
    others = [[Sample(device_id=name, t_s=0.0, energy_j=2.0) for name in ("b", "c")]]
    first = ReplayMeter([device("a", "first"), device("b", "first")], readings, "first")
    second = ReplayMeter([device("b", "second"), device("c", "second")], others, "second")
    opened = open_meters({}, [("first", lambda _: first), ("second", lambda _: second)])
    assert [(one.id, one.meter) for one in opened.devices] == [("a", "first"), ("b", "first"), ("c", "second")]
    assert [(one.device_id, one.energy_j) for one in opened.read()] == [("a", 1.0), ("b", 1.0), ("c", 2.0)]
    opened.close()
    assert first.closed
    assert second.closed


def test_what_fails_to_open_is_a_warning_and_the_rest_opens() -> None:
    def refuses(_environ: Mapping[str, str]) -> Meter:
        raise MeterError("no permission; ask for it")

    def breaks(_environ: Mapping[str, str]) -> Meter:
        raise OSError("symbol not found")

    works = ReplayMeter([device("a", "works")], [], "works")
    opened = open_meters({}, [("one", refuses), ("two", breaks), ("three", lambda _: None), ("four", lambda _: works)])
    assert opened.meters == (works,)
    assert opened.warnings[0] == "one: no permission; ask for it"
    assert "symbol not found" in opened.warnings[1]
    assert len(opened.warnings) == 2


def test_the_models_claim_what_the_kernel_tells_and_give_no_reading() -> None:
    cpu, memory = cpu_model.open_meter(), memory_model.open_meter()
    assert cpu is not None
    assert memory is not None
    assert [one.id for one in (*cpu.devices(), *memory.devices())] == ["cpu", "memory"]
    assert {one.grade for one in (*cpu.devices(), *memory.devices())} == {"model"}
    assert cpu.read() == memory.read() == ()


def test_without_the_kernels_books_there_is_no_model(tmp_path: Path) -> None:
    assert cpu_model.open_meter(tmp_path) is None
    assert memory_model.open_meter(tmp_path) is None


def test_opening_loads_pynvml_only_where_a_driver_is() -> None:
    code = """
import sys
from footprint.meters import nvml, open_meters
nvml._LIBRARY = "libnvidia-ml-that-is-not-there.so.1"
opened = open_meters()
opened.close(); opened.close()
print("pynvml" in sys.modules, [d.id for d in opened.devices])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False ['cpu', 'memory']"
