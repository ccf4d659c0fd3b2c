"""The domain's types: frozen, keyword-only, slotted, and readable from and writable to JSON by `msgspec`.

Facts (`Run`, `Declaration`) are what was read or stated. A `Footprint` is derived from facts and dated `Factor`s each time
it is asked for, and is never stored as a fact. A field's unit is the end of its name; a field without one is a name, a
count or a `Range`. None means unknown; a zero is a zero that somebody knows.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import msgspec

SCHEMA_VERSION = 1

Grade = Literal["counter", "power", "model", "declared", "assumed"]
"""How a number is known, strongest first: a cumulative energy counter; integrated power readings; a model of a device from
its load; somebody's statement; an assumption of ours."""

Kind = Literal["pre-training", "fine-tuning", "inference", "evaluation", "other"]
Outcome = Literal["running", "completed", "failed", "interrupted", "unknown"]
"""How a run ended; `unknown` where nobody saw it: a process that was attached to is no child of ours."""
Scope = Literal["server", "accelerators"]
Attribution = Literal["share", "machine"]
Basis = Literal["life-cycle", "life-cycle, estimated", "direct", "market", "stated"]
Workload = Literal["llm", "transformer"]
"""What kind of model the work is on, where that is known: how much of its rated power a chip draws hangs on it."""
ComponentName = Literal["accelerators", "cpu", "memory", "rest"]
Varies = Literal["shared", "run", "device"]

GHG_SCOPES = {
    "emissions_g": "scope 2, location-based",
    "emissions_direct_g": "scope 2, location-based, direct emissions only",
    "emissions_market_g": "scope 2, market-based",
    "embodied_g": "scope 3, category 2 (capital goods)",
}
"""The GHG Protocol's scope of each quantity of a footprint, seen from whoever owns the machines and buys their electricity.

In somebody else's cloud all of it is scope 3 of the user: category 1 (purchased services). Life-cycle intensities hold what
making fuels and power plants emitted, too, which the GHG Protocol counts as scope 3, category 3; the direct figure leaves it out.
"""

GRADES: tuple[Grade, ...] = get_args(Grade)
KINDS: tuple[Kind, ...] = get_args(Kind)
SCOPES: tuple[Scope, ...] = get_args(Scope)
WORKLOADS: tuple[Workload, ...] = get_args(Workload)
ATTRIBUTIONS: tuple[Attribution, ...] = get_args(Attribution)
TRAINING_KINDS: tuple[Kind, ...] = ("pre-training", "fine-tuning")


# -- Numbers ----------------------------------------------------------------------------------------------------------


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its 90 % range: 5th percentile, mean, 95th percentile.

    The middle is the mean, so the plain product (and sum) of centrals is the central of the product (and sum).

    Raises:
        ValueError: if a bound is not finite or `low <= central <= high` does not hold.
    """

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a triple that is not a range."""
        if not all(map(math.isfinite, (self.low, self.central, self.high))):
            raise ValueError(f"not finite: {self.low}, {self.central}, {self.high}")
        if not self.low <= self.central <= self.high:
            raise ValueError(f"not low <= central <= high: {self.low}, {self.central}, {self.high}")


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """A dated, cited number that facts are multiplied with.

    `low`, `central` and `high` are 5th percentile, mean and 95th percentile. `error_family` names what shares one error
    (all years of one grid series, one site's PUE); `varies` says whether that error is the same for all runs (`shared`),
    drawn anew for each run, or for each device.
    """

    id: str
    low: float
    central: float
    high: float
    unit: str
    source: str
    year: int | None
    licence: str
    basis: str
    grade: Grade
    error_family: str
    varies: Varies = "shared"
    url: str = ""
    note: str = ""


# -- Where and on what ------------------------------------------------------------------------------------------------


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run runs, as stated or detected: a provider's region, a grid zone, a site's PUE.

    `zone` is ISO 3166-1 alpha-3 (`FRA`), a subdivision (`US-VA`, `CA-QC`) or an eGRID subregion (`egrid:SRVC`).
    `known_by` says who said so: `stated`, `environment`, `config` or `detected`. `remarks` say how a name was read that needed
    reading: what was left out of it, or what stands for it.
    """

    provider: str | None = None
    region: str | None = None
    zone: str | None = None
    name: str | None = None
    pue_ratio: float | None = None
    intensity_g_per_kwh: float | None = None
    known_by: str = "stated"
    remarks: tuple[str, ...] = ()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """Something that draws power and that a meter claims.

    `id` is stable over restarts where the hardware allows (`gpu:GPU-5b…` by UUID, `cpu`, `memory`), so that one device's
    energy can be counted once across runs. `contains` names the components whose energy is part of this device's reading
    (a meter of the whole machine); `slices` are the parts of it that the run may use, of how many (a GPU cut by MIG).
    """

    id: str
    component: ComponentName
    name: str
    meter: str
    grade: Grade
    contains: tuple[ComponentName, ...] = ()
    slices: tuple[int, int] | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter said of a device at a monotonic time.

    One of: a cumulative energy counter (`energy_j`, from an arbitrary origin), momentary power (`power_w`), or, for a
    modelled device, neither: the model's input (CPU-seconds, bytes) is recorded with every tick.
    """

    device_id: str
    t_s: float
    energy_j: float | None = None
    power_w: float | None = None


class DeviceEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """A device's energy over a run, as read: null where nothing could be read or where a model derives it.

    `read_s` is the time that readings cover; what is missing to the run's duration is a gap that was not filled. `floor_w`
    is the lowest mean power over any second or more of it, which the idle power cannot exceed. `held_ratio` is the share
    of the looks at which a process of the run held the device, null where that cannot be told; `others` whether processes
    that are not the run's held it too. `course` is the energy over time, as (seconds since the run's start, joules so far),
    thinned to a few dozen points; between two points of the same energy nothing was read. `readings` counts the meter's
    answers, `gaps` the stretches between two of them that tell nothing; both are null where nobody counted.
    """

    device: Device
    energy_j: float | None
    read_s: float
    floor_w: float | None = None
    held_ratio: float | None = None
    others: bool = False
    course: tuple[tuple[float, float], ...] = ()
    readings: int | None = None
    gaps: int | None = None


class CpuTime(msgspec.Struct, frozen=True, kw_only=True):
    """CPU-seconds over a run: of its process tree, and of the whole machine; CPUs there, and reserved to the run.

    `reserved_cpus` is what affinity and cgroup quota leave to the run. `resolution_s` is the kernel's accounting step.
    `tree_course` and `busy_course` are the same two over time, as (seconds since the run's start, CPU-seconds so far), thinned
    like a device's.
    """

    tree_s: float
    busy_s: float | None
    logical_cpus: int
    reserved_cpus: float
    read_s: float
    resolution_s: float = 0.0
    tree_course: tuple[tuple[float, float], ...] = ()
    busy_course: tuple[tuple[float, float], ...] = ()


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that a run ran on, as the operating system tells it."""

    name: str
    os: str
    cpu_name: str | None
    logical_cpus: int
    sockets: int | None
    memory_bytes: int | None
    boot_id: str | None
    virtual: bool | None = None
    container: str | None = None
    unmetered_accelerators: tuple[str, ...] = ()
    """Accelerators on the bus that no meter could claim: their energy is unknown, not zero."""
    accelerators: int | None = None
    """How many are on the bus, also those that the run may not use: a meter of the whole machine reads them, too."""


# -- Facts ------------------------------------------------------------------------------------------------------------


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
    def is_background(self) -> bool:
        """Whether it is a node's own record: of all that it reads it counts, in a sum, what no other run of the sum takes."""
        return self.labels.get("recorder") == "node"


# -- What is derived --------------------------------------------------------------------------------------------------


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a footprint's energy (IT equipment, before PUE): null where it is unknown."""

    component: ComponentName
    energy_kwh: Range | None
    grade: Grade | None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How well one expected component was read: its grade, and the share of the time for which it was read.

    A null grade is a component that is expected of the machine and of which nothing is known.
    """

    component: ComponentName
    grade: Grade | None
    read_ratio: float


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """What facts and factors give. Each quantity is a 90 % range, or null where something that it needs is unknown.

    `it_energy_kwh` is the energy of accelerators and host at the plug; `energy_kwh` is the facility's (PUE applied);
    `emissions_g` is operational, location-based CO2-equivalent of `energy_kwh`. `embodied_g` is the hardware's making, by the
    share of its life. `water_l` is what cooling evaporates on the site (`water_onsite_l`) and what making the electricity takes
    (`water_offsite_l`); null where one of them is unknown. `cost` is that of `energy_kwh`, in `currency`. `unknown` names what
    is not known, and `factors` are those used, in the order of use; `chain` says step by step how the grid's figure was found.
    """

    scope: Scope
    basis: Basis | None
    accelerator_energy_kwh: Range | None
    it_energy_kwh: Range | None
    energy_kwh: Range | None
    emissions_g: Range | None
    emissions_market_g: Range | None = None
    emissions_direct_g: Range | None = None
    embodied_g: Range | None = None
    water_l: Range | None = None
    water_onsite_l: Range | None = None
    water_offsite_l: Range | None = None
    cost: Range | None = None
    currency: str | None = None
    power_w: Range | None = None
    pue: Range | None = None
    intensity_g_per_kwh: Range | None = None
    unknown: tuple[str, ...] = ()
    breakdown: tuple[Component, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    factors: tuple[Factor, ...] = ()
    warnings: tuple[str, ...] = ()
    attribution: Attribution | None = None
    factors_version: str = ""
    place: Place | None = None
    chain: tuple[str, ...] = ()


# -- Cards ------------------------------------------------------------------------------------------------------------

FieldName = Literal["hardware_type", "hours_used", "cloud_provider", "compute_region", "carbon_emitted"]
FIELD_NAMES: tuple[FieldName, ...] = get_args(FieldName)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a card says in one of its five fields; a placeholder says nothing."""

    value: str
    placeholder: bool
    line: int


class FieldGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One group of the five fields; a card of several models has several, each with the name that stands above it."""

    name: str | None
    line: int
    fields: dict[FieldName, Claim | None]


Severity = Literal["error", "warning", "info"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found in a card: a stable code, where, what the card states, what it should be, and how to mend it.

    `stated` and `expected` are short texts; None where there is no such thing. `line` is None for what has no line.
    """

    code: str
    severity: Severity
    line: int | None
    message: str
    stated: str | None = None
    expected: str | None = None
    fix: str | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a card that bears on its compute."""

    field: str
    text: str
    line: int
    value: str
