"""Where and on what work runs, and what was read of it."""

from __future__ import annotations

import msgspec

from footprint.model.words import ComponentName, Grade


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
