"""Whether a journal's joules add up: the stretches of each device to its energy, and a whole run's facts to each other."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from footprint import text
from footprint.ledger.facts import Point, Stretch
from footprint.ledger.reading import read_journal
from footprint.ledger.records import Open
from footprint.ledger.rows import Readings, to_mj
from footprint.ledger.verify.bounds import bound
from footprint.ledger.verify.findings import Finding, found
from footprint.model import Run

_COURSE_J = 0.01


def of_journal(path: Path, runs: list[Run]) -> list[Finding]:
    """What does not add up in a journal; its runs are added to `runs`."""
    sums_mj: dict[tuple[str, str], int] = defaultdict(int)
    readings: dict[str, Readings] = {}
    undated: set[str] = set()

    def take(opened: Open, _: Point, stretches: Sequence[Stretch]) -> None:
        if opened.run not in readings:
            try:
                readings[opened.run] = Readings(opened.run, opened.started_at)
            except (ValueError, OverflowError):
                undated.add(opened.run)
                readings[opened.run] = Readings(opened.run, "1970-01-01T00:00:00+00:00")
        for row in readings[opened.run].samples(stretches):
            sums_mj[row[0], row[1]] += row[4]

    journal = read_journal(path, sink=take)
    told = [_undated(path, run) for run in sorted(undated)]
    try:
        facts = journal.facts()
    except (ValueError, OverflowError) as error:
        return [*told, found("impossible-facts", path, f"its runs cannot be told: {error}")]
    imported = {run.id for run in journal.imported}
    for run in facts:
        runs.append(run)
        told += _impossible(path, run)
        if run.id in imported:
            told += _course(path, run)
        else:
            told += _differing(path, run, sums_mj)
    return told


def _undated(path: Path, run: str) -> Finding:
    return found("impossible-facts", path, f"run {text.clean(run)}: its start is no time", run=run)


def _differing(path: Path, run: Run, sums_mj: dict[tuple[str, str], int]) -> list[Finding]:
    told = []
    for one in run.devices:
        stretches_mj, energy_mj = sums_mj.get((run.id, one.device.id), 0), 0 if one.energy_j is None else to_mj(one.energy_j)
        if stretches_mj != energy_mj:
            told.append(
                differ(path, (run.id, one.device.id), ("its stretches add up", stretches_mj), ("the run's facts come", energy_mj))
            )
    return told


def _course(path: Path, run: Run) -> list[Finding]:
    """A whole run's facts, which somebody may have edited: the course of a device ends at its energy."""
    told = []
    for one in run.devices:
        if one.course and abs(one.course[-1][1] - (one.energy_j or 0.0)) > _COURSE_J:
            course_mj, energy_mj = to_mj(one.course[-1][1]), to_mj(one.energy_j or 0.0)
            told.append(
                differ(path, (run.id, one.device.id), ("its course adds up", course_mj), ("the run's facts come", energy_mj))
            )
    return told


def _impossible(path: Path, run: Run) -> list[Finding]:
    """Lengths and energies that no run has, and more watts than its devices can draw."""
    told = []
    numbers: dict[str, float | None] = {"duration_s": run.duration_s}
    for one in run.devices:
        numbers[f"energy_j of {text.clean(one.device.id)}"] = one.energy_j
        numbers[f"read_s of {text.clean(one.device.id)}"] = one.read_s
    for name, number in numbers.items():
        if number is not None and not 0 <= number < math.inf:
            told.append(found("impossible-facts", path, f"run {text.clean(run.id)}: {name}={number}", run=run.id))
    for one in run.devices:
        if one.energy_j is None or one.read_s < 1:
            continue
        limit, mean_w = bound(one.device, run.host), one.energy_j / (one.read_s + run.suspended_s)
        if mean_w > limit.power_w:
            message = (
                f"run {text.clean(run.id)}: {text.clean(one.device.id)} ({text.clean(one.device.name)}) used "
                f"{text.number(mean_w)} W on average; it cannot draw more than {text.number(limit.power_w)} W ({limit.why})"
            )
            told.append(found("impossible-power", path, message, run=run.id))
    return told


def differ(path: Path, about: tuple[str, str], one: tuple[str, int], other: tuple[str, int]) -> Finding:
    """Two sums that should be one: about a run and its device, each sum with its name, mJ."""
    run, device = about
    sums = " but ".join(f"{name} to {sum_mj / 1e3:.3f} J" for name, sum_mj in (one, other))
    return found("joules-differ", path, f"run {text.clean(run)}, {text.clean(device)}: {sums}", run=run)
