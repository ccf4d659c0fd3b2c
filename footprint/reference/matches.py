"""What a look-up of hardware answers: an accelerator, all that a text may mean, or a CPU."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from footprint.model import Factor
from footprint.reference import chips, tables
from footprint.reference.cpu_names import Cpu
from footprint.reference.editions import remembered

PowerScope = Literal["chip", "with-host", "machine"]
"""What a power figure covers: the chip or its board; the chip with its share of the host; the whole machine at the wall."""


class Accelerator(msgspec.Struct, frozen=True, kw_only=True):
    """A chip or board as a driver lists it. `tdp_w` is null where no power is published.

    `tdp_w.basis` is `rated` (a limit: multiply by the share that work draws) or `mean` (a measured mean: do not).
    """

    id: str
    name: str
    vendor: str
    kind: str
    nvml_names: tuple[str, ...]
    tdp_w: Factor | None
    power_scope: PowerScope
    memory_gb: float | None
    year: int | None
    families: tuple[str, ...] = ()
    caution: str = ""


class HardwareMatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a text means. `devices_per_unit` is 4 for a `TPU v3-8`, 8 for a `p4d.24xlarge`, a fraction for a shared GPU.

    `count_in_text` is how many units the text itself counts (64 in `64 Volta GPUs`, 2 in `2x p4d.24xlarge`), null where it
    counts none, and `name_in_text` the text without that count. `provider` is set where the name alone says whose cloud it
    is; `instance` is the instance, slice or machine that was named.
    """

    query: str
    candidates: tuple[Accelerator, ...]
    devices_per_unit: int | float = 1
    count_in_text: int | None = None
    name_in_text: str = ""
    provider: str | None = None
    instance: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def power_scope(self) -> PowerScope:
        """What the power of the candidates covers; the widest of them where they differ, so that no host is counted twice."""
        scopes = {candidate.power_scope for candidate in self.candidates}
        return next(scope for scope in ("machine", "with-host", "chip") if scope in scopes)

    @property
    def name(self) -> str:
        """The accelerator's name where there is one candidate, else the name as it was asked for."""
        return self.candidates[0].name if len(self.candidates) == 1 else self.query


class CpuMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU that a text means, and how many chips of it the text counts (2 in `2x Xeon E5-2630 v3`), null where none."""

    query: str
    cpu: Cpu
    count_in_text: int | None = None
    name_in_text: str = ""
    warnings: tuple[str, ...] = ()
    devices_per_unit: int = 1

    @property
    def name(self) -> str:
        """The CPU's name as its table prints it."""
        return self.cpu.name


@remembered
def accelerator(accelerator_id: str) -> Accelerator:
    """The accelerator of an id.

    Raises:
        KeyError: if there is none of that id.
    """
    row = tables.by_id("accelerators")[accelerator_id]
    return Accelerator(
        id=row["id"],
        name=row["name"],
        vendor=row["vendor"],
        kind=row["kind"],
        nvml_names=chips.split(row["nvml_names"]),
        tdp_w=tables.factor(row) if row["central"] else None,
        power_scope=cast("PowerScope", row["power_scope"]),
        memory_gb=float(row["memory_gb"]) if row["memory_gb"] else None,
        year=int(row["launch_year"]) if row["launch_year"] else None,
        families=chips.families(accelerator_id),
        caution=row["caution"],
    )
