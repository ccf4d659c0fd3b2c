"""Counters that never fall, whatever the ledger states next.

A counter that falls was restarted, as Prometheus understands it: `increase()` then counts all of its new value once more. What a
ledger sums up to may fall nevertheless: better factors restate old runs, runs are deleted, a disk is not mounted for a while, a
run is laid beside another one that the ledger learns of late. So what was told last is kept, in a file, across restarts:

- where the ledger states less than was told, the counter stands still until it states more again (a disk that comes back, or
  new joules, after a deletion, is not counted twice);
- where the factors' edition or this program's version is another one than last time, the counter goes on from where it was, and
  only what grows from then on is added: a restatement is no consumption. The gauges have the restated sums.

How many counters stand still is told (`held`). Groups keep the series that they were once given.

`increase()` does not count what a series begins with. So one that appears after the first look of all begins at zero, and stays
there for `ZERO_S`, until it was surely scraped: the run of a new project that ends before the next look is counted, too. A group
that was one of the others until more groups were allowed begins at zero as well, and only what grows is added.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from footprint.integrations.exporting.families import OTHERS, Labels
from footprint.ledger.home import PRIVATE_FILE

SCHEMA: Final = 1
_LIMIT_BYTES: Final = 64 * 2**20
_SAME_RATIO: Final = 1e-9
ZERO_S: Final = 120.0
"""Two of the longest intervals that are usual between scrapes."""

Series = tuple[str, Labels]


class _Told(msgspec.Struct):
    """What was told of a series, and what is added to the ledger's sum to go on from it.

    `zero_since_s` is when it appeared (since 1970), as long as it is told as zero.
    """

    name: str
    labels: Labels
    told: float
    offset: float = 0.0
    zero_since_s: float | None = None


class _Export(msgspec.Struct):
    """What was told by exporters of one set of labels."""

    edition: str = ""
    groups: list[tuple[str, ...]] = []
    series: list[_Told] = []


class _File(msgspec.Struct):
    schema: int = SCHEMA
    exports: dict[str, _Export] = {}


class Carried(NamedTuple):
    """What is told of each series now, and how many of them stand still."""

    values: dict[Series, float]
    held: int


class Counters:
    """What was told by one exporter, or by several of the same labels.

    Args:
        path: the file that it is kept in; None to keep it in memory alone.
        export: which exporter of that file: the labels that it tells by.

    Attributes:
        problems: why nothing could be read from the file, or written to it.
    """

    def __init__(self, path: Path | None, export: str) -> None:
        self._path, self._export = path, export
        self._kept = _Export()
        self._written = b""
        self.problems: tuple[str, ...] = ()
        if path is not None:
            self._kept = self._file().exports.get(export, _Export())
        self._series = {(one.name, one.labels): one for one in self._kept.series}

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """The groups that have series of their own."""
        return self._kept.groups

    def give(self, groups: Iterable[tuple[str, ...]]) -> None:
        """Give groups series of their own, for as long as the file lasts."""
        self._kept.groups += groups

    def carry(
        self, edition: str, levels: Mapping[Series, float], *, restated: Iterable[str] = (), now_s: float | None = None
    ) -> Carried:
        """What the counters say now that the ledger states so much.

        Args:
            edition: of the factors and the program.
            levels: what the ledger sums up to, by series.
            restated: the names of those metrics that another edition changes.
            now_s: the time, s since 1970; None for those who look once, to whom no series begins at zero.
        """
        is_first = not self._kept.edition
        changed = set(restated) if not is_first and self._kept.edition != edition else set()
        self._kept.edition = edition
        groups = {self._group(series) for series in self._series}
        for series, level in levels.items():
            known = self._series.get(series)
            if known is None and (group := self._group(series)) not in groups and (group[0], OTHERS) in groups:
                self._series[series] = _Told(*series, told=0.0, offset=-level)  # with a higher limit: the others told it
            elif known is None:
                begins = None if is_first else now_s
                self._series[series] = _Told(*series, told=level if begins is None else 0.0, zero_since_s=begins)
            elif known.zero_since_s is not None and now_s is not None and 0 <= now_s - known.zero_since_s < ZERO_S:
                continue
            elif series[0] in changed and known.zero_since_s is None:
                known.offset = known.told - level
            else:
                known.zero_since_s = None
                known.told = max(known.told, level + known.offset)
        held = sum(
            levels.get(series, 0.0) + known.offset < known.told * (1 - _SAME_RATIO) for series, known in self._series.items()
        )
        return Carried({series: known.told for series, known in self._series.items()}, held)

    def keep(self) -> None:
        """Write down what was told; a failure stands in `problems`."""
        if self._path is None or not self._series:
            return
        self.problems = ()
        self._kept.series = list(self._series.values())
        file = self._file()
        file.exports[self._export] = self._kept
        data = msgspec.json.encode(file)
        if data == self._written and self._path.exists():
            return
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(temporary, flags, PRIVATE_FILE), "wb") as out:
                out.write(data)
            temporary.replace(self._path)
            self._written = data
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            self.problems = (f"{self._path}: not written: {error.strerror}: after a restart the counters may fall",)

    def _group(self, series: Series) -> tuple[str, str | Labels]:
        """A metric's name, and whose series of it this is: the labels that the exporter tells by."""
        name, labels = series
        own = labels[: len(self._export.split(","))] if self._export else ()
        return name, OTHERS if own and all(value == OTHERS for _, value in own) else own

    def _file(self) -> _File:
        """What the file holds; nothing where there is none, or it cannot be read."""
        assert self._path is not None
        try:
            with self._path.open("rb") as file:
                data = file.read(_LIMIT_BYTES)
            found = msgspec.json.decode(data, type=_File)
        except FileNotFoundError:
            return _File()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            self.problems = (f"{self._path}: not read: {reason}: the counters begin at what the ledger states",)
            return _File()
        return found if found.schema == SCHEMA else _File()
