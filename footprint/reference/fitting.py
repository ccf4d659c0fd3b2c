"""Fit the CPU and memory models to the wall power of servers, and write the factors of the fit.

`python -m footprint.reference.fitting` rewrites `data/cpu_fit.csv` from `data/server_power.csv`; a test holds one against the
other. How well the fit does on servers that were left out of it is shown by `python -m tests.benchmarks.cpu_model`.

**Data.** Published results of SPECpower_ssj2008 (https://www.spec.org/power_ssj2008/results/): watts of whole servers at the
plug, idle and at 10 to 100 % load. Kept are servers whose rated power (60 W or more) and architecture are known, with threads
equal to cores or twice that, drawing 0.5 to 2.0 of their rated power at full load and at most 0.6 idle: 296 of 368, of 67 CPU
models; the newest is of 2022. Makers tune what they submit: other servers draw rather more, idle above all.

**Model.** watts = GB x memory + sum over the chips' terms (`cpu.terms`): idle terms + load x active terms. Linear least squares
of the relative error over all eleven levels; each CPU model weighs the same, however many results it has.

**What the wall tells apart.** Idle and load; what goes with memory, and what goes with the chips. It does not tell the chips from
board, fans, disks and the supply's loss: those are inside the CPU's terms as far as they go with them, and inside memory's.
`host.rest` is the estimate of how much, for hosts whose chips and memory are read by counters.

**Ranges.** 5th and 95th percentile, each CPU model weighing the same, of measured over modelled: for idle terms and memory of the
whole server's idle power (a residual does not tell which of the two is wrong), for active terms of the power above idle.

**Limits.** Squares of an error relative to what was measured lean to the low side: servers that were left out of the fit draw
more than the central value in the mean, 3 to 5 % with each result alike, 9 to 11 % with each CPU model alike. To put it right by
that ratio makes the error of nine servers of ten worse by a third, for the mean is that of a few servers that draw much more: the
range reaches up to them. Nothing is newer than 2022, and no server has accelerators.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from footprint.model import Factor
from footprint.reference import tables
from footprint.reference.cpu import era, terms
from footprint.reference.cpu_names import Cpu, find_cpu
from footprint.reference.editions import remembered
from footprint.reference.triples import MAX_SIDES_RATIO, Triple, not_negative, stretched
from footprint.units import BYTES_PER_GB, BYTES_PER_GIB

PATH: Final = Path(__file__).parent / "data" / "2026.11" / "cpu_fit.csv"
LOADS: Final = tuple(step / 10 for step in range(11))

_LEAST_TDP_W: Final = 60.0
_FULL_RATIO: Final = (0.5, 2.0)
_IDLE_RATIO: Final = 0.6
_PACKAGE_LOADS: Final = (0.7, 0.85)
"""What processor packages draw of their rated power under SPECpower's full load, by rule."""
_DRAM_W_PER_GB: Final = (0.05, 0.15)
"""What memory modules draw under load, by rule."""
_SUPPLY_RATIO: Final = 0.94
"""The efficiency of a good server supply (80 PLUS Platinum at half load: 0.94)."""
_YEARS: Final = {"2008": ("2008-2011", 2011), "2012": ("2012-2013", 2013), "2014": ("2014-2022", 2022)}


class Server(NamedTuple):
    """A measured server: its watts at each of `LOADS`."""

    cpu: Cpu
    chips: int
    logical_cpus: int
    memory_bytes: int
    year: int
    watts: tuple[float, ...]

    @property
    def memory_gb(self) -> float:
        """Installed memory, 10^9 bytes."""
        return self.memory_bytes / BYTES_PER_GB


@remembered
def servers() -> tuple[Server, ...]:
    """The measured servers that pass the filter."""
    return tuple(filter(None, map(_server, tables.table("server_power"))))


def _server(row: tables.Row) -> Server | None:
    if not row["tdp_w"] or not row["architecture"]:
        return None
    chips, cores, threads = int(row["chips"]), int(row["cores"]), int(row["threads"])
    rated_w = float(row["tdp_w"]) * chips
    watts = tuple(float(row[f"w_{'idle' if not load else round(load * 100)}"]) for load in LOADS)
    fits = (
        float(row["tdp_w"]) >= _LEAST_TDP_W
        and threads in {cores, 2 * cores}
        and _FULL_RATIO[0] <= watts[-1] / rated_w <= _FULL_RATIO[1]
        and watts[0] / rated_w <= _IDLE_RATIO
    )
    cpu = find_cpu(row["cpu"])
    if not fits or cpu is None:
        return None
    memory_bytes = round(float(row["memory_gib"]) * BYTES_PER_GIB)
    return Server(cpu, chips, threads, memory_bytes, int(row["year"] or cpu.year or 0), watts)


def weights(those: Sequence[Server]) -> list[float]:
    """A weight for each server, such that each CPU model weighs the same."""
    count = Counter(one.cpu.name for one in those)
    return [1 / count[one.cpu.name] for one in those]


def fit(those: Sequence[Server]) -> list[tables.Row]:
    """The factors of the models, as rows of `cpu_fit.csv`, fitted on these servers."""
    coefficients = _least_squares(those)
    rows: list[tables.Row] = []
    for first, (years, last) in _YEARS.items():
        for name in (name for name in coefficients if name.endswith(first)):
            # Memory of all years until 2013 is one term.
            eras = {"2008", "2012"} if name == "memory.power.2008" else {first}
            part = [one for one in those if era(one.cpu) in eras]
            idle, active = (_spread(part, ratio) for ratio in _ratios(coefficients))
            of = f"{len(part)} servers with chips of {'2008-2013' if len(eras) > 1 else years}, each of "
            of += f"{len({one.cpu.name for one in part})} CPU models weighing the same"
            rows.append(_row(name, coefficients[name], active if "active" in name else idle, last, of))
    newest = [one for one in those if era(one.cpu) == "2014"]
    makers = [next(row for row in rows if row["id"] == f"cpu.active.{maker}.2014") for maker in ("intel", "amd")]
    bounds = [[float(row[bound]) for row in makers] for bound in ("low", "central", "high")]
    rows.append(
        makers[0]
        | {"id": "cpu.active.other.2014", "note": "power above idle of a chip of another maker: over Intel's and AMD's"}
        | _bounds((min(bounds[0]), sum(bounds[1]) / 2, max(bounds[2])))
    )
    return [*rows, *_unknown(newest, coefficients), _rest(newest)]


def factors(rows: Iterable[tables.Row]) -> Callable[[str], Factor]:
    """A look-up of factors that goes to these rows first, for models that were fitted on some of the servers."""
    own = {row["id"]: tables.factor(row) for row in rows}
    return lambda name: own[name] if name in own else tables.prior(name)


def _design(one: Server) -> tuple[Mapping[str, float], Mapping[str, float], Mapping[str, float]]:
    """What the coefficients of memory, idle and active power are multiplied with for a whole server, by their ids."""
    found = terms(one.cpu, one.chips / one.logical_cpus)
    memory = "memory.power.2014" if era(one.cpu) == "2014" else "memory.power.2008"
    idle = {name: amount * one.logical_cpus for name, amount in found.idle.items()}
    active = {name: amount * one.logical_cpus for name, amount in found.active.items()}
    return {memory: one.memory_gb}, idle, active


def _least_squares(those: Sequence[Server]) -> dict[str, float]:
    """The coefficients with the least squares of relative error, by id."""
    import numpy as np

    designs = [_design(one) for one in those]
    names = sorted({name for design in designs for part in design for name in part})
    lines: list[list[float]] = []
    for one, weight, (memory, idle, active) in zip(those, weights(those), designs, strict=True):
        for load, watts in zip(LOADS, one.watts, strict=True):
            amounts = {**memory, **idle, **{name: amount * load for name, amount in active.items()}}
            lines.append([amounts.get(name, 0.0) * weight**0.5 / watts for name in names] + [weight**0.5])
    table = np.array(lines)
    solution: Any = np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)[0]
    return dict(zip(names, map(float, solution), strict=True))


def _modelled(one: Server, coefficients: Mapping[str, float]) -> tuple[float, float, float]:
    """Watts of a server by the model: memory, the rest of its idle power, and what full load adds."""
    memory, idle, active = (
        sum(coefficients[name] * amount for name, amount in part.items() if name in coefficients) for part in _design(one)
    )
    return memory, idle, active


def _ratios(coefficients: Mapping[str, float]) -> tuple[Callable[[Server], float], Callable[[Server], float]]:
    """Measured over modelled, of a server: its idle power, and what full load adds."""

    def idle(one: Server) -> float:
        return one.watts[0] / sum(_modelled(one, coefficients)[:2])

    def active(one: Server) -> float:
        return (one.watts[-1] - one.watts[0]) / _modelled(one, coefficients)[2]

    return idle, active


def _percentile(those: Sequence[Server], value: Callable[[Server], float], share: float) -> float:
    """The percentile of a value over servers, each CPU model weighing the same."""
    ordered = sorted(zip(map(value, those), weights(those), strict=True))
    wanted, passed = share * sum(weight for _, weight in ordered), 0.0
    for one, weight in ordered:
        passed += weight
        if passed >= wanted:
            return one
    return ordered[-1][0]


def _mean(those: Sequence[Server], value: Callable[[Server], float]) -> float:
    each = weights(those)
    return sum(value(one) * weight for one, weight in zip(those, each, strict=True)) / sum(each)


def _spread(those: Sequence[Server], ratio: Callable[[Server], float]) -> Triple:
    """The range of a coefficient, as shares of it, from measured over modelled."""
    low, high = (_percentile(those, ratio, share) for share in (0.05, 0.95))
    return not_negative(stretched(min(low, 1.0), 1.0, max(high, 1.0)))


def _row(name: str, central: float, spread: Triple, year: int, of: str) -> tables.Row:
    quantity, per = {
        "memory": ("what memory adds to a server's power", "W/GB"),
        "cpu.idle.chip": ("power at idle, a chip", "W/chip"),
        "cpu.idle.cpu": ("power at idle, a logical CPU", "W/CPU"),
        "cpu.idle": ("power at idle", "W/W"),
        "cpu.active": ("power at full load above idle", "W/W"),
    }[next(key for key in ("memory", "cpu.idle.chip", "cpu.idle.cpu", "cpu.idle", "cpu.active") if name.startswith(key))]
    basis = {"W/GB": "per installed GB", "W/chip": "per chip", "W/CPU": "per logical CPU", "W/W": "per watt of TDP"}[per]
    part = "active" if "active" in name else "memory" if "memory" in name else "idle"
    note = f"{quantity}. {of}; the whole server, board, fans, disks and supply included"
    family = f"cpu-fit:{name[-4:]}:{part}"
    return _as_row(name, (central * spread[0], central, central * spread[2]), per, basis, family=family, year=year, note=note)


def _as_row(
    name: str, triple: Triple, unit: str, basis: str, *, family: str, year: int, note: str, grade: str = "model"
) -> tables.Row:
    return {
        "id": name, **_bounds(triple), "unit": unit, "source": "spec-power", "year": str(year), "basis": basis,
        "grade": grade, "error_family": family, "varies": "run" if name == "host.rest" else "device", "note": note,
    }  # fmt: skip


def _bounds(triple: Triple) -> tables.Row:
    return dict(zip(("low", "central", "high"), (f"{value:.4g}" for value in triple), strict=True))


def _unknown(those: Sequence[Server], coefficients: Mapping[str, float]) -> list[tables.Row]:
    """Watts of a logical CPU of which nothing is known, from what was measured."""

    def idle(one: Server) -> float:
        return (one.watts[0] - _modelled(one, coefficients)[0]) / one.logical_cpus

    def active(one: Server) -> float:
        return (one.watts[-1] - one.watts[0]) / one.logical_cpus

    rows = []
    for part, value, text in (("idle", idle, "power at idle"), ("active", active, "power at full load above idle")):
        low, high = (_percentile(those, value, share) for share in (0.05, 0.95))
        central = max(_mean(those, value), high / (1 + MAX_SIDES_RATIO))
        triple = not_negative(stretched(max(low, 0.0), central, high))
        of = f"percentiles and mean of {len(those)} servers with chips of 2014-2022"
        note = f"{text} of a logical CPU of an unidentified chip: {of}{', memory taken off' if part == 'idle' else ''}"
        family = f"cpu-unknown:{part}"
        name, per = f"cpu.{part}.unknown", "per logical CPU"
        rows.append(_as_row(name, triple, "W", per, family=family, year=2022, note=note, grade="assumed"))
    return rows


def _rest(those: Sequence[Server]) -> tables.Row:
    """What the plug sees beyond the readings of packages and memory, over these."""

    def beyond(load: float, dram_w_per_gb: float) -> Callable[[Server], float]:
        def value(one: Server) -> float:
            return one.watts[-1] / (load * one.cpu.tdp_w * one.chips + dram_w_per_gb * one.memory_gb) - 1

        return value

    means = [_mean(those, beyond(load, dram)) for load in _PACKAGE_LOADS for dram in _DRAM_W_PER_GB]
    high = _percentile(those, beyond(_PACKAGE_LOADS[1], _DRAM_W_PER_GB[0]), 0.95)
    note = (
        "energy of board, fans, disks and supply over that of packages and memory. Rule: at the full load of servers with chips "
        f"of 2014-2022 packages draw {_PACKAGE_LOADS[0]} to {_PACKAGE_LOADS[1]} of their rated power and memory "
        f"{_DRAM_W_PER_GB[0]} to {_DRAM_W_PER_GB[1]} W/GB: what the plug sees beyond has the means {min(means):.2f} to "
        f"{max(means):.2f}, here their middle, and the 95th percentile {high:.2f}. Low: the loss alone of a supply of "
        f"{_SUPPLY_RATIO:.0%}. An idle server has more of it"
    )
    triple = stretched(1 / _SUPPLY_RATIO - 1, sum(means) / len(means), high)
    basis = "rest / (packages + memory)"
    return _as_row("host.rest", triple, "ratio", basis, family="host:rest", year=2022, note=note, grade="assumed")


def render(rows: Iterable[tables.Row]) -> str:
    """The text of `cpu_fit.csv`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, tables.FACTOR_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    PATH.write_text(render(fit(servers())), encoding="utf-8")
    print(PATH.read_text(encoding="utf-8"), end="")
