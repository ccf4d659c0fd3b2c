"""What an archived batch says of itself: which journals and batches it stands for, and what its files hold."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.tables import TABLES, TABLES_VERSION

MANIFEST: Final = "manifest.json"
OTHERS: Final = "others"
"""Besides the tables: lines that this version cannot use, byte for byte: newer, damaged, or of a run whose beginning is lost."""
FILES: Final = (*(f"{name}.parquet" for name in TABLES), f"{OTHERS}.parquet")
UNFINISHED: Final = ".tmp-"
CHECKED_BYTES: Final = 2**24
"""Files up to this size are compared with their sha256 each time they are read; larger ones when asked (`damage`)."""
_LIMIT_BYTES: Final = 2**28
_CHUNK_BYTES: Final = 2**20
_ATTEMPTS: Final = 8

T = TypeVar("T")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a batch, as it was written."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch holds. It counts as soon as its folder bears its name, and stands for what it replaces from then on.

    `journals` are the journals that it replaces, by id, with their length in bytes; `replaces` are other batches. `rows` counts
    the rows of each table, `energy_mj` sums the energies of `devices` and `samples`. `thinned_s` is the length of time into
    which its stretches were merged, 0 where they are as they were read. `month` is that of its journals, YYYY-MM.
    `newest_us` is when the last of its runs ended. `problems` is what could not be read of its journals, a line each.
    """

    tables: int
    batch: str
    month: str
    journals: dict[str, int]
    replaces: list[str]
    rows: dict[str, int]
    energy_mj: dict[str, int]
    files: dict[str, File]
    thinned_s: int = 0
    newest_us: int | None = None
    problems: list[str] = []

    @property
    def journal_ids(self) -> tuple[str, ...]:
        """The ids of the journals that it replaces."""
        return tuple(self.journals)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that counts: its folder, and what it says of itself."""

    folder: Path
    manifest: Manifest

    def path(self, table: str) -> Path:
        """The Parquet file of a table, or of `others`."""
        return self.folder / f"{table}.parquet"


class Archives(msgspec.Struct, frozen=True, kw_only=True):
    """The batches that count, oldest first; the journals that they replace, with their bytes; the batches that were replaced.

    `newer` are the journals of batches that a newer version wrote: they count as long as they are there, and are not to be
    archived again. `problems` is what does not count and should, a line each. `names` are all folders that were there.
    """

    batches: tuple[Batch, ...] = ()
    journals: dict[str, int] = {}
    replaced: tuple[Path, ...] = ()
    newer: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class _Version(msgspec.Struct):
    tables: int
    journals: dict[str, int] = {}
    rows: dict[str, int] = {}


def archive_dir(root: Path) -> Path:
    """The folder of the batches, in a ledger's home."""
    return root / "archive"


def read_archives(root: Path) -> Archives:
    """The batches of a ledger that count, and what is wrong with others. A file that is no batch of ours is left alone.

    Raises:
        LedgerError: if the folder cannot be listed.
    """
    folder = archive_dir(root)
    names = _names(folder)
    found: dict[str, Batch] = {}
    problems: list[str] = []
    newer: set[str] = set()
    for name in names:
        try:
            found[name] = read_batch(folder / name)
        except NewerBatchError as error:
            newer.update(error.journals)
            problems.append(str(error))
        except LedgerError as error:
            problems.append(str(error))
    replaced = {name for batch in found.values() for name in batch.manifest.replaces if name != batch.manifest.batch}
    counted: dict[str, Batch] = {}
    journals: dict[str, int] = {}
    for name, batch in found.items():
        own = batch.manifest
        # A folder that was copied under another name says itself whose copy it is.
        if name in replaced or own.batch in replaced or own.batch in counted or (own.batch != name and own.batch in found):
            continue
        counted[own.batch] = batch  # also beside one of the same journals: they may differ, and readers count each run once
        journals |= {journal: max(length, journals.get(journal, 0)) for journal, length in own.journals.items()}
    for batch in counted.values():
        problems += batch.manifest.problems
    return Archives(
        batches=tuple(counted.values()),
        journals=journals,
        replaced=tuple(folder / name for name, batch in found.items() if name in replaced or batch.manifest.batch in replaced),
        newer=frozenset(newer - journals.keys()),
        problems=tuple(dict.fromkeys(problems)),
        names=tuple(names),
    )


def steadily(root: Path, read: Callable[[Archives], T]) -> T:
    """What is read of a ledger whose batches stay meanwhile as they are; if some came or went, it is read again.

    Else a journal that is archived just now would be missing: not yet in a batch that was listed, and gone when it is looked for.

    Args:
        root: the ledger's home.
        read: reads, given the batches.

    Raises:
        LedgerError: if it cannot be read, or the batches change all the time.
    """
    failed: LedgerError | None = None
    for _ in range(_ATTEMPTS):
        archives = read_archives(root)
        try:
            found, failed = read(archives), None
        except LedgerError as error:
            failed = error
        if not is_changed(root, archives):
            if failed is not None:
                raise failed
            return found
    raise LedgerError(
        f"the archive at {archive_dir(root)} is being changed all the time: try again when that has ended"
    ) from failed


def is_changed(root: Path, archives: Archives) -> bool:
    """Whether batches came or went since they were listed.

    Raises:
        LedgerError: if the folder cannot be listed.
    """
    return tuple(_names(archive_dir(root))) != archives.names


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith(".") and entry.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(f"the archive cannot be read at {folder}: {error.strerror}") from error


def batches(root: Path) -> tuple[Batch, ...]:
    """The batches of a ledger that count; a run may stand in several of them, and counts once.

    Raises:
        LedgerError: if the folder cannot be listed.
    """
    return read_archives(root).batches


class NewerBatchError(LedgerError):
    """A batch that a newer version wrote; `journals` are those that it replaces, as far as they can be told."""

    def __init__(self, message: str, journals: dict[str, int]) -> None:
        super().__init__(message)
        self.journals = journals


def read_batch(folder: Path) -> Batch:
    """The batch in a folder, if its files are there as they were written: their lengths, and of small ones the bytes.

    Raises:
        LedgerError: if it is damaged, no batch, or a newer version's.
    """
    try:
        data = _small_file(folder / MANIFEST)
        version = msgspec.json.decode(data, type=_Version)
        if version.tables > TABLES_VERSION:
            told = f"its {version.rows.get('runs', 0)} run(s) are not counted from it; upgrade to read them"
            raise NewerBatchError(
                f"{folder} was written by a newer version of footprint (tables {version.tables}): {told}", version.journals
            )
        manifest = msgspec.json.decode(data, type=Manifest)
    except OSError as error:
        raise LedgerError(f"{folder} is left out: its {MANIFEST} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{folder} is left out: its {MANIFEST} is damaged: {error}; restore it from a copy") from error
    batch = Batch(folder=folder, manifest=manifest)
    if wrong := damage(batch, up_to_bytes=CHECKED_BYTES):
        raise LedgerError(wrong)
    return batch


def damage(batch: Batch, *, up_to_bytes: int | None = None) -> str | None:
    """What is wrong with the files of a batch, in one line; None if they are as they were written.

    Args:
        batch: the batch.
        up_to_bytes: of larger files look at the length only.
    """
    manifest = batch.manifest
    missing = [name for name in FILES if name not in manifest.files]
    wrong = f"{missing[0]} is not in its {MANIFEST}" if missing else None
    for name, file in manifest.files.items():
        if wrong is not None or name not in FILES:  # a name from elsewhere leads nowhere
            break
        path = batch.folder / name
        try:
            size = path.lstat().st_size
            if size != file.bytes:
                wrong = f"{name} has {size} bytes, not the {file.bytes} that were written"
            elif (up_to_bytes is None or size <= up_to_bytes) and sha256_of(path) != file.sha256:
                wrong = f"{name} is damaged: its sha256 is not that of its {MANIFEST}"
        except OSError as error:
            wrong = f"{name} cannot be read: {error.strerror}"
    if wrong is None:
        return None
    energy_j = manifest.energy_mj.get("devices", 0) / 1e3
    told = f"{manifest.rows.get('runs', 0)} run(s) that read {energy_j:.3f} J are not counted; restore it from a copy"
    return f"{batch.folder} is left out: {wrong}; {told}"


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes.

    Raises:
        OSError: if it cannot be read.
    """
    digest = hashlib.sha256()
    with _regular(path) as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _small_file(path: Path) -> bytes:
    with _regular(path) as file:
        return file.read(_LIMIT_BYTES)


def _regular(path: Path) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return os.fdopen(descriptor, "rb")
