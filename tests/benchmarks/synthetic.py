"""Ledgers as large as an organisation's, made in seconds by DuckDB's `range()`: Parquet in the layout of the archive.

Machines of eight GPUs work for two years. Of each eighty runs eight are ranks of one job that read one GPU at once, in eight
processes; the others have a GPU each, one after the other. What devices draw is different for each run and stretch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from footprint.ledger.archive.writing import NARROW_ROWS, WIDE, WIDE_ROWS
from footprint.ledger.factor_key import factor_key
from footprint.ledger.tables import TABLES, Column
from footprint.model import CpuTime, Place
from tests.derive.examples import gpu, host, run

SAMPLES: Final = 20
HOSTS: Final = 500
ROWS_A_GROUP: Final = NARROW_ROWS
_KEPT: Final = 1_000_000
"""Two benchmarks are about so many runs, which take a while to write."""
_BLOCK: Final = 80
_BEGIN_US: Final = 1_704_067_200_000_000  # 2024-01-01
_SPAN_US: Final = 700 * 86_400_000_000
_STEP_US: Final = 19_000_000
_TURN_US: Final = 400_000_000
_LAG_US: Final = 1_500_000
_BOOT_US: Final = 1_000_000_000_000_000
"""What a host's monotonic clock lies behind UTC, and a second more for each host."""

_RUNS: Final = """
    SELECT
        i, n, substr(md5(CAST(i AS VARCHAR)), 1, 16) AS id, i // {block} AS block, i % {block} AS k,
        (i // {block}) % {hosts} AS host,
        {begin} + CAST((i // {block}) // {hosts} AS BIGINT) * ({span} // greatest(1, {count} // {block} // {hosts}))
            + CASE WHEN i % {block} < 8 THEN (i % {block}) * {lag} ELSE (i % {block}) // 8 * {turn} END AS started,
        CASE WHEN i % {block} < 8 THEN 0 ELSE i % 8 END AS gpu,
        90000 + (i * 7919) % 300000 AS power_mw
    FROM (SELECT j // {each} AS i, j % {each} AS n FROM range({count} * {each}) t(j))
"""
_COLUMNS: Final = {
    "runs": {
        "id": "id",
        "journal_id": "'j' || id",
        "name": "'train-' || block % 97",
        "kind": "CASE i % 5 WHEN 0 THEN 'inference' WHEN 1 THEN 'pre-training' ELSE 'fine-tuning' END",
        "account": "CASE WHEN k < 8 THEN 'job-' || block ELSE 'sweep-' || block % 5000 END",
        "project": "'project-' || block % 40",
        "team": "'team-' || block % 12",
        "user": "'user-' || block % 300",
        "model": "CASE WHEN i % 7 = 0 THEN NULL ELSE 'model-' || block % 60 END",
        "hardware": "CASE WHEN host % 3 = 0 THEN '1 × NVIDIA A100-SXM4-80GB' ELSE '1 × NVIDIA H100 PCIe' END",
        "provider": "CASE WHEN host % 2 = 0 THEN 'aws' END",
        "region": "CASE WHEN host % 2 = 0 THEN 'aws:eu-west-1' ELSE 'FRA' END",
        "zone": "CASE WHEN host % 2 = 0 THEN 'IRL' ELSE 'FRA' END",
        "host": "'node' || host",
        "boot_id": "'boot-' || host",
        "month": "strftime(make_timestamp(started), '%Y-%m')",
        "started_us": "started",
        "ended_us": "started + {samples} * {step}",
        "anchor_us": "{boot} + host * 1000000",
        "duration_s": "{samples} * {step} / 1e6",
        "outcome": "CASE WHEN i % 23 = 0 THEN 'failed' WHEN i % 41 = 0 THEN 'interrupted' ELSE 'completed' END",
        "restart_of": "CASE WHEN i % 23 = 1 AND i > 0 THEN substr(md5(CAST(i - 1 AS VARCHAR)), 1, 16) END",
        "tuned_from": "CASE WHEN i % 1009 = 0 AND i // 1009 % 8 > 0 THEN substr(md5(CAST(i - 1009 AS VARCHAR)), 1, 16) END",
        "background": "FALSE",
        "factor_key": "{factor_key}",
        "tree_s": "{samples} * {step} / 1e6 * 0.9",
        "busy_s": "{samples} * {step} / 1e6 * 1.1",
        "cpu_read_s": "{samples} * {step} / 1e6",
        "logical_cpus": "64",
        "reserved_cpus": "8.0",
        "labels": "'{\"team\":\"team-' || block % 12 || '\"}'",
        "facts": "{facts}",
    },
    "devices": {
        "run_id": "id",
        "device_id": "'gpu:GPU-' || host || '-' || gpu",
        "device_key": "'gpu:GPU-' || host || '-' || gpu",
        "component": "'accelerators'",
        "name": "'NVIDIA A100-SXM4-80GB'",
        "meter": "'nvml'",
        "grade": "'counter'",
        "energy_mj": "list_sum([({joules}) FOR n IN range({samples})])",
        "read_s": "{samples} * {step} / 1e6",
        "floor_w": "power_mw / 1000.0",
        "held_ratio": "1.0",
        "others": "FALSE",
        "begin_us": "started",
        "end_us": "started + {samples} * {step}",
    },
    "samples": {
        "run_id": "id",
        "device_id": "'gpu:GPU-' || host || '-' || gpu",
        "begin_us": "started + n * {step}",
        "end_us": "started + (n + 1) * {step}",
        "energy_mj": "{joules}",
        "t_s": "(n + 1) * {step} / 1e6",
        "energy_j": "CAST(power_mw AS DOUBLE) * (n + 1)",
    },
    "ticks": {"run_id": "id", "t_s": "(n + 1) * {step} / 1e6", "tree_s": "n * 17.0", "busy_s": "n * 20.0"},
}
_JOULES: Final = "(power_mw + (i * 31 + n * 17) % 5000) * 19"
_TYPES: Final = {"text": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}


def write(folder: Path, runs: int, *, samples: int = SAMPLES, ticks: bool = False, rows_a_group: int = ROWS_A_GROUP) -> None:
    """Write the four tables of a made-up ledger into a folder.

    Args:
        folder: where `runs.parquet` and the others are put.
        runs: how many.
        samples: of each of them.
        ticks: write these, too; without, their file is empty.
        rows_a_group: of the Parquet files; at most as many of runs as archives have, whose rows are wide.
    """
    import duckdb

    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        connection.execute("SET preserve_insertion_order = true")
        for table in TABLES:
            each = samples if table in {"samples", "ticks"} else 1
            limit = " LIMIT 0" if table == "ticks" and not ticks else ""
            rows = min(WIDE_ROWS, rows_a_group) if table in WIDE else rows_a_group
            connection.execute(
                f"COPY (SELECT {_selected(TABLES[table], _COLUMNS[table], samples)} FROM ({_of(runs, each)}) r{limit}) "
                f"TO '{folder / f'{table}.parquet'}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})"
            )


def _of(count: int, each: int) -> str:
    given = {"block": _BLOCK, "hosts": HOSTS, "begin": _BEGIN_US, "span": _SPAN_US, "lag": _LAG_US, "turn": _TURN_US}
    return _RUNS.format(count=count, each=each, **given)


@cache
def _kinds(samples: int) -> tuple[str, str]:
    """Factor key and facts of a run by its machine: of these there are 24 kinds, half of them in Ireland, half in France."""
    keys, facts = [], []
    read_s = samples * _STEP_US / 1e6
    for kind in range(24):
        of = host(memory_bytes=64_000_000_000 + kind, logical_cpus=64, cpu_name="Intel(R) Xeon(R) Platinum 8480+")
        place = Place(zone="FRA") if kind % 2 else Place(provider="aws", region="eu-west-1", zone="IRL")
        cpu = CpuTime(tree_s=0.9 * read_s, busy_s=1.1 * read_s, logical_cpus=64, reserved_cpus=8.0, read_s=read_s)
        one = run(host=of, place=place, cpu=cpu, duration_s=read_s, devices=(gpu(1e6, read_s),))
        keys.append(f"WHEN {kind} THEN '{factor_key(one)}'")
        facts.append(f"WHEN {kind} THEN '{msgspec.json.encode(one).decode()}'")
    return tuple(f"CASE host % 24 {' '.join(some)} END" for some in (keys, facts))  # type: ignore[return-value]


def _selected(columns: tuple[Column, ...], expressions: dict[str, str], samples: int) -> str:
    keys, facts = _kinds(samples)
    named = f'replace({facts}, \'"id":"r1"\', \'"id":"\' || id || \'"\')'
    given = {
        "{factor_key}": keys,
        "{facts}": named,
        "{samples}": str(samples),
        "{step}": str(_STEP_US),
        "{boot}": str(_BOOT_US),
        "{joules}": _JOULES,
    }
    chosen = []
    for column in columns:
        expression = expressions.get(column.name, "NULL")
        for place, value in given.items():
            expression = expression.replace(place, value)
        chosen.append(f'CAST({expression} AS {_TYPES[column.type]}) AS "{column.name}"')
    return ", ".join(chosen)


@contextmanager
def home_of(runs: int) -> Iterator[Path]:
    """A made-up ledger of so many runs; that of a million is made once, and goes when the program ends."""
    if runs == _KEPT:
        yield Path(_kept().name)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_home(Path(folder), runs)
        yield Path(folder)


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    write_home(Path(folder.name), _KEPT)
    return folder


def write_home(home: Path, runs: int) -> None:
    """Write a made-up ledger as one archived batch of a ledger's home."""
    import duckdb
    import msgspec

    from footprint.ledger.archive.manifest import FILES, MANIFEST, File, Manifest, archive_dir, sha256_of
    from footprint.ledger.tables import TABLES_VERSION

    folder = archive_dir(home) / "2024-01-made"
    folder.mkdir(parents=True)
    write(folder, runs)
    with duckdb.connect() as connection:
        others = "SELECT '' AS journal_id, CAST(0 AS BIGINT) AS line, '' AS reason, CAST('' AS BLOB) AS bytes WHERE FALSE"
        connection.execute(f"COPY ({others}) TO '{folder / 'others.parquet'}' (FORMAT parquet)")
    files = {name: File(bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name)) for name in FILES}
    rows = {"runs": runs, "devices": runs, "samples": runs * SAMPLES, "ticks": 0, "others": 0}
    made = Manifest(
        tables=TABLES_VERSION, batch=folder.name, month="2024-01", journals={}, replaces=[], rows=rows, energy_mj={}, files=files
    )
    (folder / MANIFEST).write_bytes(msgspec.json.encode(made))
