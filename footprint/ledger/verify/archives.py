"""Archived batches: whether their files are as they were written, and their joules add up to what their manifests say."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from footprint import text
from footprint.ledger.archive.manifest import UNFINISHED, Archives, Batch, archive_dir, damage, read_archives
from footprint.ledger.long_work import Progress, held, untold
from footprint.ledger.rows import to_mj
from footprint.ledger.tables import TABLES
from footprint.ledger.verify.findings import Finding, found
from footprint.ledger.verify.joules import differ
from footprint.model import Run

_AT_ONCE: Final = 10_000
_DIFFERING: Final = """
    SELECT d.run_id, d.device_id, coalesce(s.mj, 0), coalesce(d.energy_mj, 0)
    FROM read_parquet($devices) AS d
    LEFT JOIN (SELECT run_id, device_id, sum(energy_mj)::BIGINT AS mj FROM read_parquet($samples) GROUP BY ALL) AS s
        ON s.run_id = d.run_id AND s.device_id = d.device_id
    WHERE coalesce(s.mj, 0) <> coalesce(d.energy_mj, 0)
    ORDER BY ALL
"""


def of_archive(
    home: Path, journals: dict[str, list[Path]], progress: Progress = untold
) -> tuple[Archives, list[Finding], list[Run]]:
    """The batches of a ledger, what is wrong with them, and their runs.

    Args:
        home: the ledger.
        journals: the journals that lie beside them, by file name.
        progress: is told how many batches are verified.

    Raises:
        LedgerError: if the archive cannot be listed.
    """
    archives = read_archives(home)
    folder = archive_dir(home)
    told: list[Finding] = []
    kept = {problem for batch in archives.batches for problem in batch.manifest.problems}
    for problem in archives.problems:
        if problem not in kept:  # those are of the journals that a batch was made of
            code = "batch-newer" if "newer version" in problem else "batch-damaged"
            told.append(found(code, folder, text.clean(problem, limit=600)))
    if folder.is_dir():
        begun = sorted(folder.glob(f"{UNFINISHED}*"))
        told += [found("batch-unfinished", path, "a batch that was begun and does not count") for path in begun]
    told += [found("replaced-not-deleted", path, "a batch that another stands for") for path in archives.replaced]
    for journal, size in archives.journals.items():
        told += [_beside(path, size) for path in journals.get(f"{journal}.jsonl", ())]
    runs: list[Run] = []
    for place, batch in enumerate(archives.batches):
        progress("verifying batches", place, len(archives.batches))
        wrong = damage(batch)
        if wrong is not None:
            told.append(found("batch-damaged", batch.folder, text.clean(wrong, limit=600)))
        else:
            told += _batch(batch, runs)
    progress("verifying batches", len(archives.batches), len(archives.batches))  # a database that was stopped damaged nothing
    return archives, told, runs


def _beside(path: Path, size: int) -> Finding:
    now = path.lstat().st_size
    if now > size:
        told = f"it has {text.count(now)} bytes, the batch that replaces it was made when it had {text.count(size)}"
        return found("grown-after-archive", path, told, size=now - size)
    return found("replaced-not-deleted", path, "a batch stands for it; it is not read", size=now)


def _batch(batch: Batch, runs: list[Run]) -> list[Finding]:
    """What does not add up in a batch whose bytes are as they were written."""
    import duckdb

    told: list[Finding] = []
    manifest = batch.manifest
    paths = {name: str(batch.path(name)) for name in TABLES}
    try:
        with held(duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})) as connection:
            for name, path in paths.items():
                (rows,) = connection.execute("SELECT count(*) FROM read_parquet($path)", {"path": path}).fetchone() or (0,)
                if rows != manifest.rows.get(name):
                    message = f"{name} has {text.count(rows)} rows, its manifest says {manifest.rows.get(name)}"
                    told.append(found("batch-damaged", batch.folder, message))
            for name, said_mj in sorted(manifest.energy_mj.items()):
                if name in {"devices", "samples"}:
                    question = "SELECT coalesce(sum(energy_mj), 0)::BIGINT FROM read_parquet($path)"
                    (sum_mj,) = connection.execute(question, {"path": paths[name]}).fetchone() or (0,)
                    if sum_mj != said_mj:
                        message = f"{name} add up to {sum_mj / 1e3:.3f} J, its manifest says {said_mj / 1e3:.3f} J"
                        told.append(found("joules-differ", batch.folder, message))
            asked = {name: paths[name] for name in ("devices", "samples")}
            for run, device, stretches_mj, energy_mj in connection.execute(_DIFFERING, asked).fetchall():
                told.append(
                    differ(batch.folder, (run, device), ("its stretches add up", stretches_mj), ("its device comes", energy_mj))
                )
            told += _facts(batch, connection, paths, runs)
    except duckdb.Error as error:
        told.append(found("batch-damaged", batch.folder, f"it cannot be read: {text.clean(str(error), limit=300)}"))
    return told


def _facts(batch: Batch, connection: object, paths: dict[str, str], runs: list[Run]) -> list[Finding]:
    """Whether the facts of each run say of its devices what their table says."""
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection), "as the caller opened it"
    told: list[Finding] = []
    asked = connection.execute("SELECT run_id, device_id, energy_mj FROM read_parquet($path)", {"path": paths["devices"]})
    devices: dict[tuple[str, str], int | None] = {(run, device): mj for run, device, mj in asked.fetchall()}
    cursor = connection.execute("SELECT id, facts FROM read_parquet($path)", {"path": paths["runs"]})
    while rows := cursor.fetchmany(_AT_ONCE):
        for run_id, facts in rows:
            try:
                run = msgspec.json.decode(facts, type=Run)
            except msgspec.DecodeError as error:
                told.append(found("impossible-facts", batch.folder, f"run {text.clean(run_id)}: {error}", run=run_id))
                continue
            runs.append(run)
            for one in run.devices:
                table_mj = devices.get((run_id, one.device.id))
                facts_mj = None if one.energy_j is None else to_mj(one.energy_j)
                if table_mj != facts_mj:
                    sums = ("the tables come", table_mj or 0), ("the run's facts come", facts_mj or 0)
                    told.append(differ(batch.folder, (run_id, one.device.id), *sums))
    return told
