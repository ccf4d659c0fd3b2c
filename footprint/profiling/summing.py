"""What was measured, as a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from footprint import __version__
from footprint.model import Run
from footprint.profiling import energies
from footprint.profiling.checks import checks_of
from footprint.profiling.conditions import Conditions, governor
from footprint.profiling.engine import Measured
from footprint.profiling.plan import Plan
from footprint.profiling.results import Machine, Protocol, RepeatResult, Result, Statistic
from footprint.profiling.statistics import Spread, spread

ENERGY: Final = "energy_j"
Number = Callable[[RepeatResult], float | None]


def result_of(plan: Plan, measured: Measured, ends: tuple[Conditions, Conditions]) -> Result:
    """The result of what was measured, also of part of it.

    Args:
        plan: what was run.
        measured: what came of it.
        ends: the machine before everything and after.
    """
    groups = measured.by_session()
    idle_w = measured.idle.power_w if measured.idle is not None and energies.was_quiet(measured.idle) else None
    statistics = _statistics(groups, idle_w, plan.workload.unit)
    known = statistics[ENERGY].all or statistics["time_s"].all
    recorded = {run.id for run in measured.runs}
    amount = sum(one.amount for one in measured.repeats if one.run in recorded)
    whole = energies.together(measured.runs, amount)
    return Result(
        profile=plan.profile,
        workload=plan.workload,
        files=plan.files,
        is_complete=measured.ended_by not in {"interrupted", "failed"},
        measured_at=measured.started_at,
        footprint=__version__,
        factors_version=whole.factors_version if whole else "",
        libraries=measured.libraries,
        machine=_machine(measured.runs),
        protocol=Protocol(
            sessions=measured.sessions,
            repeats=len(measured.repeats),
            measured_s=sum(one.duration_s for one in measured.repeats),
            total_s=measured.total_s,
            ended_by=measured.ended_by,
            place=measured.runs[0].place if measured.runs else None,
            quick=measured.quick,
        ),
        idle=measured.idle,
        repeats=tuple(measured.repeats),
        statistics=statistics,
        systematic=whole.systematic if whole else None,
        components=whole.components if whole else (),
        it_energy_kwh_per_1000=whole.it_energy_kwh if whole else None,
        energy_kwh_per_1000=whole.energy_kwh if whole else None,
        emissions_g_per_1000=whole.emissions_g if whole else None,
        checks=checks_of(
            workload=plan.workload, idle=measured.idle, repeats=measured.repeats, runs=measured.runs, energy=known, ends=ends
        ),
        account=measured.account,
        unknown=_unknown(whole.unknown if whole else (), statistics),
        warnings=tuple(dict.fromkeys((*measured.warnings, *(whole.warnings if whole else ())))),
    )


def _statistics(groups: Sequence[Sequence[RepeatResult]], idle_w: float | None, unit: str) -> dict[str, Statistic]:
    def above_idle_j(one: RepeatResult) -> float | None:
        if idle_w is None or one.machine_energy_j is None:
            return None
        return (one.machine_energy_j - idle_w * (one.recorded_s or one.duration_s)) / one.amount

    one_of = unit.removesuffix("s") if unit.endswith("s") and len(unit) > 1 else unit
    numbers: dict[str, tuple[str, Number]] = {
        ENERGY: (f"J/{one_of}", lambda one: None if one.energy_j is None else one.energy_j / one.amount),
        "machine_energy_j": (
            f"J/{one_of}",
            lambda one: None if one.machine_energy_j is None else one.machine_energy_j / one.amount,
        ),
        "above_idle_j": (f"J/{one_of}", above_idle_j),
        "time_s": (f"s/{one_of}", lambda one: one.duration_s / one.amount),
        "cpu_s": (f"CPU-s/{one_of}", lambda one: None if one.cpu_s is None else one.cpu_s / one.amount),
        "throughput": (f"{unit}/s", lambda one: one.amount / one.duration_s if one.duration_s > 0 else None),
        "power_w": ("W", lambda one: None if one.energy_j is None or not one.recorded_s else one.energy_j / one.recorded_s),
    }
    return {
        name: Statistic(unit=unit_of, all=_all(groups, of), undisturbed=_undisturbed(groups, of))
        for name, (unit_of, of) in numbers.items()
    }


def _all(groups: Sequence[Sequence[RepeatResult]], of: Number) -> Spread | None:
    """What all repeats say; nothing where one of them does not say: the others alone are another profile."""
    values = [[of(one) for one in group] for group in groups]
    if any(value is None for group in values for value in group):
        return None
    return spread([[value for value in group if value is not None] for group in values])


def _undisturbed(groups: Sequence[Sequence[RepeatResult]], of: Number) -> Spread | None:
    quiet = [[one for one in group if not one.disturbed] for group in groups]
    left = sum(map(len, quiet))
    return None if left in {0, sum(map(len, groups))} else _all(quiet, of)


def _machine(runs: Sequence[Run]) -> Machine:
    import os
    import platform

    if not runs:
        return Machine(
            cpu_name=None,
            logical_cpus=os.cpu_count() or 1,
            sockets=None,
            memory_bytes=None,
            accelerators=(),
            os=f"{platform.system()} {platform.release()} {platform.machine()}",
            virtual=None,
            container=None,
            governor=governor(),
        )
    host = runs[0].host
    accelerators = [one.device.name for one in runs[0].devices if one.device.component == "accelerators"]
    return Machine(
        cpu_name=host.cpu_name,
        logical_cpus=host.logical_cpus,
        sockets=host.sockets,
        memory_bytes=host.memory_bytes,
        accelerators=(*accelerators, *host.unmetered_accelerators),
        os=host.os,
        virtual=host.virtual,
        container=host.container,
        governor=governor(),
    )


def _unknown(of_footprint: Sequence[str], statistics: dict[str, Statistic]) -> tuple[str, ...]:
    found = list(of_footprint)
    if statistics[ENERGY].all is None:
        found.append("energy of each repeat")
    known = statistics[ENERGY].all or statistics["time_s"].all
    if known is None or known.half_ratio is None:
        found.append("interval")
    return tuple(dict.fromkeys(found))


def with_workload(plan: Plan, **changes: object) -> Plan:
    """The plan with its workload changed, as options ask for."""
    return msgspec.structs.replace(plan, workload=msgspec.structs.replace(plan.workload, **changes))
