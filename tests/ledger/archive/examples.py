"""Ledgers to be archived, and what must be the same before and after."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from footprint.ledger import read_runs, series
from footprint.ledger.archive import read_archives
from footprint.ledger.archive.compacting import Policy
from footprint.ledger.archive.store import connect, files
from footprint.ledger.facts import Point
from footprint.ledger.journal import Journal
from footprint.ledger.reading import journal_paths, read_journal
from footprint.ledger.records import AnyRecord
from footprint.ledger.rows import rows_of
from footprint.model import Run
from tests.ledger.conftest import whole_run

AT_ONCE = Policy(older_than_s=0, keep_samples_s=None, keep_minutes_s=None)


def put(home: Path, records: Sequence[AnyRecord], *, age_s: float = 0.0) -> Path:
    """Write records as one journal, that was written to last so long ago."""
    journal = Journal(home)
    for record in records:
        assert journal.write(record)
    journal.close()
    aged(journal.path, age_s)
    return journal.path


def aged(path: Path, age_s: float) -> None:
    os.utime(path, (time.time() - age_s,) * 2)


def fill(home: Path, count: int = 3, *, ticks: int = 5, first: int = 0, **facts: Any) -> list[str]:
    """As many journals of one run each; their runs' ids."""
    ids = [f"{number:016x}" for number in range(first, first + count)]
    for number, run in enumerate(ids):
        put(home, whole_run(run, ticks=ticks, started_at=f"2026-11-21T10:{number % 60:02}:00.000+00:00", **facts))
    return ids


def told(home: Path) -> tuple[tuple[Run, ...], list[tuple[Point, ...]]]:
    """All that a ledger tells: its runs, and their ticks."""
    runs = read_runs(home).runs
    return runs, [series(run.id, home) for run in runs]


def sampled_mj(home: Path) -> dict[tuple[str, str], int]:
    """The sum of the stretches of each run and device, over archives and the journals that no batch stands for."""
    archives = read_archives(home)
    found: dict[tuple[str, str], int] = {}
    for path in journal_paths(home):
        if path.stem not in archives.journals:
            for run, device, _, _, energy_mj, *_ in rows_of(read_journal(path, keep_ticks=True)).samples:
                found[run, device] = found.get((run, device), 0) + energy_mj
    for run, device, energy_mj in rows(
        home, "SELECT run_id, device_id, sum(energy_mj) FROM {samples} GROUP BY run_id, device_id"
    ):
        found[run, device] = found.get((run, device), 0) + energy_mj
    return found


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """A question to the archived batches; `{samples}` stands for that table."""
    batches = read_archives(home).batches
    if not batches:
        return []
    tables = {name: files([one.path(name) for one in batches]) for name in ("runs", "devices", "samples", "ticks", "others")}
    with connect() as database:
        return database.execute(query.format(**tables)).fetchall()


def left_over(home: Path) -> list[str]:
    """What lies about that is neither a batch that counts nor a journal."""
    folders = {batch.folder for batch in read_archives(home).batches}
    return [path.name for path in (home / "archive").iterdir() if path not in folders and path.name != ".lock"]
