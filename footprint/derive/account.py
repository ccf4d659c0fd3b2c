"""Many runs, each counted once: footprints by run and totals of any set of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from footprint.accounting.ranges import total
from footprint.derive.equipment import device_hours, known_equipment
from footprint.derive.measured import derive_run
from footprint.derive.nesting import containers
from footprint.derive.portions import WHOLE, portions, shared_hours, whole_machine
from footprint.derive.working import Working, weakest
from footprint.model import Attribution, Basis, ComponentName, Coverage, Footprint, Run
from footprint.units import S_PER_H

# Runs one after the other may seem to overlap by as much: where the clock is that on the wall, it is read to the millisecond.
NEARLY_WHOLE: Final = 0.99
_QUANTITIES: Final = (
    "it", "facility", "emissions", "emissions_market", "emissions_direct", "embodied", "water", "water_onsite", "water_offsite",
)  # fmt: skip


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """The footprint of a set of runs, and how many of them it covers.

    `footprint` sums what is known: where `with_energy` or `with_emissions` is below `runs`, it covers only so many of them, and
    whoever shows it says so. Nested runs are counted in `runs` but add nothing: their parents contain them.
    """

    footprint: Footprint
    runs: int
    with_energy: int
    with_emissions: int


class _Together(NamedTuple):
    """What counts of some runs in their sum.

    `within` is the run that contains each, if any; `partly` those of which only a part counts; `shared` those of them that share
    more than a moment; `hours` what counts of the time with each accelerator, where that is not all.
    """

    within: dict[str, str | None]
    partly: dict[str, Working]
    shared: frozenset[str]
    hours: dict[str, dict[str, float]]


class Account:
    """Runs with their draws, so that totals keep what their ranges share.

    Args:
        runs: the runs; later ones of the same id are ignored.
        attribution: whose joules are counted, see `run_footprint`.
    """

    def __init__(self, runs: Iterable[Run], attribution: Attribution = "share") -> None:
        self.attribution = attribution
        self._runs: dict[str, Run] = {}
        for run in runs:
            self._runs.setdefault(run.id, run)
        self._workings: dict[str, Working] = {}
        self._footprints: dict[str, Footprint] = {}
        self._together: dict[frozenset[str], _Together] = {}

    def footprint(self, run_id: str) -> Footprint:
        """One run's footprint.

        Raises:
            KeyError: if the run is not in this account.
        """
        if run_id not in self._footprints:
            self._footprints[run_id] = self._working(run_id).footprint()
        return self._footprints[run_id]

    def counted(self, run_ids: Iterable[str]) -> dict[str, Footprint]:
        """Each of some runs as it counts in their sum: one that overlapped others, its part of what they read together.

        Raises:
            KeyError: if a run is not in this account.
        """
        together = self._sum_of(run_ids)
        return {
            run_id: together.partly[run_id].footprint() if run_id in together.partly else self.footprint(run_id)
            for run_id in together.within
        }

    def total(self, run_ids: Iterable[str], among: Iterable[str] | None = None) -> Total:
        """The footprint of some of the runs together, each joule once.

        Args:
            run_ids: the runs.
            among: the runs, these included, among all of which each joule counts once, so that totals of parts of them add up to
                that of all; by default these runs alone.

        Raises:
            KeyError: if a run is not in this account, or not among those.
        """
        chosen = dict.fromkeys(run_ids)
        within, partly, shared, _ = self._sum_of(chosen if among is None else among)
        within = {run_id: within[run_id] for run_id in chosen}
        shared = shared & chosen.keys()
        counted = [run_id for run_id, outer in within.items() if outer is None]
        workings = [partly.get(run_id) or self._working(run_id) for run_id in counted]
        sums = sum_of(workings, self.attribution)
        sums.coverage = _coverage([(self._working(run_id), self._runs[run_id].duration_s) for run_id in counted])
        sums.warn(*_partial(workings))
        if shared:
            sums.warn(
                f"{len(shared)} of the runs overlapped on one machine: what they read together is counted once in sums and shares"
            )
        # A nested run is covered if what it is counted in is.
        counts = [self._working(outer or run_id) for run_id, outer in within.items()]
        return Total(
            footprint=sums.footprint(),
            runs=len(within),
            with_energy=sum(w.facility is not None for w in counts),
            with_emissions=sum(w.emissions is not None for w in counts),
        )

    def device_s(self, run_ids: Iterable[str], among: Iterable[str] | None = None) -> float:
        """The time for which some of the runs used accelerators, each device once at a time: of recorded runs, and as declared.

        Args:
            run_ids: the runs.
            among: see `total`.

        Raises:
            KeyError: if a run is not in this account, or not among those.
        """
        chosen = dict.fromkeys(run_ids)
        together = self._sum_of(chosen if among is None else among)
        time_s = 0.0
        for run_id in chosen:
            if together.within[run_id] is None:
                time_s += device_time_s(self._runs[run_id], together.hours.get(run_id, {}), self.attribution)
        return time_s

    def sheet(self, run_ids: Iterable[str]) -> Working:
        """The sum of some of the runs as quantities, of which no range is drawn yet.

        Raises:
            KeyError: if a run is not in this account.
        """
        within, partly, _, _ = self._sum_of(run_ids)
        counted = [run_id for run_id, outer in within.items() if outer is None]
        return sum_of([partly.get(run_id) or self._working(run_id) for run_id in counted], self.attribution)

    def _sum_of(self, run_ids: Iterable[str]) -> _Together:
        """What counts of some runs in their sum. A run whose energy is not known is in no sum, and takes nothing from others."""
        chosen = dict.fromkeys(run_ids)
        key = frozenset(chosen)
        if key not in self._together:
            within = containers(chosen, self._runs)
            known = [run_id for run_id, outer in within.items() if outer is None and self._working(run_id).it is not None]
            parts = portions([self._runs[run_id] for run_id in known], self._runs, self.attribution)
            counted = [self._runs[run_id] for run_id, outer in within.items() if outer is None]
            hours_of = shared_hours(counted, self._runs, self.attribution)
            for run_id, hours in hours_of.items():
                parts[run_id] = replace(parts.get(run_id, WHOLE), hours=hours)
            self._together[key] = _Together(
                within=within,
                partly={run_id: derive_run(self._runs[run_id], self.attribution, part) for run_id, part in parts.items()},
                shared=frozenset(run_id for run_id, part in parts.items() if part.least_ratio < NEARLY_WHOLE),
                hours=hours_of,
            )
        return self._together[key]

    def _working(self, run_id: str) -> Working:
        if run_id not in self._workings:
            self._workings[run_id] = derive_run(self._runs[run_id], self.attribution)
        return self._workings[run_id]


def device_time_s(run: Run, hours: Mapping[str, float], attribution: Attribution) -> float:
    """The time for which a run used accelerators, s; of a recorded run what counts of it by device (`hours`)."""
    run = whole_machine(run)
    if run.declared is not None:
        equipment = known_equipment(run.declared)
        return 0.0 if equipment.match is None else (device_hours(run.declared) or 0.0) * S_PER_H
    used = [one for one in run.devices if one.device.component == "accelerators"]
    if attribution == "share":
        used = [one for one in used if one.held_ratio != 0]
    return run.duration_s * sum(hours.get(one.device.id, 1.0) for one in used)


def sum_of(workings: Sequence[Working], attribution: Attribution) -> Working:
    """Sum what is known of some footprints."""
    result = Working(attribution=attribution)
    for name in _QUANTITIES:
        known = [getattr(w, name) for w in workings if getattr(w, name) is not None]
        setattr(result, name, total(known) if known else None)
    # Of a run whose sum is not known no part is added either: the parts of a total add up to it.
    stated = [working for working in workings if working.it is not None]
    for part in dict.fromkeys(part for working in workings for part in working.parts):
        of_it = [(energy, working.grades[part]) for working in stated if (energy := working.parts.get(part)) is not None]
        grades = [grade for _, grade in of_it] or [working.grades[part] for working in workings if part in working.grades][:1]
        result.add_part(part, total(energy for energy, _ in of_it) if of_it else None, weakest(grades))
    for working in workings:
        for name in working.unknown:
            result.miss(name)
        result.factors |= {key: f for key, f in working.factors.items() if key not in result.factors}
    bases = {w.basis for w in workings if w.basis is not None and w.emissions is not None}
    result.basis = _common_basis(bases)
    if result.basis is None and len(bases) > 1:
        result.warn(f"emissions of different bases are summed: {', '.join(sorted(bases))}")
    return result


def _partial(workings: Sequence[Working]) -> list[str]:
    """A warning for each other basis whose sum covers fewer runs than the emissions do, and for what is beyond them."""
    stated = [w for w in workings if w.emissions is not None]
    warnings = []
    for label, covered in (
        ("embodied emissions are", sum(w.embodied is not None for w in workings)),
        ("litres of water are", sum(w.water is not None for w in workings)),
    ):
        if 0 < covered < len(workings):
            warnings.append(f"the {label} those of {covered} of {len(workings)} runs: none are known of the others")
    for label, covered in (
        ("direct", sum(w.emissions_direct is not None for w in stated)),
        ("market-based", sum(w.emissions_market is not None for w in stated)),
    ):
        if 0 < covered < len(stated):
            warnings.append(f"the {label} emissions are those of {covered} of {len(stated)} runs: none is known of the others")
    return warnings


def _coverage(weighted: Sequence[tuple[Working, float]]) -> list[Coverage]:
    """Per component, how the runs that have it were read: the weakest grade, and the share of their time that was read.

    A run of which nothing is known counts as not read; the grade is then that of the others.
    """
    found: dict[ComponentName, list[tuple[Coverage, float]]] = {}
    for working, duration_s in weighted:
        for one in working.coverage:
            found.setdefault(one.component, []).append((one, duration_s))
    result = []
    for component, ones in found.items():
        grades = [one.grade for one, _ in ones if one.grade is not None]
        # Runs of no length are alike.
        times_s = [time_s for _, time_s in ones] if any(time_s for _, time_s in ones) else [1.0] * len(ones)
        read_s = sum(one.read_ratio * time_s for (one, _), time_s in zip(ones, times_s, strict=True) if one.grade)
        result.append(
            Coverage(component=component, grade=weakest(grades) if grades else None, read_ratio=min(1.0, read_s / sum(times_s)))
        )
    return result


def _common_basis(bases: set[Basis]) -> Basis | None:
    """One basis for a sum: the same for all, or life-cycle with estimated parts."""
    if len(bases) == 1:
        return next(iter(bases))
    return "life-cycle, estimated" if bases and bases <= {"life-cycle", "life-cycle, estimated"} else None
