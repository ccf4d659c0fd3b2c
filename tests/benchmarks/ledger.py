"""Questions to ledgers of up to ten to the eighth samples, each in a process of its own; pandas on the same Parquet beside it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.benchmarks import journals, pushing
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import Row, failed, times

TITLE: Final = "questions to a ledger of a million runs and more"
QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    "totals": {"by": ["account"]},
    "footprints by account": {"by": ["account"]},
    "footprints by month": {"by": ["month"]},
    "over-time": {"bucket": "day"},
    "shares": {"by": ["team"]},
    "devices": {},
    "lineage": {"of": "job-3"},
}
_CURVE: Final = (5_000, 50_000, 500_000, 1_000_000, 5_000_000)
_LONGEST_S: Final = 120
_PATIENCE_S: Final = 180
"""So long after its begin no larger ledger is made: the last takes some minutes."""
_SHOWN: Final = 50
"""Of so many rows ranges are drawn: as many as a person reads."""


def run(effort: Effort) -> Iterator[Row]:
    """What journals lose and cost; seconds and the peak of memory of each question; a curve of the totals; a peer."""
    yield from journals.run(effort)
    yield from pushing.run(effort)
    is_quick = effort.cards < 10_000
    before: tuple[int, float] | None = None
    begin_s = time.monotonic()
    for runs in _CURVE[:2] if is_quick else _CURVE:
        if (spent_s := time.monotonic() - begin_s) > _PATIENCE_S and runs == _CURVE[-1]:
            yield failed(f"totals: {runs:,} runs", "footprint", f"left out, since the others took {spent_s:.0f} s already")
            continue
        from tests.benchmarks.synthetic import SAMPLES, home_of

        with home_of(runs) as home:
            folder = str(home)
            size = f"{runs:,} runs, {runs * SAMPLES:,} samples"
            is_full = runs in {1_000_000, 50_000 if is_quick else 0}
            most_s, most_mb = (2, 500) if runs <= 1_000_000 else (10, 1000)
            ours_s = 0.0
            for name in QUESTIONS if is_full else ("totals",):
                try:
                    told = _own(folder, name)
                except (subprocess.SubprocessError, ValueError) as error:
                    yield failed(f"{name}: {size}", "footprint", error)
                    continue
                is_met = told["seconds"] <= most_s and told["peak_mb"] <= most_mb
                shown = f"{told['seconds']:.2f} s ({told['cpu_s']:.1f} s of CPU), {told['peak_mb']:.0f} MB"
                yield Row(f"{name}: {size}", "footprint", shown, f"<= {most_s} s, <= {most_mb} MB", is_met)
                if name == "totals":
                    ours_s = told["seconds"]
                    if before is not None:
                        more, longer = runs / before[0], ours_s / before[1]
                        yield Row(f"growth to {size}", "footprint", f"{longer:.1f} x", f"<= {more:g} x", longer <= more)
                    before = (runs, ours_s)
            if is_full:
                try:
                    told = _own(folder, "pandas")
                except (subprocess.SubprocessError, ValueError) as error:
                    yield failed(f"totals by account: {size}", "pandas", error)
                    continue
                shown = f"{told['seconds']:.2f} s, {told['peak_mb']:.0f} MB, sums as read"
                ratio = times(told["seconds"], ours_s) if ours_s else ""
                yield Row(f"totals by account: {size}", "pandas", shown, ratio=ratio)


def _own(folder: str, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.ledger", folder, name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_LONGEST_S)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _ask(folder: str, name: str) -> int:
    if name == "pandas":
        import pandas as pd

        (batch,) = Path(folder, "archive").iterdir()
        runs = pd.DataFrame(_frame(batch, "runs", "id, account"))
        samples = _frame(batch, "samples", "run_id, energy_mj")
        return len(samples.merge(runs, left_on="run_id", right_on="id").groupby("account")["energy_mj"].sum())
    if name.startswith("footprints"):
        from footprint.derive import group_totals

        return sum(row.emissions_g is not None for row in group_totals(folder, **QUESTIONS[name]).rows[:_SHOWN])
    from footprint.ledger.ask import ask

    return len(ask(name, ledger=folder, **QUESTIONS[name]).rows)


def _frame(batch: Path, table: str, columns: str) -> Any:
    """A frame of a file, read by DuckDB where pandas has nothing to read Parquet with."""
    import duckdb

    return duckdb.connect().execute(f"SELECT {columns} FROM '{batch / f'{table}.parquet'}'").df()


def _peak_mb() -> float:
    """The most memory that this program had: not `ru_maxrss`, which a process takes over from the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _main() -> None:
    begin_s = time.perf_counter()
    count = _ask(sys.argv[1], sys.argv[2])
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = time.perf_counter() - begin_s
    print(json.dumps({"seconds": seconds, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": _peak_mb(), "rows": count}))


if __name__ == "__main__":
    _main()
