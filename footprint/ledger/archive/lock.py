"""One hand at the archive: who compacts, merges or deletes holds a lock, which goes with its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import archive_dir
from footprint.ledger.home import PRIVATE_FILE, make_private


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of a ledger's archive.

    Raises:
        LedgerError: if somebody else holds it, or it cannot be made.
    """
    folder = archive_dir(root)
    try:
        make_private(folder)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(folder / ".lock", flags, PRIVATE_FILE)
    except OSError as error:
        raise LedgerError(f"the archive cannot be written at {folder}: {error.strerror}") from error
    try:
        _take(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks here: readers count each journal and run once, whatever two writers do
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        others = "`runs compact`, `runs import` or `runs delete`"
        raise LedgerError(f"another {others} is at work in {folder}: wait until it has ended") from None
    except OSError:  # a file system without locks
        return
