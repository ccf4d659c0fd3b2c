"""From a run to the data of its page: its facts, its footprint, and what leads from each number to the readings behind it.

`build` is pure: it reads no store, no clock and no file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np

from footprint import text
from footprint.derive import run_footprint, worked
from footprint.derive.case import period_s
from footprint.derive.forecast import forecast
from footprint.errors import LedgerError
from footprint.ledger.anywhere import find_run
from footprint.ledger.beside import Beside, beside
from footprint.ledger.readings import Readings, courses_of, readings
from footprint.ledger.rows import microseconds
from footprint.model import ATTRIBUTIONS, Attribution, Footprint, Range, Run
from footprint.report import explain, formulas, words
from footprint.report.evidence import measured_ratio, shares
from footprint.report.one_run.course import timing
from footprint.report.one_run.data import DevicePart, ReadingRow, RunPage, Samples, Sibling, Source, TickRow, Ticks, WorkDone
from footprint.report.one_run.series import Stretches, course, cpu_series, growth, joined, power_series, thinned
from footprint.units import W_PER_KW, kwh_from_j

__all__ = ["RunPage", "build", "read"]

POINTS: Final = 2_000
"""So many points of a device at most; of several, `ALL_POINTS` are divided among them."""
ALL_POINTS: Final = 16_000
CPU_POINTS: Final = 600
SHOWN: Final = 12
"""So many of the first readings of a device, and of the last, are shown as they were written."""
_LEAST_POINTS: Final = 32
_COURSE_POINTS: Final = 4_000
_STEPS_OF_KERNEL: Final = 10.0
_NEARLY: Final = 0.95
_THOUSAND: Final = 1000.0


def read(ref: str, ledger: str | None = None, attribution: Attribution = "share", now: datetime | None = None) -> RunPage:
    """The page of a run.

    Args:
        ref: its id, a beginning of it, or the path of a run file.
        ledger: where it lies; None is the user's own ledger.
        attribution: whose joules are counted.
        now: the time of the page.

    Raises:
        ConfigError: if there is no such kind of ledger.
        LedgerError: if nothing fits, if more than one does, or if it cannot be read.
    """
    run = find_run(ref, ledger)
    notes: tuple[str, ...] = ()
    if os.sep in ref or ref.endswith(".json"):
        told, others = courses_of(run), Beside()
        notes = ("it was read from a file, which holds neither its samples nor the other runs of its account",)
    else:
        try:
            told = readings(run, ledger)
        except LedgerError as error:  # it is being archived, or was deleted, meanwhile
            told, notes = courses_of(run), (f"its samples could not be read: {error}",)
        others = beside(run, ledger)
    stated = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return build(run, told, others, attribution=attribution, notes=notes, ledger=ledger, generated_at=stated)


def build(
    run: Run,
    told: Readings | None = None,
    others: Beside | None = None,
    *,
    attribution: Attribution = "share",
    notes: Sequence[str] = (),
    ledger: str | None = None,
    generated_at: str = "",
) -> RunPage:
    """The page of a run from its facts and readings.

    Args:
        run: the run.
        told: its readings; by default those that its facts keep.
        others: the runs beside it.
        attribution: whose joules are counted.
        notes: what is not known to the page, and why.
        ledger: the ledger that it is from, for the commands that the page shows.
        generated_at: the time of the page.
    """
    told, others = told or courses_of(run), others or Beside()
    footprints: dict[Attribution, Footprint] = {name: run_footprint(run, attribution=name) for name in ATTRIBUTIONS}
    footprint, sheet = footprints[attribution], worked(run, attribution=attribution)
    read_of = _stretches(run, told)
    ticked = _ticked(run, told)
    each = max(_LEAST_POINTS, min(POINTS, ALL_POINTS // max(1, len(read_of))))
    known_how = shares([run], {run.id: footprint})
    own = msgspec.structs.replace(
        run,
        devices=tuple(msgspec.structs.replace(one, course=()) for one in run.devices),
        cpu=None if run.cpu is None else msgspec.structs.replace(run.cpu, tree_course=(), busy_course=()),
    )
    ticks = _tick_rows(told)
    edges_s = [one.t_s for one in ticks] or sorted({*(t for one in read_of.values() for t in one.end_s.tolist())})
    return RunPage(
        run=own,
        attribution=attribution,
        footprints=footprints,
        explanation=explain.explanation(run, footprint),
        steps=formulas.steps(sheet, footprint, words.run_units(footprint).energy),
        measured_ratio=measured_ratio(known_how),
        source=_source(told),
        thinned_s=told.thinned_s,
        devices=_devices(run, footprint, {one.name: one.energy_kwh for one in sheet.terms}),
        power=tuple(power_series(name, given, each) for name, given in read_of.items()),
        cpu=tuple(cpu_series(of, given, CPU_POINTS) for of, given in ticked.items()),
        timing=timing(_finer(run, read_of, ticked), sheet, footprint, read_of, edges_s),
        samples=_samples(run, told) if told.is_recorded else (),
        ticks=Ticks(ticks=len(ticks), first=ticks[:SHOWN], last=ticks[SHOWN:][-SHOWN:]),
        work=_work(run, footprint),
        forecast=forecast(run, attribution=attribution) if run.outcome == "running" and run.declared is None else None,
        siblings=tuple(_sibling(run, one) for one in others.runs),
        more_siblings=others.is_cut,
        restart_of=run.labels.get("restart_of"),
        notes=(*notes, *_differences(run, told)),
        ledger=ledger,
        generated_at=generated_at,
    )


# -- Readings ----------------------------------------------------------------------------------------------------------


def _source(told: Readings) -> Source:
    if not told.samples and not told.ticks:
        return "none"
    if not told.is_recorded:
        return "course"
    return "thinned" if told.thinned_s else "recorded"


def _rows(told: Readings) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of samples by device."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in told.samples:
        found.setdefault(row[1], []).append(row)
    return found


def _stretches(run: Run, told: Readings) -> dict[str, Stretches]:
    """What was read of each device, on the run's own clock; of power over less than its meter's refreshing nothing is said."""
    start_us = microseconds(run.started_at) if told.samples else 0
    # Readings that are meant to be a period apart are so but for a little.
    least_s = {one.device.id: _NEARLY * period_s(one.device) for one in run.devices}
    found = {}
    for device_id, rows in _rows(told).items():
        table = np.array([(row[2] - start_us, row[3] - start_us, row[4]) for row in rows], dtype=np.float64)
        order = np.lexsort((table[:, 0], table[:, 1]))
        given = Stretches(table[order, 0] / 1e6, table[order, 1] / 1e6, table[order, 2] / 1e3)
        there = (given.end_s > given.begin_s) | (given.amount != 0)
        if np.any(there):
            kept = Stretches(given.begin_s[there], given.end_s[there], given.amount[there])
            found[device_id] = joined(kept, least_s.get(device_id, 0.0))
    return found


def _ticked(run: Run, told: Readings) -> dict[str, Stretches]:
    """CPU-seconds of the run's tree and of the machine between its ticks; where there are none, by the courses of its facts."""
    found = {}
    for of, place in (("tree", 2), ("machine", 3)):
        points = [(row[1], row[place]) for row in told.ticks if row[place] is not None]
        if not points and run.cpu is not None:
            points = list(run.cpu.tree_course if of == "tree" else run.cpu.busy_course)
        table = np.array(points, dtype=np.float64).reshape(-1, 2)
        given = growth(table[:, 0], table[:, 1], run.duration_s)
        if len(given.begin_s):
            found[of] = joined(given, _STEPS_OF_KERNEL * (run.cpu.resolution_s if run.cpu else 0.0))
    return found


def _finer(run: Run, read_of: dict[str, Stretches], ticked: dict[str, Stretches]) -> Run:
    """The run with courses as fine as its readings; those that it has where there are none."""
    fine = {name: course(_coarse(given)) for name, given in {**read_of, **ticked}.items()}
    devices = tuple(msgspec.structs.replace(one, course=fine.get(one.device.id, one.course)) for one in run.devices)
    cpu = run.cpu
    if cpu is not None:
        cpu = msgspec.structs.replace(
            cpu, tree_course=fine.get("tree", cpu.tree_course), busy_course=fine.get("machine", cpu.busy_course)
        )
    return msgspec.structs.replace(run, devices=devices, cpu=cpu)


def _coarse(given: Stretches) -> Stretches:
    one = thinned(given, _COURSE_POINTS)
    return Stretches(one.begin_s, one.end_s, np.maximum(one.amount, 0.0))


def _samples(run: Run, told: Readings) -> tuple[Samples, ...]:
    """The first and the last readings of each device, as they were written."""
    start_us = microseconds(run.started_at) if told.samples else 0

    def row_of(at: int, row: tuple[Any, ...]) -> ReadingRow:
        return ReadingRow(
            at=at,
            t_s=row[5],
            counter_j=row[6],
            power_w=row[7],
            begin_s=(row[2] - start_us) / 1e6,
            end_s=(row[3] - start_us) / 1e6,
            energy_j=row[4] / 1e3,
        )

    found = []
    for device_id, rows in _rows(told).items():
        numbered = [row_of(at, row) for at, row in enumerate(rows) if at < SHOWN or at >= len(rows) - SHOWN]
        found.append(
            Samples(
                device_id=device_id,
                readings=len(rows),
                sum_j=sum(row[4] for row in rows) / 1e3,
                first=tuple(numbered[:SHOWN]),
                last=tuple(numbered[SHOWN:]),
            )
        )
    return tuple(found)


def _tick_rows(told: Readings) -> tuple[TickRow, ...]:
    return tuple(TickRow(at=at, t_s=row[1], tree_s=row[2], busy_s=row[3]) for at, row in enumerate(told.ticks))


def _differences(run: Run, told: Readings) -> list[str]:
    """Where the readings do not add up to what the run's facts say of a device, to the millijoule of each."""
    sums_mj: dict[str, int] = {}
    for row in told.samples:
        sums_mj[row[1]] = sums_mj.get(row[1], 0) + row[4]
    found = []
    for one in run.devices:
        if one.energy_j is None or one.device.id not in sums_mj:
            continue
        read_j = sums_mj[one.device.id] / 1e3
        if abs(read_j - one.energy_j) > 1e-3 + 1e-9 * one.energy_j:
            told_j = f"{formulas.number(read_j)} J, its facts {formulas.number(one.energy_j)} J"
            found.append(f"the samples of {one.device.id} add up to {told_j}: the facts count")
    return found


# -- What follows from them --------------------------------------------------------------------------------------------


def _devices(run: Run, footprint: Footprint, terms: dict[str, float]) -> tuple[DevicePart, ...]:
    whole = {one.component: one.energy_kwh.central for one in footprint.breakdown if one.energy_kwh}
    found = []
    for one in run.devices:
        device = one.device
        alike = sum(1 for other in run.devices if other.device.component == device.component)
        own = terms.get(text.clean(device.id)) if device.component == "accelerators" else None
        found.append(
            DevicePart(
                id=device.id,
                name=device.name,
                component=device.component,
                meter=device.meter,
                grade=device.grade,
                read_s=one.read_s,
                read_ratio=min(1.0, one.read_s / run.duration_s) if run.duration_s > 0 else 1.0,
                readings=one.readings,
                gaps=one.gaps,
                held_ratio=one.held_ratio,
                others=one.others,
                energy_kwh=None if one.energy_j is None else kwh_from_j(one.energy_j),
                attributed_kwh=own if own is not None else whole.get(device.component) if alike == 1 else None,
            )
        )
    return tuple(found)


def _work(run: Run, footprint: Footprint) -> tuple[WorkDone, ...]:
    return tuple(
        WorkDone(
            unit=unit,
            amount=amount,
            per_1000_wh=_per(footprint.energy_kwh, amount, W_PER_KW),
            per_1000_g=_per(footprint.emissions_g, amount, 1.0),
        )
        for unit, amount in run.whole_work.items()
    )


def _per(value: Range | None, amount: float, scale: float) -> Range | None:
    """A thousandth part of the work's; null where none was counted."""
    if value is None or not amount > 0:
        return None
    each = _THOUSAND * scale / amount
    return Range(low=value.low * each, central=value.central * each, high=value.high * each)


def _sibling(run: Run, other: Run) -> Sibling:
    relations = {
        "parent": other.id == run.parent,
        "child": other.parent == run.id,
        "restart": other.labels.get("restart_of") == run.id,
        "restarted": other.id == run.labels.get("restart_of"),
        "account": other.account == run.account,
    }
    return Sibling(
        id=other.id,
        name=other.name,
        relations=tuple(name for name, holds in relations.items() if holds),
        outcome=other.outcome,
        started_at=other.started_at,
        duration_s=other.duration_s,
    )
