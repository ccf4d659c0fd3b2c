"""What one repeat took: from the facts of its run, derived as any run's footprint is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from footprint.model import Component, Range, Run
from footprint.profiling.conditions import STEP_S, Conditions
from footprint.profiling.results import Idle, RepeatResult, Systematic
from footprint.units import J_PER_KWH

OTHERS_LIMIT: Final = 0.05
"""Other processes may take this share of the machine's CPU time while a repeat lasts before it counts as disturbed."""
STOLEN_LIMIT: Final = 0.02
DISTURBED_LIMIT: Final = 0.5
"""Where more repeats are disturbed, the interval is that of a machine as busy, and a difference says nothing of the work."""
_EACH: Final = 1000.0


class Whole(NamedTuple):
    """All measured repeats together: what their footprint says, by 1,000 units."""

    systematic: Systematic | None
    components: tuple[Component, ...]
    it_energy_kwh: Range | None
    energy_kwh: Range | None
    emissions_g: Range | None
    factors_version: str
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]


def facts_of(journal: str | None, run_id: str) -> Run | None:
    """A run that has ended, from its journal; null where it cannot be read."""
    from footprint.ledger.reading import read_journal

    if journal is None or not run_id:
        return None
    records = read_journal(Path(journal), only_run=run_id).runs.get(run_id)
    return None if records is None else records.run()


def repeat_of(
    *,
    session: int,
    run: Run | None,
    duration_s: float,
    amount: float,
    before: Conditions,
    after: Conditions,
    notes: dict[str, float],
) -> RepeatResult:
    """One repeat's numbers.

    Args:
        session: which start of the command it belongs to.
        run: its facts; null where it was not recorded.
        duration_s: how long it took, s.
        amount: how many units it did.
        before: the machine when it began.
        after: the machine when it had ended.
        notes: what the program said of it.
    """
    others, stolen = others_ratio(run), stolen_ratio(before, after)
    disturbed = []
    if others is not None and others > OTHERS_LIMIT:
        disturbed.append("other processes")
    if stolen is not None and stolen > STOLEN_LIMIT:
        disturbed.append("stolen CPU time")
    if _grew(before.throttles, after.throttles):
        disturbed.append("slowed for warmth")
    return RepeatResult(
        session=session,
        run=run.id if run is not None else "",
        duration_s=duration_s,
        amount=amount,
        energy_j=energy_j(run, machine=False),
        machine_energy_j=energy_j(run, machine=True),
        recorded_s=None if run is None else run.duration_s,
        cpu_s=None if run is None or run.cpu is None else run.cpu.tree_s,
        others_ratio=others,
        stolen_ratio=stolen,
        mhz=after.mhz,
        celsius=after.celsius,
        load=after.load,
        disturbed=tuple(disturbed),
        notes=notes,
    )


def by_unit(repeats: Sequence[RepeatResult]) -> list[float]:
    """What the interval is about: the energy of a unit; its time where any of the energies is unknown, and never some of each."""
    energies = [one.energy_j for one in repeats if one.energy_j is not None]
    values = energies if len(energies) == len(repeats) else [one.duration_s for one in repeats]
    return [value / one.amount for value, one in zip(values, repeats, strict=True)]


def disturbed_ratio(repeats: Sequence[RepeatResult]) -> float:
    """The share of repeats that were disturbed."""
    return sum(bool(one.disturbed) for one in repeats) / max(1, len(repeats))


def energy_j(run: Run | None, *, machine: bool) -> float | None:
    """The energy of IT equipment in a run, J: its share of the machine's, or all of it; null where any part is unknown."""
    from footprint.derive import run_footprint

    if run is None:
        return None
    energy = run_footprint(run, attribution="machine" if machine else "share").it_energy_kwh
    return None if energy is None else energy.central * J_PER_KWH


def was_quiet(idle: Idle) -> bool:
    """Whether the machine did as good as nothing else while it was looked at, as far as anybody could tell."""
    return (idle.others_ratio or 0.0) <= OTHERS_LIMIT and (idle.stolen_ratio or 0.0) <= STOLEN_LIMIT


def others_ratio(run: Run | None) -> float | None:
    """The share of the machine's CPU time that processes other than the run's took; null where nobody could tell.

    A time in which one step of the kernel's accounting would already be more than the limit tells nothing.
    """
    cpu = run.cpu if run is not None else None
    if cpu is None or cpu.busy_s is None:
        return None
    return _share(cpu.busy_s - cpu.tree_s, cpu.read_s * cpu.logical_cpus, cpu.resolution_s / OTHERS_LIMIT)


def stolen_ratio(before: Conditions, after: Conditions) -> float | None:
    """The share of the machine's CPU time that other guests of the same hardware took."""
    if before.stolen_s is None or after.stolen_s is None:
        return None
    return _share(after.stolen_s - before.stolen_s, (after.t_s - before.t_s) * after.cpus, STEP_S / STOLEN_LIMIT)


def _share(taken_s: float, whole_s: float, least_s: float) -> float | None:
    """A share of the machine's CPU time, of 0 to 1; null of less time than can be told."""
    return None if whole_s <= 0 or whole_s < least_s else min(1.0, max(0.0, taken_s) / whole_s)


def together(runs: Sequence[Run], amount: float) -> Whole | None:
    """The footprint of all measured repeats, each joule once; null where none was recorded.

    Args:
        runs: their runs.
        amount: the units that they did together.
    """
    from footprint.derive import Account

    if not runs or amount <= 0:
        return None
    # What their sessions hold besides is no part of them.
    alone = [msgspec.structs.replace(run, parent=None) for run in runs]
    total = Account(alone).total([run.id for run in alone])
    footprint = total.footprint
    energy = footprint.it_energy_kwh
    known = total.with_energy == total.runs
    by = _EACH / amount
    return Whole(
        systematic=Systematic(low_ratio=energy.low / energy.central, high_ratio=energy.high / energy.central)
        if energy is not None and energy.central > 0
        else None,
        components=tuple(
            msgspec.structs.replace(one, energy_kwh=scaled(one.energy_kwh, by))
            for one in footprint.breakdown
            if one.energy_kwh is None or one.energy_kwh.high > 0  # accelerators where there are none
        )
        if known
        else (),
        it_energy_kwh=scaled(energy, by) if known else None,
        energy_kwh=scaled(footprint.energy_kwh, by) if known else None,
        emissions_g=scaled(footprint.emissions_g, by) if total.with_emissions == total.runs else None,
        factors_version=footprint.factors_version,
        unknown=footprint.unknown,
        warnings=footprint.warnings,
    )


def scaled(value: Range | None, by: float) -> Range | None:
    """A range times a number above zero."""
    return None if value is None else Range(low=value.low * by, central=value.central * by, high=value.high * by)


def _grew(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before
