"""Two periods or two runs, side by side: how much more or less the newer one took, and how sure that is.

A ratio is that of the draws of both sides: what they share (a grid's series, a site's PUE, a model's part of the host) moves
together in both and cancels, so that the ratio is known better than either side. Where one side is not known, or only in part,
there is none. Where a ledger is large, so that sums are of groups, what varies from run to run or from device to device does not
cancel, even of the same devices: the range of the ratio is then wider than it had to be, never narrower.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np

from footprint.accounting.groups import told_apart
from footprint.accounting.ranges import Quantity, bounds_of, tidy
from footprint.derive import Account
from footprint.errors import ConfigError
from footprint.model import Range
from footprint.report.data import Compared, Options, Side, Summary
from footprint.report.gather import Asked, Gathered, gather_with_sums
from footprint.report.periods import Span, before, in_iso, told
from footprint.report.summary import summarise
from footprint.text import clean, plural

_NAMES: Final = {"energy_kwh": "energy", "emissions_g": "emissions"}


class _Half(NamedTuple):
    """One of the two, with its totals as quantities."""

    side: Side
    gathered: Gathered


def compare_periods(asked: Asked, gathered: Gathered, now: datetime) -> Compared:
    """A report's period against the one before it, of the same kind.

    Args:
        asked: what the report was asked for.
        gathered: what came of it.
        now: the time, which ends a period without an end.

    Raises:
        ConfigError: if the report is of no period, or of runs that are named.
        LedgerError: if the ledger cannot be read.
    """
    if asked.runs:
        raise ConfigError("--compare takes exactly two --run, or a period and no --run")
    if asked.since is None:
        raise ConfigError("--compare needs two things to compare: a period, --since last-month, or exactly two --run")
    span = Span(asked.since, asked.until or now)
    if span.end <= span.begin:
        raise ConfigError("--compare needs a period that has begun: --since is after now")
    earlier = before(span)
    older = _of_period(_earlier(asked, earlier), earlier)
    newer = _of_period(gathered, span)
    return _compared("periods", older, newer, [f"{newer.side.label} is not over yet"] if span.end > now else [])


def compare_runs(asked: Asked) -> Compared:
    """Two runs that a report names: the newer one against the older one.

    Raises:
        ConfigError: if it does not name two.
        LedgerError: if one of them cannot be read.
    """
    if len(asked.runs) != 2:  # noqa: PLR2004 - a pair
        raise ConfigError("--compare takes exactly two --run, or a period and no --run")
    alone = [gather_with_sums(msgspec.structs.replace(asked, runs=(ref,))) for ref in asked.runs]
    older, newer = sorted(alone, key=lambda one: one.summary.started_at or "")
    if older.summary.rows[0].id == newer.summary.rows[0].id:
        raise ConfigError("--compare: the two --run are one and the same run")
    running = [one for one in (older, newer) if one.summary.rows[0].outcome == "running"]
    halves = _of_run(older, newer), _of_run(newer, older)
    return _compared("runs", *halves, [f"{clean(one.summary.rows[0].name)} is still running" for one in running])


def ratio_of(now: Quantity | None, earlier: Quantity | None) -> Range | None:
    """How many times the earlier amount the newer one is, by the draws of both; None where that has no answer."""
    if now is None or earlier is None or earlier.central <= 0:
        return None
    central = tidy(now.central / earlier.central)
    # The two are of other runs: what sums of groups average over theirs does not move together.
    over, under = now.draws, Quantity(terms=told_apart(earlier.terms, "earlier")).draws
    if under is not None and not np.all(under > 0):
        return None
    divided = np.divide(now.central if over is None else over, earlier.central if under is None else under)
    low, high = map(tidy, bounds_of(divided)) if np.ndim(divided) else (central, central)
    # As with any range here, a heavy tail moves a bound to the middle, which anybody can divide by hand.
    return Range(low=min(low, central), central=central, high=max(high, central))


def _earlier(asked: Asked, span: Span) -> Gathered:
    """The same report of an earlier period; that it has no runs is an answer."""
    stated = f"the period before, {told(span)}"
    try:
        return gather_with_sums(msgspec.structs.replace(asked, since=span.begin, until=span.end, said=(stated,)))
    except ConfigError:
        # Everything else that could be wrong in what is asked was so in the report itself, too.
        options = Options(group_by=asked.group_by, attribution=asked.attribution)
        return Gathered(summarise((), Account((), asked.attribution), options), None, None)


def _of_period(gathered: Gathered, span: Span) -> _Half:
    return _half(gathered, told(span), in_iso(span.begin), in_iso(span.end))


def _of_run(gathered: Gathered, other: Gathered) -> _Half:
    row = gathered.summary.rows[0]
    alike = clean(row.name) == clean(other.summary.rows[0].name)
    label = f"{row.name} ({row.id})" if alike else row.name
    return _half(gathered, label, gathered.summary.started_at, gathered.summary.ended_at)


def _half(gathered: Gathered, label: str, started_at: str | None, ended_at: str | None) -> _Half:
    summary = gathered.summary
    side = Side(
        label=label,
        started_at=started_at,
        ended_at=ended_at,
        amounts=summary.total,
        by=summary.by,
        work=summary.work,
    )
    return _Half(side, gathered)


def _compared(what: str, older: _Half, newer: _Half, notes: list[str]) -> Compared:
    """The two side by side, with what is not alike in them."""
    ratios = {
        "energy_kwh": ratio_of(newer.gathered.energy, older.gathered.energy),
        "emissions_g": ratio_of(newer.gathered.emissions, older.gathered.emissions),
    }
    for name in ratios:
        lacking = [why for half in (older, newer) if (why := _lacking(half.side, name))]
        if lacking:
            ratios[name] = None
            notes += lacking
    notes += _unlike(older.gathered.summary, newer.gathered.summary)
    return Compared(
        what="periods" if what == "periods" else "runs",
        before=older.side,
        now=newer.side,
        energy_ratio=ratios["energy_kwh"],
        emissions_ratio=ratios["emissions_g"],
        is_sure={name: one.low > 1 or one.high < 1 for name, one in ratios.items() if one is not None},
        notes=tuple(dict.fromkeys(notes)),
    )


def _lacking(side: Side, name: str) -> str | None:
    """Why a quantity of a side is not known, or not whole."""
    amounts, label = side.amounts, clean(side.label)
    if not amounts.runs:
        return f"{label}: no runs"
    known = amounts.with_energy if name == "energy_kwh" else amounts.with_emissions
    if known >= amounts.runs:
        return None
    of = f"of {known} of {plural(amounts.runs, 'run')}" if known else f"of none of {plural(amounts.runs, 'run')}"
    return f"{label}: the {_NAMES[name]} are known {of}" if name != "energy_kwh" else f"{label}: the energy is known {of}"


def _unlike(older: Summary, newer: Summary) -> list[str]:
    """What the two do not have in common, so that their ratio is not of like with like."""
    if not older.all_runs or not newer.all_runs:
        return []
    notes = []
    if older.scopes != newer.scopes:
        notes.append(f"the scopes differ: before {_listed(older.scopes)}; now {_listed(newer.scopes)}")
    if older.bases != newer.bases:
        notes.append(f"the bases of the emissions differ: before {_listed(older.bases)}; now {_listed(newer.bases)}")
    return notes


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names) or "none"
