"""The writing side of the ledger: one append-only file a recorder, one `write` a record.

A record that was written survives the death of every process; one that was synced survives the machine's.
"""

from __future__ import annotations

import _thread
import errno
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from footprint.ledger.home import PRIVATE_FILE, make_private, refuse_foreign_links, runs_dir, unwritable
from footprint.ledger.records import AnyRecord, line_of

SYNC_EVERY_S: Final = 10.0
# What file systems say that know no sync (some network and FUSE ones): nothing is wrong with what was written to them.
_NO_SYNC: Final = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def new_id() -> str:
    """A new random id of a run or a journal: 16 hexadecimal digits."""
    return os.urandom(8).hex()


class Journal:
    """One recorder's file in the ledger: `runs/YYYY-MM-DD/xx/<journal_id>.jsonl`, mode 0600 in folders of mode 0700.

    Attributes:
        lost: how many records could not be written.
        last_error: why the last of them could not be.
        sync_error: why the last sync failed; null once one has succeeded.

    Raises:
        LedgerError: if the file cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.id = new_id()
        folder = runs_dir(root) / f"{datetime.now(UTC):%Y-%m-%d}" / self.id[:2]
        self.path = folder / f"{self.id}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            refuse_foreign_links(root, folder)
            make_private(folder)
            refuse_foreign_links(root, folder)
            self._fd = os.open(self.path, flags, PRIVATE_FILE)
            if hasattr(os, "fchmod"):
                os.fchmod(self._fd, PRIVATE_FILE)  # a umask of 0777 would leave us without our own file
        except OSError as error:
            raise unwritable(root, error) from error
        self._seq = 0
        self._torn = False
        self._unsynced_since_s: float | None = None
        self._syncing = _thread.allocate_lock()
        self.lost = 0
        self.last_error: str | None = None
        self.sync_error: str | None = None

    def write(self, record: AnyRecord) -> bool:
        """Append one record; false if it could not be written (then `lost` and `last_error` say so)."""
        line = line_of(record, self.id, self._seq)
        self._seq += 1  # a lost record leaves a gap that a reader sees
        if self._torn:  # what was torn off must not swallow the record after it
            line = b"\n" + line
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            return self._failed(error.strerror or type(error).__name__)
        if written != len(line):
            self._torn = True
            return self._failed("a record was written in part only")
        self._torn = False
        if self._unsynced_since_s is None:
            self._unsynced_since_s = time.monotonic()
        return True

    def sync_in_s(self) -> float | None:
        """Seconds until the next sync is due; null if all is synced."""
        if self._unsynced_since_s is None:
            return None
        return max(0.0, self._unsynced_since_s + SYNC_EVERY_S - time.monotonic())

    def sync(self) -> None:
        """Have the kernel write what was appended to the disk, and wait for it."""
        self._unsynced_since_s = None
        self._sync(self._fd)

    def sync_aside(self) -> None:
        """The same on a thread of its own: a busy disk takes seconds, in which readings and answers must go on.

        While one such sync hangs no other is begun.
        """
        if not self._syncing.acquire(blocking=False):
            self._unsynced_since_s = time.monotonic()
            return
        self._unsynced_since_s = None
        copy = -1
        try:
            copy = os.dup(self._fd)  # of its own: ours may be closed meanwhile, and its number be another file's
            _thread.start_new_thread(self._sync_copy, (copy,))
        except (OSError, RuntimeError):  # no descriptor, or no thread, is to be had
            if copy >= 0:
                os.close(copy)
            self._syncing.release()
            self.sync()

    def is_deleted(self) -> bool:
        """Whether somebody has deleted the file: what is written to it then is lost, and no error says so."""
        try:
            return os.fstat(self._fd).st_nlink == 0
        except OSError:  # ESTALE: a network file system's way to say so
            return True

    def close(self) -> None:
        """Sync and close; safe to call twice."""
        if self._fd >= 0:
            self.sync()
            os.close(self._fd)
            self._fd = -1

    def _sync_copy(self, copy: int) -> None:
        try:
            self._sync(copy)
        finally:
            with suppress(OSError):
                os.close(copy)
            self._syncing.release()

    def _sync(self, descriptor: int) -> None:
        try:
            getattr(os, "fdatasync", os.fsync)(descriptor)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                self.sync_error = error.strerror or type(error).__name__
        else:
            self.sync_error = None

    def _failed(self, reason: str) -> bool:
        self.lost += 1
        self.last_error = reason
        return False
