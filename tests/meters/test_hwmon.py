"""Power sensors of hwmon on made-up trees: one of each chip that the table knows, and those that nobody should count."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from footprint.errors import MeterError
from footprint.meters import hwmon, open_meters
from footprint.meters.hwmon import HwmonMeter, open_meter
from footprint.testing import without_root

ROOT = Path(__file__).parents[2]
WHOLE = ("accelerators", "cpu", "memory")


class Tree:
    """A `/sys` with chips."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.chips = 0

    def chip(self, name: str, bus: str = "", *, old: bool = False, **files: Any) -> Path:
        """One chip; its files lie in the folder of its device where it is `old`. Returns where they lie."""
        device = self.root / "devices" / (bus or f"{name}.{self.chips}")
        folder = self.root / "class/hwmon" / f"hwmon{self.chips}"
        self.chips += 1
        device.mkdir(parents=True)
        folder.mkdir(parents=True)
        (folder / "device").symlink_to(os.path.relpath(device, folder))
        (folder / "power").mkdir()  # run-time power management, which every device has
        base = device if old else folder
        (base / "name").write_text(f"{name}\n")
        for file, value in files.items():
            (base / file).write_text(f"{value}\n")
        return base

    def meter(self) -> HwmonMeter:
        meter = open_meter(self.root)
        assert meter is not None
        return meter


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def claimed(meter: HwmonMeter) -> list[tuple[str, str, str]]:
    return [(device.id, device.component, device.grade) for device in meter.devices()]


def readings(meter: HwmonMeter) -> dict[str, float | None]:
    return {one.device_id: one.power_w if one.energy_j is None else one.energy_j for one in meter.read()}


def grace(tree: Tree, sockets: int = 2, *, old: bool = True, measures: str | None = None) -> None:
    for socket in range(sockets):
        for number, (part, watts) in enumerate((("Module", 520), ("Grace", 150), ("CPU", 90), ("SysIO", 30))):
            label = f"{part} Power Socket {socket}"
            bus = f"ACPI000D:{socket}{number}"
            base = tree.chip("power_meter", bus, old=old, power1_average=watts * 1_000_000, power1_oem_info=label)
            if measures:
                (base / "measures").mkdir()
                (base / "measures" / measures).write_text("")


# -- Chips of the table ------------------------------------------------------------------------------------------------


def test_ampere_shows_cores_and_the_rest_of_the_chip(tree: Tree) -> None:
    for socket in (1, 0):
        tree.chip(
            "apm_xgene",
            f"APMC0D29:0{socket}",
            power1_label="CPU power",
            power1_input=60_000_000 + socket * 1_000_000,
            power2_label="IO power",
            power2_input=25_000_000,
            temp1_input=40_000,
        )
    meter = tree.meter()
    assert claimed(meter) == [
        ("cpu:cpu-power-0", "cpu", "power"),
        ("cpu:cpu-power-1", "cpu", "power"),
        ("cpu:io-power-0", "cpu", "power"),
        ("cpu:io-power-1", "cpu", "power"),
    ]
    assert readings(meter) == {"cpu:cpu-power-0": 60, "cpu:cpu-power-1": 61, "cpu:io-power-0": 25, "cpu:io-power-1": 25}
    meter.close()
    meter.close()


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("measures", [None, "LNXSYBUS:00"])
def test_grace_is_its_two_rails_and_not_what_contains_them(tree: Tree, old: bool, measures: str | None) -> None:
    grace(tree, old=old, measures=measures)
    meter = tree.meter()
    assert readings(meter) == {
        "cpu:cpu-power-socket-0": 90,
        "cpu:cpu-power-socket-1": 90,
        "cpu:sysio-power-socket-0": 30,
        "cpu:sysio-power-socket-1": 30,
    }
    assert {device.component for device in meter.devices()} == {"cpu"}
    assert "power_meter Grace Power Socket 0" in hwmon.unused(tree.root)
    assert "power_meter Module Power Socket 1" in hwmon.unused(tree.root)


def test_a_socket_without_one_of_its_rails_is_not_read(tree: Tree) -> None:
    grace(tree, 1)
    shutil.rmtree(tree.root / "devices/ACPI000D:03")
    assert open_meter(tree.root) is None


@pytest.mark.parametrize("measures", [None, "LNXSYBUS:00"])
@pytest.mark.parametrize("old", [True, False])
def test_the_acpi_meter_is_the_whole_machine(tree: Tree, old: bool, measures: str | None) -> None:
    base = tree.chip("power_meter", old=old, power1_average=412_000_000, power1_is_battery=0, power1_average_interval=1000)
    if measures:
        (base / "measures").mkdir()
        (base / "measures" / measures).write_text("")
    meter = tree.meter()
    assert [(one.id, one.component, one.grade, one.contains) for one in meter.devices()] == [
        ("machine:power-meter", "rest", "power", WHOLE)
    ]
    assert readings(meter) == {"machine:power-meter": 412}


@pytest.mark.parametrize("case", ["battery", "part", "labelled", "two"])
def test_an_acpi_meter_of_something_else_is_not_used(tree: Tree, case: str) -> None:
    files: dict[str, Any] = {"power1_average": 412_000_000}
    if case == "battery":
        files["power1_is_battery"] = 1
    if case == "labelled":
        files["power1_oem_info"] = "DRAM"
    base = tree.chip("power_meter", **files)
    if case == "part":
        (base / "measures").mkdir()
        (base / "measures" / "ACPI0007:00").write_text("")
    if case == "two":
        tree.chip("power_meter", power1_average=80_000_000)
    assert open_meter(tree.root) is None


def test_power_shows_chips_and_system_by_their_energy(tree: Tree) -> None:
    files: dict[str, Any] = {}
    for number, (label, joules, watts) in enumerate(
        (
            ("Chip 0 ", 7510, 157),
            ("Chip 0 Vdd", 2680, 113),
            ("Chip 8 ", 5090, 99),
            ("System", 21290, 426),
            ("APSS 15 ", 21290, 426),
        ),
        1,
    ):
        files |= {f"energy{number}_label": label, f"energy{number}_input": joules * 1_000_000}
        files |= {f"power{number}_label": label, f"power{number}_input": watts * 1_000_000}
    files |= {"curr1_label": "Chip 0 Vdd", "curr1_input": 133_900}
    tree.chip("ibmpowernv", **files)
    meter = tree.meter()
    assert claimed(meter) == [
        ("cpu:chip-0", "cpu", "counter"),
        ("cpu:chip-8", "cpu", "counter"),
        ("machine:system", "rest", "counter"),
    ]
    assert readings(meter) == {"cpu:chip-0": 7510, "cpu:chip-8": 5090, "machine:system": 21290}
    assert hwmon.unused(tree.root) == ["ibmpowernv APSS 15", "ibmpowernv Chip 0 Vdd"]


def test_power_without_energy_counters_is_read_as_power(tree: Tree) -> None:
    tree.chip("ibmpowernv", power1_label="Chip 0 ", power1_input=157_000_000, power2_label="System", power2_input=426_000_000)
    meter = tree.meter()
    assert claimed(meter) == [("cpu:chip-0", "cpu", "power"), ("machine:system", "rest", "power")]
    assert readings(meter) == {"cpu:chip-0": 157, "machine:system": 426}


def test_amd_energy_is_its_sockets_and_not_their_cores(tree: Tree) -> None:
    files: dict[str, Any] = {}
    for number, label in enumerate(("Ecore000", "Ecore001", "Esocket0", "Esocket1"), 1):
        files |= {f"energy{number}_label": label, f"energy{number}_input": number * 1_000_000}
    tree.chip("amd_energy", **files)
    meter = tree.meter()
    assert claimed(meter) == [("cpu:esocket0", "cpu", "counter"), ("cpu:esocket1", "cpu", "counter")]
    assert readings(meter) == {"cpu:esocket0": 3, "cpu:esocket1": 4}


def test_a_jetson_is_its_input_rail(tree: Tree) -> None:
    rails: dict[str, Any] = {
        "in1_label": "VDD_IN",
        "in1_input": 5080,
        "curr1_input": 2400,
        "in2_label": "VDD_CPU_GPU_CV",
        "in2_input": 5072,
    }
    tree.chip("ina3221", **rails, curr2_input=800, in7_label="sum of shunt voltages", in7_input=12)
    meter = tree.meter()
    assert [(one.id, one.contains) for one in meter.devices()] == [("machine:vdd-in", WHOLE)]
    assert readings(meter)["machine:vdd-in"] == pytest.approx(12.192)
    assert hwmon.unused(tree.root) == ["ina3221 VDD_CPU_GPU_CV"]


# -- What is not counted -----------------------------------------------------------------------------------------------


def test_unknown_chips_are_named_and_others_loads_are_not(tree: Tree) -> None:
    tree.chip("ina226", power1_input=9_000_000)
    tree.chip("amdgpu", power1_average=200_000_000, power1_label="PPT")
    tree.chip("BAT0", power1_input=9_000_000)
    tree.chip("coretemp", temp1_input=40_000)
    assert open_meter(tree.root) is None
    assert hwmon.unused(tree.root) == ["ina226 power1_input"]
    assert hwmon.troubles(tree.root) == []


def test_no_hwmon_is_no_meter(tmp_path: Path) -> None:
    assert open_meter(tmp_path) is None
    assert hwmon.unused(tmp_path) == []


@pytest.mark.parametrize("value", ["0", "-5", "", "N/A", "4294967295000000"])
def test_a_reading_that_is_none_leaves_the_component_out(tree: Tree, value: str) -> None:
    label: dict[str, Any] = {"power1_label": "CPU power", "power2_label": "IO power"}
    base = tree.chip("apm_xgene", power1_input=60_000_000, power2_input=25_000_000, **label)
    meter = tree.meter()
    assert len(readings(meter)) == 2
    (base / "power2_input").write_text(value)
    assert readings(meter) == {}
    assert "did not answer" in meter.warnings[0]
    (base / "power2_input").write_text("26000000\n")
    assert readings(meter) == {"cpu:cpu-power": 60, "cpu:io-power": 26}


# -- Who may read, and who claims --------------------------------------------------------------------------------------


def test_sensors_that_are_roots_say_how_to_mend_it(tree: Tree) -> None:
    base = tree.chip("amd_energy", energy1_label="Esocket0", energy1_input=5_000_000)
    (base / "energy1_input").chmod(0)
    code = (
        "from footprint.meters import open_meters; opened = open_meters(); print(opened.warnings, [d.id for d in opened.devices])"
    )
    environ = {**os.environ, "FOOTPRINT_SYSFS": str(tree.root), "PYTHONPATH": str(ROOT)}
    command = without_root(sys.executable, "-c", code)
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert f"hwmon: the sensors amd_energy Esocket0 (hwmon) cannot be read; `sudo chmod a+r {base}/energy1_input`" in told
    assert "'cpu', 'memory'" in told
    (tree.root / "class/powercap/intel-rapl:0").mkdir(parents=True)  # the same counters, of which RAPL speaks
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert "Esocket0" not in told
    assert "hwmon: " not in told


def test_a_sensor_that_goes_before_it_is_opened_is_an_error_to_be_told(tree: Tree) -> None:
    tree.chip("power_meter", power1_average=1)
    base = tree.root / "class/hwmon/hwmon0/power1_average"
    base.unlink()
    base.symlink_to("nowhere")
    with pytest.raises(MeterError, match="power_meter"):
        open_meter(tree.root)


def test_rapl_and_hwmon_share_a_machine_without_counting_twice(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.chip("amd_energy", energy1_label="Esocket0", energy1_input=5_000_000)
    tree.chip("power_meter", power1_average=412_000_000)
    for name, label in (("intel-rapl:0", "package-0"), ("intel-rapl:1", "psys")):
        zone = tree.root / "class/powercap" / name
        zone.mkdir(parents=True)
        (zone / "name").write_text(label)
        (zone / "energy_uj").write_text("5000000\n")
    monkeypatch.setenv("FOOTPRINT_SYSFS", str(tree.root))
    opened = open_meters({})
    assert [device.id for device in opened.devices] == ["cpu:package-0", "machine:power-meter", "memory"]
    assert {sample.device_id for sample in opened.read()} == {"cpu:package-0", "machine:power-meter"}
    opened.close()
