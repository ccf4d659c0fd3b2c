"""The machine, as the operating system tells it: names, sizes, and the accelerators that nobody reads.

Everything is read from files under `/proc`, `/sys`, `/dev` and `/run`; `root` puts another tree in their place, for tests
and for looking at a host from inside a container that has it mounted.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from footprint.meters import arm
from footprint.meters.common import ALL_GPUS, Meter
from footprint.model import Host

_ROOT = Path("/")

_VIRTUAL_PRODUCTS = (
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "virtual machine",
    "xen",
    "google compute engine",
    "openstack",
    "bochs",
)

_CONTAINER_OF_CGROUP = (("kubepods", "kubernetes"), ("libpod", "podman"), ("docker", "docker"), ("lxc", "lxc"))

_VENDORS = {
    "10de": "NVIDIA",
    "1002": "AMD",
    "8086": "Intel",
    "1da3": "Habana",
    "1e52": "Tenstorrent",
    "17cb": "Qualcomm",
    "10ee": "AMD (Xilinx)",
}
# The device node without which a program here cannot use the vendor's accelerators: a container sees the whole bus of its
# host, and the nodes of what it was given.
_NODES = {
    "10de": ("nvidia[0-9]*",),
    "1002": ("kfd",),
    "8086": ("dri/renderD*", "accel/accel*"),
    "1da3": ("accel/accel*", "hl[0-9]*"),
}
_NOT_A_DRIVER = {"", "vfio-pci", "pci-stub", "nouveau", "xen-pciback"}
_VENDOR_OF_METER = {"tpu-model": "1ae0", "nvml": "10de", "amd": "1002"}
_VGA, _3D, _DISPLAY, _ACCELERATOR = "0300", "0302", "0380", "1200"
_DISCRETE_VRAM_BYTES = 4 * 2**30


def read_host(meters: Sequence[Meter] = (), root: Path = _ROOT, environ: Mapping[str, str] | None = None) -> Host:
    """The machine that this process runs on.

    Args:
        meters: the meters that opened (`OpenMeters.meters`), so that the accelerators which they read are not named as
            unmetered.
        root: where the file system starts.
        environ: the environment; this process's own if None.

    Returns:
        The host; what the system does not tell is None. Never raises.
    """
    seen = os.environ if environ is None else environ
    cpuinfo = _cpuinfo(root)
    return Host(
        name=_node(),
        os=_system(),
        cpu_name=_cpu_name(cpuinfo, root),
        logical_cpus=_logical_cpus(root),
        sockets=_sockets(root, cpuinfo),
        memory_bytes=_memory_bytes(root),
        boot_id=_text(root / "proc/sys/kernel/random/boot_id") or None,
        virtual=_virtual(root, cpuinfo),
        container=_container(root, seen),
        unmetered_accelerators=unmetered(meters, root, seen),
        accelerators=len(_accelerators(root)),
    )


def unmetered(meters: Sequence[Meter] = (), root: Path = _ROOT, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Accelerators that programs here can use and that no meter reads: their energy is unknown, not zero.

    A vendor whose meter opened is answered for by that meter: it names what it cannot read (`Meter.unread`), and what it
    leaves out besides was hidden from the run on purpose. Display adapters of virtual machines and servers, and graphics
    that is part of the CPU, are no accelerators.
    """
    seen = os.environ if environ is None else environ
    covered = {_VENDOR_OF_METER[meter.name] for meter in meters if meter.name in _VENDOR_OF_METER}
    if any(device.id == ALL_GPUS for meter in meters for device in meter.devices()):
        covered |= {_VENDOR_OF_METER["nvml"], _VENDOR_OF_METER["amd"]}
    unread = [name for meter in meters for name in meter.unread]
    return tuple(unread + _bus_accelerators(root, covered) + _node_accelerators(root, seen, covered))


def _text(path: Path) -> str:
    """A small file's text without its last newline; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().strip("\0")
    except OSError:
        return ""


def _node() -> str:
    import socket

    return os.uname().nodename if hasattr(os, "uname") else socket.gethostname()


def _system() -> str:
    if hasattr(os, "uname"):
        name = os.uname()
        return f"{name.sysname} {name.release} {name.machine}"
    return sys.platform


# -- CPU and memory ----------------------------------------------------------------------------------------------------


def _cpuinfo(root: Path) -> list[dict[str, str]]:
    """The blocks of `/proc/cpuinfo`, one a logical CPU on most machines."""
    blocks = _text(root / "proc/cpuinfo").split("\n\n")
    return [
        {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())} for block in blocks
    ]


def _cpu_name(cpuinfo: list[dict[str, str]], root: Path) -> str | None:
    for block in cpuinfo:
        if block.get("model name"):
            return block["model name"]
    for block in cpuinfo:
        core = arm.core(block.get("CPU implementer", ""), block.get("CPU part", ""))
        if core:
            return arm.chip(core, {name: _text(root / "sys/class/dmi/id" / name) for name in arm.FIRMWARE})
    return next((block["cpu"] for block in cpuinfo if block.get("cpu")), None)  # POWER


def _logical_cpus(root: Path) -> int:
    try:
        parts = [part.split("-") for part in _text(root / "sys/devices/system/cpu/online").split(",")]
        return sum(int(part[-1]) - int(part[0]) + 1 for part in parts)
    except ValueError:
        return os.cpu_count() or 1


def _sockets(root: Path, cpuinfo: list[dict[str, str]]) -> int | None:
    chips = {block["physical id"] for block in cpuinfo if "physical id" in block}
    if not chips:
        topology = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/topology/physical_package_id")
        chips = {_text(path) for path in topology} - {"", "-1"}
    return len(chips) or None


def _memory_bytes(root: Path) -> int | None:
    """The machine's memory, also where a cgroup leaves less of it: the modules draw power whoever may use them."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


# -- Virtual, contained ------------------------------------------------------------------------------------------------


def _virtual(root: Path, cpuinfo: list[dict[str, str]]) -> bool | None:
    """Whether this is a virtual machine: the CPU's hypervisor bit on x86 is decisive; elsewhere the firmware's names."""
    flags = next((block["flags"].split() for block in cpuinfo if "flags" in block), None)
    if flags is not None:
        return "hypervisor" in flags
    names = " ".join(_text(root / "sys/class/dmi/id" / name) for name in ("sys_vendor", "product_name")).lower()
    if ".metal" in names:
        return False
    if any(product in names for product in _VIRTUAL_PRODUCTS) or "amazon ec2" in names:
        return True
    return True if (root / "proc/device-tree/hypervisor").exists() else None


def _container(root: Path, environ: Mapping[str, str]) -> str | None:
    """The kind of container that this process is in, None if there is no sign of one."""
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "kubernetes"
    if "APPTAINER_CONTAINER" in environ or "SINGULARITY_CONTAINER" in environ or (root / ".singularity.d").exists():
        return "apptainer"
    cgroup = _text(root / "proc/self/cgroup")
    for sign, name in _CONTAINER_OF_CGROUP:
        if re.search(rf"[/:.-]{sign}\b(?!\.service)", cgroup):
            return name
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    return _text(root / "run/systemd/container") or None


# -- Accelerators that nobody reads ------------------------------------------------------------------------------------


def dormant(root: Path = _ROOT) -> tuple[str, ...]:
    """Accelerators on the bus that no program here can use: without a driver, or not given to this container."""
    return tuple(_described(folder) for folder in _accelerators(root) if not _usable(folder, root))


def _bus_accelerators(root: Path, covered: set[str]) -> list[str]:
    found = [folder for folder in _accelerators(root) if _usable(folder, root)]
    return [_described(folder) for folder in found if _pci(folder, "vendor") not in covered]


def _accelerators(root: Path) -> list[Path]:
    """The folders of the accelerators on the bus, by address."""
    return [folder for folder in sorted((root / "sys/bus/pci/devices").glob("*")) if _is_accelerator(folder)]


def _pci(folder: Path, name: str) -> str:
    return _text(folder / name).removeprefix("0x")


def _described(folder: Path) -> str:
    vendor = _pci(folder, "vendor")
    return f"{_VENDORS.get(vendor, 'PCI')} {vendor}:{_pci(folder, 'device')} at {folder.name}"


def _is_accelerator(folder: Path) -> bool:
    kind, vendor = _pci(folder, "class")[:4], _pci(folder, "vendor")
    if vendor == "10de":
        return kind in {_VGA, _3D, _DISPLAY, _ACCELERATOR}
    if vendor == "1002":
        # A Radeon is a VGA adapter like the graphics inside a CPU; memory of its own tells them apart.
        own_memory = _text(folder / "mem_info_vram_total")
        discrete = own_memory.isdigit() and int(own_memory) >= _DISCRETE_VRAM_BYTES
        return kind in {_3D, _DISPLAY, _ACCELERATOR} or (kind == _VGA and discrete)
    if vendor == "8086":
        # Graphics and neural units inside the CPU sit on bus 0; their energy is the CPU's.
        return kind in {_DISPLAY, _ACCELERATOR} and folder.name.split(":")[-2:-1] != ["00"]
    return kind == _ACCELERATOR


def _usable(folder: Path, root: Path) -> bool:
    """Whether a program here can reach an accelerator: a driver is bound to it, and it may open a device node of its kind."""
    driver = (folder / "driver").resolve().name if (folder / "driver").exists() else ""
    nodes = _NODES.get(_pci(folder, "vendor"), ("*",))
    found = (path for node in nodes for path in (root / "dev").glob(node))
    return driver not in _NOT_A_DRIVER and any(os.access(path, os.R_OK | os.W_OK) for path in found)


def _node_accelerators(root: Path, environ: Mapping[str, str], covered: set[str]) -> list[str]:
    """Accelerators that show themselves by their device nodes or by their platform's environment."""
    found = [f"AWS Neuron /dev/{path.name}" for path in sorted((root / "dev").glob("neuron[0-9]*"))]
    if _VENDOR_OF_METER["tpu-model"] in covered:
        return found
    tpu = environ.get("TPU_ACCELERATOR_TYPE", "")
    chips = sorted((root / "dev").glob("accel[0-9]*"))
    if re.fullmatch(r"v\d+[a-z]*-\d+", tpu):
        found.append(f"Google TPU {tpu}")
    else:
        found += [f"Accelerator /dev/{path.name}" for path in chips]
    return found
