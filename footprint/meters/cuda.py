"""Which NVIDIA GPUs, and which slices of them (MIG), CUDA leaves to a program: `CUDA_VISIBLE_DEVICES` as CUDA reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from footprint.meters.visible import INDEX, beginning_with, left_out, named
from footprint.model import Grade

_VARIABLE = "CUDA_VISIBLE_DEVICES"


class Slice(NamedTuple):
    """A part of a GPU that MIG cut off: UUID, place (`GPU instance/compute instance`), and how many compute slices it is."""

    uuid: str
    place: str
    parts: int


class Gpu:
    """One GPU as NVML knows it: its place in the list, and its handle (None while it is lost).

    One that did not answer when NVML was opened has no UUID, and says in its name why. `slices` is None where the GPU is not
    cut; `whole` is how many compute slices it has.
    """

    __slots__ = ("grade", "handle", "index", "name", "slices", "uuid", "whole")

    def __init__(self, index: int, uuid: str, name: str, grade: Grade | None, handle: Any = None) -> None:
        self.index = index
        self.uuid = uuid
        self.name = name
        self.grade = grade
        self.handle = handle
        self.slices: tuple[Slice, ...] | None = None
        self.whole = 0


Unit = tuple[Gpu, Slice | None]
"""What CUDA calls a device: a whole GPU, or a slice of one."""


def visible_units(gpus: Sequence[Gpu], environ: Mapping[str, str]) -> tuple[list[Unit], list[str]]:
    """What `CUDA_VISIBLE_DEVICES` leaves to a program, and warnings where that is not certain.

    Args:
        gpus: all GPUs, in NVML's order.
        environ: the program's environment.
    """
    everything = [unit for gpu in gpus for unit in _units(gpu)]
    stated = environ.get(_VARIABLE)
    if stated is None:
        return everything, []
    chosen, unknown = named(stated, lambda name: _named(name, gpus, everything))
    warnings = [] if unknown is None else [left_out(_VARIABLE, unknown)]
    by_index = any(INDEX.fullmatch(name.strip()) for name in stated.split(","))
    several_models = len({gpu.name for gpu in gpus if gpu.uuid}) > 1
    if by_index and several_models and len(chosen) < len(everything) and environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        warnings.append(
            "CUDA counts GPUs of several models by speed and NVML by bus, so CUDA_VISIBLE_DEVICES may mean other GPUs than those "
            "read: set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name the GPUs by UUID"
        )
    return chosen, warnings


def _units(gpu: Gpu) -> list[Unit]:
    return [(gpu, None)] if gpu.slices is None else [(gpu, part) for part in gpu.slices]


def _named(name: str, gpus: Sequence[Gpu], everything: Sequence[Unit]) -> list[Unit]:
    """What an index, a UUID or the beginning of one names; of a GPU that is cut, all the slices that there are for us.

    A slice is named by its own UUID (`MIG-…`), with drivers before 470 by its GPU's and its place (`MIG-GPU-…/1/0`).
    """
    if INDEX.fullmatch(name):
        return [unit for gpu in gpus if gpu.index == int(name) for unit in _units(gpu)]
    if name.startswith("MIG-GPU-"):
        uuid, _, place = name.removeprefix("MIG-").partition("/")
        return [(gpu, part) for gpu, part in everything if gpu.uuid == uuid and part is not None and part.place == place]
    if name.startswith("MIG-"):
        return beginning_with(name, [unit for unit in everything if unit[1]], lambda unit: unit[1].uuid if unit[1] else "")
    if name.startswith("GPU-"):
        return [unit for gpu in beginning_with(name, gpus, lambda gpu: gpu.uuid) for unit in _units(gpu)]
    return []
