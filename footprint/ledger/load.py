"""Runs on their way into a database: rows that are held, or that are read from Parquet when they are sent.

What a PostgreSQL text or number cannot hold is made so that it can, or its run is refused: one such must not stop all others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from footprint.ledger.rows import Row, Rows
from footprint.ledger.tables import TABLES

_BIGINT: Final = 2**63 - 1
_TOO_LARGE: Final = "a number of it is too large"
_TEXTS: Final = {name: [at for at, column in enumerate(table) if column.type == "text"] for name, table in TABLES.items()}
_NUMBERS: Final = {name: [at for at, column in enumerate(table) if column.type == "bigint"] for name, table in TABLES.items()}
_LABELS: Final = [column.name for column in TABLES["runs"]].index("labels")


class Tally:
    """How many samples of a run there are, and what they add up to; whether a database can hold their numbers."""

    __slots__ = ("energy_mj", "is_storable", "samples")

    def __init__(self, samples: int = 0, energy_mj: int = 0) -> None:
        self.samples = samples
        self.energy_mj = energy_mj
        self.is_storable = True


class Copy(Protocol):
    """What takes rows for a table, one by one or as blocks of CSV."""

    def write(self, buffer: bytes) -> None:
        """Take a block."""
        ...

    def write_row(self, row: Row) -> None:
        """Take a row."""
        ...


class Load(Protocol):
    """Whole runs. `samples` and `ticks` are not held where they are many: they are counted once, and sent once."""

    is_csv: bool
    """Whether it is sent as blocks of CSV, without a header."""

    @property
    def runs(self) -> list[Row]:
        """The rows of runs."""
        ...

    @property
    def devices(self) -> list[Row]:
        """The rows of their devices."""
        ...

    def tally(self) -> Mapping[str, Tally]:
        """What there is of samples, by run; none of a run is the same as no tally."""
        ...

    def send(self, table: str, run_ids: Collection[str], copy: Copy) -> None:
        """Send the rows of some runs: of `samples`, or of `ticks`."""
        ...


class Held:
    """Rows that are held in memory, to be sent."""

    is_csv = False

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.runs, self.devices = rows.runs, rows.devices

    def tally(self) -> Mapping[str, Tally]:
        """What there is of samples, by run."""
        found: defaultdict[str, Tally] = defaultdict(Tally)
        for row in self._rows.samples:
            one = found[row[0]]
            one.samples += 1
            one.energy_mj += row[4]
            if not (-_BIGINT < row[4] < _BIGINT and -_BIGINT < row[2] < _BIGINT and -_BIGINT < row[3] < _BIGINT):
                one.is_storable = False
        return found

    def send(self, table: str, run_ids: Collection[str], copy: Copy) -> None:
        """Send the rows of some runs."""
        for row in getattr(self._rows, table):
            if row[0] in run_ids:
                copy.write_row(row if table == "ticks" or "\0" not in row[1] else without_nul(table, row))


def refusals(load: Load, tally: Mapping[str, Tally]) -> dict[str, str]:
    """The runs that a database cannot hold, and why."""
    found = {run_id: _TOO_LARGE for run_id, one in tally.items() if not one.is_storable}
    for table, rows in (("runs", load.runs), ("devices", load.devices)):
        for row in rows:
            if any(row[at] is not None and not -_BIGINT < row[at] < _BIGINT for at in _NUMBERS[table]):
                found[row[0]] = _TOO_LARGE
    found |= {row[0]: "its id is none" for row in load.runs if "\0" in row[0]}
    twice = {
        "it stands twice in its journal": Counter(row[:1] for row in load.runs),
        "it has one device twice": Counter(row[:2] for row in load.devices),
    }
    for why, count in twice.items():
        found |= {key[0]: why for key, many in count.items() if many > 1}
    return found


def without_nul(table: str, row: Row) -> Row:
    """The same without NUL, which a text of PostgreSQL's cannot hold: in labels also not where JSON spells it."""
    texts = _TEXTS[table]
    spelled = _LABELS if table == "runs" and "\\u0000" in row[_LABELS] else None
    if spelled is None and not any(row[at] and "\0" in row[at] for at in texts):
        return row
    cleaned = list(row)
    for at in texts:
        cleaned[at] = row[at] and row[at].replace("\0", "\ufffd")
    if spelled is not None:
        # A backslash that stands for itself is spelled as two; what follows it spells nothing.
        cleaned[spelled] = "\\\\".join(part.replace("\\u0000", "\\ufffd") for part in row[spelled].split("\\\\"))
    return tuple(cleaned)
