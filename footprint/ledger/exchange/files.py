"""Files of an export, opened and made with care: no links, no pipes, and nothing that is there half."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from footprint.errors import LedgerError
from footprint.ledger.home import PRIVATE_DIR, PRIVATE_FILE
from footprint.text import clean


def shown(path: str | os.PathLike[str]) -> str:
    """A path for a message."""
    return clean(os.fspath(path), limit=200)


def open_plain(path: Path) -> BinaryIO:
    """A regular file to read; a link in its place is refused, and a pipe or device, which would never end.

    Raises:
        LedgerError: if it is none, or cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        reason = "it is a link, and links are not followed" if error.errno == errno.ELOOP else error.strerror
        raise LedgerError(f"{shown(path)} cannot be read: {reason}") from None
    except ValueError:
        raise LedgerError(f"{shown(path)} is no path of a file") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise LedgerError(f"{shown(path)} cannot be read: it is no regular file")
    return os.fdopen(descriptor, "rb")


def is_plain_folder(path: Path) -> bool:
    """Whether there is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is there, whole and on the disk, when the block ends well, and not at all when it does not.

    One that is there already is replaced, but no link and no folder.

    Raises:
        LedgerError: if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        if path.is_symlink() or path.is_dir():
            raise LedgerError(
                f"{shown(path)} cannot be written: there is a {'link' if path.is_symlink() else 'folder'} of that name"
            )
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), PRIVATE_FILE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
    except OSError as error:
        raise LedgerError(f"{shown(path)} cannot be written: {error.strerror}") from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that is there whole when the block ends well, and not at all when it does not; the block fills the one it gets.

    Raises:
        LedgerError: if it cannot be written, or if there is one that is not empty.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        if path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir()))):
            raise LedgerError(f"{shown(path)} is there already: name a folder that is not, or an empty one")
        temporary.mkdir(PRIVATE_DIR)
        temporary.chmod(PRIVATE_DIR)
        try:
            yield temporary
            for file in temporary.iterdir():
                file.chmod(PRIVATE_FILE)  # DuckDB makes them by the umask
                _sync(file)
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise LedgerError(f"{shown(path)} cannot be written: {error.strerror}") from error


def _sync(path: Path) -> None:
    with suppress(OSError):  # some file systems know none
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
