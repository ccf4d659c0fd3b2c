"""Opening meters: the first to claim a device wins, and nothing that goes wrong is an exception."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from footprint.accounting.energy import MAX_POWER_GAP_S
from footprint.errors import MeterError
from footprint.meters import METERS_VARIABLE, OpenMeters, cpu_model, memory_model, open_meters
from footprint.meters.common import Meter
from footprint.model import ComponentName, Device, Grade, Sample
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


def sensor(name: str, component: ComponentName, grade: Grade, contains: tuple[ComponentName, ...] = ()) -> Device:
    return Device(id=name, component=component, name=name, meter="any", grade=grade, contains=contains)


def claimed(*meters: list[Device]) -> list[str]:
    return [one.id for one in OpenMeters([ReplayMeter(devices, []) for devices in meters]).devices]


MODELS = [sensor("cpu", "cpu", "model"), sensor("memory", "memory", "model")]
PACKAGES = [sensor("cpu:package-0", "cpu", "counter"), sensor("cpu:package-1", "cpu", "counter")]
WHOLE: tuple[ComponentName, ...] = ("accelerators", "cpu", "memory")


def test_a_model_stands_in_only_where_no_sensor_reads_the_component() -> None:
    assert claimed(MODELS) == ["cpu", "memory"]
    assert claimed(PACKAGES, MODELS) == ["cpu:package-0", "cpu:package-1", "memory"]
    assert claimed([sensor("memory:dram-0", "memory", "counter")], MODELS) == ["memory:dram-0", "cpu"]
    assert claimed([sensor("cpu:chip-0", "cpu", "power")], MODELS) == ["cpu:chip-0", "memory"]


def test_a_reading_of_the_whole_machine_replaces_no_component() -> None:
    assert claimed([sensor("machine:power-meter", "rest", "power", WHOLE)], MODELS) == ["machine:power-meter", "cpu", "memory"]


def test_the_processor_belongs_to_one_meter() -> None:
    assert claimed(PACKAGES, [sensor("cpu:esocket0", "cpu", "counter")]) == ["cpu:package-0", "cpu:package-1"]


def test_of_two_readings_of_the_machine_the_wider_is_kept() -> None:
    psys = sensor("machine:psys-0", "rest", "counter", ("cpu",))
    meter = sensor("machine:power-meter", "rest", "power", WHOLE)
    assert claimed([*PACKAGES, psys], [meter]) == ["cpu:package-0", "cpu:package-1", "machine:power-meter"]
    assert claimed([meter], [psys]) == ["machine:power-meter"]
    assert claimed([psys], [sensor("machine:other", "rest", "power", ("cpu",))]) == ["machine:psys-0"]


def test_a_meter_that_owns_nothing_is_not_read() -> None:
    idle = ReplayMeter([sensor("cpu", "cpu", "model")], [[Sample(device_id="cpu", t_s=0.0, power_w=1.0)]])
    OpenMeters([ReplayMeter(PACKAGES, [[]]), idle]).read()
    assert idle.read() != ()


class Wraps(ReplayMeter):
    max_interval_s: float | None = 30.0


def test_the_most_hurried_meter_in_use_says_how_often_to_read() -> None:
    def asked(*meters: Meter) -> float | None:
        return OpenMeters(meters).max_interval_s

    wraps = Wraps(PACKAGES, [])
    assert asked(ReplayMeter(MODELS, [])) is None
    assert asked(wraps, ReplayMeter(MODELS, [])) == 30
    assert asked(ReplayMeter(PACKAGES, []), wraps) is None  # it owns nothing here
    assert asked(wraps, ReplayMeter([sensor("gpu:x", "accelerators", "power")], [])) == MAX_POWER_GAP_S / 2


def test_warnings_grow_with_what_the_meters_see() -> None:
    meter = ReplayMeter(MODELS, [])
    opened = OpenMeters([meter], ["one: not there"])
    assert list(opened.warnings) == ["one: not there"]
    meter.warnings = ("it went away",)
    assert list(opened.warnings) == ["one: not there", "it went away"]


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


def test_the_meters_that_are_named_are_used_in_that_order() -> None:
    opened: list[str] = []

    def opener(name: str) -> Callable[[Mapping[str, str]], Meter | None]:
        return lambda _environ: opened.append(name)

    order = [(name, opener(name)) for name in ("one", "two", "three")]
    assert open_meters({METERS_VARIABLE: " Three, one,three"}, order).warnings == ()
    assert opened == ["three", "one"]


def test_a_name_that_no_meter_has_is_told_with_those_that_there_are() -> None:
    works = ReplayMeter([device("a", "works")], [], "works")
    opened = open_meters({METERS_VARIABLE: "crystal-ball"}, [("works", lambda _: works)])
    assert opened.meters == (works,)
    (told,) = opened.warnings
    assert told == "FOOTPRINT_METERS names 'crystal-ball', and there is no such meter, so all are used; there are works"
    (told,) = open_meters({METERS_VARIABLE: "works,crystal-ball"}, [("works", lambda _: works)]).warnings
    assert told == "FOOTPRINT_METERS names 'crystal-ball', and there is no such meter; there are works"
