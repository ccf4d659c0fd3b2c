"""The runs that go on, by the same labels: how many, what power, how much of them is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from footprint.integrations.exporting.families import OTHERS, Labels, label_name, label_value, labels_of, summed
from footprint.ledger.questions import LABEL
from footprint.ledger.rows import rows_of_facts
from footprint.ledger.tables import RUNS
from footprint.model import Run
from footprint.watching import Watching


class RunningNow(NamedTuple):
    """The runs that go on; a power that is not known is in no sum, and its run in `unknown`."""

    runs: dict[Labels, float]
    power_w: dict[Labels, float]
    unknown: dict[Labels, float]
    read_ratio: dict[Labels, float]
    problems: tuple[str, ...]


def running_now(watching: Watching, by: Sequence[str], groups: Sequence[tuple[str, ...]], limit: int) -> RunningNow:
    """Look at the runs that go on.

    The power is that of the runs which no other one contains. Coverage is the mean of the runs: the share of their time for which
    a component was read, by its grade; one of which nothing is known counts as 0.

    Args:
        watching: the ledger.
        by: the keys to tell by.
        groups: the groups that have series of their own.
        limit: so many groups may.

    Raises:
        LedgerError: if the ledger's folder cannot be listed.
    """
    rows = watching.look()
    names, own = [label_name(key) for key in by], set(groups)
    ids = {row.id for row in rows}
    counted: list[tuple[Labels, float | None]] = []
    powers: list[tuple[Labels, float | None]] = []
    unknown: list[tuple[Labels, float | None]] = []
    read: list[tuple[Labels, float | None]] = []
    for row in rows:
        known = watching.known(row.id)
        if known is None:
            continue
        group = _group(known[0], by)
        if len(own) < limit:
            own.add(group)  # the sums, which are made less often, will find it
        labels = labels_of(names, group if group in own else (OTHERS,) * len(by))
        counted.append((labels, 1.0))
        if row.parent not in ids:
            powers.append((labels, row.power_w))
            unknown.append((labels, float(row.power_w is None)))
        for part in row.coverage:
            more = {"component": part.component, "grade": part.grade or "unknown"}
            read.append((labels_of((), (), **more), part.read_ratio / len(rows) if part.grade else 0.0))
    for labels in {labels_of(names, group) for group in own} - {labels for labels, _ in counted}:
        for values in (counted, powers, unknown):
            values.append((labels, 0.0))  # where none goes on, none draws power
    return RunningNow(summed(counted), summed(powers), summed(unknown), summed(read), watching.problems)


def _group(run: Run, by: Sequence[str]) -> tuple[str, ...]:
    """A run's group, by the same columns as the ledger's questions have."""
    found = rows_of_facts(run).runs
    row: dict[str, Any] = dict(zip((column.name for column in RUNS), found[0], strict=True)) if found else {}
    return tuple(label_value(run.labels.get(key.removeprefix(LABEL)) if key.startswith(LABEL) else row.get(key)) for key in by)
