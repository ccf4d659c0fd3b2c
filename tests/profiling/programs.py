"""Profiles of short busy work, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

LOOP = """
from footprint.profiling import repeats

for repeat in repeats():
    with repeat:
        sum(i * i for i in range(30_000))
        repeat.count(items=10)
    repeat.note(turn=repeat.number)
"""

INSIDE = """
command = ["python", "work.py"]
inside = true
unit = "items"
kind = "inference"
warmup = 1
sessions = 3
min_sessions = 3
repeats = 2
min_repeats = 2
idle_s = 0.2
time_limit_s = 60
"""

PROCESS = """
command = ["python", "work.py", "30000"]
unit = "items"
amount = 10
warmup = 0
repeats = 3
min_repeats = 3
idle_s = 0
time_limit_s = 60
"""


def profile(folder: Path, workload: str = INSIDE, work: str = LOOP) -> Path:
    """A profile with one workload, and its program."""
    (folder / "work.py").write_text(work, encoding="utf-8")
    path = folder / "profile.toml"
    path.write_text(f'[model]\nname = "busy"\n[workload]\n{workload}', encoding="utf-8")
    return path
