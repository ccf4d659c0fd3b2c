"""From the records of a run to its facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from footprint.accounting.energy import device_energy
from footprint.ledger.processes import is_alive
from footprint.ledger.records import AnyRecord, Close, Marked, Open, Tick, Work
from footprint.model import CpuTime, DeviceEnergy, Mark, Outcome, Run, Sample

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


class RunRecords:
    """The records of one run, gathered one by one in the order of the journal."""

    def __init__(self, opened: Open) -> None:
        self.opened = opened
        self.ticks: list[Tick] = []
        self.closed: Close | None = None
        self._marks: dict[int, Marked] = {}
        self._work: dict[str, float] = {}

    def add(self, record: AnyRecord) -> None:
        """Take one record of this run; the later of two that state the same wins."""
        match record:
            case Tick():
                self.ticks.append(record)
            case Work():
                self._work |= record.work
            case Marked():
                self._marks[record.key] = record
            case Close():
                self.closed = record
                self._work |= record.work

    @property
    def end_s(self) -> float:
        """The monotonic time of the run's end: its close, or the last tick that there is."""
        if self.closed:
            return max(self.opened.t_s, self.closed.t_s)
        return max([self.opened.t_s, *(tick.t_s for tick in self.ticks[-1:])])

    def run(self) -> Run:
        """The facts of the run as these records tell them."""
        opened, closed = self.opened, self.closed
        outcome = closed.outcome if closed else self._outcome_without_close()
        warnings = opened.warnings + (closed.warnings if closed else ())
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
            devices=self._devices(),
            cpu=self._cpu(),
            place=opened.place,
            parent=opened.parent,
            work=self._work,
            marks=tuple(self._mark(mark) for mark in self._marks.values()),
            labels=opened.labels,
            versions=opened.versions,
            warnings=tuple(dict.fromkeys(warnings)),
            journal_id=opened.journal,
        )

    def points(self) -> tuple[Point, ...]:
        """The run's ticks, on its own clock."""
        start_s = self.opened.t_s
        first = next((tick for tick in self.ticks if tick.tree_s is not None), None)
        busy = next((tick.busy_s for tick in self.ticks if tick.busy_s is not None), 0.0)
        tree_s = first.tree_s if first and first.tree_s is not None else 0.0
        return tuple(
            Point(
                t_s=tick.t_s - start_s,
                samples=tuple(msgspec.structs.replace(sample, t_s=sample.t_s - start_s) for sample in tick.samples),
                tree_s=None if tick.tree_s is None else tick.tree_s - tree_s,
                busy_s=None if tick.busy_s is None else tick.busy_s - busy,
            )
            for tick in self.ticks
        )

    def _outcome_without_close(self) -> Outcome:
        alive = is_alive(self.opened.recorder)
        if alive is None:
            last = datetime.fromisoformat(self.opened.started_at) + timedelta(seconds=self.end_s - self.opened.t_s)
            silence_s = (datetime.now(UTC) - last).total_seconds()
            alive = silence_s < max(SILENCE_S, SILENT_INTERVALS * self.opened.interval_s)
        return "running" if alive else "interrupted"

    def _devices(self) -> tuple[DeviceEnergy, ...]:
        samples: dict[str, list[Sample]] = {device.id: [] for device in self.opened.devices}
        for tick in self.ticks:
            for sample in tick.samples:
                if sample.device_id in samples:
                    samples[sample.device_id].append(sample)
        found = []
        for device in self.opened.devices:
            if device.grade in {"counter", "power"}:
                energy_j, read_s = device_energy(samples[device.id], self.opened.t_s, self.end_s)
            else:  # a model reads its input, which stands in every tick
                energy_j, read_s = None, self._ticked_s()
            found.append(DeviceEnergy(device=device, energy_j=energy_j, read_s=read_s))
        return tuple(found)

    def _cpu(self) -> CpuTime | None:
        tree = [(tick.t_s, tick.tree_s) for tick in self.ticks if tick.tree_s is not None]
        if not tree:
            return None
        busy = [(tick.t_s, tick.busy_s) for tick in self.ticks if tick.busy_s is not None]
        opened = self.opened
        return CpuTime(
            tree_s=_grown(tree, self.end_s),
            busy_s=_grown(busy, self.end_s) if busy else None,
            logical_cpus=opened.host.logical_cpus,
            reserved_cpus=opened.host.logical_cpus if opened.reserved_cpus is None else opened.reserved_cpus,
            read_s=self._ticked_s(),
            resolution_s=opened.resolution_s,
        )

    def _ticked_s(self) -> float:
        """The stretch between the run's first and last tick, as far as it lies in the run."""
        if not self.ticks:
            return 0.0
        first_s, last_s = max(self.ticks[0].t_s, self.opened.t_s), min(self.ticks[-1].t_s, self.end_s)
        return max(0.0, last_s - first_s)

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


def _grown(readings: list[tuple[float, float]], end_s: float) -> float:
    """How much a cumulative reading grew from its first tick to `end_s`, interpolated between the ticks around it."""
    (before_s, before), (after_s, after) = readings[0], readings[0]
    for t_s, value in readings[1:]:
        (before_s, before), (after_s, after) = (after_s, after), (t_s, value)
        if t_s >= end_s:
            break
    if after_s > end_s > before_s:
        after = before + (after - before) * (end_s - before_s) / (after_s - before_s)
    elif after_s > end_s:  # all that was read came after the end
        after = before
    return max(0.0, after - readings[0][1])
