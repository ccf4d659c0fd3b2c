"""Writing a card: wholly the old bytes or wholly the new ones, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from footprint.card.read import read_bytes
from footprint.errors import CardError


def write_card(path: Path, before: bytes, after: bytes) -> None:
    """Replace a card's bytes: a new file in the same folder, synced and renamed; mode, and owner where permitted, are kept.

    A symbolic link stays a link: the file that it names is replaced.

    Args:
        path: the card.
        before: the bytes that `after` was made from; the file must still hold them.
        after: the new bytes.

    Raises:
        CardError: if the file changed since it was read, is read-only, or cannot be written. It is then as it was.
    """
    try:
        target = path.resolve(strict=True)
        status = target.stat()
    except (OSError, RuntimeError) as error:
        raise CardError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise CardError(f"{path}: is no file but a device or a pipe; name the card")
    if not os.access(target, os.W_OK) or not status.st_mode & 0o222:
        raise CardError(f"{path}: is read-only; nothing was written")
    try:
        temporary = _new_file(target, after, status)
    except OSError as error:
        raise CardError(f"{path}: cannot be written: {error.strerror or error}; it is as it was") from None
    try:
        if read_bytes(target) != before:
            raise CardError(f"{path}: changed on disk while it was being filled; nothing was written, fill it again")
        temporary.replace(target)
    except OSError as error:
        raise CardError(f"{path}: cannot be written: {error.strerror or error}; it is as it was") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    _sync_folder(target.parent)


def write_new(path: Path, data: bytes) -> None:
    """Write a card elsewhere (`-o`), in the same safe way; a file that is there is replaced, a device or a pipe is written to.

    Raises:
        CardError: if it cannot be written.
    """
    try:
        target = path.resolve()
        status = path.stat() if path.exists() else None
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise CardError(f"{path}: is a folder; name a file")
        if status is not None and not stat.S_ISREG(status.st_mode):
            path.write_bytes(data)
            return
        temporary = _new_file(target, data, status)
        try:
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CardError(f"{path}: cannot be written: {error.strerror or error}") from None


def _new_file(target: Path, data: bytes, status: os.stat_result | None) -> Path:
    """A synced file beside the target with its mode, and its owner where permitted."""
    descriptor, name = tempfile.mkstemp(prefix=".footprint-", suffix=".md", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if status is not None:
                if hasattr(os, "fchown"):
                    with contextlib.suppress(OSError):
                        os.fchown(file.fileno(), status.st_uid, status.st_gid)
                temporary.chmod(stat.S_IMODE(status.st_mode))
            else:
                temporary.chmod(0o666 & ~_umask())
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that the rename outlives a power cut; not every system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
