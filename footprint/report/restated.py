"""What the runs of an earlier report come to with the factors that it used, and with today's.

Told only where it says something: the edition of the factors is another one, or the same edition gives another number, since
facts came late. Whatever keeps it from being told is a note of the report, and no failure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from footprint import text
from footprint.derive import Account, restate_total
from footprint.derive.grouped import group_totals
from footprint.derive.restating import Reason
from footprint.errors import FootprintError, LedgerError
from footprint.ledger.anywhere import find_run
from footprint.ledger.ask import in_microseconds
from footprint.ledger.engines import open_ledger
from footprint.ledger.engines.facts import read_these
from footprint.ledger.questions import like_of, question
from footprint.model import Range, Run
from footprint.reference import EDITIONS, using_edition
from footprint.report.data import Note, Options, Restated, Summary
from footprint.report.gather import Asked
from footprint.report.previous import Previous
from footprint.report.selection import choose
from footprint.text import clean, count, plural

MOST_REASONED: Final = 60
"""Of so many runs it is said which tables make the difference, which takes some 15 ms a run."""
MOST_SUMMED: Final = 1000
"""So many runs are summed one by one; beyond them sums of groups of equal factors are, without reasons."""

_SAME: Final = 1e-9
_ROUNDED: Final = 1e-4  # a page embeds five digits
_CUT: Final = "…"
_PERIOD: Final = ("--since ", "--until ")


class Told(NamedTuple):
    """What there is to tell since an earlier report, and notes on what there is not."""

    restated: Restated | None
    notes: tuple[str, ...] = ()


class _Sums(NamedTuple):
    """The emissions with both editions, of how many runs, and why they differ."""

    runs: int
    with_emissions: int
    old: Range | None
    new: Range | None
    reasons: tuple[str, ...] = ()


def restated_since(previous: Previous, asked: Asked, summary: Summary) -> Told:
    """What changed of the numbers that an earlier report gave.

    Args:
        previous: the earlier report.
        asked: what this report was asked for.
        summary: this report, with its selection in words.
    """
    if not previous.runs:
        return Told(None)
    written = f"the earlier report, of {previous.reported_at:%Y-%m-%d},"
    try:
        why = _why_not(previous, summary.options)
        return Told(None, (f"{written} {why}: it is not restated",)) if why else _told(previous, asked, written)
    except FootprintError as error:
        return Told(None, (f"{written} is not restated: {text.clean(str(error), limit=300)}",))


def _why_not(previous: Previous, options: Options) -> str | None:
    """Why an earlier report cannot be held against this one, as the rest of a sentence."""
    if previous.attribution != options.attribution:
        return f"counted joules by another policy ({previous.attribution})"
    if not _is_same(previous.selection, options.selection):
        of = ", ".join(clean(one) for one in previous.selection) or "all runs"
        return f"was of another selection ({text.clean(of, limit=200)})"
    if previous.edition not in EDITIONS:
        return f"used an edition of the factors that is not known here ({clean(previous.edition, empty='none')})"
    if previous.since is None and any(one.startswith(_PERIOD[0]) for one in previous.selection):
        return "does not say its period in figures, as it is older"
    return None


def _told(previous: Previous, asked: Asked, written: str) -> Told:
    newer = EDITIONS[-1]
    if previous.runs > MOST_SUMMED:
        if asked.name is not None or asked.runs:
            much = f"{written} was about {count(previous.runs)} runs, which is too many to restate one by one"
            return Told(None, (f"{much}: `footprint restate` does",))
        if previous.edition == newer:
            return Told(None)
        found = _by_groups(previous, asked, newer)
    else:
        runs = _runs_of(previous, asked)
        if not runs:
            return Told(None, (f"{written} was about runs that are no longer recorded: it is not restated",))
        found = _one_by_one(runs, previous.edition, newer, asked)
    notes = []
    if previous.ids is not None and found.runs < len(previous.ids):
        notes.append(f"{written} was about {plural(previous.runs, 'run')}, of which {count(found.runs)} are still recorded")
    differs = _differs(previous, found, newer)
    if not differs:
        return Told(None, tuple(notes))
    restated = Restated(
        reported_at=f"{previous.reported_at:%Y-%m-%dT%H:%M:%SZ}",
        older=previous.edition,
        newer=newer,
        runs=found.runs,
        stated_g=previous.emissions_g,
        old_g=found.old,
        new_g=found.new,
        reasons=found.reasons,
        selection=previous.selection,
        with_emissions=found.with_emissions,
        differs=differs,
    )
    return Told(restated, tuple(notes))


def _differs(previous: Previous, found: _Sums, newer: str) -> tuple[Literal["edition", "number"], ...]:
    """What is another than it was: the edition, or the number that the same edition gives."""
    stated, old = previous.emissions_g, found.old
    near = _ROUNDED if previous.is_rounded else _SAME
    is_same = stated is old if stated is None or old is None else math.isclose(stated.central, old.central, rel_tol=near)
    differs: list[Literal["edition", "number"]] = ["edition"] if previous.edition != newer else []
    return (*differs, *(() if is_same else ("number",)))


def _is_same(earlier: Sequence[str], now: Sequence[str]) -> bool:
    """Whether two selections are the same but for the period, which goes on from report to report; a page cuts what is long."""

    def rest(selection: Sequence[str]) -> list[str]:
        return [one for one in selection if not one.startswith(_PERIOD)]

    before, after = rest(earlier), rest(now)
    return len(before) == len(after) and all(
        one == other or (one.endswith(_CUT) and other.startswith(one.removesuffix(_CUT)))
        for one, other in zip(before, after, strict=True)
    )


def _runs_of(previous: Previous, asked: Asked) -> tuple[Run, ...]:
    """The runs that an earlier report was about: those that it names, else those that it chose; what is there.

    Raises:
        LedgerError: if they are too many by now, or cannot be read.
    """
    until = min(previous.until or previous.reported_at, previous.reported_at)
    if asked.runs:
        found = tuple({run.id: run for run in (find_run(one, asked.ledger) for one in asked.runs)}.values())
    else:
        # So many of them alone are read: the ledger may hold a million others.
        with open_ledger(asked.ledger) as engine:
            ids: Sequence[str] | None = previous.ids
            if ids is None:
                newest = question(
                    "newest",
                    most=MOST_SUMMED + 1,
                    since_us=in_microseconds(previous.since),
                    until_us=in_microseconds(until),
                    where=asked.where,
                    named=None if asked.name is None else like_of(asked.name),
                )
                ids = [row[0] for row in engine.query(newest).rows]
            if len(ids) > MOST_SUMMED:
                raise LedgerError(f"by now more than {count(MOST_SUMMED)} runs fit what it was about")
            found = read_these(engine, ids).runs
    if previous.ids is not None:
        wanted = set(previous.ids)
        return tuple(run for run in found if run.id in wanted)
    return choose(found, since=previous.since, until=until, name=asked.name, where=asked.where)


def _one_by_one(runs: Sequence[Run], older: str, newer: str, asked: Asked) -> _Sums:
    ids = [run.id for run in runs]
    account = Account(runs, asked.attribution)
    now = account.total(ids)
    new, known = now.footprint.emissions_g, now.with_emissions
    if older == newer:
        return _Sums(len(runs), known, new, new)
    if len(runs) <= MOST_REASONED:
        found = restate_total(runs, older, newer, attribution=asked.attribution)
        return _Sums(len(runs), known, found.old.emissions_g, found.new.emissions_g, _reasons(found.reasons))
    with using_edition(older):
        before = Account(runs, asked.attribution).sheet(ids)
        old = before.emissions.range() if before.emissions is not None else None
    return _Sums(len(runs), known, old, new)


def _by_groups(previous: Previous, asked: Asked, newer: str) -> _Sums:
    """Sums of groups of equal factors, as `derive.grouped` makes them, with each edition."""
    since_us = in_microseconds(previous.since)
    until_us = in_microseconds(min(previous.until or previous.reported_at, previous.reported_at))
    found = []
    for edition in (previous.edition, newer):
        with using_edition(edition):
            totals = group_totals(
                asked.ledger, since_us=since_us, until_us=until_us, where=asked.where, attribution=asked.attribution
            )
            rows = [(row.runs, row.with_emissions, row.emissions_g) for row in totals.rows]
        found.append(rows[0] if rows else (0, 0, None))
    (_, _, old), (runs, known, new) = found
    return _Sums(runs, known, old, new)


def _reasons(reasons: Sequence[Reason]) -> tuple[str, ...]:
    """Which tables moved the emissions, the largest difference first."""
    name = "emissions_g"
    moved = [one for one in reasons if abs(one.ratios.get(name, 1.0) - 1) > _SAME]
    moved.sort(key=lambda one: -abs(one.differences[name]))
    lines = []
    for one in moved:
        difference = one.differences[name]
        sign = "+" if difference > 0 else "\N{MINUS SIGN}"
        lines.append(f"{one.what}: {sign}{text.mass(abs(difference))} CO2eq (× {text.number(one.ratios[name], 4)})")
    lines += [f"{one.what}: the emissions are now known" for one in reasons if name in one.newly_known]
    lines += [f"{one.what}: the emissions are no longer known" for one in reasons if name in one.no_longer_known]
    return tuple(lines)


def with_notes(summary: Summary, notes: Sequence[str]) -> Summary:
    """The summary with more notes on the whole, before its warnings."""
    ours = tuple(Note(message=one, runs=0) for one in notes)
    return msgspec.structs.replace(summary, warnings=(*ours, *summary.warnings)) if ours else summary
