"""What is wrong with a table: a factor without a range, a range that no law fits, a number that nobody stands for.

A table with the columns of a factor holds factors, and all that is said here of factors holds for each of its rows. In every
table numbers are numbers and years are years, so that nothing is guessed or skipped at use.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, get_args

from footprint.model import GRADES, Varies
from footprint.reference import tables
from footprint.reference.tables import FACTOR_COLUMNS, Row

_TRIPLE: Final = ("low", "central", "high")
_TEXTS: Final = ("id", "unit", "source", "basis", "error_family")
_MANY: Final = 0.8
"""A column most of whose cells are numbers is one of numbers: a word in it is a slip."""
_FEW: Final = 5
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NEVER_NUMBERS: Final = {"id", "name", "names", "aliases", "nvml_names", "note", "candidates"}
_DIFFERENCE: Final = "s"
"""A difference of times lies about 0; all other factors are amounts, and none is below it."""


def faults(name: str, rows: Sequence[Row], sources: Mapping[str, Row]) -> list[str]:
    """All that is wrong with a table, one line each; an empty list if it may be used.

    Args:
        name: the table's name.
        rows: its rows, as `tables.parse` gives them.
        sources: the rows of `sources.csv` by their id.
    """
    if not rows:
        return [f"{name}: no rows"]
    columns = list(rows[0])
    found = [f"{name}: {fault}" for fault in _columns(rows, columns)]
    if set(FACTOR_COLUMNS) <= set(columns):
        found += [f"{name}: {fault}" for fault in _repeated(rows)]
        found += [f"{name}: {row['id'] or row}: {fault}" for row in rows for fault in _of_factor(row, sources)]
    elif missing := [column for column in FACTOR_COLUMNS if column not in columns] if set(_TRIPLE) & set(columns) else []:
        found.append(f"{name}: some columns of a factor and not all: no {', '.join(missing)}")
    if "source" in columns:
        unknown = sorted({row["source"] for row in rows} - set(sources))
        found += [f"{name}: no such source in sources.csv: {source!r}" for source in unknown]
    return found


def all_faults() -> list[str]:
    """All that is wrong with the tables of the current edition."""
    sources = tables.sources()
    return [fault for name in tables.names() for fault in faults(name, tables.table(name), sources)]


def _columns(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    for column in columns:
        cells = [row[column] for row in rows if row[column]]
        if column == "year" or column.endswith("_year"):
            yield from (f"{column} {cell!r} is no year" for cell in cells if not _YEAR.fullmatch(cell))
        elif column in _TRIPLE or (column not in _NEVER_NUMBERS and _mostly_numbers(cells)):
            yield from (f"{column} {cell!r} is no number" for cell in cells if _number(cell) is None)


def _mostly_numbers(cells: Sequence[str]) -> bool:
    return len(cells) >= _FEW and sum(_number(cell) is not None for cell in cells) >= _MANY * len(cells)


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) and cell == cell.strip() and "_" not in cell else None


def _repeated(rows: Sequence[Row]) -> Iterator[str]:
    for row_id, times in Counter(row["id"] for row in rows).items():
        if times > 1:
            yield f"{row_id}: {times} rows of one id"


def _of_factor(row: Row, sources: Mapping[str, Row]) -> Iterator[str]:
    for column in _TEXTS:
        if not row[column]:
            yield f"no {column}"
    if row["grade"] not in GRADES:
        yield f"no such grade: {row['grade']!r}"
    if row["varies"] not in get_args(Varies):
        yield f"varies from {row['varies']!r}: it is one of {', '.join(get_args(Varies))}"
    numbers = [_number(row[column]) for column in _TRIPLE]
    if not any(row[column] for column in _TRIPLE):
        yield from _gap(row)
        return
    low, central, high = numbers
    if low is None or central is None or high is None:
        yield "no low, central and high"
        return
    yield from _of_triple(row, low, central, high)
    source = sources.get(row["source"], {})
    if not source.get("title") or not source.get("licence"):
        yield f"its source {row['source']!r} has no title or no licence"
    if row["grade"] == "assumed" and not row["note"]:
        yield "an assumption whose rule is not in its note"


def _of_triple(row: Row, low: float, central: float, high: float) -> Iterator[str]:
    from footprint.accounting.ranges import check_triple  # loads numpy, which no look-up needs

    try:
        check_triple(low, central, high)
    except ValueError as error:
        yield str(error)
    if low < 0 and row["unit"] != _DIFFERENCE:
        yield f"low {low:g} is below 0"
    if low == high and row["grade"] in {"assumed", "model"}:
        yield f"an exact number of grade {row['grade']}"


def _gap(row: Row) -> Iterator[str]:
    """A number that nobody publishes: honest where the row says so."""
    if row["source"] != "none":
        yield f"no number, and yet the source {row['source']!r}"
    if not row["note"]:
        yield "no number, and no note that says so"
