"""The page of CodeCarbon's users, with CodeCarbon itself: one program, and only its import is changed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.faults.conftest import settled_runs
from tests.integrations.conftest import PAGES, Paste
from tests.integrations.libraries import lines_of, packages
from tests.world.programs import Program

pytestmark = pytest.mark.world


def test_the_lines_of_the_page_with_ours_and_with_theirs(paste: Paste, program: Program, tmp_path: Path) -> None:
    done = paste("codecarbon.md", "codecarbon", "oldest")
    assert done.returncode == 0, done.stderr
    kwh, kg, header, *_ = done.stdout.splitlines()
    mine = told(tmp_path / "emissions.csv")
    assert float(mine[0]["emissions"]) == pytest.approx(float(kg))
    assert 0 < float(kwh) <= float(mine[0]["energy_consumed"]) * 1.01
    runs = settled_runs()
    assert [run.outcome for run in runs] == ["completed"] * 3
    assert all(run.warnings == () for run in runs)
    assert {row["run_id"] for row in mine} == {run.id for run in runs if run.parent is None}
    (tmp_path / "emissions.csv").unlink()
    lines = lines_of(PAGES / "codecarbon.md").replace("from footprint.integrations.codecarbon", "from codecarbon")
    done = program(lines, packages=packages("codecarbon", "oldest"))
    assert done.returncode == 0, done.stderr
    theirs = told(tmp_path / "emissions.csv")
    assert list(theirs[0]) == header.split(",") == list(mine[0])
    assert [row["country_iso_code"] for row in theirs] == [row["country_iso_code"] for row in mine]
    for one, other in zip(mine, theirs, strict=True):
        for name in ("cpu_count", "os", "python_version", "project_name", "experiment_id", "tracking_mode", "ram_total_size"):
            assert one[name] == other[name], name
        assert len(one["timestamp"]) == len(other["timestamp"])
    # Kilowatt-hours, kilograms, watts: of one unit they are not a thousandfold apart.
    for name in ("energy_consumed", "cpu_energy", "ram_energy", "emissions", "emissions_rate", "cpu_power", "ram_power"):
        assert 1 / 30 < float(mine[0][name]) / float(theirs[0][name]) < 30, name


def test_a_run_of_theirs_that_our_handler_takes(paste: Paste) -> None:
    done = paste("codecarbon.md", "codecarbon", "newest", number=1)
    assert done.returncode == 0, done.stderr
    (run,) = settled_runs()
    assert (run.kind, run.outcome) == ("fine-tuning", "unknown")  # CodeCarbon does not say how it ended


def told(path: Path) -> list[dict[str, str]]:
    import pandas as pd

    assert len(pd.read_csv(path)) == 2
    return list(csv.DictReader(io.StringIO(path.read_text())))
