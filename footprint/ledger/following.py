"""Reading a run while it is being written: each look takes only what is new in the journal."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from footprint.ledger.facts import RunRecords
from footprint.ledger.records import Open, record_of
from footprint.model import Run


class Follower:
    """One run of a journal that its recorder still writes.

    Args:
        path: the journal.
        run: the run's id.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._id = path, run
        self._wanted = run.encode()
        self._offset = 0
        self._records: RunRecords | None = None

    def run(self) -> Run | None:
        """The run's facts so far; null if the journal does not hold its beginning. A damaged line is left out.

        Raises:
            OSError: if the journal cannot be read.
        """
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it is being written
                self._offset += len(line)
                if self._wanted in line:
                    with suppress(ValueError):
                        self._take(line)
        return None if self._records is None else self._records.run()

    def _take(self, line: bytes) -> None:
        record = record_of(line.removesuffix(b"\n"))
        if isinstance(record, Open):
            if record.run == self._id:
                self._records = RunRecords(record)
        elif self._records is not None and self._id in getattr(record, "runs", (getattr(record, "run", ""),)):
            self._records.add(record)
