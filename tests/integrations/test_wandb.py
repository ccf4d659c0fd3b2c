from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from footprint.ledger.exchange.importing import bring_in
from footprint.ledger.runfile import read_run_file
from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age
from tests.world.programs import Program

pytestmark = pytest.mark.world

QUIET = {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page_and_what_is_read_back_of_them(paste: Paste, age: Age, tmp_path: Path) -> None:
    done = paste("wandb.md", "wandb", age, **QUIET)
    assert done.returncode == 0, done.stderr
    (run,) = settled_runs()
    assert (run.outcome, run.warnings) == ("completed", ())
    told = ast.literal_eval(done.stdout.splitlines()[-1])
    assert 0 < told["footprint/emissions_g_low"] < told["footprint/emissions_g"] < told["footprint/emissions_g_high"]
    assert told["footprint/energy_kwh"] > 0
    (folder,) = tmp_path.glob("wandb/offline-run-*")
    kept = read_run_file(folder / "files" / "footprint" / "run.json")
    assert (kept.id, kept.devices) == (run.id, run.devices)
    # Theirs is the same work, with or without a GPU in it: it is left out.
    brought = bring_in([str(folder)])
    assert (brought.new, len(brought.measured)) == ((), 1)
    assert len(settled_runs()) == 1


def test_whatever_a_run_of_theirs_does_the_program_goes_on(program: Program) -> None:
    done = program(
        """
        import json, os, signal, time
        from pathlib import Path
        import wandb, footprint
        from footprint.errors import ConfigError
        from footprint.integrations.wandb import autolog, log_run
        told = {}
        def seen(following):
            deadline = time.monotonic() + 60
            while following.last is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        with footprint.track("refused") as run:
            try:
                log_run(run)
            except ConfigError as error:
                told["refused"] = str(error)
        # Disabled; its steps are the program's, also stated ones.
        with wandb.init(project="x", mode="disabled"), footprint.track("disabled", interval_s=0.1) as run:
            seen(log_run(run))
        told["disabled"] = run.facts.warnings
        mine = {"footprint": "mine"}
        with wandb.init(project="x", mode="offline", config=mine) as theirs, footprint.track("steps", interval_s=0.1) as run:
            following = log_run(run, interval_s=0.2)
            assert log_run(run) is following
            seen(following)
            time.sleep(0.5)
            for step in range(5):
                theirs.log({"loss": step}, step=step)
            told |= {"step": theirs.step, "config": dict(theirs.config)}
        told["twice"] = run.facts.warnings
        # Finished before ours has ended; begun by a callback.
        autolog(interval_s=0.2)
        with footprint.track("none goes on") as run:
            pass
        told["none"] = run.facts.warnings
        autolog(disable=True)
        with footprint.track("finished", interval_s=0.1) as run:
            with wandb.init(project="x", mode="offline") as theirs:
                seen(log_run(run, interval_s=0.2))
        told["finished"] = run.facts.warnings
        # Their service dies.
        def children(pid):
            for task in Path(f"/proc/{pid}/task").iterdir():
                for child in map(int, (task / "children").read_text().split()):
                    yield from children(child)
                    yield child
        theirs = wandb.init(project="x", mode="offline")
        with footprint.track("dead", interval_s=0.1) as run:
            seen(log_run(run, interval_s=0.2))
            service = [pid for pid in children(os.getpid()) if b"wandb" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            assert service
            for pid in service:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.7)
        told["dead"] = run.facts.warnings
        print(json.dumps(told), flush=True)
        os._exit(0)  # W&B's own end waits for its service
        """,
        **QUIET,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert "call wandb.init() before" in told["refused"]
    assert told["disabled"] == []
    assert told["step"] == 4
    assert ["already" in one for one in told["twice"]] == [True]
    assert ["no run of W&B goes on" in one for one in told["none"]] == [True]
    assert ["has finished before" in one for one in told["finished"]] == [True]
    assert ["W&B did not take it" in one for one in told["dead"]] == [True]
    assert (told["config"]["footprint"], told["config"]["footprint_run"]["kind"]) == ("mine", "other")
    assert {run.outcome for run in settled_runs()} == {"completed"}
