"""The result of a profile: a JSON file that says what was measured, how, on what, and by which another machine can repeat it.

No host name and no path of the machine is in it. Fields are added, never renamed or given another meaning, without raising
`schema`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import Final, Literal

import msgspec

from footprint.errors import ConfigError
from footprint.model import Component, Place, Range
from footprint.profile import Workload
from footprint.profiling.statistics import Spread

SCHEMA: Final = 1
MAX_BYTES: Final = 64 * 2**20
Verdict = Literal["ok", "doubtful", "unknown"]
Ending = Literal["interval", "most repeats", "time", "interrupted", "failed"]


class Hashed(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the work depends on: in the profile's folder, or in an import package."""

    path: str
    sha256: str
    package: str | None = None


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What it was measured on; never who or where."""

    cpu_name: str | None
    logical_cpus: int
    sockets: int | None
    memory_bytes: int | None
    accelerators: tuple[str, ...]
    os: str
    virtual: bool | None
    container: str | None
    governor: str | None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One look at whether the measurement may be trusted, with the numbers that it rests on."""

    name: str
    verdict: Verdict
    message: str
    numbers: dict[str, float] = {}


class RepeatResult(msgspec.Struct, frozen=True, kw_only=True):
    """One repeat. `energy_j` is the work's share of the machine, `machine_energy_j` that of all of it; null is unknown.

    `cpu_s` are the CPU-seconds of its processes, which a neighbour on the machine changes least. `recorded_s` is the time that
    energies and `cpu_s` are of: from the first reading of the meters to the last, a little more than `duration_s`.

    `others_ratio` and `stolen_ratio` are shares of the machine's CPU time that other processes, and other guests of the hardware,
    took meanwhile; `disturbed` says why the repeat is doubtful: it counts all the same.
    """

    session: int
    run: str
    duration_s: float
    amount: float
    energy_j: float | None
    machine_energy_j: float | None
    cpu_s: float | None
    others_ratio: float | None
    stolen_ratio: float | None
    recorded_s: float | None = None
    mhz: float | None = None
    celsius: float | None = None
    load: float | None = None
    disturbed: tuple[str, ...] = ()
    notes: dict[str, float] = {}


class Statistic(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity of a unit of work: of all repeats, and without the disturbed ones (null where none is, or all are)."""

    unit: str
    all: Spread | None
    undisturbed: Spread | None


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """The machine before the work: its power while nothing of ours ran, and what others did."""

    duration_s: float
    power_w: float | None
    others_ratio: float | None
    stolen_ratio: float | None
    load: float | None


class Systematic(msgspec.Struct, frozen=True, kw_only=True):
    """What meters and models may be wrong by, in all repeats alike: bounds of the 90 % range by its middle."""

    low_ratio: float
    high_ratio: float


class Protocol(msgspec.Struct, frozen=True, kw_only=True):
    """How it was measured. `quick`: only tried, of which the program may do less work; it is no profile of the whole."""

    sessions: int
    repeats: int
    measured_s: float
    total_s: float
    ended_by: Ending
    place: Place | None = None
    quick: bool = False
    attribution: str = "share"
    interval: str = "90 % prediction interval of the mean of another such profile"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    `statistics` are by name: `energy_j`, `machine_energy_j`, `above_idle_j`, `time_s` and `cpu_s` of a unit, `throughput` in
    units a second, `power_w`.
    """

    profile: str
    workload: Workload
    files: tuple[Hashed, ...]
    is_complete: bool
    measured_at: str
    footprint: str
    factors_version: str
    libraries: dict[str, str]
    machine: Machine
    protocol: Protocol
    idle: Idle | None
    repeats: tuple[RepeatResult, ...]
    statistics: dict[str, Statistic]
    systematic: Systematic | None
    components: tuple[Component, ...]
    it_energy_kwh_per_1000: Range | None
    energy_kwh_per_1000: Range | None
    emissions_g_per_1000: Range | None
    checks: tuple[Check, ...]
    account: str
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    schema: int = SCHEMA

    @property
    def name(self) -> str:
        """The workload's name as it is shown."""
        return self.workload.name or self.profile


def as_json(result: Result) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def write_new_result(result: Result, path: Path) -> Path:
    """Write a result where there is none yet: that of another profile of the same second stays; says where it lies.

    Raises:
        ConfigError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = _claimed(path)
    except OSError as error:
        raise ConfigError(f"{path}: the result cannot be written: {error.strerror or error}") from None
    try:
        write_result(result, free)
    except BaseException:
        with suppress(OSError):
            free.unlink()
        raise
    return free


def _claimed(path: Path) -> Path:
    """An empty file of this name, or of one with a number where it is there."""
    names = chain([path], (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2)))
    for free in names:
        with suppress(FileExistsError):
            free.touch(exist_ok=False)
            break
    return free


def write_result(result: Result, path: Path) -> None:
    """Write a result, whole or not at all, in place of what is there.

    Raises:
        ConfigError: if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(as_json(result))
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise ConfigError(f"{path}: the result cannot be written: {error.strerror or error}") from None


def read_result(path: Path) -> Result:
    """Read a result.

    Raises:
        ConfigError: if it is not there, or is none.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes is no result of a profile")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the result cannot be read: {error.strerror or error}") from None
    try:
        result = msgspec.json.decode(data, type=Result)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: no result of `footprint profile`: {error}") from None
    if result.schema > SCHEMA:
        raise ConfigError(f"{path}: written by a newer footprint (schema {result.schema}); this one reads {SCHEMA}")
    return result
