"""A summary as rich tables for a terminal; names are cleaned and never read as markup."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from footprint import text
from footprint.model import Footprint, Run
from footprint.report import lines, sparks, words
from footprint.report.data import Compared, Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_NOTES: Final = 6
_WIDE_ENOUGH: Final = 100
_WIDTH: Final = 200
_NARROW: Final = 40
# What rich puts between columns.
_BETWEEN: Final = 3
_LEAST_NAME: Final = 8
_WORDS: Final = ("run", "name", "started (UTC)")
# What a narrow terminal goes without, in this order.
_LEFT_OUT: Final = ("started (UTC)", "outcome", "time", "CO2e", "energy", "name")


def render(summary: Summary) -> str:
    """The answer, how it went, the groups, what to do next and what is unknown, as wide as the terminal."""
    from rich.console import Console

    answer = words.headline(summary)
    if not summary.total.runs:
        return "\n".join([answer, *_notes(summary)]) + "\n"
    width, marks = _width(), sparks.marks()
    console = Console(file=io.StringIO(), force_terminal=False, width=width)
    console.print(group_table(summary, marks if width >= _WIDE_ENOUGH else None))
    if summary.work:
        console.print(_work_table(summary))
    if summary.compared is not None:
        console.print(_compared_table(summary.compared))
    choice = f", {chosen}" if (chosen := lines.choice(summary)) else ""
    head = [answer, f"{words.period(summary)}{choice}", lines.sure(summary)]
    head += [f"compares with {one}" for one in lines.equivalences(summary)]
    head += [f"beside it: {one}" for one in lines.beside(summary)]
    head += sparks.over_time(summary, marks, width=min(sparks.WIDTH, width - 2))
    return "\n".join([*head, _printed(console).rstrip("\n") + "\n", *_after(summary)]).rstrip("\n") + "\n"


def _after(summary: Summary) -> list[str]:
    """What follows the tables, a line each."""
    found = [more] if (more := lines.more_work(summary.work)) else []
    found += [f"note: {text.clean(one, limit=400)}" for one in (summary.compared.notes if summary.compared else ())]
    found += [f"restated: {one}" for one in (lines.restated(summary.restated) if summary.restated else ())]
    for number, one in enumerate(summary.actions, 1):
        found += [f"next {number}: {one.message} ({lines.about(one)})", f"        {one.command}"]
    found += [f"unknown: {one}" for one in lines.unknown(summary)]
    return found + _notes(summary)


def _notes(summary: Summary) -> list[str]:
    """What is to be known of the numbers, or of why there are none."""
    found = [f"note: {text.clean(note.message, limit=400)}" for note in summary.warnings[:_NOTES]]
    if len(summary.warnings) > _NOTES:
        found.append(f"note: {len(summary.warnings) - _NOTES} more; --format json or html shows them")
    return found


def render_runs(runs: Sequence[tuple[Run, Footprint]], *, width: int | None = None) -> str:
    """Runs, one a line; where `width` (of the terminal, in characters) is small, ranges and columns are left out."""
    from rich.console import Console

    width = width or _width()
    choices = list(_run_columns(runs))
    columns = next((some for some in choices if _needed(some) <= width), choices[-1])
    table = _table(*columns, left=sum(name in _WORDS for name in columns))
    for column, name in zip(table.columns, columns, strict=True):
        column.no_wrap, column.overflow = True, "ellipsis"
        if name == "name":
            column.max_width = max(_LEAST_NAME, width - _needed(columns) + _LEAST_NAME)
    for row in zip(*columns.values(), strict=True):
        _add(table, *row)
    # A terminal that is narrower than the narrowest table breaks its lines itself.
    console = Console(file=io.StringIO(), force_terminal=False, width=max(width, _needed(columns)))
    console.print(table)
    return _printed(console).strip("\n") + "\n"


def _run_columns(runs: Sequence[tuple[Run, Footprint]]) -> Iterator[dict[str, list[str]]]:
    """The columns of the table of runs, each time with less in them."""
    units = words.units((one.energy_kwh for _, one in runs), (one.emissions_g for _, one in runs))
    columns: dict[str, list[str]] = {
        "run": [text.clean(run.id) for run, _ in runs],
        "name": [text.clean(run.name, limit=40) for run, _ in runs],
        "started (UTC)": [text.clean(run.started_at)[:16].replace("T", " ") for run, _ in runs],
        "time": [text.duration(run.duration_s) for run, _ in runs],
        "outcome": [str(run.outcome) for run, _ in runs],
        "energy": [words.energy(one.energy_kwh, units.energy) for _, one in runs],
        "CO2e": [words.mass(one.emissions_g, units.mass) for _, one in runs],
    }
    yield dict(columns)
    columns |= {
        "energy": [words.energy_middle(one.energy_kwh, units.energy) for _, one in runs],
        "CO2e": [words.mass_middle(one.emissions_g, units.mass) for _, one in runs],
    }
    yield dict(columns)
    for name in _LEFT_OUT:
        del columns[name]
        yield dict(columns)


def _needed(columns: Mapping[str, Sequence[str]]) -> int:
    """The width of a table in which only names are cut."""
    from rich.cells import cell_len

    widths = [_LEAST_NAME if name == "name" else max(map(cell_len, (name, *cells))) for name, cells in columns.items()]
    return sum(widths) + _BETWEEN * len(widths)


def group_table(summary: Summary, marks: sparks.Marks | None = None) -> Table:
    """The groups that the report is about; with `marks`, a bar for the share of each."""
    dimension, units = summary.options.group_by, words.page_units(summary)
    bars = () if marks is None else ("",)
    table = _table(words.dimension(dimension), "runs", "time", "energy", "share", *bars, "CO2e")
    for column in table.columns[5 : 5 + len(bars)]:
        column.justify = "left"
    for group in summary.by[dimension]:
        amounts = group.amounts
        _add(
            table,
            words.key(group, dimension),
            text.count(amounts.runs),
            text.duration(amounts.duration_s),
            words.energy_of(amounts, units.energy),
            words.ratio(group.energy_ratio),
            *([sparks.bar(group.energy_ratio, marks)] if marks is not None else []),
            words.emissions_of(amounts, units.mass),
        )
    return table


def _work_table(summary: Summary) -> Table:
    """What was done, and what a thousand of it took."""
    table = _table("work", "runs", "counted", "energy per 1,000", "CO2e per 1,000")
    for one in summary.work[: lines.WORK_ROWS]:
        _add(table, lines.work_name(one), *lines.work_cells(one))
    return table


def _compared_table(found: Compared) -> Table:
    """Two periods or runs side by side."""
    table = _table("compared", text.clean(found.before.label, limit=40), text.clean(found.now.label, limit=40), "now / before")
    for pair in lines.compared(found):
        _add(table, *pair)
    return table


def _width() -> int:
    """The terminal's width; wide where nobody looks, so that a pipe gets one line a row."""
    is_seen = sys.stdout is not None and sys.stdout.isatty()
    return max(_NARROW, shutil.get_terminal_size().columns) if is_seen else _WIDTH


def _printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _table(*names: str, left: int = 1) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(names):
        table.add_column(_plain(name), justify="left" if index < left else "right", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(_plain(cell) for cell in cells))


def _plain(cell: str) -> Text:
    # A `Text` is printed as it stands; a `str` would be read for [markup] and emoji.
    from rich.text import Text

    return Text(cell)
