"""The ledger as metrics, looked at now and then, and told as often as anybody asks."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from footprint import __version__
from footprint.errors import FootprintError, LedgerError
from footprint.integrations.exporting.counters import Carried, Counters
from footprint.integrations.exporting.families import Family, Labels, counter, gauge, labels_of
from footprint.integrations.exporting.running import RunningNow, running_now
from footprint.integrations.exporting.sums import Sums, checked_keys, gather
from footprint.ledger.engines import open_ledger
from footprint.ledger.home import home
from footprint.reference import current_edition
from footprint.text import clean
from footprint.watching import Watching

COST_RATIO: Final = 0.05
"""The sums are made less often where they would take more of a CPU than this."""
_FREE_S: Final = 2.0
"""Sums that take less of a CPU are made at each look."""
STATE: Final = "metrics.json"
_FEWEST, _MOST = 1, 1_000

ENERGY: Final = "footprint_energy_joules_total"
EMISSIONS: Final = "footprint_emissions_grams_total"
WORK: Final = "footprint_work_total"
READ: Final = "footprint_read_joules_total"
_COUNTERS: Final = {
    ENERGY: "Energy of the facility that runs used, central estimate, each joule once. Never falls: restatements are not in it.",
    EMISSIONS: "CO2-equivalent of that energy, location-based, central estimate, as it was stated when it was counted.",
    WORK: "Work that runs counted, by unit.",
    READ: "Energy that meters read, each joule once, by component and grade of evidence.",
}


class LedgerExporter:
    """The metrics of the user's ledger.

    Args:
        by: the keys of the ledger that become labels.
        limit: how many groups have series of their own.
        state: where counters are kept across restarts; None for the ledger's own folder.
        keeps: whether what is told is kept; not by who only shows it.

    Raises:
        ConfigError: for keys that cannot be labels.
        LedgerError: if no ledger's folder is known.
    """

    def __init__(self, by: Sequence[str], *, limit: int = 200, state: Path | None = None, keeps: bool = True) -> None:
        self._by, self._limit = checked_keys(by), min(max(limit, _FEWEST), _MOST)
        self._keeps = keeps
        self._home = home()
        self._state = state or self._home / STATE
        self._counters = Counters(self._state, ",".join(by))
        self._watching = Watching(self._home)
        self._due_s = -math.inf
        self._sums: Sums | None = None
        self._carried = Carried({}, 0)
        self._taken_s = 0.0
        self._succeeded_at_s: float | None = None
        self._families: list[Family] = []
        self.problems: tuple[str, ...] = ()
        """What could not be read or written at the last look, a line each."""

    def families(self) -> list[Family]:
        """The metrics as of the last look."""
        return self._families

    def refresh(self) -> bool:
        """Look at the ledger; whether it could be read. What is told of it stays as it was where it could not."""
        failure = ""
        now: RunningNow | None = None
        try:
            if time.monotonic() >= self._due_s:
                self._sum_up()
            groups = self._counters.groups
            now = running_now(self._watching, self._by, groups, self._limit)
            self._succeeded_at_s = time.time()
        except FootprintError as error:
            failure = clean(str(error), limit=400)
        except OSError as error:
            failure = clean(f"{error.filename or self._home}: {error.strerror or error}", limit=400)
        told = () if self._sums is None else self._sums.problems
        more = () if now is None else now.problems
        self.problems = tuple(dict.fromkeys(filter(None, (failure, *self._counters.problems, *told, *more))))
        self._families = [*self._of_ledger(), *(_of_running(now) if now else ()), *self._of_itself(is_up=not failure)]
        return not failure

    def _sum_up(self) -> None:
        begun_s, used_before_s = time.monotonic(), time.process_time()
        with open_ledger() as engine:
            sums = gather(engine, self._by, self._counters.groups, self._limit)
        if not sums.runs and ((self._sums and self._sums.runs) or self._counters.groups):
            raise LedgerError(
                f"the ledger at {self._home} has no runs any more: is its disk there? If they were deleted, delete {self._state}"
            )
        known = set(self._counters.groups)
        self._counters.give(group for group in sums.groups if group not in known)
        levels = {ENERGY: sums.energy_j, EMISSIONS: sums.emissions_g, WORK: sums.work, READ: sums.read_j}
        self._carried = self._counters.carry(
            f"{current_edition()} {__version__}",
            {(name, labels): value for name, values in levels.items() for labels, value in values.items()},
            restated=(ENERGY, EMISSIONS),
            now_s=time.time() if self._keeps else None,
        )
        if self._keeps:
            self._counters.keep()
        self._sums = sums
        self._taken_s = time.monotonic() - begun_s
        used_s = time.process_time() - used_before_s
        self._due_s = time.monotonic() + used_s / COST_RATIO if used_s > _FREE_S else -math.inf

    # -- What is told --------------------------------------------------------------------------------------------------

    def _of_ledger(self) -> list[Family]:
        sums = self._sums
        if sums is None:
            return []
        told: dict[str, dict[Labels, float]] = {name: {} for name in _COUNTERS}
        for (name, labels), value in self._carried.values.items():
            told.setdefault(name, {})[labels] = value
        return [
            *(counter(name, text, told[name]) for name, text in _COUNTERS.items()),
            *_stated(sums),
            gauge(
                "footprint_exporter_held_series",
                "Counters that stand still: the ledger states less than was told.",
                self._carried.held,
            ),
            gauge("footprint_exporter_left_out_groups", "Groups and units of work without series of their own.", sums.left_out),
        ]

    def _of_itself(self, *, is_up: bool) -> list[Family]:
        build = labels_of((), (), version=__version__, factors=current_edition())
        found = [
            gauge("footprint_build_info", "The exporter's version and its factors' edition; always 1.", {build: 1.0}),
            gauge("footprint_exporter_up", "Whether the ledger could be read at the last look.", float(is_up)),
            gauge("footprint_exporter_problems", "What of the ledger could not be read at the last look.", len(self.problems)),
            gauge("footprint_exporter_sums_seconds", "How long it took to sum up the ledger.", self._taken_s),
        ]
        if self._succeeded_at_s is not None:
            text = "When the ledger was last read, seconds since 1970."
            found.append(gauge("footprint_exporter_last_success_timestamp_seconds", text, self._succeeded_at_s))
        return found


def _stated(sums: Sums) -> list[Family]:
    """Gauges of what the ledger states now."""
    low, high = "5th percentile", "95th percentile"
    energy, emissions = "Energy of the facility, as the ledger states it now", "CO2-equivalent, as the ledger states it now"
    return [
        gauge("footprint_ledger_energy_joules", f"{energy}, central estimate.", sums.energy_j),
        gauge("footprint_ledger_energy_low_joules", f"{energy}, {low}.", sums.energy_low_j),
        gauge("footprint_ledger_energy_high_joules", f"{energy}, {high}.", sums.energy_high_j),
        gauge("footprint_ledger_emissions_grams", f"{emissions}, central estimate.", sums.emissions_g),
        gauge("footprint_ledger_emissions_low_grams", f"{emissions}, {low}.", sums.emissions_low_g),
        gauge("footprint_ledger_emissions_high_grams", f"{emissions}, {high}.", sums.emissions_high_g),
        gauge("footprint_ledger_embodied_grams", "CO2-equivalent of making the hardware, its runs' share.", sums.embodied_g),
        gauge("footprint_ledger_component_joules", "Energy at the plug by component and grade of evidence.", sums.it_j),
        gauge(
            "footprint_ledger_evidence_ratio", "Share of the energy at the plug that is known in this way.", _ratios(sums.it_j)
        ),
        gauge("footprint_ledger_runs", "Runs by their outcome.", sums.by_outcome),
        gauge("footprint_unknown_energy_runs", "Runs whose energy is not known, and in no sum.", sums.unknown_energy),
        gauge("footprint_unknown_emissions_runs", "Runs whose emissions are not known, and in no sum.", sums.unknown_emissions),
    ]


def _ratios(it_j: Mapping[Labels, float]) -> dict[Labels, float]:
    whole_j = math.fsum(it_j.values())
    grades: dict[Labels, float] = {}
    for labels, value in it_j.items():
        one = labels_of((), (), grade=dict(labels)["grade"])
        grades[one] = grades.get(one, 0.0) + value
    return {labels: value / whole_j for labels, value in grades.items()} if whole_j else {}


def _of_running(now: RunningNow) -> list[Family]:
    power = "Power of the facility that runs draw now, of those that no other run contains."
    return [
        gauge("footprint_running_runs", "Runs that are being recorded.", now.runs),
        gauge("footprint_running_power_watts", power, now.power_w),
        gauge("footprint_unknown_power_runs", "Runs that are being recorded whose power is not known.", now.unknown),
        gauge(
            "footprint_running_read_ratio",
            "Share of their time for which a component was read, mean of the runs.",
            now.read_ratio,
        ),
    ]
