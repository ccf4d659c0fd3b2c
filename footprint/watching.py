"""From the runs that are being recorded to what is shown of them: derived anew as they grow, and no oftener than it is cheap.

The energy, the emissions and the coverage of a run are those of its footprint, as `runs show` would derive it now. Its power is
the growth of the mean of that energy between two readings some seconds apart, of the facility like the energy itself. To derive
takes some milliseconds, a forecast ten: what grew is derived every other second, forecasts one after the other, and all of it
less often where it would take more than `COST_RATIO` of a CPU.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from footprint import units as u
from footprint.ledger.running import BACK_S, Now, Running
from footprint.model import Coverage, Range, Run
from footprint.recorder.outlook import Moments

if TYPE_CHECKING:
    from footprint.model import Footprint
    from footprint.recorder.outlook import Forecast

COST_RATIO: Final = 0.02
DERIVED_S: Final = 2.0
FORESEEN_S: Final = 10.0
POWER_S: Final = 4.0
"""Over so long the power is a mean, or over the gap between two readings where that is longer."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a run that is being recorded; null is unknown, and `unknown` names what is, with its reason.

    `power_w` is the mean over the last `power_over_s` seconds. `energy_kwh` and `emissions_g` are those so far, `whole_…` and
    `ends_at` what is foreseen by its end. `at_s` is how old it was at the last reading.
    """

    id: str
    name: str
    kind: str
    account: str
    parent: str | None
    host: str
    pid: int
    started_at: str
    at_s: float
    power_w: float | None = None
    power_over_s: float | None = None
    energy_kwh: Range | None = None
    emissions_g: Range | None = None
    coverage: tuple[Coverage, ...] = ()
    done: float | None = None
    total: float | None = None
    ends_at: Moments | None = None
    whole_energy_kwh: Range | None = None
    whole_emissions_g: Range | None = None
    unknown: tuple[str, ...] = ()


class Watching:
    """The rows of the runs that are being recorded.

    Args:
        home: the ledger; by default the user's.
        only: this journal alone.

    Attributes:
        problems: what could not be read at the last look, a line each.
    """

    def __init__(self, home: Path | None = None, only: Path | None = None) -> None:
        self._running = Running(home, only)
        self._known: dict[str, _Watched] = {}
        self._free_s = 0.0

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read at the last look, a line each."""
        return self._running.problems

    def look(self) -> list[Row]:
        """The rows now, the oldest run first.

        Raises:
            LedgerError: if the ledger's folder cannot be listed.
        """
        open_now = self._running.look()
        self._known = {one.run.id: self._known.get(one.run.id) or _Watched(one) for one in open_now}
        if time.monotonic() >= self._free_s:
            begun_s = time.thread_time()
            for one in open_now:
                self._known[one.run.id].derive(one.run)
            self._foresee(open_now)
            self._free_s = time.monotonic() + max(0.9 * DERIVED_S, (time.thread_time() - begun_s) / COST_RATIO)
        return [self._known[one.run.id].row(one) for one in open_now]

    def known(self, run_id: str) -> tuple[Run, Footprint] | None:
        """What a run's row was made of at the last look: its facts, and the footprint that was derived of them."""
        found = self._known.get(run_id)
        return None if found is None else found.derived

    def _foresee(self, open_now: list[Now]) -> None:
        """Forecast what was never foreseen, or else what was longest ago."""
        waiting = [one.run for one in open_now if one.run.progress]
        never = [run for run in waiting if self._known[run.id].foreseen_s is None]
        longest = min(waiting, key=lambda run: self._known[run.id].foreseen_s or 0.0, default=None)
        for run in never or ([longest] if longest is not None else []):
            self._known[run.id].foresee(run)


class _Watched:
    """One run, and what was derived of it."""

    def __init__(self, first: Now) -> None:
        self.foreseen_s: float | None = None
        self._forecast: Forecast | None = None
        self._course: deque[tuple[float, float | None]] = deque()
        if first.run.duration_s <= BACK_S:
            self._course.append((0.0, 0.0))  # what has just begun has used nothing
        elif first.before is not None:
            self._note(first.before)
        self._run, self._footprint = first.run, self._note(first.run)

    @property
    def derived(self) -> tuple[Run, Footprint]:
        """What was derived last, and from what."""
        return self._run, self._footprint

    def derive(self, run: Run) -> None:
        """Derive it anew, where there is a reading more."""
        if run.duration_s != self._run.duration_s:
            self._run, self._footprint = run, self._note(run)

    def foresee(self, run: Run) -> None:
        """Forecast it, unless that was done just now."""
        from footprint.derive.forecast import forecast

        now_s = time.monotonic()
        if self.foreseen_s is None or now_s - self.foreseen_s >= FORESEEN_S:
            self._forecast, self.foreseen_s = forecast(run), now_s

    def row(self, now: Now) -> Row:
        """What is shown of it now; all of it is of the reading at which it was derived last, but for its progress."""
        known, ahead, run = self._footprint, self._forecast, now.run
        power_w, over_s = self._power()
        last = run.progress[-1] if run.progress else None
        return Row(
            id=run.id,
            name=run.name,
            kind=run.kind,
            account=run.account,
            parent=run.parent,
            host=run.host.name,
            pid=now.tracked.pid,
            started_at=run.started_at,
            at_s=self._run.duration_s,
            power_w=power_w,
            power_over_s=over_s,
            energy_kwh=known.energy_kwh,
            emissions_g=known.emissions_g,
            coverage=known.coverage,
            done=last[1] if last else None,
            total=last[2] if last else None,
            ends_at=ahead.ends_at if ahead else None,
            whole_energy_kwh=ahead.energy_kwh if ahead else None,
            whole_emissions_g=ahead.emissions_g if ahead else None,
            unknown=_unknown(run, known, ahead),
        )

    def _note(self, run: Run) -> Footprint:
        from footprint.derive import run_footprint

        found = run_footprint(run)
        self._course.append((run.duration_s, found.energy_kwh.central if found.energy_kwh else None))
        while len(self._course) > 2 and run.duration_s - self._course[1][0] >= POWER_S:  # noqa: PLR2004 - two make a rise
            self._course.popleft()
        return found

    def _power(self) -> tuple[float | None, float | None]:
        """W, and over how many seconds; null where there are no two readings, or the energy is not known."""
        (first_s, first_kwh), (last_s, last_kwh) = self._course[0], self._course[-1]
        over_s = last_s - first_s
        if first_kwh is None or last_kwh is None or over_s <= 0 or last_kwh < first_kwh:
            return None, None
        return (last_kwh - first_kwh) * u.J_PER_KWH / over_s, over_s


def _unknown(run: Run, known: Footprint, ahead: Forecast | None) -> tuple[str, ...]:
    told = []
    if known.energy_kwh is None:
        told.append("energy: that of a part is not known")
    if known.emissions_g is None:
        told.append("emissions: the energy is not known" if known.energy_kwh is None else "emissions: the place is not known")
    if ahead is not None:
        told += [one for one in ahead.unknown if one.startswith("end:")]
    elif not run.progress:
        told.append("end: the program has said nothing of its progress")
    return tuple(told)
