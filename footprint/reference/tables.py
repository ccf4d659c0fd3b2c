"""The tables of an edition, read once and as they are: clean at load, so that nothing is parsed at use.

Each table of factors has the columns of `FACTOR_COLUMNS`; `source` is a key of `sources.csv`, where title, licence and address
stand once. `python -m footprint.reference.sources` writes SOURCES.md from them.
"""

from __future__ import annotations

import csv
from typing import Final, cast

from footprint.model import Factor, Grade, Varies
from footprint.reference import editions
from footprint.reference.editions import remembered

FACTORS_VERSION: Final = editions.NEWEST
"""The newest edition of the tables: changes with any number in them, and is written into cards."""

FACTOR_COLUMNS: Final = (
    "id", "low", "central", "high", "unit", "source", "year", "basis", "grade", "error_family", "varies", "note",
)  # fmt: skip

Row = dict[str, str]


def parse(text: str) -> tuple[Row, ...]:
    """The rows of a table's text. A row is a line, so that most of them need no more than to be cut at the commas.

    Raises:
        ValueError: for a row of more or fewer fields than the table has columns, or a quoted field that goes on over its line.
    """
    head, *lines = text.removesuffix("\n").split("\n")
    quoted = [line for line in lines if '"' in line]
    if broken := next((line for line in quoted if line.count('"') % 2), None):
        raise ValueError(f"a quoted field does not end on its line: {broken[:80]}")
    unquoted, columns = csv.reader(quoted, strict=True), _fields(head)
    return tuple([dict(zip(columns, next(unquoted) if '"' in line else line.split(","), strict=True)) for line in lines])


def _fields(line: str) -> list[str]:
    return next(csv.reader((line,), strict=True))


@remembered
def table(name: str) -> tuple[Row, ...]:
    """The rows of a table of the current edition, in the file's order.

    Raises:
        KeyError: if the edition has no such table.
    """
    supplier = editions.supplier(name)
    if supplier not in {None, editions.current()}:
        with editions.using(str(supplier)):
            return table(name)
    return parse(editions.text_of(name))


def names() -> tuple[str, ...]:
    """All tables of the current edition."""
    return editions.tables()


def has(name: str) -> bool:
    """Whether the current edition has a table: earlier ones lack what later ones brought."""
    return name in editions.tables()


def has_id(name: str, row_id: str) -> bool:
    """Whether the current edition has a table with a row of this id."""
    return has(name) and row_id in by_id(name)


@remembered
def factor_tables() -> tuple[str, ...]:
    """The tables of the current edition that hold factors: those with all the columns of one."""
    return tuple(name for name in editions.tables() if set(FACTOR_COLUMNS) <= set(columns(name)))


@remembered
def columns(name: str) -> tuple[str, ...]:
    """The columns of a table of the current edition.

    Raises:
        KeyError: if the edition has no such table.
    """
    return tuple(_fields(editions.text_of(name).partition("\n")[0]))


@remembered
def sources() -> dict[str, Row]:
    """Who says so: the rows of `sources.csv` by their id."""
    return {row["id"]: row for row in table("sources")}


@remembered
def by_id(name: str) -> dict[str, Row]:
    """The rows of a table by their id."""
    return {row["id"]: row for row in table(name)}


def factor(row: Row) -> Factor:
    """A row of a table of factors as a `Factor`, with its source's title, licence and address."""
    source = sources()[row["source"]]
    return Factor(
        id=row["id"],
        low=float(row["low"]),
        central=float(row["central"]),
        high=float(row["high"]),
        unit=row["unit"],
        source=source["title"],
        year=int(row["year"]) if row["year"] else None,
        licence=source["licence"],
        basis=row["basis"],
        grade=cast("Grade", row["grade"]),
        error_family=row["error_family"],
        varies=cast("Varies", row["varies"]),
        url=row.get("url") or source["url"],
        note=row["note"],
    )


def prior(factor_id: str) -> Factor:
    """One of the factors in `priors.csv`, or of the fitted ones in `cpu_fit.csv`.

    Raises:
        KeyError: if there is none of that id.
    """
    rows = by_id("priors")
    return factor(rows[factor_id] if factor_id in rows else by_id("cpu_fit")[factor_id])
