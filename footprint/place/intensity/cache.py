"""What providers answered, kept on disk: past days for good once they are complete and settled, all else for half an hour.

A file holds one day (UTC) of one series, or one forecast. It is written as a whole or not at all, readable by its owner only,
and dropped with a note if it is damaged. The folder is bounded: the files that were written longest ago go first. A cache that
cannot be written costs a note, never the answer.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError
from footprint.place.intensity.series import Slot, SlotError, arranged, is_possible

DAY_S: Final = 86_400.0
FRESH_S: Final = 1_800.0
SETTLED_S: Final = 2 * DAY_S
"""Great Britain's figures are revised for a day after their hour."""
MOST_FILES: Final = 2_000
_KEPT_FILES: Final = 1_800
_VERSION: Final = 1
_PRIVATE_DIR: Final = 0o700
_PRIVATE_FILE: Final = 0o600
_LARGEST_BYTES: Final = 4_000_000

Fetch = Callable[[float, float], Sequence[Slot]]
"""Asks the provider for slots from one time to another, s."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A file: the layout's version, when it was asked for, and the slots as start, end, g/kWh, estimated."""

    v: int
    fetched_s: float
    slots: tuple[tuple[float, float, float, bool], ...]


class Cache:
    """The kept answers of one series.

    Args:
        provider: its id, for the folder.
        address: where it is asked: another address has other answers.
        series: all that tells this series from others of the provider (zone, basis).
        now_s: the time, s since 1970; that of the clock where it is not given.
    """

    def __init__(self, provider: str, address: str, series: str, now_s: float | None = None) -> None:
        self.notes: list[str] = []
        self._now_s = time.time() if now_s is None else now_s
        told = blake2b(f"{address}\x1f{series}".encode(), digest_size=6).hexdigest()
        self._folder = folder() / provider / f"{re.sub(r'[^A-Za-z0-9-]+', '_', series)[:40]}-{told}"

    def days(self, start_s: float, end_s: float, fetch: Fetch) -> list[Slot]:
        """The slots of a past stretch of time: from the files, and what they lack from the provider, by whole days."""
        first, last = int(start_s // DAY_S), int(max(start_s, end_s - 1e-6) // DAY_S)
        kept = {day: self._day(day, end_s) for day in range(first, last + 1)}
        found: dict[int, Sequence[Slot]] = {day: slots for day, slots in kept.items() if slots is not None}
        for begin, stop in _stretches([day for day, slots in kept.items() if slots is None]):
            until_s = min((stop + 1) * DAY_S, max(self._now_s, end_s))
            fetched = fetch(begin * DAY_S, until_s)
            for day in range(begin, stop + 1):
                found[day] = [one for one in fetched if day * DAY_S <= one.start_s < (day + 1) * DAY_S]
                self._write(self._path(day), found[day])
        return [one for day in sorted(found) for one in found[day]]

    def forecast(self, name: str, fetch: Callable[[], Sequence[Slot]]) -> list[Slot]:
        """The slots of a forecast: the file's for half an hour, then the provider's."""
        path = self._folder / f"forecast-{name}.json"
        kept = self._read(path)
        if kept is not None and 0 <= self._now_s - kept.fetched_s < FRESH_S:
            return _slots(kept)
        fetched = list(fetch())
        self._write(path, fetched)
        return fetched

    def _path(self, day: int) -> Path:
        return self._folder / f"{time.strftime('%Y-%m-%d', time.gmtime(day * DAY_S))}.json"

    def _day(self, day: int, until_s: float) -> list[Slot] | None:
        """The slots of a day, where they are kept and still good for a stretch that ends then."""
        kept = self._read(self._path(day))
        if kept is None:
            return None
        slots = _slots(kept)
        if any(not day * DAY_S <= one.start_s < (day + 1) * DAY_S for one in slots):
            self._drop(self._path(day))
            return None
        settled = kept.fetched_s >= (day + 1) * DAY_S + SETTLED_S and is_complete(slots, day * DAY_S, (day + 1) * DAY_S)
        is_fresh = 0 <= self._now_s - kept.fetched_s < FRESH_S and kept.fetched_s >= min(until_s, (day + 1) * DAY_S)
        return slots if settled or is_fresh else None

    def _read(self, path: Path) -> _Kept | None:
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_BYTES + 1)
        except OSError:
            return None
        try:
            kept = msgspec.json.decode(data, type=_Kept)
            arranged(_slots(kept))
        except (msgspec.DecodeError, UnicodeDecodeError, SlotError):
            self._drop(path)
            return None
        if kept.v != _VERSION or not all(is_possible(one[2]) and one[0] < one[1] for one in kept.slots):
            self._drop(path)
            return None
        return kept

    def _drop(self, path: Path) -> None:
        self._note(f"a damaged file of the cache was dropped: {path.name}")
        with suppress(OSError):
            path.unlink()

    def _write(self, path: Path, slots: Sequence[Slot]) -> None:
        rows = tuple((one.start_s, one.end_s, one.g_per_kwh, one.estimated) for one in slots)
        data = msgspec.json.encode(_Kept(v=_VERSION, fetched_s=self._now_s, slots=rows))
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")  # containers that share a folder share pids, too
        try:
            for missing in reversed([one for one in (path.parent, *path.parent.parents) if not one.exists()]):
                with suppress(FileExistsError):
                    missing.mkdir(_PRIVATE_DIR)
                    missing.chmod(_PRIVATE_DIR)  # mkdir's mode is cut by the umask
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            draft.chmod(_PRIVATE_FILE)
            draft.replace(path)
            _prune(folder())
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            self._note(f"the answer could not be kept for the next time: {error.strerror or type(error).__name__}")

    def _note(self, told: str) -> None:
        if told not in self.notes:
            self.notes.append(told)


def folder() -> Path:
    """Where answers are kept: `FOOTPRINT_HOME/cache/intensity`, or in the user's folder for caches.

    Raises:
        ConfigError: if neither is known.
    """
    home = os.environ.get("FOOTPRINT_HOME")
    if home:
        return Path(os.path.expanduser(home)).absolute() / "cache" / "intensity"  # noqa: PTH111 - Path.expanduser may raise
    from platformdirs import user_cache_dir

    path = Path(user_cache_dir("footprint", appauthor=False))
    if not path.is_absolute():
        raise ConfigError("no home directory is known for this user: set FOOTPRINT_HOME to a folder")
    return path / "intensity"


def is_complete(slots: Sequence[Slot], start_s: float, end_s: float) -> bool:
    """Whether slots, ascending, cover a stretch without a gap, none of them an estimate."""
    at_s = start_s
    for one in slots:
        if one.start_s > at_s or one.estimated:
            return False
        at_s = one.end_s
    return at_s >= end_s


def _slots(kept: _Kept) -> list[Slot]:
    return [Slot(start_s=a, end_s=b, g_per_kwh=g, estimated=estimated) for a, b, g, estimated in kept.slots]


def _stretches(days: Sequence[int]) -> list[tuple[int, int]]:
    """Days in stretches of neighbours: first and last."""
    found: list[tuple[int, int]] = []
    for day in days:
        if found and day == found[-1][1] + 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _prune(root: Path) -> None:
    """Drop the files that were written longest ago, where there are too many."""
    files = [path for path in root.rglob("*.json") if path.is_file()]
    if len(files) <= MOST_FILES:
        return

    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0

    for path in sorted(files, key=age)[: len(files) - _KEPT_FILES]:
        with suppress(OSError):
            path.unlink()
