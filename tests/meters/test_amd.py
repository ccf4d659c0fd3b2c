"""The AMD meter: trees as `amdgpu` and `amdkfd` make them, and a compiled library whose GPUs draw a known power."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from footprint.meters import amd, amd_smi, kfd
from footprint.meters.common import SYSFS_VARIABLE
from tests.meters.conftest import ROOT, compiled

SOURCE = Path(__file__).with_name("stub_amd.c")


class Machine:
    """A synthetic /sys with AMD GPUs."""

    def __init__(self, root: Path) -> None:
        self.sys = root
        self._nodes = 0
        self.cpu_node()

    def write(self, path: str, text: str) -> None:
        file = self.sys / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def cpu_node(self) -> None:
        self.write(f"class/kfd/kfd/topology/nodes/{self._nodes}/gpu_id", "0")
        self.write(f"class/kfd/kfd/topology/nodes/{self._nodes}/properties", "cpu_cores_count 64\nsimd_count 0")
        self._nodes += 1

    def gpu_node(self, address: str, unique: int = 0, partition: int = 0, gpu_id: str | None = None) -> int:
        """A GPU as compute programs see it; its number for the kernel."""
        domain, bus, slot = address.split(":")
        device, function = slot.split(".")
        location = int(bus, 16) << 8 | int(device, 16) << 3 | int(function) | partition << 28
        folder, number = f"class/kfd/kfd/topology/nodes/{self._nodes}", 1000 + self._nodes
        self.write(f"{folder}/gpu_id", str(number) if gpu_id is None else gpu_id)
        told = f"simd_count 416\nlocation_id {location}\ndomain {int(domain, 16)}\nunique_id {unique}\nnum_xcc 1"
        self.write(f"{folder}/properties", told)
        self._nodes += 1
        return number

    def board(
        self, address: str, device: str = "0x74a1", power_w: float | None = 300, power_file: str = "power1_average", **files: str
    ) -> None:
        """A PCI device with amdgpu's files."""
        folder = f"bus/pci/devices/{address}"
        for name, text in {"vendor": "0x1002", "device": device, "mem_info_vram_total": str(192 << 30), **files}.items():
            self.write(f"{folder}/{name}", text)
        if power_w is not None:
            self.write(f"{folder}/hwmon/hwmon4/{power_file}", str(round(power_w * 1e6)))

    def gpu(self, address: str, unique: int = 0, **board: Any) -> int:
        self.board(address, unique_id=f"{unique:x}", **board)
        return self.gpu_node(address, unique)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "sys")


@pytest.fixture(scope="session")
def rocm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ROCm whose management library is the stand-in."""
    folder = tmp_path_factory.mktemp("rocm")
    (folder / "lib").mkdir()
    compiled(SOURCE, folder / "lib" / amd_smi.LIBRARY)
    return folder


def meter(machine: Machine, **environ: str) -> amd.AmdMeter:
    """The meter of a machine without ROCm, unless one is named."""
    return amd.AmdMeter({"ROCM_PATH": "/nowhere", **environ}, machine.sys)


SHOW = """
import json, time
from pathlib import Path
from footprint.meters import amd, open_meters
amd._NODE = Path("/dev/null")
opened = open_meters()
first = opened.read()
time.sleep(0.3)
second = opened.read()
opened.close(); opened.close()
gpus = [d for d in opened.devices if d.meter == "amd"]
rows = {}
for a, b in zip(first, second, strict=True):
    rows[a.device_id] = b.power_w if a.energy_j is None else (b.energy_j - a.energy_j) / (b.t_s - a.t_s)
print(json.dumps({
    "ids": [d.id for d in gpus], "names": [d.name for d in gpus], "grades": [d.grade for d in gpus],
    "slices": [d.slices for d in gpus], "watts": [rows.get(d.id) for d in gpus],
    "unread": [text for m in opened.meters for text in m.unread], "warnings": opened.warnings, "after": len(opened.read()),
}))
"""


def shown(machine: Machine, rocm: Path | None, **settings: str) -> dict[str, Any]:
    """What the meter reads in a process of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_VISIBLE_DEVICES")}
    environ |= {"PYTHONPATH": str(ROOT), SYSFS_VARIABLE: str(machine.sys), "ROCM_PATH": str(rocm or "/nowhere"), **settings}
    command = [sys.executable, "-W", "error", "-c", SHOW]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    found["warnings"] = [text for text in found["warnings"] if "AMD" in text or "amd" in text or "VISIBLE" in text]
    return found


A, B = "0000:05:00.0", "0000:26:00.0"


def test_the_counter_gives_the_true_energy_in_the_hardwares_unit(machine: Machine, rocm: Path) -> None:
    machine.gpu(A, 0xA1, power_w=500)
    machine.gpu(B, 0xB2, power_w=120)
    seen = shown(machine, rocm, STUB_AMD=f"{A}=500,{B}=120", STUB_AMD_NAME="AMD Instinct MI300X")
    assert seen["ids"] == ["gpu:GPU-00000000000000a1", "gpu:GPU-00000000000000b2"]
    assert seen["grades"] == ["counter", "counter"]
    assert seen["names"] == ["AMD Instinct MI300X"] * 2
    assert seen["watts"] == [pytest.approx(500, rel=1e-3), pytest.approx(120, rel=1e-3)]  # 15.3 uJ would be 2.7e-3 too much
    assert (seen["unread"], seen["warnings"], seen["after"]) == ([], [], 0)


@pytest.mark.parametrize("defect", [{"STUB_AMD_STILL": "1"}, {"STUB_AMD_SCALE": "8"}, {"STUB_AMD_SCALE": "0.1"}])
def test_a_counter_that_does_not_move_as_the_power_says_is_not_used(machine: Machine, rocm: Path, defect: dict[str, str]) -> None:
    machine.gpu(A, 0xA1, power_w=300)
    seen = shown(machine, rocm, STUB_AMD=f"{A}=300", **defect)
    assert (seen["grades"], seen["watts"]) == (["power"], [300.0])
    (warning,) = seen["warnings"]
    assert "does not move as its power says" in warning


def test_a_counter_without_a_power_beside_it_must_move(machine: Machine, rocm: Path) -> None:
    machine.gpu(A, 0xA1, power_w=None)
    assert shown(machine, rocm, STUB_AMD=f"{A}=300")["grades"] == ["counter"]
    still = shown(machine, rocm, STUB_AMD=f"{A}=300", STUB_AMD_STILL="1")
    assert still["ids"] == []
    assert still["unread"] == [f"AMD Stub MI000 at {A}"]


@pytest.mark.parametrize("settings", [{"STUB_AMD": f"{A}=no"}, {"STUB_AMD_INIT": "34"}, {"STUB_AMD": ""}])
def test_without_a_counter_the_kernel_tells_the_power(machine: Machine, rocm: Path, settings: dict[str, str]) -> None:
    machine.gpu(A, 0xA1, power_w=210.5, power_file="power1_input", product_name="AMD Instinct MI210")
    seen = shown(machine, rocm, **settings)
    assert (seen["grades"], seen["watts"]) == (["power"], [210.5])
    assert bool([text for text in seen["warnings"] if "amdsmi_init answers 34" in text]) == ("STUB_AMD_INIT" in settings)


def test_without_the_library_it_is_said_how_to_get_it(machine: Machine) -> None:
    machine.gpu(A, 0xA1, power_w=210, product_name="AMD Instinct MI210")
    seen = shown(machine, None)
    assert (seen["names"], seen["grades"], seen["watts"]) == (["AMD Instinct MI210"], ["power"], [210.0])
    assert "`amd-smi-lib`" in seen["warnings"][0]


def test_what_tells_nothing_is_named_and_not_a_zero(machine: Machine) -> None:
    machine.gpu(A, 0xA1, power_w=None)
    machine.gpu(B, 0xB2, power_w=0)
    there = meter(machine)
    assert there.devices() == ()
    assert there.unread == (f"AMD GPU 1002:74a1 at {A}", f"AMD GPU 1002:74a1 at {B}")


def test_a_board_that_goes_away_is_left_out_until_it_is_back(machine: Machine) -> None:
    machine.gpu(A, 0xA1)
    machine.gpu(B, 0xB2)
    there = meter(machine)
    assert len(there.read()) == 2
    file = machine.sys / f"bus/pci/devices/{A}/hwmon/hwmon4/power1_average"
    file.write_text("error\n")
    assert [sample.device_id for sample in there.read()] == ["gpu:GPU-00000000000000b2"]
    file.write_text("77000000\n")
    assert there.read()[0].power_w == pytest.approx(77)
    there.close()
    assert there.read() == ()


# -- Boards that show several GPUs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "parts"), [("DPX", 2), ("QPX", 4), ("CPX", 8)])
def test_a_partitioned_board_is_one_device(machine: Machine, mode: str, parts: int) -> None:
    machine.board(A, unique_id="a1", current_compute_partition=mode, power_w=600)
    for partition in range(parts):
        machine.gpu_node(A, 0xA1, partition)
    whole, part = meter(machine), meter(machine, ROCR_VISIBLE_DEVICES="1")
    assert [(device.id, device.slices) for device in whole.devices()] == [("gpu:GPU-00000000000000a1", None)]
    assert [device.slices for device in part.devices()] == [(1, parts)]
    assert [sample.power_w for sample in part.read()] == [pytest.approx(600)]


def test_of_a_partitioned_board_the_first_part_has_the_counter(machine: Machine, rocm: Path) -> None:
    machine.board(A, unique_id="a1", current_compute_partition="DPX", power_w=600)
    machine.gpu_node(A, 0xA1, 0)
    machine.gpu_node(A, 0xA1, 1)
    seen = shown(machine, rocm, STUB_AMD=f"{A}=600,0000:05:00.1=no", ROCR_VISIBLE_DEVICES="1")
    assert (seen["grades"], seen["watts"], seen["slices"]) == (["counter"], [pytest.approx(600, rel=0.01)], [[1, 2]])


def test_a_container_with_one_partition_of_eight_knows_that_there_are_eight(machine: Machine) -> None:
    machine.board(A, unique_id="a1", current_compute_partition="CPX")
    machine.gpu_node(A, 0xA1, 0, gpu_id="")
    machine.gpu_node(A, 0xA1, 3)
    assert [device.slices for device in meter(machine).devices()] == [(1, 8)]


def test_kernels_that_counted_partitions_as_functions_are_understood(machine: Machine) -> None:
    machine.board(A, unique_id="a1", current_compute_partition="DPX")
    machine.gpu_node(A, 0xA1)
    machine.gpu_node("0000:05:00.1", 0xA1)
    assert [(device.id, device.slices) for device in meter(machine).devices()] == [("gpu:GPU-00000000000000a1", None)]


def test_two_dies_are_read_at_the_one_that_tells(machine: Machine, rocm: Path) -> None:
    dies = ["0000:c1:00.0", "0000:c6:00.0", "0000:c9:00.0", "0000:ce:00.0"]
    for index, address in enumerate(dies):
        # The kernel answers zero on the second die; on the second board here it is the first that is the second.
        machine.gpu(address, 0xD0 + index, device="0x7408", power_w=(480, 0, 0, 350)[index])
    stub = ",".join(f"{address}={watts}" for address, watts in zip(dies, ("480", "no", "no", "350"), strict=True))
    both = shown(machine, rocm, STUB_AMD=stub)
    assert (both["watts"], both["slices"]) == ([pytest.approx(480, rel=0.01), pytest.approx(350, rel=0.01)], [None, None])
    second = shown(machine, rocm, STUB_AMD=stub, ROCR_VISIBLE_DEVICES="1,2")
    assert second["ids"] == both["ids"]
    assert (second["grades"], second["slices"]) == (["counter", "counter"], [[1, 2], [1, 2]])
    assert second["watts"] == [pytest.approx(480, rel=0.01), pytest.approx(350, rel=0.01)]


def test_a_container_with_the_second_die_alone_reads_its_board(machine: Machine) -> None:
    machine.board("0000:c1:00.0", device="0x7408", unique_id="d0", power_w=480)
    machine.gpu("0000:c6:00.0", 0xD1, device="0x7408", power_w=0)
    there = meter(machine)
    assert [(device.id, device.slices) for device in there.devices()] == [("gpu:GPU-00000000000000d0", (1, 2))]
    assert [sample.power_w for sample in there.read()] == [pytest.approx(480)]


def test_a_second_die_whose_twin_is_not_here_is_unknown(machine: Machine) -> None:
    machine.gpu("0000:c6:00.0", 0xD1, device="0x7408", power_w=0)
    there = meter(machine)
    assert (there.devices(), len(there.unread)) == ((), 1)


def test_an_apu_says_that_its_cpu_is_in_the_reading(machine: Machine) -> None:
    machine.gpu(A, 0xA1, device="0x74a0", product_name="AMD Instinct MI300A", mem_info_vram_total="0")
    there = meter(machine)
    assert [device.contains for device in there.devices()] == [("cpu", "memory")]
    assert "CPU cores" in there.warnings[-1]


def test_graphics_of_a_cpu_with_much_memory_of_its_own_say_that_the_cpu_is_in_the_reading(machine: Machine) -> None:
    machine.gpu(A, 0xA1, device="0x1586", product_name="AMD Radeon 8060S", mem_info_vram_total=str(96 * 2**30))
    machine.write(f"bus/pci/devices/{A}/hwmon/hwmon4/in1_input", "1000")
    opened = meter(machine)
    assert opened.devices()[0].contains == ("cpu",)
    assert any("CPU cores" in warning for warning in opened.warnings)


def test_graphics_inside_a_cpu_is_none(machine: Machine) -> None:
    machine.gpu(A, device="0x1638", mem_info_vram_total=str(512 << 20))
    machine.gpu(B, 0xB2)
    assert [device.id for device in meter(machine).devices()] == ["gpu:GPU-00000000000000b2"]


def test_a_gpu_without_an_id_is_known_by_its_place(machine: Machine) -> None:
    machine.gpu(A)
    assert [device.id for device in meter(machine).devices()] == [f"gpu:AMD-{A}"]


# -- Which GPUs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "chosen", "warned"),
    [
        ({}, [0, 1, 2], False),
        ({"ROCR_VISIBLE_DEVICES": "2,0"}, [2, 0], False),
        ({"ROCR_VISIBLE_DEVICES": "GPU-00000000000000b1,0"}, [1, 0], False),
        ({"ROCR_VISIBLE_DEVICES": "GPU-00000000000000B1"}, [1], False),
        ({"ROCR_VISIBLE_DEVICES": "GPU-0000"}, [], True),
        ({"ROCR_VISIBLE_DEVICES": ""}, [], False),
        ({"ROCR_VISIBLE_DEVICES": "1,9,2"}, [1], True),
        ({"HIP_VISIBLE_DEVICES": "1"}, [1], False),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [1], False),
        ({"HIP_VISIBLE_DEVICES": "2", "CUDA_VISIBLE_DEVICES": "1"}, [2], False),
        ({"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": "1"}, [1], False),
        ({"HIP_VISIBLE_DEVICES": ""}, [0, 1, 2], False),
        ({"HIP_VISIBLE_DEVICES": "-1"}, [], False),
        ({"ROCR_VISIBLE_DEVICES": "1,2", "HIP_VISIBLE_DEVICES": "1"}, [2], False),
        ({"ROCR_VISIBLE_DEVICES": "1,2", "CUDA_VISIBLE_DEVICES": "0"}, [1], False),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1"}, [], True),
    ],
)
def test_lists_are_applied_in_rocms_order(machine: Machine, environ: dict[str, str], chosen: list[int], warned: bool) -> None:
    for index in range(3):
        machine.gpu(f"0000:0{index}:00.0", 0xB0 + index)
    nodes = kfd.nodes(machine.sys)
    found, warnings = kfd.visible(nodes, environ)
    assert [nodes.index(node) for node in found] == chosen
    assert bool(warnings) is warned


def test_gpus_are_counted_in_the_order_of_their_numbers(machine: Machine) -> None:
    for index in range(12):
        machine.gpu(f"0000:{index:02x}:00.0", 0xB0 + index)
    assert [node.uuid[-2:] for node in kfd.nodes(machine.sys)] == [f"{0xB0 + index:x}" for index in range(12)]


def test_a_hidden_gpu_is_neither_read_nor_unknown(machine: Machine) -> None:
    machine.gpu(A, 0xA1, power_w=None)
    machine.gpu(B, 0xB2)
    there = meter(machine, HIP_VISIBLE_DEVICES="1")
    assert [device.id for device in there.devices()] == ["gpu:GPU-00000000000000b2"]
    assert there.unread == ()


def test_who_holds_a_board(machine: Machine) -> None:
    first, second = machine.gpu(A, 0xA1), machine.gpu(B, 0xB2)
    for pid, path, text in [
        (11, f"vram_{first}", "4096"),
        (11, f"vram_{second}", "0"),
        (12, f"vram_{first}", "0"),  # it opened the driver, and no more
        (12, f"vram_{second}", "0"),
        (13, "queues/0/gpuid", str(second)),
        (14, "queues/0/gpuid", "77"),
    ]:
        machine.write(f"class/kfd/kfd/proc/{pid}/{path}", text)
    assert meter(machine).holders() == {
        "gpu:GPU-00000000000000a1": frozenset({11}),
        "gpu:GPU-00000000000000b2": frozenset({13}),
    }


def test_where_the_kernel_keeps_no_list_nobody_is_said_to_hold_a_board(machine: Machine) -> None:
    machine.gpu(A, 0xA1)
    assert meter(machine).holders() == {}


def test_without_the_compute_drivers_node_there_is_no_amd_gpu(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.gpu(A, 0xA1)
    monkeypatch.setenv(SYSFS_VARIABLE, str(machine.sys))
    monkeypatch.setattr(amd, "_NODE", machine.sys / "no-such-node")
    assert amd.open_meter({}) is None
    monkeypatch.setattr(amd, "_NODE", Path("/dev/null"))
    opened = amd.open_meter({"ROCM_PATH": "/nowhere"})
    assert opened is not None
    assert len(opened.devices()) == 1
    monkeypatch.setenv(SYSFS_VARIABLE, str(machine.sys / "empty"))
    assert amd.open_meter({}) is None
