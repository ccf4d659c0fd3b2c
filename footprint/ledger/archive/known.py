"""Which runs are archived already: a run that comes a second time (a copied journal, another import) is not archived again."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from footprint.ledger.archive.manifest import Batch
from footprint.ledger.archive.store import connect, files
from footprint.model import Run

_FETCHED = 100_000


class Known:
    """The runs of the batches that count, eight bytes a run.

    Args:
        batches: the batches.
    """

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches: list[tuple[Batch, array[int]]] = []
        for batch in batches:
            self.add(batch)

    def add(self, batch: Batch) -> None:
        """Take the runs of a batch more."""
        words: array[int] = array("Q")
        with connect() as database:
            database.execute(f"SELECT id FROM {files([batch.path('runs')])}")
            while found := database.fetchmany(_FETCHED):
                words.extend(_word(run_id) for (run_id,) in found)
        self._batches.append((batch, array("Q", sorted(words))))

    def find(self, run_id: str) -> Run | None:
        """The run of that id, if it is archived."""
        word = _word(run_id)
        for batch, words in self._batches:
            place = bisect_left(words, word)
            if place < len(words) and words[place] == word:
                with connect() as database:
                    query = f"SELECT facts FROM {files([batch.path('runs')])} WHERE id = ?"
                    if found := database.execute(query, [run_id]).fetchall():
                        return msgspec.json.decode(found[0][0], type=Run)
        return None


def _word(run_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=8).digest())
