"""From the options of `footprint report` to the data of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from footprint.errors import ConfigError, LedgerError
from footprint.text import clean

if TYPE_CHECKING:
    from footprint.report.data import Summary
    from footprint.report.gather import Asked
    from footprint.report.periods import Period
    from footprint.report.restated import Told

PAIR = 2


def in_words(
    period: Period, since: str | None, until: str | None, name: str | None, where: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """The choice as it was stated, for the head of the report; a period that has a name, in figures, too."""
    from footprint.report.periods import Period as Both
    from footprint.report.periods import is_name, told

    said = [] if name is None else [f"--name {clean(name)!r}"]
    if since is not None:
        own = period if until is None else Both(period.begin)
        said.append(f"--since {clean(since)!r}{f' = {told(own)}' if is_name(since) else ''}")
    if until is not None:
        said.append(f"--until {clean(until)!r}{f' = {told(Both(None, period.end))}' if is_name(until) else ''}")
    said += [f"--where {clean(f'{key}={value}')!r}" for key, values in where.items() for value in values]
    return tuple(said)


def gathered(asked: Asked, now: datetime, *, compare: bool, earlier: Path | None, is_stated: bool) -> Summary:
    """The summary of what is asked for, with what it is compared with and what became of an earlier report.

    Args:
        asked: the runs, and how they are summed.
        now: the time.
        compare: whether to hold it against the period before, or two runs against each other.
        earlier: a file that may hold an earlier report.
        is_stated: whether somebody named that file; of another it is no matter what else it holds.

    Raises:
        ConfigError: for a choice that leaves none, or that cannot be compared.
        LedgerError: if the ledger cannot be read, or nothing of it: that is not a ledger without runs.
    """
    from footprint.report.gather import gather_with_sums
    from footprint.report.periods import in_iso

    if compare:
        _check_pair(asked)
    found = gather_with_sums(asked)
    summary = found.summary
    if not summary.all_runs and summary.options.notes:
        raise LedgerError(f"no run of the ledger can be read: {clean(summary.options.notes[0], limit=400)}")
    said = (*(f"--run {clean(one)!r}" for one in asked.runs), *asked.said)
    options = msgspec.structs.replace(summary.options, selection=said, since=in_iso(asked.since), until=in_iso(asked.until))
    summary = msgspec.structs.replace(summary, options=options)
    if compare:
        from footprint.report.comparing import compare_periods, compare_runs

        compared = compare_runs(asked) if asked.runs else compare_periods(asked, found, now)
        summary = msgspec.structs.replace(summary, compared=compared)
    if earlier is not None:
        from footprint.report.restated import with_notes

        told = _since_report(earlier, asked, summary, is_stated=is_stated)
        summary = with_notes(msgspec.structs.replace(summary, restated=told.restated), told.notes)
    return summary


def _check_pair(asked: Asked) -> None:
    """Refuse what cannot be compared, before anything is read."""
    if asked.runs and len(asked.runs) != PAIR:
        given = "one" if len(asked.runs) == 1 else len(asked.runs)
        raise ConfigError(f"--compare takes exactly two --run (given: {given}), or a period and no --run")
    if not asked.runs and asked.since is None:
        raise ConfigError("--compare needs two things to compare: a period, as --since last-month, or exactly two --run")


def _since_report(path: Path, asked: Asked, summary: Summary, *, is_stated: bool) -> Told:
    """What became of the numbers of the report that a file holds; why that is not told is a note."""
    from footprint.report.previous import read
    from footprint.report.restated import Told, restated_since

    reading = read(path)
    if reading.previous is not None:
        return restated_since(reading.previous, asked, summary)
    if not is_stated and not reading.is_ours:
        return Told(None)
    problem = reading.problem or "is no file"
    return Told(None, (f"what changed since the report in {clean(str(path))} is not told: it {problem}",))
