"""The table of `footprint top`, as wide and as high as there is room."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from footprint import text
from footprint.cli.live import words
from footprint.watching import Row

_GAP: Final = 2
_NAME_LEAST: Final = 8
_NAME_MOST: Final = 48


class _Column(NamedTuple):
    """A column: its head, what it says of a run, its alignment, and when it gives way to others: the highest goes first."""

    head: str
    cell: Callable[[Row], str]
    is_right: bool = True
    gives_way: int = 0
    most: int = 24


_COLUMNS: Final = (
    _Column("NAME", lambda row: text.clean(row.name), is_right=False, most=_NAME_MOST),
    _Column("PID", lambda row: str(row.pid), gives_way=5),
    _Column("HOST", lambda row: text.clean(row.host, empty=""), is_right=False, gives_way=6, most=20),
    _Column("TIME", lambda row: text.duration(row.at_s), gives_way=3),
    _Column("POWER", words.power, gives_way=0),
    _Column("ENERGY", words.energy, gives_way=1),
    _Column("CO2EQ", words.emissions, gives_way=2),
    _Column("DONE", words.done, gives_way=4),
    _Column("ENDS", words.ends, gives_way=4),
    _Column("KNOWN BY", lambda row: words.coverage(row.coverage), is_right=False, gives_way=7, most=44),
)


def table(rows: Sequence[Row], width: float = math.inf, height: float = math.inf) -> list[str]:
    """The lines of the table, the most power first.

    The columns that matter least give way to a narrow terminal, the last runs to a low one.

    Args:
        rows: the runs.
        width: cells of a line.
        height: lines, of which one tells of the runs that are left out.
    """
    shown = sorted(rows, key=lambda row: -text.significant(row.power_w or 0.0, 2))  # alike ones stay in their order
    if len(rows) + 1 > height:
        shown = shown[: max(0, int(height) - 2)]
    cells = {column.head: [column.cell(row) for row in shown] for column in _COLUMNS}
    columns = [one for one in _COLUMNS if one.head not in {"DONE", "ENDS"} or any(cells[one.head])]
    widths = {one.head: _widest(one, cells[one.head]) for one in columns}
    while _total(widths) > width and len(columns) > 1:
        name = widths["NAME"]
        widths["NAME"] = max(_NAME_LEAST, name - int(_total(widths) - width)) if name > _NAME_LEAST else name
        if _total(widths) <= width:
            break
        leaving = max(columns[1:], key=lambda one: one.gives_way)
        columns.remove(leaving)
        del widths[leaving.head]
        widths["NAME"] = _widest(_COLUMNS[0], cells["NAME"])
    lines = [_line(columns, widths, [one.head for one in columns])]
    lines += [_line(columns, widths, [cells[one.head][place] for one in columns]) for place in range(len(shown))]
    if len(shown) < len(rows):
        lines.append(f"and {text.plural(len(rows) - len(shown), 'run')} more")
    return [_cut(line, width) for line in lines][: int(height) if math.isfinite(height) else None]


def _widest(column: _Column, cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return min(column.most, max([len(column.head), *map(cell_len, cells)]))


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _line(columns: Sequence[_Column], widths: dict[str, int], cells: Sequence[str]) -> str:
    from rich.cells import cell_len, set_cell_size

    parts = []
    for column, cell in zip(columns, cells, strict=True):
        room = widths[column.head]
        if cell_len(cell) > room:
            cell = set_cell_size(cell, max(0, room - 1)).rstrip() + "~"  # noqa: PLW2901 - what is left of it
        blanks = " " * (room - cell_len(cell))
        parts.append(blanks + cell if column.is_right else cell + blanks)
    return (" " * _GAP).join(parts).rstrip()


def _cut(line: str, width: float) -> str:
    from rich.cells import cell_len, set_cell_size

    return line if cell_len(line) <= width else set_cell_size(line, int(width))
