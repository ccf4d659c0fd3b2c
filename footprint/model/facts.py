"""What was read or stated of a run."""

from __future__ import annotations

import msgspec

from footprint.model.machines import CpuTime, DeviceEnergy, Host, Place
from footprint.model.words import Grade, Kind, Outcome, Scope, Workload

SCHEMA_VERSION = 1


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A named moment of a run, stamped by the host program; `end_s` closes a phase. Seconds since the run's start."""

    name: str
    t_s: float
    end_s: float | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Who says so: a title, an address, and where in it (`locator`); `fields` are the facts that it bears on."""

    title: str
    url: str = ""
    locator: str = ""
    fields: tuple[str, ...] = ()
    grade: Grade = "declared"


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of work that nobody measured. Null is unknown, and stays unknown.

    Energy comes from `energy_kwh` (of the IT equipment; a stated PUE or the place's is applied to it), else from hardware,
    count and hours, with `power_w` watts a device if stated and a prior for the kind of work if not. `hours` is wall-clock
    time; `device_hours` is already multiplied by the count. `training=False` states that no training took place.

    Where no time is known, device-hours follow from `flops` (floating-point operations of the whole work) or from `parameters`
    and `tokens` (6 operations a parameter and token in training, 2 in inference: Kaplan et al. 2020), the hardware's peak and
    `mfu_ratio`, the share of that peak which the model's own operations reach (Chowdhery et al. 2022).

    What making the hardware emitted is spread over `life_years` and `use_ratio`, the share of its life for which it is used;
    `embodied_g_per_device` states it for one device, with its share of the server if that is meant.
    """

    kind: Kind | None = None
    hardware: str | None = None
    count: int | None = None
    hours: float | None = None
    device_hours: float | None = None
    energy_kwh: float | None = None
    power_w: float | None = None
    workload: Workload | None = None
    flops: float | None = None
    parameters: float | None = None
    tokens: float | None = None
    mfu_ratio: float | None = None
    life_years: float | None = None
    use_ratio: float | None = None
    embodied_g_per_device: float | None = None
    price_per_kwh: float | None = None
    currency: str | None = None
    scope: Scope | None = None
    pue: float | None = None
    provider: str | None = None
    region: str | None = None
    zone: str | None = None
    intensity_g_per_kwh: float | None = None
    year: int | None = None
    training: bool = True
    source: tuple[Source, ...] = ()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one tracked stretch of one process tree on one host.

    `started_at` is UTC in ISO 8601. `cpu` is null where the platform tells no CPU times. `account` names the runs that
    belong together; `parent` is the run that this one is nested in, whose energy contains it. `monotonic_s` is when the
    run started on its host's monotonic clock, which all programs of one boot share: by it runs are laid side by side,
    whatever the clock on the wall did. `suspended_s` is the time that the machine slept, which `duration_s` does not hold.
    `progress` is what the program said of its progress, as (seconds since the run's start, done, total) in units of its own,
    thinned to some dozens of points; where it began anew, the points since. `budget_g` and `budget_kwh` are what its emissions
    and its facility's energy were not to exceed. `declared` are the facts of a run that nobody measured (a bill, a job that
    another tool kept): its footprint is then that of the declaration, and it has no devices.
    """

    id: str
    name: str
    kind: Kind
    started_at: str
    duration_s: float
    outcome: Outcome
    account: str
    host: Host
    devices: tuple[DeviceEnergy, ...] = ()
    cpu: CpuTime | None = None
    place: Place | None = None
    parent: str | None = None
    work: dict[str, float] = {}
    marks: tuple[Mark, ...] = ()
    labels: dict[str, str] = {}
    versions: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    journal_id: str = ""
    monotonic_s: float | None = None
    suspended_s: float = 0.0
    progress: tuple[tuple[float, float, float], ...] = ()
    budget_g: float | None = None
    budget_kwh: float | None = None
    declared: Declaration | None = None
    schema: int = SCHEMA_VERSION

    @property
    def tells_accelerators_alone(self) -> bool:
        """Whether another tool recorded it, which reads accelerators and nothing else of the machine."""
        foreign = bool(self.versions) and "footprint" not in self.versions and self.declared is None
        alone = bool(self.devices) and all(one.device.component == "accelerators" for one in self.devices)
        return foreign and alone and self.cpu is None and not self.is_background

    @property
    def whole_work(self) -> dict[str, float]:
        """The work counters that are no part of another one: `tokens/prompt` is a part of `tokens`."""
        return {name: amount for name, amount in self.work.items() if _whole_of(name) not in self.work or "/" not in name}

    def unknown_work(self, name: str) -> float:
        """How many requests are known to have taken work of this name that nobody could count."""
        return self.work.get(f"requests/{name} unknown", 0.0)

    @property
    def is_background(self) -> bool:
        """Whether it is a node's own record: of all that it reads it counts, in a sum, what no other run of the sum takes."""
        return self.labels.get("recorder") == "node"


def _whole_of(counter: str) -> str:
    return counter.partition("/")[0]
