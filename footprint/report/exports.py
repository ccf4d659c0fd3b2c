"""A summary as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from footprint import text
from footprint.model import Range
from footprint.report import lines, sparks, words
from footprint.report.data import Compared, RunRow, Summary, Work

CSV_COLUMNS: Final = (
    "id",
    "name",
    "account",
    "kind",
    "outcome",
    "started_at",
    "duration_s",
    "hardware",
    "region",
    "energy_kwh",
    "energy_low_kwh",
    "energy_high_kwh",
    "emissions_g",
    "emissions_low_g",
    "emissions_high_g",
    "basis",
    "scope",
    "unknown",
    "within",
    "emissions_direct_g",
    "emissions_market_g",
    "embodied_g",
    "water_l",
    "work",
)
_LINE: Final = 1000
_NOTES: Final = 20
# A comment on GitHub holds 65,536 characters.
_FACTORS: Final = 60
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What Markdown, or GitHub after it, reads: markup, HTML, table cells, addresses, mentions and references.
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()<>|~&$!:]|(?<=www)\.)", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"([@#])")


def to_json(summary: Summary) -> str:
    """The whole summary, indented; its schema is in `report.data`."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2).decode() + "\n"


def to_csv(summary: Summary) -> str:
    """One row a run; an empty cell is unknown. `within` names the run whose numbers contain this one's."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in summary.rows:
        writer.writerow([_cell(value) for value in _values(row)])
    return out.getvalue()


def to_markdown(summary: Summary) -> str:
    """The answer, what to do next, the groups and what is unknown, for a comment or a README; the factors are folded away."""
    found = [f"**{words.headline(summary)}**", ""]
    if not summary.total.runs:
        return "\n".join(found + _notes(summary))
    choice = f" · {_inert(chosen, limit=_LINE)}" if (chosen := lines.choice(summary)) else ""
    found += [f"{words.period(summary)}{choice} · {lines.sure(summary)}", ""]
    told = [f"Compares with {one}" for one in lines.equivalences(summary)]
    told += [f"Beside it: {one}" for one in lines.beside(summary)]
    found += [*(f"- {_inert(one, limit=_LINE)}" for one in told), ""] if told else []
    if spark := sparks.over_time(summary, sparks.marks()):
        found += ["```text", *spark, "```", ""]
    found += _groups(summary)
    found += _work(summary.work)
    found += _compared(summary.compared) if summary.compared else []
    found += ["", *(_inert(one, limit=_LINE) for one in lines.restated(summary.restated))] if summary.restated else []
    if summary.actions:
        found += ["", "What to do next:", ""]
        found += [
            f"{number}. {_inert(one.message, limit=_LINE)} \\({lines.about(one)}\\): `{one.command}`"
            for number, one in enumerate(summary.actions, 1)
        ]
    if unknown := lines.unknown(summary):
        found += ["", "Unknown:", "", *(f"- {one}" for one in unknown)]
    return "\n".join(found + _notes(summary) + _factors(summary)) + "\n"


def _groups(summary: Summary) -> list[str]:
    """The groups that the report is about, a row each."""
    dimension, units = summary.options.group_by, words.page_units(summary)
    found = [f"| {_inert(words.dimension(dimension))} | Runs | Time | Energy | Share | CO₂e |", "|---|---:|---:|---:|---:|---:|"]
    for group in summary.by[dimension]:
        amounts = group.amounts
        cells = (
            _inert(words.key(group, dimension)),
            text.count(amounts.runs),
            text.duration(amounts.duration_s),
            words.energy_of(amounts, units.energy),
            words.ratio(group.energy_ratio),
            words.emissions_of(amounts, units.mass),
        )
        found.append(f"| {' | '.join(cells)} |")
    return found


def _work(rows: Sequence[Work]) -> list[str]:
    """What was done, and what a thousand of it took."""
    if not rows:
        return []
    found = ["", "| Work | Runs | Counted | Energy per 1,000 | CO₂e per 1,000 |", "|---|---:|---:|---:|---:|"]
    found += [f"| {' | '.join((_inert(lines.work_name(one)), *lines.work_cells(one)))} |" for one in rows[: lines.WORK_ROWS]]
    return [*found, *(["", rest] if (rest := lines.more_work(rows)) else [])]


def _compared(found: Compared) -> list[str]:
    """Two periods or runs side by side."""
    head = " | ".join(_inert(side.label, limit=40) for side in (found.before, found.now))
    rows = [f"| {_inert(one.what)} | {one.before} | {one.now} | {one.ratio} |" for one in lines.compared(found)]
    notes = [f"- {_inert(one, limit=_LINE)}" for one in found.notes]
    return ["", f"| Compared | {head} | Now / before |", "|---|---:|---:|---:|", *rows, *(["", *notes] if notes else [])]


def _notes(summary: Summary) -> list[str]:
    """What is to be known of the numbers, folded."""
    if not summary.warnings:
        return []
    notes = [f"- {_inert(one.message, limit=_LINE)}" for one in summary.warnings[:_NOTES]]
    if len(summary.warnings) > _NOTES:
        notes.append(f"- {len(summary.warnings) - _NOTES:,} more: the page and the JSON have them all")
    return ["", "<details><summary>Notes</summary>", "", *notes, "", "</details>"]


def _factors(summary: Summary) -> list[str]:
    """The factors with their sources, folded."""
    if not summary.factors:
        return []
    found = [
        "",
        "<details><summary>Factors</summary>",
        "",
        "| Factor | Low | Central | High | Unit | Source |",
        "|---|---:|---:|---:|---|---|",
    ]
    uses = sorted(summary.factors, key=lambda use: -use.runs)[:_FACTORS]
    shown = [use.factor for use in summary.factors if use in uses]
    for factor in [*shown, *(one.factor for one in summary.equivalences)]:
        source = f"{_inert(text.clean(factor.source, limit=200), limit=200)}{f', {factor.year}' if factor.year else ''}"
        bounds = " | ".join(text.number(value, 5) for value in (factor.low, factor.central, factor.high))
        found.append(f"| {_inert(factor.id)} | {bounds} | {_inert(words.unit(factor))} | {source} |")
    if rest := len(summary.factors) - len(shown):
        found += ["", f"{text.plural(rest, 'more factor')}, of fewer runs: the page and the JSON have them all"]
    return [*found, "", "</details>"]


def _values(row: RunRow) -> tuple[str | float | None, ...]:
    energy, mass = _three(row.energy_kwh), _three(row.emissions_g)
    return (
        *(row.id, row.name, row.account, row.kind, row.outcome, row.started_at, row.duration_s, row.hardware, row.region),
        *energy,
        *mass,
        *(row.basis, row.scope, "; ".join(row.unknown), row.within),
        *(_three(one)[0] for one in (row.emissions_direct_g, row.emissions_market_g, row.embodied_g, row.water_l)),
        "; ".join(f"{amount!r} {unit}" for unit, amount in row.work.items()),
    )


def _three(value: Range | None) -> tuple[float | None, ...]:
    return (value.central, value.low, value.high) if value else (None, None, None)


def _cell(value: str | float | None) -> str:
    """A number in full, a name cleaned, and what would be a formula made text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    shown = text.clean(value, limit=1000, empty="")
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _inert(name: str, *, limit: int = text.NAME_LIMIT) -> str:
    """A name that Markdown shows as it stands: no link, no mention, no HTML, no table cell."""
    # A word joiner after the sign: an escaped `@name` would still call somebody.
    return _REFERENCE.sub("\\\\\\1\u2060", _MARKDOWN.sub(r"\\\1", text.clean(name, limit=limit)))
