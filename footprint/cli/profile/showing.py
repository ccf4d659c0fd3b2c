"""What a person sees of a profile: a line for each repeat while it goes on, then a small table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from footprint import text
from footprint.cli.printing import table

if TYPE_CHECKING:
    from footprint.profile import Workload
    from footprint.profiling.comparing import Comparison
    from footprint.profiling.engine import Measured
    from footprint.profiling.plan import Plan
    from footprint.profiling.results import Result
    from footprint.profiling.statistics import Spread

_ROWS: Final = (
    ("energy_j", "energy"),
    ("machine_energy_j", "of the whole machine"),
    ("above_idle_j", "above idle"),
    ("time_s", "time"),
    ("cpu_s", "CPU time"),
    ("throughput", "throughput"),
    ("power_w", "power"),
)
_ENDINGS: Final = {
    "interval": "the interval is narrow enough",
    "most repeats": "no more repeats were asked for",
    "time": "the time is spent",
    "interrupted": "interrupted: incomplete",
    "failed": "failed: incomplete",
}


class Lines:
    """A line on stderr for each step.

    Args:
        plan: what runs.
        silent: whether nothing is to be said.
    """

    def __init__(self, plan: Plan, *, silent: bool) -> None:
        self._plan, self._silent = plan, silent or sys.stderr is None
        self._say(text.clean(plan.name))

    def tell(self, what: str, so_far: Measured) -> None:
        """Say what has just been done."""
        if what == "idle" and so_far.idle is not None:
            watts = "unknown" if so_far.idle.power_w is None else text.power(so_far.idle.power_w)
            others = so_far.idle.others_ratio
            busy = "" if others is None else f", others take {text.percent(others)} of the CPUs"
            self._say(f"  idle       {watts}{busy}")
        elif what == "warm-up":
            self._say("  warm-up    done")
        elif what == "repeat":
            self._repeat(so_far)

    def _repeat(self, so_far: Measured) -> None:
        one, number = so_far.repeats[-1], len(so_far.repeats)
        energy = "energy unknown" if one.energy_j is None else f"{text.number(one.energy_j / one.amount)} J"
        speed = f"{text.number(one.amount / one.duration_s)} {self._plan.workload.unit}/s" if one.duration_s > 0 else ""
        session = f"start {one.session:<3}" if self._plan.workload.inside else ""
        disturbed = f"   disturbed: {', '.join(one.disturbed)}" if one.disturbed else ""
        self._say(f"  repeat {number:<3} {session} {text.duration(one.duration_s):>9} {energy:>12} each {speed:>22}{disturbed}")

    def _say(self, line: str) -> None:
        if not self._silent:
            with suppress(OSError, ValueError, UnicodeError):
                print(line.rstrip(), file=sys.stderr, flush=True)


def plan_lines(plan: Plan) -> Iterator[str]:
    """What would run."""
    work = plan.workload
    yield text.clean(plan.name)
    yield f"  command    {text.clean(' '.join([work_word(work), *plan.command[1:]]), limit=300)}"
    yield f"  repeats    {how_often(work)}"
    limit = text.duration(work.time_limit_s)
    yield f"  until      the energy of a unit ({work.unit}) is known to ±{text.percent(work.interval_ratio)}, or for {limit}"
    for file in plan.files:
        where = f" in {file.package}" if file.package else ""
        yield f"  file       {text.clean(file.path)}{where}, sha256 {file.sha256[:12]}…"
    for name, version in plan.libraries.items():
        yield f"  needs      {name} {version}, installed"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "profile": plan.profile,
        "workload": plan.workload,
        "files": plan.files,
        "libraries": plan.libraries,
    }


def work_word(work: Workload) -> str:
    """The program's name as the profile states it."""
    return work.command.split()[0] if isinstance(work.command, str) else work.command[0]


def how_often(work: Workload) -> str:
    """How often a workload repeats, in words."""
    from footprint.profiling.engine import INSIDE_REPEATS, PROCESS_REPEATS

    least, most = INSIDE_REPEATS if work.inside else PROCESS_REPEATS
    most = work.repeats or most
    least = work.min_repeats or min(least, most)
    warm = f", after {text.plural(work.warmup, 'warm-up')}"
    if not work.inside:
        return f"{_between(least, most, 'process', 'processes')}, start-up included{warm}"
    starts = _between(work.min_sessions, work.sessions, "start")
    return f"{starts} of the process, each {_between(least, most, 'repeat')}{warm}"


def _between(least: int, most: int, noun: str, many: str = "") -> str:
    return text.plural(most, noun, many) if least == most else f"{least} to {text.plural(most, noun, many)}"


def listed(found: Sequence[tuple[str, Workload]]) -> list[str]:
    """The workloads of a profile as a table."""
    rows = [(one.name or name, one.kind, one.unit, how_often(one), one.note) for name, one in found]
    return table(("workload", "kind", "unit", "repeats", "note"), rows)


def result_lines(result: Result, path: Path | None, compared: Comparison | None) -> Iterator[str]:
    """A result for a person."""
    told = result.protocol
    starts = f" in {text.plural(told.sessions, 'start')}" if result.workload.inside else ""
    yield ""
    yield f"{text.plural(told.repeats, 'repeat')}{starts}, {text.duration(told.measured_s)} of work; {_ENDINGS[told.ended_by]}"
    head = ("a unit of work", "unit", "mean", "next profile (90 %)", "sd", "median")
    yield from table(head, _rows(result), right=("mean", "sd", "median"))
    yield from _energy_lines(result)
    yield from _doubts(result)
    if compared is not None:
        yield from _comparison_lines(compared)
    if path is not None:
        yield f"written       {text.clean(str(path), limit=400)}"
    yield f"account       {text.clean(result.account)}"


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    for name, label in _ROWS:
        one = result.statistics.get(name)
        if one is not None and one.all is not None:
            yield (label, one.unit, *_cells(one.all))
        elif name == "energy_j":
            yield (label, one.unit if one else "", "unknown", "", "", "")


def _doubts(result: Result) -> Iterator[str]:
    """What speaks against the numbers."""
    disturbed = sum(bool(one.disturbed) for one in result.repeats)
    if disturbed:
        energy, time = result.statistics["energy_j"], result.statistics["time_s"]
        quiet = energy if energy.undisturbed else time
        without = f"; without them {text.number(quiet.undisturbed.mean, 4)} {quiet.unit}" if quiet.undisturbed else ""
        yield f"disturbed     {disturbed} of {result.protocol.repeats} repeats, all counted{without}"
    for check in result.checks:
        if check.verdict == "doubtful":
            yield f"doubtful      {check.name}: {check.message}"
    unknown = [check.name for check in result.checks if check.verdict == "unknown"]
    if unknown:
        yield f"not checked   {', '.join(unknown)}"
    if result.unknown:
        yield f"unknown       {', '.join(result.unknown)}"
    for warning in result.warnings:
        yield f"note          {text.clean(warning, limit=400)}"


def _cells(one: Spread) -> tuple[str, str, str, str]:
    interval = "unknown" if one.low is None or one.high is None else text.span(one.low, one.high)
    if one.half_ratio is not None:
        interval += f"  ±{text.percent(one.half_ratio)}"
    return text.number(one.mean, 4), interval, "" if one.sd is None else text.number(one.sd), text.number(one.median, 4)


def _energy_lines(result: Result) -> Iterator[str]:
    unit = result.workload.unit
    energy, site, emissions = result.it_energy_kwh_per_1000, result.energy_kwh_per_1000, result.emissions_g_per_1000
    if energy is not None:
        grades = {one.component: one.grade for one in result.components if one.grade is not None and one.energy_kwh}
        how = ", ".join(f"{name}: {grade}" for name, grade in grades.items())
        shown = text.energy_range(energy.low, energy.central, energy.high)
        yield f"of 1,000      {shown} for 1,000 {unit}; the range is what meters and models may be wrong by ({how})"
    if site is not None:
        shown = f"{text.energy_range(site.low, site.central, site.high)} with the site's cooling and power supply (PUE)"
        if emissions is not None:
            shown += f", {text.mass_range(emissions.low, emissions.central, emissions.high)} CO2eq"
        yield f"              {shown}"


def _comparison_lines(compared: Comparison) -> Iterator[str]:
    machine = "the same kind of machine" if compared.same_machine else "another machine"
    work = "the same work" if compared.same_work else "other work"
    yield f"compared      with {text.clean(compared.measured_at)}: {machine}, {work}"
    for one in compared.quantities:
        if one.now is None or one.before is None:
            continue
        if one.ratio is None:
            ratio = text.number(one.now / one.before) if one.before else "unknown"
        else:
            ratio = f"{text.number(one.ratio.central)} ({text.span(one.ratio.low, one.ratio.high)})"
        yield f"              {dict(_ROWS)[one.name]} is {ratio} times that of then: {one.verdict}"
    for line in compared.differences:
        yield f"              {text.clean(line, limit=300)}"
