"""A summary as rich tables for a terminal; names are cleaned and never read as markup."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from footprint import text
from footprint.model import Footprint, Run
from footprint.report import words
from footprint.report.data import Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_NOTES: Final = 6
_WIDTH: Final = 200
_NARROW: Final = 60


def render(summary: Summary) -> str:
    """The answer, the groups and what is unknown, as wide as the terminal."""
    from rich.console import Console

    lines = [words.headline(summary)]
    if not summary.total.runs:
        return lines[0] + "\n"
    if sure := words.uncertainty(summary.total.emissions_g or summary.total.energy_kwh):
        lines.append(f"90 % range: {sure}; {words.measured(summary)}")
    open_ = [one for one in summary.unknown if one.what not in words.NOT_COUNTED]
    after = [f"unknown: {words.unknown_line(one)}" for one in open_]
    after += [f"note: {text.clean(note.message, limit=400)}" for note in summary.warnings[:_NOTES]]
    if len(summary.warnings) > _NOTES:
        after.append(f"note: {len(summary.warnings) - _NOTES} more; --format json or html shows them")
    console = Console(file=io.StringIO(), width=_width())
    console.print(group_table(summary))
    return "\n".join([*lines, _printed(console), *after]).rstrip("\n") + "\n"


def render_runs(runs: Sequence[tuple[Run, Footprint]]) -> str:
    """Runs, one a line."""
    from rich.console import Console

    table = _table("run", "name", "started (UTC)", "time", "outcome", "energy", "CO2e", left=3)
    for run, footprint in runs:
        _add(
            table,
            text.clean(run.id),
            text.clean(run.name, limit=40),
            text.clean(run.started_at)[:16].replace("T", " "),
            text.duration(run.duration_s),
            run.outcome,
            words.energy(footprint.energy_kwh),
            words.mass(footprint.emissions_g),
        )
    console = Console(file=io.StringIO(), width=_width())
    console.print(table)
    return _printed(console).strip("\n") + "\n"


def group_table(summary: Summary) -> Table:
    """The groups that the report is about."""
    dimension = summary.options.group_by
    table = _table(words.dimension(dimension), "runs", "time", "energy", "share", "CO2e")
    for group in summary.by[dimension]:
        amounts = group.amounts
        _add(
            table,
            words.key(group, dimension),
            text.count(amounts.runs),
            text.duration(amounts.duration_s),
            words.energy_of(amounts),
            words.ratio(group.energy_ratio),
            words.emissions_of(amounts),
        )
    return table


def _width() -> int:
    """The terminal's width; wide where nobody looks, so that a pipe gets one line a row."""
    return max(_NARROW, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDTH


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
