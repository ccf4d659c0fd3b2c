"""`footprint slurm`: what it prints, and that its scripts harm no job whatever they are given."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from footprint.cli import call
from footprint.cli.slurm import script

SCRIPTS = ("prolog", "epilog", "task-prolog")


def test_the_recipe_names_every_script_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["slurm"]) == 0
    said = capsys.readouterr().out
    for name in (*SCRIPTS, "Prolog=", "Epilog=", "TaskProlog=", "PrologFlags=Alloc", "srun footprint run --", "docs/fleet.md"):
        assert name in said


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_printed_whole_and_is_one_of_the_shell(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call(["slurm", name]) == 0
    printed = capsys.readouterr().out
    assert printed == script(name)
    assert printed.startswith("#!/bin/sh\n")
    assert "@" not in printed
    path = tmp_path / name
    path.write_text(printed)
    assert subprocess.run(["/bin/sh", "-n", path], check=False).returncode == 0


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("job", [None, "", "12", "../../x", "12; touch hit", "$(touch hit)", "*"])
def test_a_script_exits_with_0_whatever_slurm_says_and_does_nothing_else(name: str, job: str | None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(script(name))
    settings = tmp_path / "settings"
    settings.write_text(f"FOOTPRINT=/nowhere\nFOOTPRINT_STATE={tmp_path}/state\n")
    environment = {"PATH": os.environ["PATH"], "FOOTPRINT_SETTINGS": str(settings)}
    if job is not None:
        environment["SLURM_JOB_ID"] = job
    done = subprocess.run(["/bin/sh", path], env=environment, cwd=tmp_path, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (0, b"")
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([name, "settings"])


def test_an_epilog_ends_nobody_elses_process(tmp_path: Path) -> None:
    """The number that a prolog wrote down may be another program's by now."""
    (tmp_path / "state").mkdir()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "state" / "12.node.pid").write_text(f"{other.pid}\n")
        (tmp_path / "settings").write_text(f"FOOTPRINT_STATE={tmp_path}/state\n")
        (tmp_path / "epilog").write_text(script("epilog"))
        environment = {"PATH": os.environ["PATH"], "FOOTPRINT_SETTINGS": str(tmp_path / "settings"), "SLURM_JOB_ID": "12"}
        assert subprocess.run(["/bin/sh", tmp_path / "epilog"], env=environment, check=False, timeout=20).returncode == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_job_that_is_no_number_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["slurm", "record", "../12"]) == 2
    assert "is not the number of a job" in capsys.readouterr().err


def test_the_unit_of_the_nodes_recorder_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = (Path(__file__).parents[2] / "docs/fleet/footprint-node.service").read_text()
    assert "ExecStart=footprint node\n" in unit
    path = tmp_path / "footprint-node.service"
    path.write_text(unit.replace("ExecStart=footprint", "ExecStart=/bin/true"))
    if shutil.which("systemd-analyze") is not None:
        done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
