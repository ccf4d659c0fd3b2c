"""A summary as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

import msgspec

from footprint import text
from footprint.model import Range
from footprint.report import words
from footprint.report.data import RunRow, Summary

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
)
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
    """The answer, the groups and what is unknown, for a comment or a README."""
    total, dimension = summary.total, summary.options.group_by
    lines = [f"**{words.headline(summary)}**", ""]
    if not total.runs:
        return "\n".join(lines)
    units = words.page_units(summary)
    lines += [f"{words.period(summary)} · {words.measured(summary)}", ""]
    lines += [f"| {_inert(words.dimension(dimension))} | Runs | Time | Energy | Share | CO₂e |", "|---|---:|---:|---:|---:|---:|"]
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
        lines.append(f"| {' | '.join(cells)} |")
    open_ = [one for one in summary.unknown if one.what not in words.NOT_COUNTED]
    if open_:
        lines += ["", "Unknown:", "", *(f"- {words.unknown_line(one)}" for one in open_)]
    if summary.factors:
        lines += [
            "",
            "<details><summary>Factors</summary>",
            "",
            "| Factor | Low | Central | High | Unit | Source |",
            "|---|---:|---:|---:|---|---|",
        ]
        for use in summary.factors:
            factor = use.factor
            source = f"{_inert(text.clean(factor.source, limit=200))}, {factor.year}" if factor.year else _inert(factor.source)
            bounds = " | ".join(text.number(value, 5) for value in (factor.low, factor.central, factor.high))
            lines.append(f"| {_inert(factor.id)} | {bounds} | {_inert(words.unit(factor))} | {source} |")
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _values(row: RunRow) -> tuple[str | float | None, ...]:
    energy, mass = _three(row.energy_kwh), _three(row.emissions_g)
    return (
        *(row.id, row.name, row.account, row.kind, row.outcome, row.started_at, row.duration_s, row.hardware, row.region),
        *energy,
        *mass,
        *(row.basis, row.scope, "; ".join(row.unknown), row.within),
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


def _inert(name: str) -> str:
    """A name that Markdown shows as it stands: no link, no mention, no HTML, no table cell."""
    # A word joiner after the sign: an escaped `@name` would still call somebody.
    return _REFERENCE.sub("\\\\\\1\u2060", _MARKDOWN.sub(r"\\\1", text.clean(name)))
