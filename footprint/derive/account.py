"""Many runs, each counted once: footprints by run and totals of any set of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

import msgspec

from footprint.accounting.ranges import Quantity, total
from footprint.derive.measured import derive_run
from footprint.derive.working import Working, weakest
from footprint.model import Attribution, Basis, ComponentName, Footprint, Run

_QUANTITIES: Final = ("it", "facility", "emissions", "emissions_market", "emissions_direct")


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """The footprint of a set of runs, and how many of them it covers.

    `footprint` sums what is known: where `with_energy` or `with_emissions` is below `runs`, it covers only so many of them, and
    whoever shows it says so. Nested runs are counted in `runs` but add nothing: their parents contain them.
    """

    footprint: Footprint
    runs: int
    with_energy: int
    with_emissions: int


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

    def footprint(self, run_id: str) -> Footprint:
        """One run's footprint.

        Raises:
            KeyError: if the run is not in this account.
        """
        if run_id not in self._footprints:
            self._footprints[run_id] = self._working(run_id).footprint()
        return self._footprints[run_id]

    def total(self, run_ids: Iterable[str]) -> Total:
        """The footprint of some of the runs together, each joule once.

        Raises:
            KeyError: if a run is not in this account.
        """
        chosen = {run_id: self._runs[run_id] for run_id in run_ids}
        counted = [run_id for run_id in chosen if not self._contained(run_id, chosen)]
        workings = [self._working(run_id) for run_id in counted]
        sums = _sum(workings, self.attribution)
        sums.warn(*_overlaps([chosen[run_id] for run_id in counted]))
        everyone = [self._working(run_id) for run_id in chosen]
        return Total(
            footprint=sums.footprint(),
            runs=len(chosen),
            with_energy=sum(w.facility is not None for w in everyone),
            with_emissions=sum(w.emissions is not None for w in everyone),
        )

    def _working(self, run_id: str) -> Working:
        if run_id not in self._workings:
            self._workings[run_id] = derive_run(self._runs[run_id], self.attribution)
        return self._workings[run_id]

    def _contained(self, run_id: str, chosen: dict[str, Run]) -> bool:
        """Whether a chosen run on the same machine contains this one (is its parent, or its parent's parent …)."""
        run, seen = self._runs[run_id], {run_id}
        while run.parent is not None and run.parent not in seen:
            parent = self._runs.get(run.parent)
            # A parent on another machine (a launcher) did not see this run's devices.
            if parent is None or parent.host.boot_id != run.host.boot_id:
                return False
            if parent.id in chosen:
                return True
            seen.add(parent.id)
            run = parent
        return False


def _sum(workings: Sequence[Working], attribution: Attribution) -> Working:
    """Sum what is known of some footprints."""
    result = Working(attribution=attribution)
    for name in _QUANTITIES:
        known = [getattr(w, name) for w in workings if getattr(w, name) is not None]
        setattr(result, name, total(known) if known else None)
    for working in workings:
        for part, energy in working.parts.items():
            _add(result.parts, part, energy)
            grade = working.grades[part]
            result.grades[part] = weakest([result.grades.get(part, grade), grade])
        for name in working.unknown:
            result.miss(name)
        result.factors |= {key: f for key, f in working.factors.items() if key not in result.factors}
    bases = {w.basis for w in workings if w.basis is not None}
    result.basis = _common_basis(bases)
    if result.basis is None and len(bases) > 1:
        result.warn(f"emissions of different bases are summed: {', '.join(sorted(bases))}")
    return result


def _add(parts: dict[ComponentName, Quantity | None], part: ComponentName, energy: Quantity | None) -> None:
    """Add a run's part to the sum's; a part that is unknown in every run stays unknown."""
    before = parts.get(part)
    parts[part] = before if energy is None else energy if before is None else before + energy


def _common_basis(bases: set[Basis]) -> Basis | None:
    """One basis for a sum: the same for all, or life-cycle with estimated parts."""
    if len(bases) == 1:
        return next(iter(bases))
    return "life-cycle, estimated" if bases and bases <= {"life-cycle", "life-cycle, estimated"} else None


def _overlaps(runs: Sequence[Run]) -> list[str]:
    """A warning for each accelerator that unrelated runs held at the same time: it is counted in each of them."""
    held: dict[str, list[tuple[float, float, str]]] = {}
    for run in runs:
        start_s = datetime.fromisoformat(run.started_at).timestamp()
        for reading in run.devices:
            if reading.device.component == "accelerators" and reading.energy_j is not None:
                held.setdefault(reading.device.id, []).append((start_s, start_s + run.duration_s, run.id))
    warnings = []
    for device, spans in held.items():
        spans.sort()
        for (_, end_s, first), (start_s, _, second) in pairwise(spans):
            if start_s < end_s:
                warnings.append(f"runs {first} and {second} overlapped on {device}: its energy in that time is in both")
    return warnings
