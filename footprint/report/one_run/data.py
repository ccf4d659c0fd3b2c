"""The data of one run's page: what its renderer takes, and nothing else.

A `RunPage` is JSON-able as it stands (`msgspec.json.encode`), and that JSON is a contract: `schema` counts its versions. All
quantities are as in `model`: a `Range` or null, where null is unknown.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from footprint.model import Attribution, ComponentName, Footprint, Grade, Outcome, Range, Run
from footprint.recorder.outlook import Forecast
from footprint.report import explain, formulas
from footprint.report.one_run.course import Timing
from footprint.report.one_run.series import CpuSeries, PowerSeries

SCHEMA: Final = 1
Source = Literal["recorded", "thinned", "course", "none"]


class ReadingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of a device as it was recorded, `at` its place among that device's: a counter's state, or a power.

    `t_s` is on the run's own clock. The stretch that it closes goes from `begin_s` to `end_s`, with `energy_j` in it; of a first
    reading, and after a gap, both are one.
    """

    at: int
    t_s: float
    counter_j: float | None
    power_w: float | None
    begin_s: float
    end_s: float
    energy_j: float


class TickRow(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the CPUs, `at` its place: CPU-seconds since the run's first look, of its process tree and of the machine."""

    at: int
    t_s: float
    tree_s: float | None
    busy_s: float | None


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of a device: how many there are, what their stretches add up to, and the first and last of them."""

    device_id: str
    readings: int
    sum_j: float
    first: tuple[ReadingRow, ...]
    last: tuple[ReadingRow, ...]


class Ticks(msgspec.Struct, frozen=True, kw_only=True):
    """The looks at the CPUs: how many there are, and the first and last of them."""

    ticks: int
    first: tuple[TickRow, ...]
    last: tuple[TickRow, ...]


class DevicePart(msgspec.Struct, frozen=True, kw_only=True):
    """A device of the run: what was read of it, and what of that is the run's.

    `energy_kwh` is what was read of the whole device; null where a model derives it. `attributed_kwh` is the run's part of the
    footprint (before PUE, middle); null where it is not known, or where several devices make one component.
    """

    id: str
    name: str
    component: ComponentName
    meter: str
    grade: Grade
    read_s: float
    read_ratio: float
    readings: int | None
    gaps: int | None
    held_ratio: float | None
    others: bool
    energy_kwh: float | None
    attributed_kwh: float | None


class WorkDone(msgspec.Struct, frozen=True, kw_only=True):
    """Work that the run counted, and what a thousand of it took, energy with PUE; null is unknown."""

    unit: str
    amount: float
    per_1000_wh: Range | None
    per_1000_g: Range | None


class Sibling(msgspec.Struct, frozen=True, kw_only=True):
    """Another run that has to do with this one. `relations` say what it is of this one: of several, all.

    They are `account`, `parent` (it contains this one), `child`, `restart` (it began this one anew), `restarted`.
    """

    id: str
    name: str
    relations: tuple[str, ...]
    outcome: Outcome
    started_at: str
    duration_s: float


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """One run, with everything that its page shows.

    `run` are its facts, without the courses that `power` and `cpu` tell in finer points. `footprints` are by policy; all other
    derived numbers are by `attribution`. `explanation` has the steps in kWh, `steps` the same in the unit that fits the run.
    `source` says where the readings are from: `recorded` (each as it was written), `thinned` (an archive put them together),
    `course` (some dozens of points that the run's facts keep), or `none`. `notes` say what is not here, and why.
    """

    run: Run
    attribution: Attribution
    footprints: dict[Attribution, Footprint]
    explanation: explain.Explanation
    steps: tuple[formulas.Step, ...]
    measured_ratio: float | None
    source: Source
    devices: tuple[DevicePart, ...]
    power: tuple[PowerSeries, ...]
    cpu: tuple[CpuSeries, ...]
    timing: Timing
    samples: tuple[Samples, ...]
    ticks: Ticks
    work: tuple[WorkDone, ...]
    forecast: Forecast | None
    siblings: tuple[Sibling, ...]
    more_siblings: bool
    restart_of: str | None
    thinned_s: float = 0.0
    notes: tuple[str, ...] = ()
    ledger: str | None = None
    generated_at: str = ""
    schema: int = SCHEMA

    @property
    def footprint(self) -> Footprint:
        """The footprint by the page's policy."""
        return self.footprints[self.attribution]
