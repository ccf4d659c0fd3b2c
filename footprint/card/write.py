"""Writing a card: wholly the old bytes or wholly the new ones, whatever happens in between.

Of two that write one card at once, one wins and the other is told: from the last look at the card to the rename its folder is
locked. A temporary file is locked while its writer lives, so that one left behind by a writer that was killed can be told.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from footprint.card.read import read_bytes
from footprint.errors import CardError

_PREFIX: Final = ".footprint-"
_SUFFIX: Final = ".md"
# A lock is held for about a millisecond; whoever holds it longer is none of ours.
_PATIENCE_S: Final = 10.0


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
        with _new_file(target, after, status) as temporary, _folder_held(path, target.parent):
            if read_bytes(target) != before:
                raise CardError(f"{path}: changed on disk while it was being filled; nothing was written, fill it again")
            temporary.replace(target)
    except OSError as error:
        raise CardError(f"{path}: cannot be written: {error.strerror or error}; it is as it was") from None


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
        with _new_file(target, data, status) as temporary:
            temporary.replace(target)
    except OSError as error:
        raise CardError(f"{path}: cannot be written: {error.strerror or error}") from None


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files of writers that were killed; those of the living are locked, and stay.

    Returns:
        how many there were; 0 where files cannot be locked, for then nobody can tell.
    """
    try:
        import fcntl

        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)]
    except (ImportError, OSError):
        return 0
    removed = 0
    for name in names:
        with contextlib.suppress(OSError), (folder / name).open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / name).unlink()
            removed += 1
    return removed


@contextlib.contextmanager
def _new_file(target: Path, data: bytes, status: os.stat_result | None) -> Iterator[Path]:
    """A synced file beside the target with its mode, and its owner where permitted; it is gone afterwards, or renamed."""
    descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _lock(file)
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
            yield temporary
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _lock(file: IO[bytes]) -> None:
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def _folder_held(path: Path, folder: Path) -> Iterator[None]:
    """Hold a folder against others that replace files in it, and sync it once the file is replaced.

    Where it cannot be locked (on some networks) or synced, go on without.
    """
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return  # what cannot be opened cannot be synced
    try:
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise CardError(f"{path}: another program has locked its folder; nothing was written") from None
                time.sleep(0.001)
            except OSError:
                break
            else:
                break
        yield
        # Others need not wait for the disk: the rename is done, and is now to outlive a power cut.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
