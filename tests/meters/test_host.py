"""The machine as its files tell it, on made-up file systems and on the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from footprint.meters.common import ALL_GPUS
from footprint.meters.host import dormant, read_host, unmetered
from footprint.model import Device
from footprint.testing import ReplayMeter

X86 = """processor\t: {n}
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
physical id\t: {chip}
flags\t\t: fpu vme {more}

"""
ARM = "processor\t: {n}\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n\n"


class Machine:
    """A file system that tells of a machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def plug(self, address: str, vendor: str, device: str, kind: str, driver: str | None = None, **files: str) -> None:
        folder = self.root / "sys/bus/pci/devices" / address
        for name, text in {"vendor": f"0x{vendor}\n", "device": f"0x{device}\n", "class": f"0x{kind}\n", **files}.items():
            self.write(f"sys/bus/pci/devices/{address}/{name}", text)
        if driver is not None:
            home = self.root / "sys/bus/pci/drivers" / driver
            home.mkdir(parents=True, exist_ok=True)
            (folder / "driver").symlink_to(os.path.relpath(home, folder))

    def node(self, path: str) -> None:
        self.write(f"dev/{path}", "")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_this_machine_tells_something() -> None:
    host = read_host()
    assert host.name
    assert host.os
    assert host.logical_cpus >= 1
    assert host.memory_bytes is None or host.memory_bytes > 2**20


def test_an_empty_machine_is_unknown_and_no_error(machine: Machine) -> None:
    host = read_host(root=machine.root, environ={})
    assert (host.cpu_name, host.sockets, host.memory_bytes, host.boot_id, host.virtual, host.container) == (None,) * 6
    assert host.unmetered_accelerators == ()


def test_a_server_of_two_chips(machine: Machine) -> None:
    machine.write("proc/cpuinfo", "".join(X86.format(n=n, chip=n % 2, more="ht") for n in range(4)))
    machine.write("proc/meminfo", "MemTotal:       25276500 kB\nMemFree:  1 kB\n")
    machine.write("proc/sys/kernel/random/boot_id", "949490a0-a09a-494a-84d0-5d381237b4d2\n")
    machine.write("sys/devices/system/cpu/online", "0-1,4,6-7\n")
    host = read_host(root=machine.root, environ={})
    assert host.cpu_name == "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"
    assert (host.logical_cpus, host.sockets, host.virtual) == (5, 2, False)
    assert host.memory_bytes == 25276500 * 1024
    assert host.boot_id == "949490a0-a09a-494a-84d0-5d381237b4d2"


def test_a_virtual_machine_is_known_by_its_cpus_flag(machine: Machine) -> None:
    machine.write("proc/cpuinfo", X86.format(n=0, chip=0, more="hypervisor"))
    assert read_host(root=machine.root, environ={}).virtual is True


@pytest.mark.parametrize(
    ("vendor", "product", "virtual", "name"),
    [
        ("Amazon EC2", "m7g.large", True, "AWS Graviton3 (Neoverse-V1)"),
        ("Amazon EC2", "m7g.metal", False, "AWS Graviton3 (Neoverse-V1)"),
        ("QEMU", "KVM Virtual Machine", True, "Neoverse-V1"),
        ("HPE", "RL300", None, "Neoverse-V1"),
    ],
)
def test_an_arm_server_by_its_numbers_and_firmware(
    machine: Machine, vendor: str, product: str, virtual: bool | None, name: str
) -> None:
    machine.write("proc/cpuinfo", ARM.format(n=0) + ARM.format(n=1))
    machine.write("sys/class/dmi/id/sys_vendor", vendor + "\n")
    machine.write("sys/class/dmi/id/product_name", product + "\n")
    machine.write("sys/devices/system/cpu/cpu0/topology/physical_package_id", "0\n")
    machine.write("sys/devices/system/cpu/cpu1/topology/physical_package_id", "0\n")
    host = read_host(root=machine.root, environ={})
    assert (host.cpu_name, host.sockets, host.virtual) == (name, 1, virtual)


def test_an_unknown_arm_part_is_unknown(machine: Machine) -> None:
    machine.write("proc/cpuinfo", ARM.format(n=0).replace("0xd40", "0xfff"))
    assert read_host(root=machine.root, environ={}).cpu_name is None


@pytest.mark.parametrize(
    ("path", "text", "environ", "kind"),
    [
        ("proc/self/cgroup", "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1f.scope\n", {}, "kubernetes"),
        ("proc/self/cgroup", "4:cpu:/docker/0123abc\n", {}, "docker"),
        ("proc/self/cgroup", "0::/system.slice/docker-0123.scope\n", {}, "docker"),
        ("proc/self/cgroup", "0::/machine.slice/libpod-77.scope\n", {}, "podman"),
        ("proc/self/cgroup", "0::/user.slice/user-1000.slice/session-2.scope\n", {}, None),
        ("proc/self/cgroup", "0::/system.slice/docker.service\n", {}, None),
        ("run/.containerenv", "", {}, "podman"),
        (".dockerenv", "", {}, "docker"),
        ("run/systemd/container", "lxc\n", {}, "lxc"),
        (".dockerenv", "", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ("x", "", {"APPTAINER_CONTAINER": "/images/x.sif"}, "apptainer"),
    ],
)
def test_containers(machine: Machine, path: str, text: str, environ: dict[str, str], kind: str | None) -> None:
    machine.write(path, text)
    assert read_host(root=machine.root, environ=environ).container == kind


# -- Accelerators ------------------------------------------------------------------------------------------------------


def test_a_gpu_that_no_meter_reads_is_named(machine: Machine) -> None:
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", "nvidia")
    machine.node("nvidia0")
    assert unmetered((), machine.root, {}) == ("NVIDIA 10de:2330 at 0000:3b:00.0",)
    assert read_host(root=machine.root, environ={}).unmetered_accelerators == ("NVIDIA 10de:2330 at 0000:3b:00.0",)
    assert dormant(machine.root) == ()


def test_a_vendor_whose_meter_opened_is_answered_for_by_it(machine: Machine) -> None:
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", "nvidia")
    machine.node("nvidia0")
    meter = ReplayMeter([], [], "nvml")
    assert unmetered([meter], machine.root, {}) == ()
    meter.unread = ("NVIDIA GRID B (GPU 1)",)
    assert unmetered([meter], machine.root, {}) == ("NVIDIA GRID B (GPU 1)",)


def test_amds_meter_answers_for_amds_gpus_and_for_no_other(machine: Machine) -> None:
    for node in ("kfd", "nvidia0"):
        machine.node(node)
    machine.plug("0000:0c:00.0", "1002", "74a1", "120000", "amdgpu")
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", "nvidia")
    meter = ReplayMeter([], [], "amd")
    meter.unread = ("AMD Instinct MI300X at 0000:0c:00.0",)
    assert unmetered([meter], machine.root, {}) == ("AMD Instinct MI300X at 0000:0c:00.0", "NVIDIA 10de:2330 at 0000:3b:00.0")


def test_a_gpu_whose_node_cannot_be_opened_is_dormant(machine: Machine) -> None:
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", "nvidia")
    (machine.root / "dev").mkdir(exist_ok=True)
    (machine.root / "dev/nvidia0").symlink_to("nowhere")
    assert unmetered((), machine.root, {}) == ()
    assert dormant(machine.root) == ("NVIDIA 10de:2330 at 0000:3b:00.0",)


@pytest.mark.parametrize("driver", [None, "nouveau", "vfio-pci"])
def test_a_gpu_without_a_driver_of_its_own_is_dormant(machine: Machine, driver: str | None) -> None:
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", driver)
    machine.node("nvidia0")
    assert unmetered((), machine.root, {}) == ()
    assert dormant(machine.root) == ("NVIDIA 10de:2330 at 0000:3b:00.0",)


def test_a_container_that_was_given_no_gpu_has_none(machine: Machine) -> None:
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", "nvidia")
    machine.node("null")
    assert unmetered((), machine.root, {}) == ()
    assert dormant(machine.root) == ("NVIDIA 10de:2330 at 0000:3b:00.0",)


def test_display_adapters_and_graphics_inside_cpus_are_no_accelerators(machine: Machine) -> None:
    for node in ("kfd", "dri/renderD128", "accel/accel0", "nvidia0"):
        machine.node(node)
    machine.plug("0000:00:01.0", "1234", "1111", "030000", "bochs-drm")
    machine.plug("0000:00:02.0", "8086", "9a49", "030000", "i915")
    machine.plug("0000:00:03.0", "8086", "0166", "038000", "i915")
    machine.plug("0000:00:0b.0", "8086", "7d1d", "120000", "intel_vpu")
    machine.plug("0000:01:00.0", "1af4", "1050", "030000", "virtio-pci")
    machine.plug("0000:02:00.0", "1a03", "2000", "030000", "ast")
    machine.plug("0000:03:00.0", "1002", "1638", "030000", "amdgpu", mem_info_vram_total="536870912\n")
    machine.plug("0000:04:00.0", "10de", "22ba", "040300", "snd_hda_intel")
    machine.plug("0000:05:00.0", "15b3", "1021", "020700", "mlx5_core")
    assert unmetered((), machine.root, {}) == ()


def test_other_vendors_accelerators_are_named(machine: Machine) -> None:
    for node in ("kfd", "dri/renderD128", "accel/accel0"):
        machine.node(node)
    machine.plug("0000:0c:00.0", "1002", "74a1", "120000", "amdgpu")
    machine.plug("0000:0d:00.0", "1002", "744c", "030000", "amdgpu", mem_info_vram_total="25753026560\n")
    machine.plug("0000:4d:00.0", "1da3", "1020", "120000", "habanalabs")
    machine.plug("0000:9a:00.0", "8086", "0bd5", "038000", "xe")
    machine.plug("0000:c1:00.0", "1e52", "401e", "120000", "tenstorrent")
    assert unmetered((), machine.root, {}) == (
        "AMD 1002:74a1 at 0000:0c:00.0",
        "AMD 1002:744c at 0000:0d:00.0",
        "Habana 1da3:1020 at 0000:4d:00.0",
        "Intel 8086:0bd5 at 0000:9a:00.0",
        "Tenstorrent 1e52:401e at 0000:c1:00.0",
    )


def test_tpus_and_trainium_show_themselves_by_nodes_and_environment(machine: Machine) -> None:
    machine.node("neuron0")
    machine.node("accel0")
    assert unmetered((), machine.root, {}) == ("AWS Neuron /dev/neuron0", "Accelerator /dev/accel0")
    stated = unmetered((), machine.root, {"TPU_ACCELERATOR_TYPE": "v4-8"})
    assert stated == ("AWS Neuron /dev/neuron0", "Google TPU v4-8")
    hostile = unmetered((), machine.root, {"TPU_ACCELERATOR_TYPE": "v4-8\x1b[2J"})
    assert hostile == ("AWS Neuron /dev/neuron0", "Accelerator /dev/accel0")


def test_gpus_that_are_read_all_together_are_not_called_unmetered(machine: Machine) -> None:
    machine.plug("0000:3b:00.0", "10de", "2330", "030200", "nvidia")
    machine.write("dev/nvidia0", "")
    together = Device(id=ALL_GPUS, component="accelerators", name="GPU", meter="codecarbon", grade="power")
    assert unmetered((), machine.root, {}) != ()
    assert unmetered((ReplayMeter([together], [], "codecarbon"),), machine.root, {}) == ()
