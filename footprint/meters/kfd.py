"""AMD GPUs as the kernel shows them to compute programs: the topology of `amdkfd`, and the boards that its GPUs are on.

Source: the kernel's `drivers/gpu/drm/amd/amdkfd/kfd_topology.c` (`/sys/class/kfd/kfd/topology/nodes/*`). ROCm counts its GPUs in
the order of these nodes, names them by `unique_id`, and a container sees those that it was given. What draws power is a board:

- an MI300 that is partitioned (DPX, QPX, CPX) shows one GPU for each partition, on one board;
- an MI250 or MI250X holds two dies, which are two GPUs on two PCI addresses in a row; one of them reads the power of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from footprint.meters.common import text_of
from footprint.meters.visible import INDEX, beginning_with, left_out, named

_AMD = "0x1002"
# PCI devices of boards that hold two dies (the kernel's amdgpu_drv.c): Aldebaran as MI250X and MI250; an MI210 (740f) has one.
_TWO_DIES = {"0x7408", "0x740c"}
_PARTITIONS = {"SPX": 1, "DPX": 2, "TPX": 3, "QPX": 4}
_CPX, _CPX_OF_APU = 8, 6
_APU_DEVICES = {"0x74a0"}  # MI300A: six compute dies beside its CPU cores
_DISCRETE_VRAM_BYTES = 4 * 2**30


class Node(NamedTuple):
    """A GPU as ROCm counts it: the kernel's number for it, its UUID (empty for one that has none), its PCI address."""

    gpu_id: int
    uuid: str
    address: str


class Board(NamedTuple):
    """What draws power: its PCI folders (two for two dies), how many GPUs it shows to programs, and those that there are here."""

    folders: tuple[Path, ...]
    parts: int
    nodes: tuple[Node, ...]


def nodes(sys: Path) -> list[Node]:
    """The GPUs that programs here can compute on, in ROCm's order; graphics inside a CPU, whose joules are the CPU's, is none."""
    folders = [path for path in (sys / "class/kfd/kfd/topology/nodes").glob("*") if path.name.isdigit()]
    found = [_node(path) for path in sorted(folders, key=lambda path: int(path.name))]
    return [node for node in found if node is not None and _is_accelerator(sys / "bus/pci/devices" / node.address)]


def _node(folder: Path) -> Node | None:
    gpu_id = text_of(folder / "gpu_id")  # of a GPU that a container was not given it cannot be read
    lines = (line.partition(" ") for line in text_of(folder / "properties").splitlines())
    told = {name: int(value) for name, _, value in lines if value.strip().isdigit()}
    if not gpu_id.isdigit() or int(gpu_id) == 0 or not told.get("simd_count"):
        return None
    location, unique = told.get("location_id", 0), told.get("unique_id", 0)
    # Bits 31 to 28 count partitions; some kernels counted them in the lowest bits, a PCI function that does not exist.
    address = f"{told.get('domain', 0):04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"
    return Node(int(gpu_id), f"GPU-{unique:016x}" if unique else "", address)


def _is_accelerator(folder: Path) -> bool:
    """Whether a PCI device has memory of its own; an MI300A has none, and is one all the same."""
    memory = text_of(_present(folder) / "mem_info_vram_total")
    return not memory.isdigit() or int(memory) >= _DISCRETE_VRAM_BYTES or text_of(_present(folder) / "device") in _APU_DEVICES


def _present(folder: Path) -> Path:
    return folder if folder.exists() else folder.with_name(folder.name[:-1] + "0")


def boards(sys: Path, all_nodes: list[Node]) -> list[Board]:
    """The boards that GPUs are on, in the order of their first GPU."""
    twins = _twins(sys)
    found: dict[tuple[Path, ...], list[Node]] = {}
    for node in all_nodes:
        folder = _present(sys / "bus/pci/devices" / node.address)
        found.setdefault(twins.get(folder, (folder,)), []).append(node)
    return [Board(folders, max(len(there), _parts(folders)), tuple(there)) for folders, there in found.items()]


def _twins(sys: Path) -> dict[Path, tuple[Path, ...]]:
    """The dies of each board that has two, by either's folder: they follow each other on the bus, also where only one is ours."""
    dies = [
        path
        for path in sorted((sys / "bus/pci/devices").glob("*"))
        if text_of(path / "vendor") == _AMD and text_of(path / "device") in _TWO_DIES
    ]
    if len(dies) % 2:  # a virtual machine was given a die without its twin: nobody can tell which
        return {}
    pairs = zip(dies[::2], dies[1::2], strict=True)
    return {die: pair for pair in pairs for die in pair}


def _parts(folders: tuple[Path, ...]) -> int:
    mode = text_of(folders[0] / "current_compute_partition")
    cpx = _CPX_OF_APU if text_of(folders[0] / "device") in _APU_DEVICES else _CPX
    return len(folders) * (cpx if mode == "CPX" else _PARTITIONS.get(mode, 1))


def visible(all_nodes: list[Node], environ: Mapping[str, str]) -> tuple[list[Node], list[str]]:
    """What a program's environment leaves of the GPUs, and warnings where a list names what is not here.

    ROCm's runtime applies `ROCR_VISIBLE_DEVICES` (an empty one hides all). HIP counts what is left, and applies
    `HIP_VISIBLE_DEVICES`, or where that is unset or empty `CUDA_VISIBLE_DEVICES`; an empty one hides nothing.

    Sources: ROCm's "GPU isolation techniques"; `rocclr/device/rocm/rocdevice.cpp` of AMD's clr.
    """
    lists = [("ROCR_VISIBLE_DEVICES", environ.get("ROCR_VISIBLE_DEVICES"))]
    lists.append(
        next(((name, environ[name]) for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES") if environ.get(name)), ("", None))
    )
    left, warnings = all_nodes, []
    for variable, stated in lists:
        if stated is None:
            continue
        left, unknown = named(stated, lambda name, of=left: _named(name, of))  # type: ignore[misc]
        if unknown is not None:
            warnings.append(left_out(variable, unknown))
    return left, warnings


def _named(name: str, all_nodes: list[Node]) -> list[Node]:
    if INDEX.fullmatch(name):
        return all_nodes[int(name) : int(name) + 1]
    return beginning_with(name, all_nodes, lambda node: node.uuid) if name.startswith("GPU-") else []


def holders(sys: Path, board: Board) -> frozenset[int]:
    """The pids, as the kernel counts them, of the processes that have memory or a queue on a board.

    Source: `kfd_process.c`: `/sys/class/kfd/kfd/proc/PID/vram_GPUID` in bytes, and `queues/*/gpuid`. A process that opened the
    driver is listed for every GPU; one that uses it has either.

    Raises:
        OSError: if the kernel does not tell.
    """
    ids = {str(node.gpu_id) for node in board.nodes}
    return frozenset(
        int(path.name) for path in (sys / "class/kfd/kfd/proc").iterdir() if path.name.isdigit() and _holds(path, ids)
    )


def _holds(process: Path, ids: set[str]) -> bool:
    if any(text_of(process / f"vram_{gpu_id}") not in {"", "0"} for gpu_id in ids):
        return True
    return any(text_of(path) in ids for path in process.glob("queues/*/gpuid"))
