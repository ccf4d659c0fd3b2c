"""A file of a store that DuckDB reads from several threads at once."""

from __future__ import annotations

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor

from footprint.ledger.engines.remote import SharedFile

DATA = bytes(range(256)) * 64


class Slow(io.BytesIO):
    """A file whose seeks and reads let other threads go first, and whose reads are short, as a network's may be."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        time.sleep(0.0005)
        return super().seek(offset, whence)

    def read(self, length: int | None = -1) -> bytes:
        time.sleep(0.0005)
        return super().read(100 if length is None or length < 0 else min(length, 100))


def test_threads_do_not_move_each_others_place() -> None:
    file = SharedFile(Slow(DATA))

    def read(at: int) -> bool:
        file.seek(at)
        time.sleep(0.0005)
        return file.read(150) == DATA[at : at + 150]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(0, 16_000, 61)))


def test_it_is_read_as_any_other_file() -> None:
    file, other = SharedFile(Slow(DATA)), io.BytesIO(DATA)
    for offset, whence, length in (
        (5, os.SEEK_SET, 300),
        (7, os.SEEK_CUR, 0),
        (-9, os.SEEK_END, 20),
        (len(DATA), os.SEEK_SET, 4),
    ):
        assert (file.seek(offset, whence), file.read(length)) == (other.seek(offset, whence), other.read(length))
        assert file.tell() == other.tell()
    assert (file.seek(3), file.read()) == (3, DATA[3:])
    file.close()
