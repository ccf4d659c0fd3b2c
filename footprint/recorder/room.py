"""Whether there is room for the ledger: its quota, and what is left of the disk that it lies on.

The quota is a wish, not a wall: a run is recorded all the same, and says so. It comes from `FOOTPRINT_QUOTA`, else from `quota`
in `[ledger]` of the nearest `footprint.toml`; without one there is none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from footprint.errors import ConfigError

VARIABLE: Final = "FOOTPRINT_QUOTA"
LOOK_S: Final = 0.1
"""A start waits no longer for a large ledger to be added up; `footprint doctor` does."""
AGAIN_S: Final = 300.0
"""A process looks again after this long: it may start a run each second."""
_SHORT_BYTES, _SHORT_RATIO = 200e6, 0.1
_SCARCE_BYTES, _SCARCE_RATIO = 2e9, 0.01
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE: Final = r"(?i)\s*(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?\s*"
_REMEDY: Final = "`footprint runs compact` makes it smaller, `footprint runs delete` takes runs away"

_looked_s: dict[Path, float] = {}


class Room(NamedTuple):
    """What a ledger takes and may take, and what its disk has left; None where it is not known, or there is none.

    `is_whole` is false where it takes more than was added up.
    """

    used_bytes: int
    is_whole: bool
    quota_bytes: int | None
    free_bytes: int | None
    disk_bytes: int | None


def bytes_of(stated: str, where: str) -> int:
    """A size as a person writes it: `2GB`, `500 MiB`, `1.5T`, `1000000`.

    Raises:
        ConfigError: if it is none, or zero.
    """
    import re

    found = re.fullmatch(_SIZE, stated)
    size = round(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if size <= 0:
        raise ConfigError(f"{where}: {stated[:40]!r} is not a size such as 2GB or 500MiB")
    return size


def quota_bytes() -> int | None:
    """The quota that is stated; None if none is.

    Raises:
        ConfigError: if it is no size.
    """
    stated = os.environ.get(VARIABLE, "").strip()
    if stated:
        return bytes_of(stated, VARIABLE)
    from footprint.place import default_quota

    found = default_quota()
    return None if found is None else bytes_of(*found)


def look(home: Path, quota: int | None, limit_s: float | None = None) -> Room:
    """What a ledger takes and may take. Of one that has no quota, nothing is added up unless there is time without limit."""
    used, is_whole = (0, False) if quota is None and limit_s is not None else _used(home, limit_s)
    free = disk = None
    if hasattr(os, "statvfs"):
        folder = next((one for one in (home, *home.parents) if one.is_dir()), None)
        if folder is not None:
            found = os.statvfs(folder)
            if found.f_blocks:  # what is made by the kernel itself has none
                free, disk = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    return Room(used, is_whole, quota, free, disk)


def warnings(home: Path, limit_s: float | None = LOOK_S) -> list[str]:
    """What a run that begins should know: the ledger is over its quota, or its disk nearly full.

    Raises:
        ConfigError: if the quota is no size.
        OSError: if the disk cannot be asked.
    """
    now_s = time.monotonic()
    if limit_s is not None and now_s - _looked_s.get(home, -AGAIN_S) < AGAIN_S:
        return []
    _looked_s[home] = now_s
    return told(look(home, quota_bytes(), limit_s))


def told(room: Room) -> list[str]:
    """What is to be said of a ledger's room; nothing where there is enough."""
    found = []
    if room.quota_bytes is not None and room.used_bytes > room.quota_bytes:
        used = f"{'' if room.is_whole else 'at least '}{size(room.used_bytes)}"
        over = f"the ledger takes {used}, more than its quota of {size(room.quota_bytes)}"
        found.append(f"{over}: nothing is lost, and runs are recorded all the same; {_REMEDY}")
    free, disk = room.free_bytes, room.disk_bytes
    if free is not None and disk is not None and _is_short(free, disk):
        short = f"the disk of the ledger has only {size(free)} left of {size(disk)}"
        found.append(f"{short}: what does not fit will be lost; {_REMEDY}")
    return found


def size(number: int) -> str:
    """Bytes as a person reads them."""
    from footprint import text  # not for a program whose ledger has room

    for unit, many in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= many:
            return f"{text.number(number / many)} {unit}"
    return text.plural(number, "byte")


def _is_short(free: int, disk: int) -> bool:
    return (free < _SHORT_BYTES and free < _SHORT_RATIO * disk) or (free < _SCARCE_BYTES and free < _SCARCE_RATIO * disk)


def _used(home: Path, limit_s: float | None) -> tuple[int, bool]:
    """The bytes that a ledger's files take on their disk, and whether all of them were added up in the time."""
    until_s = None if limit_s is None else time.monotonic() + limit_s
    used = 0
    for one in _files(str(home)):
        used += max(one.st_size, 512 * getattr(one, "st_blocks", 0))
        if until_s is not None and time.monotonic() > until_s:
            return used, False
    return used, True


def _files(folder: str) -> Iterator[os.stat_result]:
    try:
        entries = os.scandir(folder)
    except OSError:  # it is not there yet, or another user's
        return
    with entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files(entry.path)
                else:
                    yield entry.stat(follow_symlinks=False)
            except OSError:  # it has gone meanwhile
                continue
