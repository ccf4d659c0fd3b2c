"""Google's TPU chips, of which nothing tells energy or power: the meter claims the chips, and their power is modelled.

Neither the kernel's driver nor `libtpu` with its monitoring library tells a chip's power (they tell duty cycle and memory), so
that a chip's energy is its published power times the time of the run, found when a footprint is derived
(`footprint.reference.find_accelerator`).

What kind of chip, in this order: the environment (`TPU_ACCELERATOR_TYPE`, `ACCELERATOR_TYPE`), the chips on the PCI bus
(Google's vendor number, and device numbers as JAX lists them), and where the bus does not tell two kinds apart (v2 and v3), the
attribute `accelerator-type` of the instance. The bus and the attribute are only looked at on Google Compute Engine, by DMI.

How many, on this host only, since each host of a slice has a recorder of its own (a v3-32 has 16 chips on 4 hosts):
`TPU_CHIPS_PER_HOST_BOUNDS`, else the device nodes here (`/dev/accel*`, `/dev/vfio/N`), else the chips on the bus, else what a
host of this kind has. Of these, `TPU_VISIBLE_CHIPS` and `TPU_CHIPS_PER_PROCESS_BOUNDS` leave some to the program.

Limits: whether a chip works or waits is not seen; the published power of v2 and v3 is with the host's share, of the others of
the chip alone; newer kinds have no published power, and their range is as wide as that says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from footprint.meters.common import sysfs, text_of
from footprint.model import Device, Sample

_KIND_VARIABLES: Final = ("TPU_ACCELERATOR_TYPE", "ACCELERATOR_TYPE")
_HOST_BOUNDS: Final = ("TPU_CHIPS_PER_HOST_BOUNDS", "CHIPS_PER_HOST_BOUNDS")
_PROCESS_BOUNDS: Final = ("TPU_CHIPS_PER_PROCESS_BOUNDS", "TPU_CHIPS_PER_PROCESS_BOUND")
_VISIBLE: Final = ("TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES")

_SLICE: Final = re.compile(r"(?:tpu-?)?(v\d+[a-z]*|7x)-(\d{1,6})")
# Names of Google Kubernetes Engine's machines, which say the kind and no number.
_POOLS: Final = {
    "tpu-v4-podslice": "TPU v4",
    "tpu-v5-lite-podslice": "TPU v5e",
    "tpu-v5-lite-device": "TPU v5e",
    "tpu-v5p-slice": "TPU v5p",
    "tpu-v6e-slice": "TPU v6e",
    "tpu-v6e-device": "TPU v6e",
    "tpu7x": "TPU v7",
}
_GOOGLE: Final = "0x1ae0"
_CHIPS: Final = {
    "0x0027": None,  # v2 or v3
    "0x0056": None,
    "0x005e": "TPU v4",
    "0x0062": "TPU v5p",
    "0x0063": "TPU v5e",
    "0x006f": "TPU v6e",
    "0x0076": "TPU v7",
}
_GCE: Final = "Google Compute Engine"
_MOST_ON_A_HOST: Final = 8
_USUAL_ON_A_HOST: Final = 4
_SMALL_HOSTS: Final = (1, 4, 8)  # v5e and v6e have machines of each


class TpuModel:
    """Claims the TPU chips that the program may use on this host; their power is modelled, so they have no reading."""

    name = "tpu-model"

    def __init__(self, kind: str, chips: tuple[int, ...], warnings: tuple[str, ...] = (), unread: tuple[str, ...] = ()) -> None:
        self.warnings = warnings
        self.unread = unread
        self._devices = tuple(
            Device(id=f"tpu:{chip}", component="accelerators", name=kind, meter=self.name, grade="model") for chip in chips
        )

    def devices(self) -> tuple[Device, ...]:
        """The chips, one device each, numbered as the host numbers them."""
        return self._devices

    def read(self) -> tuple[Sample, ...]:
        """Nothing: no TPU tells joules or watts."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


class _Slice:
    """What was said of a TPU: the name as it was said, the kind as the reference knows it, and the chips of the whole slice."""

    __slots__ = ("chips", "kind", "said")

    def __init__(self, said: str) -> None:
        from footprint.errors import UnknownHardware
        from footprint.reference import find_accelerator

        self.said = said
        self.kind: str | None = None
        self.chips: int | None = None
        try:
            if said in _POOLS:
                self.kind = find_accelerator(_POOLS[said]).name
                return
            match = find_accelerator(re.sub(r"^tpu-?(?=v)", "", said))
        except UnknownHardware:
            return
        if len(match.candidates) == 1 and match.candidates[0].kind == "tpu" and isinstance(match.devices_per_unit, int):
            self.kind, self.chips = match.candidates[0].name, match.devices_per_unit


def open_meter(
    environ: Mapping[str, str], root: Path | None = None, dev: Path = Path("/dev"), server: tuple[str, int] | None = None
) -> TpuModel | None:
    """The TPU chips of this host; None where there is no sign of any.

    Args:
        environ: the environment of the program that is measured.
        root: where `/sys` is.
        dev: where the device nodes are.
        server: where the metadata server is, if it must be asked; its usual address if None.
    """
    sys_root = sysfs() if root is None else root
    said = next((environ[name].strip().lower() for name in _KIND_VARIABLES if _is_tpu(environ.get(name, ""))), None)
    on_bus: list[str] = []
    if text_of(sys_root / "class/dmi/id/product_name") == _GCE:
        on_bus = _on_bus(sys_root)
        said = said or _of_bus(on_bus) or (_asked(server) if on_bus else None)
    if said is None:
        if not on_bus:
            return None
        return TpuModel("", (), ("a TPU is here, but nothing says which kind: set TPU_ACCELERATOR_TYPE",), ("Google TPU",))
    found = _Slice(said)
    if found.kind is None:
        warning = (
            f"TPU {said[:40]!r} is no kind that is known: its energy is unknown; `footprint reference hardware TPU` lists them"
        )
        return TpuModel("", (), (warning,), (f"Google TPU {said[:40]}",))
    on_host, seen = _on_host(environ, found, dev, on_bus)
    if on_host is None:
        warning = f"how many of the chips of TPU {said} this host has is not known: set TPU_CHIPS_PER_HOST_BOUNDS (as in 2,2,1)"
        return TpuModel("", (), (warning,), (f"Google TPU {said}",))
    chips, warnings = _visible(environ, on_host)
    if not seen:
        usual = f"no device of TPU {said} is seen here: {on_host} chips are counted, as a host of that kind has"
        warnings += (f"{usual}; set TPU_CHIPS_PER_HOST_BOUNDS to be certain",)
    return TpuModel(found.kind, chips, warnings)


def _is_tpu(text: str) -> bool:
    return bool(_SLICE.fullmatch(text.strip().lower())) or text.strip().lower() in _POOLS


def _on_bus(root: Path) -> list[str]:
    """The device numbers of the TPU chips on the bus."""
    folders = [path.parent for path in (root / "bus/pci/devices").glob("*/vendor") if text_of(path) == _GOOGLE]
    return [number for number in (text_of(folder / "device") for folder in folders) if number in _CHIPS]


def _of_bus(numbers: list[str]) -> str | None:
    """The kind of the chips on the bus, as the name of its pool; None where the number does not tell."""
    kinds = {_CHIPS[number] for number in numbers}
    kind = kinds.pop() if len(kinds) == 1 else None
    return next((pool for pool, name in _POOLS.items() if name == kind), None)


def _asked(server: tuple[str, int] | None) -> str | None:
    """What the metadata server says that this machine is."""
    from footprint.meters.metadata import google_attribute

    told = google_attribute("accelerator-type", server) if server else google_attribute("accelerator-type")
    said = (told or "").rpartition("/")[2].lower()
    return said if _is_tpu(said) else None


def _on_host(environ: Mapping[str, str], found: _Slice, dev: Path, on_bus: list[str]) -> tuple[int | None, bool]:
    """How many chips this host has, never more than the slice (None where nothing tells), and whether that was seen or told."""
    nodes = len(list(dev.glob("accel[0-9]*"))) or len(list(dev.glob("vfio/[0-9]*")))
    seen = _bounds(environ, _HOST_BOUNDS) or nodes or len(on_bus)
    count = seen or _by_kind(found)
    if count is None or found.chips is None:
        return count, bool(seen)
    return min(count, found.chips), bool(seen)


def _by_kind(found: _Slice) -> int | None:
    """What a host of this kind has: four chips, or the whole slice where it is as small as a machine is made."""
    if found.chips is None:
        return None
    if found.chips in _SMALL_HOSTS and (found.chips < _MOST_ON_A_HOST or found.said.startswith(("v5lite", "v5e", "v6e"))):
        return found.chips
    return min(found.chips, _USUAL_ON_A_HOST)


def _bounds(environ: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    """The number of chips of bounds such as `2,2,1`; None where they are not stated, or are none."""
    text = next((environ[name] for name in names if environ.get(name)), "")
    sides = text.split(",")
    if not all(re.fullmatch(r"\s*[1-9]\d{0,2}\s*", side) for side in sides):
        return None
    return math.prod(int(side) for side in sides)


def _visible(environ: Mapping[str, str], on_host: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The numbers of the chips that the program may use, and warnings where that is not certain."""
    every = tuple(range(on_host))
    name = next((name for name in _VISIBLE if environ.get(name)), None)
    if name:
        entries = [entry.strip() for entry in environ[name].split(",")]
        if all(re.fullmatch(r"\d{1,3}", entry) and int(entry) < on_host for entry in entries):
            return tuple(dict.fromkeys(int(entry) for entry in entries)), ()
        return every, (f"{name} names {environ[name][:40]!r}, which are no chips of this host's {on_host}: all are counted",)
    own = _bounds(environ, _PROCESS_BOUNDS)
    if own is not None and own < on_host:
        number = f"{own} of {on_host} TPU chips are this program's, but not which"
        return every[:own], (f"{number}: set TPU_VISIBLE_CHIPS too, or programs side by side are counted as one",)
    return every, ()
