"""Which journals are over: nobody writes to them any more, and all of their runs have ended."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

import msgspec

from footprint.ledger.archive.manifest import Archives
from footprint.ledger.archive.spill import RefusedError
from footprint.ledger.processes import is_alive
from footprint.ledger.reading import JournalReading, journal_paths

SILENT_S: Final = 86_400.0
"""Where nobody can tell whether a recorder lives (another machine, a container), it is taken as gone after so much silence."""
IMPORT_S: Final = 600.0
"""An import that writes its runs now pauses for less than this."""
_MONTH: Final = re.compile(r"\d{4}-\d{2}(?=-\d{2}\Z)")


class Ripe(msgspec.Struct, frozen=True, kw_only=True):
    """A journal that may be archived, as it was when it was looked at."""

    path: Path
    month: str
    bytes: int
    changed_ns: int
    inode: int

    @property
    def id(self) -> str:
        """The journal's id."""
        return self.path.stem

    @property
    def silent_s(self) -> float:
        """How long nobody wrote to it."""
        return time.time() - self.changed_ns / 1e9

    def is_unchanged(self) -> bool:
        """Whether it is still as it was."""
        try:
            return look(self.path) == self
        except OSError:
            return False

    def check(self, journal: JournalReading) -> None:
        """Refuse a journal that is still being written, or may be.

        Raises:
            RefusedError: if somebody may still write to it.
        """
        alive = {is_alive(records.opened.recorder) for records in journal.runs.values()}
        if True in alive:
            raise RefusedError("its recorder lives", told=False)
        if None in alive and self.silent_s < SILENT_S:
            raise RefusedError("its recorder may live elsewhere", told=False)
        if not journal.runs and self.silent_s < IMPORT_S:
            raise RefusedError("it was imported just now", told=False)


def look(path: Path) -> Ripe:
    """A journal as it is now.

    Raises:
        OSError: if it is not there.
    """
    found = path.lstat()
    day = _MONTH.match(path.parent.parent.name)
    month = day[0] if day else time.strftime("%Y-%m", time.gmtime(found.st_mtime))
    return Ripe(path=path, month=month, bytes=found.st_size, changed_ns=found.st_mtime_ns, inode=found.st_ino)


def candidates(root: Path, archives: Archives, older_than_s: float) -> tuple[dict[str, list[Ripe]], int]:
    """The journals that nobody wrote to for so long, by month; and how many are younger.

    Raises:
        LedgerError: if the ledger's folder cannot be listed.
    """
    found: dict[str, list[Ripe]] = {}
    younger = 0
    for path in journal_paths(root):
        if path.stem in archives.journals or path.stem in archives.newer:
            continue
        try:
            one = look(path)
        except OSError:
            continue
        if one.silent_s < older_than_s:
            younger += 1
        else:
            found.setdefault(one.month, []).append(one)
    return dict(sorted(found.items())), younger
