"""How often a profile that is repeated on the same machine lies in the interval that the earlier one foretold."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.effort import FULL, Effort
from tests.benchmarks.peers import OURS
from tests.benchmarks.rows import Row, failed

TITLE: Final = "a profile repeated on the same machine"
TARGET: Final = 0.9
PROFILES_A_REPEAT: Final = 4
_QUANTITIES: Final = {"energy_j": "energy of a unit", "time_s": "time of a unit", "cpu_s": "CPU time of a unit"}
_LIMIT_S: Final = 300.0
_ITEMS: Final = {True: 8_000_000, False: 200_000}
_WORK: Final = """
import sys
from footprint.profiling import repeats
for repeat in repeats():
    with repeat:
        sum(i * i for i in range(int(sys.argv[1])))
        repeat.count(items=1)
"""
_PROFILE: Final = """
[model]
name = "squares"
[workload]
command = ["python", "work.py", "{items}"]
inside = true
unit = "items"
sessions = 6
min_repeats = 3
repeats = 4
idle_s = 2
time_limit_s = 120
"""


def run(effort: Effort) -> Iterator[Row]:
    """Profiles one after the other, each held against each other one."""
    is_full = effort.repeats >= FULL.repeats
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "work.py").write_text(_WORK, encoding="utf-8")
        (place / "profile.toml").write_text(_PROFILE.format(items=_ITEMS[is_full]), encoding="utf-8")
        many = PROFILES_A_REPEAT * effort.repeats if is_full else 2
        found = []
        for number in range(many):
            try:
                found.append(_measured(place, number))
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                yield failed(TITLE, OURS.label, error)._replace(is_met=False)
                return
    disturbed = statistics.fmean(
        sum(bool(one["disturbed"]) for one in result["repeats"]) / len(result["repeats"]) for result in found
    )
    for name, what in _QUANTITIES.items():
        yield _row(name, what, found, disturbed)


def _measured(place: Path, number: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "footprint", "profile", "profile.toml", "-q", "-o", f"{number}.json"]
    environment = {**os.environ, "FOOTPRINT_HOME": str(place / "home"), "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, cwd=place, env=environment, capture_output=True, check=True, timeout=_LIMIT_S)
    result: dict[str, Any] = json.loads((place / f"{number}.json").read_bytes())
    return result


def _row(name: str, what: str, found: Sequence[dict[str, Any]], disturbed: float) -> Row:
    """All pairs: of each, whether the one's mean lies in the other's interval."""
    ones = [result["statistics"][name]["all"] for result in found]
    ones = [one for one in ones if one is not None and one["low"] is not None]
    pairs = [before["low"] <= now["mean"] <= before["high"] for before, now in permutations(ones, 2)]
    if not pairs:
        return failed(f"{what}: the next profile lies in the interval", OURS.label, "no interval")._replace(is_met=False)
    agreed = sum(pairs) / len(pairs)
    half = statistics.median(one["half_ratio"] for one in ones)
    return Row(
        f"{what}: the next profile lies in the interval",
        OURS.label,
        f"{100 * agreed:.0f} of 100 ({len(pairs)} pairs of {len(ones)} profiles), intervals of ±{100 * half:.1f} % (median); "
        f"{100 * disturbed:.0f} % of the repeats disturbed",
        f"{100 * TARGET:.0f} of 100",
        agreed >= TARGET,
    )
