"""How well the CPU and memory models tell the wall power of servers whose CPU they have not seen, beside two peers.

`python -m tests.benchmarks.cpu_model` prints the table. For each CPU model of `footprint.reference.fitting.servers()`, the
factors are fitted on the servers of all others; then each of its servers is asked for as a run's host would be, through
`cpu_power` and `memory_power`, and its power at idle and at 10 to 100 % load compared with what was published. The range of each
is that of draws, as in a footprint. Peers are taken as they are: they have no term for memory, and were not fitted on this.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from footprint.accounting.ranges import draw
from footprint.model import Host, Range
from footprint.reference import cpu_power, memory_power
from footprint.reference.fitting import LOADS, Server, factors, fit, servers, weights

SINCE: Final = 2013
TARGETS: Final = {"all": (0.14, 0.36), "since": (0.11, 0.34)}
"""Median and 90th percentile of the relative error, of all servers and of those published since 2013."""
COVERAGE: Final = 0.88

TEADS: Final = ((0.0, 0.1, 0.5, 1.0), (0.12, 0.32, 0.75, 1.02))


class Point(NamedTuple):
    """A server at a load: what it drew, and what was said of it by factors that had not seen its CPU."""

    server: Server
    weight: float
    load: float
    measured_w: float
    modelled_w: Range

    @property
    def error(self) -> float:
        """The relative error of the central value."""
        return abs(self.modelled_w.central / self.measured_w - 1)

    @property
    def inside(self) -> bool:
        """Whether the range holds what was measured."""
        return self.modelled_w.low <= self.measured_w <= self.modelled_w.high


class Score(NamedTuple):
    """Errors over many points, as shares: each point alike, and each CPU model alike."""

    median: float
    p90: float
    by_model_median: float
    by_model_p90: float


def host_of(server: Server) -> Host:
    """A measured server as the facts of a run know their host."""
    return Host(
        name="server",
        os="Linux",
        cpu_name=server.cpu.name,
        logical_cpus=server.logical_cpus,
        sockets=server.chips,
        memory_bytes=server.memory_bytes,
        boot_id=None,
        virtual=False,
    )


@lru_cache(maxsize=1)
def held_out() -> tuple[Point, ...]:
    """Every server at every load, by the models as they are fitted without its CPU."""
    found: list[Point] = []
    everyone = dict(zip(servers(), weights(servers()), strict=True))
    for name in sorted({one.cpu.name for one in everyone}):
        priors = factors(fit([one for one in everyone if one.cpu.name != name]))
        for one in (one for one in everyone if one.cpu.name == name):
            host = host_of(one)
            cpu, memory = cpu_power(host, priors=priors), memory_power(host, priors=priors)
            idle_w = draw(cpu.idle_w_per_cpu, device="cpu") * one.logical_cpus
            active_w = draw(cpu.active_w_per_cpu, device="cpu") * one.logical_cpus
            memory_w = draw(memory, device="memory") * one.memory_gb
            for load, measured_w in zip(LOADS, one.watts, strict=True):
                found.append(Point(one, everyone[one], load, measured_w, (idle_w + active_w * load + memory_w).range()))
    return tuple(found)


def peer(points: Sequence[Point], share_of_tdp: Callable[[float], float]) -> tuple[Point, ...]:
    """The same servers by a load curve in shares of the rated power, which gives no range."""
    told = [share_of_tdp(point.load) * point.server.cpu.tdp_w * point.server.chips for point in points]
    return tuple(
        point._replace(modelled_w=Range(low=watts, central=watts, high=watts)) for point, watts in zip(points, told, strict=True)
    )


def curved(points: Sequence[Point]) -> tuple[Point, ...]:
    """Our own points bent to a curve: at each load times the median of measured over modelled, of all other CPU models.

    What a curve that is evaluated at each tick could gain over the line, where load is steady within a tick.
    """
    ratios = [(point.server.cpu.name, point.load, point.measured_w / point.modelled_w.central) for point in points]
    bent: dict[tuple[str, float], float] = {}
    for name, load in {(name, load) for name, load, _ in ratios}:
        bent[name, load] = statistics.median(ratio for other, at, ratio in ratios if other != name and at == load)
    return tuple(
        point._replace(modelled_w=Range(low=watts, central=watts, high=watts))
        for point in points
        for watts in [point.modelled_w.central * bent[point.server.cpu.name, point.load]]
    )


def of_years(points: Iterable[Point], since: int) -> list[Point]:
    """The points of servers whose results were published in these years."""
    return [point for point in points if point.server.year >= since]


def score(points: Sequence[Point]) -> Score:
    """Median and 90th percentile of the errors."""
    errors = np.array([point.error for point in points])
    order = np.argsort(errors)
    passed = np.cumsum(np.array([point.weight for point in points])[order])
    by_model = [float(errors[order][np.searchsorted(passed, share * passed[-1])]) for share in (0.5, 0.9)]
    return Score(float(np.median(errors)), float(np.percentile(errors, 90)), *by_model)


def coverage(points: Sequence[Point]) -> tuple[float, float]:
    """The share of points inside their range: each point alike, and each CPU model alike."""
    total = sum(point.weight for point in points)
    return (
        sum(point.inside for point in points) / len(points),
        sum(point.weight for point in points if point.inside) / total,
    )


def table() -> str:
    """The table in Markdown."""
    ours = held_out()
    models = {
        "ours: linear in load": ours,
        "ours bent to a curve, evaluated at each tick": curved(ours),
        "load³ × TDP (CodeCarbon: 0.1 + 0.9 load³)": peer(ours, lambda load: 0.1 + 0.9 * load**3),
        "load³ × TDP, nothing at idle": peer(ours, lambda load: load**3),
        "Teads' curve × TDP": peer(ours, lambda load: float(np.interp(load, *TEADS))),
    }
    every, newer = (f"{text} median / p90" for text in ("all:", f"since {SINCE}:"))
    lines = [
        f"| wall power of servers left out of the fit | {every} | each CPU model alike | {newer} | each CPU model alike |",
        "|---|---|---|---|---|",
    ]
    for name, points in models.items():
        one, two = score(points), score(of_years(points, SINCE))
        cells = [f"{100 * low:.1f} % / {100 * high:.1f} %" for each in (one, two) for low, high in (each[:2], each[2:])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for text, part in (("all", list(ours)), (f"since {SINCE}", of_years(ours, SINCE))):
        alike, by_model = coverage(part)
        ratios = [point.measured_w / point.modelled_w.central for point in part]
        bias, model_bias = statistics.fmean(ratios), statistics.fmean(ratios, [point.weight for point in part])
        lines.append(
            f"\nOur 90 % range, {text}: holds {100 * alike:.1f} % of {len(part)} points "
            f"({100 * by_model:.1f} % with each CPU model alike); measured over modelled is {bias:.3f} in the mean "
            f"({model_bias:.3f} with each CPU model alike)."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
