"""From the records of a run to its facts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from footprint.accounting.energy import Growth, Integral
from footprint.ledger.circumstances import Clocks, Holding
from footprint.ledger.processes import is_alive
from footprint.ledger.progress import Advance
from footprint.ledger.records import AnyRecord, Close, Held, Marked, Open, Progress, Tick, Work
from footprint.model import CpuTime, Device, DeviceEnergy, Mark, Outcome, Run, Sample

# Where nobody can say whether the recorder lives (another host), a run is taken as running for this long after its
# last line, and for five of its own intervals.
SILENCE_S: Final = 120.0
SILENT_INTERVALS: Final = 5


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One tick of a run. `t_s` and the samples' times count from the run's start, CPU-seconds from its first tick."""

    t_s: float
    samples: tuple[Sample, ...]
    tree_s: float | None = None
    busy_s: float | None = None


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of a device tells: the time that it closes on the run's own clock, and the energy so far.

    `begin_s` is that of the reading before, both cut at the run's ends; of a first reading, or after a gap, it is `end_s`.
    `so_far_j` is the run's energy on the device up to `end_s`, J; of its last stretch it is all of it.
    """

    sample: Sample
    begin_s: float
    end_s: float
    so_far_j: float


Sink = Callable[[Open, Point, Sequence[Stretch]], None]
"""Takes the ticks of runs as they are read: the run's first record, the tick, and the stretches that its samples close."""


class RunRecords:
    """The records of one run, gathered one by one in the order of the journal, in memory that does not grow with its ticks.

    Args:
        opened: the run's first record.
        closed: its last, where the reader has seen it already: readings are then cut at the run's end.
        keep_ticks: keep every tick, for `points` and `stretches`.
        sink: takes every tick, and what it closes, in their stead.
    """

    def __init__(self, opened: Open, closed: Close | None = None, *, keep_ticks: bool = False, sink: Sink | None = None) -> None:
        self.opened = opened
        self.closed = closed
        self._points: list[Point] = []
        self._stretches: list[Stretch] = []
        self._sink = self._keep if keep_ticks else sink
        self._are_kept = keep_ticks
        self._first_tree_s: float | None = None
        self._first_busy_s: float | None = None
        self._marks: dict[int, Marked] = {}
        self._work: dict[str, float] = {}
        self._closing_work: dict[str, float] = closed.work if closed else {}
        end_s = max(opened.t_s, closed.t_s) if closed else math.inf
        self._first_tick_s: float | None = None
        self._last: Tick | None = None
        self._integrals = {device.id: Integral(opened.t_s, end_s) for device in opened.devices}
        self._sampled: set[str] = set()
        self._tree, self._busy = Growth(end_s), Growth(end_s)
        self._holders: dict[str, Holding] = {}
        self._clocks = Clocks()
        self._advance = Advance()

    def add(self, record: AnyRecord) -> None:
        """Take one record of this run; the later of two that state the same wins."""
        match record:
            case Tick():
                self._tick(record)
            case Held():
                self._holders.setdefault(record.device_id, Holding()).look(record)
            case Work():
                self._work |= record.work
            case Marked():
                self._marks[record.key] = record
            case Progress():
                self._advance.add(record)
            case Close():
                self.closed, self._closing_work = record, record.work

    @property
    def end_s(self) -> float:
        """The monotonic time of the run's end: its close, or the last tick that there is."""
        if self.closed:
            return max(self.opened.t_s, self.closed.t_s)
        return max(self.opened.t_s, self._last.t_s if self._last else -math.inf)

    def run(self) -> Run:
        """The facts of the run as these records tell them."""
        opened, closed = self.opened, self.closed
        outcome = closed.outcome if closed else self._outcome_without_close()
        warnings = opened.warnings + (closed.warnings if closed else ()) + self._clocks.warnings() + self._advance.warnings()
        if outcome == "interrupted" and not closed:
            warnings += ("the recorder ended without closing the run; what came after its last tick is not known",)
        return Run(
            id=opened.run,
            name=opened.name,
            kind=opened.kind,
            started_at=opened.started_at,
            duration_s=self.end_s - opened.t_s,
            outcome=outcome,
            account=opened.account,
            host=opened.host,
            devices=tuple(self._energy(device) for device in opened.devices),
            cpu=self._cpu(),
            place=opened.place,
            parent=opened.parent,
            work=self._work | self._closing_work,
            marks=tuple(self._mark(mark) for mark in self._marks.values()),
            labels=opened.labels,
            versions=opened.versions,
            warnings=tuple(dict.fromkeys(warnings)),
            journal_id=opened.journal,
            monotonic_s=opened.t_s,
            suspended_s=self._clocks.suspended_s,
            progress=self._advance.points(opened.t_s),
            budget_g=opened.budget_g,
            budget_kwh=opened.budget_kwh,
        )

    def points(self) -> tuple[Point, ...]:
        """The run's ticks, on its own clock.

        Raises:
            ValueError: if they were not kept.
        """
        if not self._are_kept:
            raise ValueError("the ticks were not kept")
        return tuple(self._points)

    def stretches(self) -> list[Stretch]:
        """The run's readings, in order, each with the stretch of time that it closes: the pieces of the devices' energy.

        Raises:
            ValueError: if the ticks were not kept.
        """
        if not self._are_kept:
            raise ValueError("the ticks were not kept")
        return self._stretches

    def _keep(self, _: Open, point: Point, stretches: Sequence[Stretch]) -> None:
        self._points.append(point)
        self._stretches += stretches

    def _tick(self, tick: Tick) -> None:
        if self._first_tick_s is None:
            self._first_tick_s = tick.t_s
        if self._clocks.slept_before(tick):
            for one in self._integrals.values():
                one.interrupt()
        stretches: list[Stretch] = []
        for sample in tick.samples:
            integral = self._integrals.get(sample.device_id)
            piece = None
            if integral is not None:
                piece = integral.add(sample)
                self._sampled.add(sample.device_id)
            if self._sink is not None:
                stretches.append(self._stretch(sample, piece, integral))
        if tick.tree_s is not None:
            self._tree.add(tick.t_s, tick.tree_s)
        if tick.busy_s is not None:
            self._busy.add(tick.t_s, tick.busy_s)
        self._last = tick
        if self._sink is not None:
            self._sink(self.opened, self._point(tick, stretches), stretches)

    def _point(self, tick: Tick, stretches: Sequence[Stretch]) -> Point:
        if self._first_tree_s is None:
            self._first_tree_s = tick.tree_s
        if self._first_busy_s is None:
            self._first_busy_s = tick.busy_s
        return Point(
            t_s=tick.t_s - self.opened.t_s,
            samples=tuple(one.sample for one in stretches),
            tree_s=None if tick.tree_s is None else tick.tree_s - (self._first_tree_s or 0.0),
            busy_s=None if tick.busy_s is None else tick.busy_s - (self._first_busy_s or 0.0),
        )

    def _stretch(self, sample: Sample, piece: tuple[float, float] | None, integral: Integral | None) -> Stretch:
        start_s = self.opened.t_s
        if piece is None:
            last_s = max(start_s, self.closed.t_s) if self.closed else math.inf
            alone_s = min(max(sample.t_s, start_s), last_s)
            piece = alone_s, alone_s
        begin_s, end_s = piece
        own = Sample(device_id=sample.device_id, t_s=sample.t_s - start_s, energy_j=sample.energy_j, power_w=sample.power_w)
        return Stretch(
            sample=own,
            begin_s=begin_s - start_s,
            end_s=end_s - start_s,
            so_far_j=(integral.energy_j if integral else None) or 0.0,
        )

    def _outcome_without_close(self) -> Outcome:
        alive = is_alive(self.opened.recorder)
        if alive is None:
            last = datetime.fromisoformat(self.opened.started_at) + timedelta(seconds=self.end_s - self.opened.t_s)
            silence_s = (datetime.now(UTC) - last).total_seconds()
            alive = silence_s < max(SILENCE_S, SILENT_INTERVALS * self.opened.interval_s)
        return "running" if alive else "interrupted"

    def _energy(self, device: Device) -> DeviceEnergy:
        integral, holding = self._integrals[device.id], self._holders.get(device.id)
        # A model reads its input, which stands in every tick.
        is_read = device.id in self._sampled or device.grade in {"counter", "power"}
        return DeviceEnergy(
            device=device,
            energy_j=integral.energy_j,
            read_s=integral.read_s if is_read else self._ticked_s(),
            floor_w=integral.floor_w,
            held_ratio=holding.ratio(self.end_s) if holding else None,
            others=holding is not None and holding.others,
            course=integral.course.points(self.opened.t_s),
            readings=integral.readings if device.id in self._sampled else None,
            gaps=integral.gaps if device.id in self._sampled else None,
        )

    def _cpu(self) -> CpuTime | None:
        opened = self.opened
        if self._tree.amount is None:
            return None
        return CpuTime(
            tree_s=self._tree.amount,
            busy_s=self._busy.amount,
            logical_cpus=opened.host.logical_cpus,
            reserved_cpus=opened.host.logical_cpus if opened.reserved_cpus is None else opened.reserved_cpus,
            read_s=self._ticked_s(),
            resolution_s=opened.resolution_s,
            tree_course=self._tree.course.points(opened.t_s),
            busy_course=self._busy.course.points(opened.t_s),
        )

    def _ticked_s(self) -> float:
        """The stretch between the run's first and last tick, as far as it lies in the run."""
        if self._first_tick_s is None or self._last is None:
            return 0.0
        return max(0.0, min(self._last.t_s, self.end_s) - max(self._first_tick_s, self.opened.t_s))

    def _mark(self, mark: Marked) -> Mark:
        start_s = self.opened.t_s
        return Mark(
            name=mark.name,
            t_s=max(0.0, mark.t_s - start_s),
            end_s=None if mark.end_s is None else max(0.0, mark.end_s - start_s),
        )


def without_loose_parents(runs: list[RunRecords]) -> list[Run]:
    """The facts of the runs of one journal; a parent that ended before its child does not contain it, and is dropped.

    Which run another is nested in is only known for certain at its end: two requests that overlap on two threads look
    nested when the second begins. With the parent goes the account that was taken over from it and that nobody stated.
    """
    by_id = {records.opened.run: records for records in runs}
    accounts: dict[str, str] = {}
    found = []
    for records in runs:
        run = records.run()
        outer = by_id.get(run.parent or "")
        taken_over = outer is not None and run.account == outer.opened.account
        if outer is not None and outer.end_s < records.end_s:
            own = taken_over and run.account in by_id  # the account is a run's id: it is nobody's statement
            run = msgspec.structs.replace(run, parent=None, account=run.id if own else run.account)
        elif outer is not None and taken_over:
            run = msgspec.structs.replace(run, account=accounts.get(outer.opened.run, run.account))
        accounts[run.id] = run.account
        found.append(run)
    return found
