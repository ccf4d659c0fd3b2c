"""A file of intensities that somebody has: ours (docs/json.md), or one that Electricity Maps gives out (ODbL).

Ours has a column `start` (ISO 8601 with its zone: `2026-11-20T10:00Z`) and `g_per_kwh`, and may have `end`, `estimated`, `basis`
and `zone`. Where there is no `end`, a slot lasts to the next start, but no longer than slots usually do. Rows may stand in any
order. A time without a zone is refused, unless the column's name says UTC or a column `utc_offset` stands beside it.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, TextIO

from footprint import text
from footprint.errors import ConfigError
from footprint.model import Basis
from footprint.place.intensity.series import (
    BASES,
    MOST_G_PER_KWH,
    Series,
    Slot,
    SlotError,
    arranged,
    counted,
    is_possible,
    stamp,
    unit_doubt,
)
from footprint.reference.grid import parent, zones
from footprint.units import S_PER_H

MOST_ROWS: Final = 5_000_000
_STARTS: Final = ("start", "from", "datetime", "timestamp")
_ENDS: Final = ("end", "to")
_VALUES: Final = ("g_per_kwh", "intensity_g_per_kwh", "carbon_intensity_g_per_kwh")
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", ""})
_OFFSET: Final = re.compile(r"([+-])([01]\d|2[0-3]):?([0-5]\d)", re.ASCII)
_LONGEST_S: Final = 86_400.0
_DIRECT: Final = re.compile(r"carbon intensity gco.?2?eq/kwh \(direct\)")
_LIFE_CYCLE: Final = re.compile(r"carbon intensity gco.?2?eq/kwh \((life ?cycle|lca)\)")


class _Columns(NamedTuple):
    """Where in a row things stand; None where they do not."""

    start: int
    value: int
    end: int | None
    estimated: int | None
    basis: int | None
    zone: int | None
    offset: int | None
    is_utc: bool
    stated: Basis | None
    licence: str


class CsvFile:
    """A file's series.

    Args:
        path: the file.
        basis: what its figures are, where no column says so.
    """

    def __init__(self, path: Path, basis: Basis | None = None) -> None:
        self._path, self._basis = path, basis
        self._read: Series | None = None

    @property
    def name(self) -> str:
        """The file's name, without its folders."""
        return text.clean(self._path.name, limit=60)

    def history(self, zone: str | None, start: datetime, end: datetime) -> Series:
        """See `Provider.history`: what the file has of this time."""
        series = self._all()
        self._check_zone(series.zone, zone)
        return _replaced(series, series.within(start.timestamp(), end.timestamp()))

    def forecast(self, zone: str | None, start: datetime, hours: float) -> Series:
        """See `Provider.forecast`. A file of the past is no forecast.

        Raises:
            ConfigError: also if it holds nothing of the time asked for.
        """
        series = self._all()
        self._check_zone(series.zone, zone)
        kept = series.within(start.timestamp(), start.timestamp() + hours * S_PER_H)
        if not kept:
            held = f"{stamp(series.slots[0].start_s)} to {stamp(series.slots[-1].end_s)}"
            raise ConfigError(
                f"{self.name} is no forecast for the hours from {stamp(start.timestamp() // 60 * 60)}: it holds {held}"
            )
        return _replaced(series, kept, is_forecast=True)

    def _all(self) -> Series:
        if self._read is None:
            self._read = self._load()
        return self._read

    def _load(self) -> Series:
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                return self._parsed(file)
        except OSError as error:
            raise ConfigError(f"{self.name}: {error.strerror or 'cannot be read'}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{self.name}: not text in UTF-8") from None
        except csv.Error as error:
            raise ConfigError(f"{self.name}: not CSV: {error}") from None

    def _parsed(self, file: TextIO) -> Series:
        head = file.readline()
        delimiter = next((one for one in (",", ";", "\t") if one in head), ",")
        columns = self._columns(next(csv.reader([head], delimiter=delimiter), []))
        rows = _Rows(self.name, columns, self._basis)
        slots = rows.slots(csv.reader(file, delimiter=delimiter))
        try:
            kept, repeated = arranged(slots)
        except SlotError as error:
            raise ConfigError(f"{self.name}: {error}") from None
        merged = (f"{counted(repeated, 'repeated row')} counted once",) if repeated else ()
        return Series(
            provider="file",
            name=self.name,
            basis=rows.basis(),
            zone=rows.zone(),
            slots=kept,
            source=f"Electricity Maps, file {self.name}" if columns.licence else f"file {self.name}",
            licence=columns.licence,
            notes=(*merged, *unit_doubt(kept)),
        )

    def _columns(self, head: Sequence[str]) -> _Columns:
        """The columns by name. Of those that Electricity Maps gives out, the one of the basis that was asked for."""
        names = [" ".join(name.split()).casefold() for name in head]

        def one_of(*wanted: str) -> int | None:
            found = [at for at, name in enumerate(names) if name in wanted]
            if len(found) > 1:
                self._refuse(f"has several columns for {wanted[0]}: {', '.join(names[at] for at in found)}")
            return found[0] if found else None

        utc_names = [f"{name}{end}" for name in _STARTS for end in ("_utc", " (utc)")]
        start, value = one_of(*_STARTS, *utc_names), one_of(*_VALUES)
        stated: Basis | None = None
        licence = ""
        if value is None:
            theirs = {
                basis: at
                for basis, pattern in (("direct", _DIRECT), ("life-cycle", _LIFE_CYCLE))
                for at, name in enumerate(names)
                if pattern.fullmatch(name)
            }
            stated = "direct" if self._basis == "direct" else "life-cycle"
            value = theirs.get(stated)
            licence = "ODbL (Electricity Maps)"
        if start is None or value is None:
            missing = " and ".join(name for name, at in (("start", start), ("g_per_kwh", value)) if at is None)
            there = text.clean(", ".join(head), limit=120, empty="nothing")
            self._refuse(f"has no column {missing} (it has {there}); see docs/json.md for the format")
        return _Columns(
            start=start,
            value=value,
            end=one_of(*_ENDS, *(f"{name}_utc" for name in _ENDS)),
            estimated=one_of("estimated", "data estimated", "is_estimated"),
            basis=one_of("basis"),
            zone=one_of("zone", "zone id"),
            offset=one_of("utc_offset"),
            is_utc=names[start] in utc_names,
            stated=stated,
            licence=licence,
        )

    def _check_zone(self, its: str | None, zone: str | None) -> None:
        """Refuse a file of another nation than the place's."""
        if its is None or zone is None:
            return
        known = its if its in zones() else next((code for code, row in zones().items() if row["iso2"] == its[:2]), None)
        if known is not None and (parent(known) or known) != (parent(zone) or zone):
            self._refuse(f"is of {its}, the place is in {zone}")

    def _refuse(self, why: str) -> NoReturn:
        raise ConfigError(f"{self.name} {why}")


class _Rows:
    """The rows of a file, read one by one; what must be the same in all of them."""

    def __init__(self, name: str, columns: _Columns, asked: Basis | None) -> None:
        self._name, self._columns, self._asked = name, columns, asked
        self._bases: set[str] = set()
        self._zones: set[str] = set()
        self._line = 1

    def slots(self, rows: Iterator[list[str]]) -> list[Slot]:
        """All slots of the file."""
        columns = self._columns
        found: list[tuple[float, float | None, float, bool]] = []
        wanted = max(at for at in columns if isinstance(at, int) and not isinstance(at, bool))
        moment = _clock(is_utc=columns.is_utc)
        for row in rows:
            self._line += 1
            if not any(row):
                continue
            if len(row) <= wanted:
                self._refuse(f"has {len(row)} columns, {wanted + 1} are needed")
            if len(found) >= MOST_ROWS:
                self._refuse(f"is one more than the {MOST_ROWS:,} rows that can be read")
            if (value := self._value(row[columns.value])) is None:
                continue  # an hour of which the file knows nothing
            offset = row[columns.offset] if columns.offset is not None else ""
            start_s = self._time(row[columns.start], offset, moment)
            end_s = self._time(row[columns.end], offset, moment) if columns.end is not None else None
            if end_s is not None and not start_s < end_s <= start_s + _LONGEST_S:
                self._refuse("ends before it begins, or lasts longer than a day")
            if columns.basis is not None:
                self._bases.add(row[columns.basis].strip().casefold())
            if columns.zone is not None:
                self._zones.add(row[columns.zone].strip())
            found.append((start_s, end_s, value, self._flag(row)))
        if not found:
            raise ConfigError(f"{self._name} has no row with a figure")
        return _with_ends(found, self._name)

    def basis(self) -> Basis:
        """What the figures are: by the file, else as was stated; a contradiction is refused."""
        if len(self._bases) > 1:
            raise ConfigError(f"{self._name} mixes bases ({', '.join(sorted(self._bases))}): keep one")
        told = next(iter(self._bases), None) or self._columns.stated
        if told is None and self._asked is None:
            known = ", ".join(BASES)
            raise ConfigError(f"{self._name} does not say what its figures are: give --intensity-basis, one of {known}")
        if told is not None and self._asked is not None and told != self._asked:
            raise ConfigError(f"{self._name} is of basis {text.clean(told, limit=30)}, --intensity-basis says {self._asked}")
        for basis in BASES:
            if (told or self._asked) == basis:
                return basis
        hint = "; marginal intensities are no inventory's" if told == "marginal" else ""
        raise ConfigError(f"{self._name}: unknown basis {text.clean(str(told), limit=30)!r} (there are {', '.join(BASES)}){hint}")

    def zone(self) -> str | None:
        """The zone that the file names, if it names one."""
        if len(self._zones) > 1:
            raise ConfigError(f"{self._name} holds {len(self._zones)} zones ({', '.join(sorted(self._zones)[:4])}): keep one")
        return next(iter(self._zones), None) or None

    def _value(self, told: str) -> float | None:
        told = told.strip()
        if not told:
            return None
        try:
            value = float(told)
        except ValueError:
            self._refuse(f"has {text.clean(told, limit=30)!r} for g/kWh, which is no number")
        if not is_possible(value):
            unit = " (g per MWh, or lb per MWh?)" if value > MOST_G_PER_KWH else ""
            self._refuse(f"has {told[:30]} g/kWh, which is not between 0 and {MOST_G_PER_KWH:g}: is it in another unit?{unit}")
        return value

    def _time(self, told: str, offset: str, moment: Callable[[str], datetime]) -> float:
        try:
            found = moment(told.strip())
        except (ValueError, OverflowError):
            self._refuse(f"has {text.clean(told, limit=40)!r} for a time, which is none in ISO 8601")
        if found.tzinfo is None:
            match = _OFFSET.fullmatch(offset.strip())
            if match is None:
                self._refuse(
                    f"has a time without a zone ({text.clean(told, limit=30)}): write 2026-11-20T10:00Z, name the column "
                    "start_utc, or add a column utc_offset (+01:00)"
                )
            sign, hours, minutes = match.groups()
            length = timedelta(hours=int(hours), minutes=int(minutes))
            found = found.replace(tzinfo=timezone(length if sign == "+" else -length))
        return found.timestamp()

    def _flag(self, row: list[str]) -> bool:
        if self._columns.estimated is None:
            return False
        told = row[self._columns.estimated].strip().casefold()
        if told not in _TRUE and told not in _FALSE:
            self._refuse(f"has {text.clean(told, limit=30)!r} for estimated, which is neither true nor false")
        return told in _TRUE

    def _refuse(self, why: str) -> NoReturn:
        raise ConfigError(f"{self._name}, line {self._line}: {why}")


def _clock(*, is_utc: bool) -> Callable[[str], datetime]:
    """Reads a time; one without a zone is in UTC where the column says so."""

    def read(told: str) -> datetime:
        found = datetime.fromisoformat(told)
        return found.replace(tzinfo=UTC) if is_utc and found.tzinfo is None else found

    return read


def _with_ends(rows: list[tuple[float, float | None, float, bool]], name: str) -> list[Slot]:
    """Slots; those without an end last as long as slots usually do, or to the next start if that is sooner."""
    if rows[0][1] is not None:
        return [Slot(start_s=a, end_s=b, g_per_kwh=g, estimated=e) for a, b, g, e in rows if b is not None]
    starts = sorted({start_s for start_s, *_ in rows})
    steps = Counter(later - earlier for earlier, later in pairwise(starts))
    if not steps:
        raise ConfigError(f"{name} has one time and no column end: how long it lasts is not known")
    usual_s = steps.most_common(1)[0][0]
    if usual_s > _LONGEST_S:
        raise ConfigError(f"{name}: its slots are longer than a day, which says nothing of hours")
    ends = dict(zip(starts, [*starts[1:], starts[-1] + usual_s], strict=True))
    return [Slot(start_s=a, end_s=min(ends[a], a + usual_s), g_per_kwh=g, estimated=e) for a, _, g, e in rows]


def _replaced(series: Series, slots: tuple[Slot, ...], *, is_forecast: bool = False) -> Series:
    import msgspec

    return msgspec.structs.replace(series, slots=slots, is_forecast=is_forecast)
