"""One training over two ranks of torchrun: each records itself, together they are one account, and the card is theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.conftest import settled_runs
from tests.world.programs import CARD, Program

pytestmark = pytest.mark.world

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1")


def test_two_ranks_are_one_account_and_each_counts_its_own_until_one_fails(program: Program, card: Path) -> None:
    other = card.with_name("other.md")
    other.write_text(CARD)
    done = program(
        """
        import os, time
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        class Bad(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if os.environ["RANK"] == "1" and state.global_step == 3:
                    raise ValueError("rank 1")
        class Clock(TrainerCallback):
            def on_train_begin(self, *given, **more):
                self.begin = time.process_time()
            def on_log(self, args, state, control, logs, **more):
                if "train_runtime" in logs:  # just before the end
                    self.used = time.process_time() - self.begin
        clock, callback = Clock(), FootprintCallback(card="README.md", zone="FRA", record="run.json")
        ddp = trainer("out", [callback, clock], rows=1600, ddp_backend="gloo", include_num_input_tokens_seen=True)
        ddp.train()
        facts = callback.run.facts
        assert facts.warnings == (), facts.warnings
        with open(f"clock-{os.environ['RANK']}", "w") as file:
            file.write(f"{facts.id} {clock.used}")
        ddp.create_model_card()  # by the first rank alone
        if os.environ["RANK"] == "0":
            ddp.save_state()
        failing = FootprintCallback("failing", card="other.md")
        trainer("out", [failing, Bad()], rows=1600, ddp_backend="gloo").train()
        """,
        *TORCHRUN,
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 1
    assert "ValueError: rank 1" in done.stderr
    settled = settled_runs()
    failed = {run.labels["rank"]: run for run in settled if run.name == "failing"}
    assert failed["1"].outcome == "failed"
    # Told by the launcher to end, or by its peer's silence.
    assert failed["0"].outcome in {"failed", "interrupted"}
    assert failed["0"].account == failed["1"].account
    assert all(run.cpu is not None and run.cpu.tree_s > 0 for run in failed.values())
    assert other.read_text() == CARD
    runs = {run.labels["rank"]: run for run in settled if run.name != "failing"}
    assert sorted(runs) == ["0", "1"]
    assert {run.account for run in runs.values()} == {runs["0"].account}
    assert runs["0"].account.startswith("torchelastic:")
    assert {run.labels["world_size"] for run in runs.values()} == {"2"}
    assert runs["0"].labels["training"] == runs["1"].labels["training"]
    assert all((run.outcome, run.parent) == ("completed", None) for run in runs.values())
    # Samples are each rank's own; steps and tokens are the training's, and stand once.
    assert runs["0"].work == {"samples": 800.0, "steps": 100.0, "tokens": 1600.0 * 16}
    assert runs["1"].work == {"samples": 800.0}
    for rank, run in runs.items():
        run_id, used_s = (card.parent / f"clock-{rank}").read_text().split()
        assert run_id == run.id
        assert run.cpu is not None
        # Its own CPU-seconds, not the other rank's: what the process says itself of the stretch, which ends a little earlier.
        assert run.cpu.tree_s == pytest.approx(float(used_s), rel=0.2, abs=0.3)
    filled = card.read_text()
    assert f"runs={runs['0'].id},{runs['1'].id}" in filled
    assert "Carbon Emitted:** [More" not in filled
    assert f"runs={runs['0'].id},{runs['1'].id}" in (card.parent / "out" / "README.md").read_text()
    last = json.loads((card.parent / "out" / "trainer_state.json").read_text())["log_history"][-1]
    from footprint.derive import Account

    total = Account(runs.values()).total([run.id for run in runs.values()]).footprint.energy_kwh
    assert total is not None
    assert last["footprint_energy_kwh"] == pytest.approx(total.central)
    written = {path.name: json.loads(path.read_text()) for path in card.parent.glob("run*.json")}
    assert sorted(written) == ["run.json", "run.rank-1.json"]


def test_processes_of_accelerate_are_one_account_and_one_that_is_not_recorded_is_missed(program: Program, card: Path) -> None:
    """A card with the energy of half of them would look right."""
    other = card.with_name("other.md")
    other.write_text(CARD)
    done = program(
        """
        import torch
        from accelerate import Accelerator
        from footprint.integrations.accelerate import tracked
        accelerator, model = Accelerator(cpu=True), torch.nn.Linear(8, 1)
        data = torch.utils.data.DataLoader(torch.randn(64, 8), 8)
        other = torch.optim.SGD(torch.nn.Linear(8, 1).parameters())
        model, optimizer, batches = accelerator.prepare(model, torch.optim.SGD(model.parameters()), data)
        try:
            with tracked(accelerator, "none"):
                raise ValueError
        except ValueError:
            pass
        with tracked(accelerator, "tiny", zone="FRA", card="README.md", record="run.json") as run:
            for batch in batches:
                accelerator.backward(model(batch).pow(2).mean())
                optimizer.step()
                other.step()
                run.count(samples=len(batch))
        assert run.facts.warnings == (), run.facts.warnings
        optimizer.step()  # no longer counted
        if accelerator.process_index == 0:
            with tracked(accelerator, "half", card="other.md") as half:
                pass
            assert "the card was not filled: the runs of 1 of 2 ranks" in half.facts.warnings[0], half.facts.warnings
        """,
        *TORCHRUN,
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 0, done.stderr
    runs = {(run.name, run.labels["rank"]): run for run in settled_runs()}
    assert other.read_text() == CARD
    assert [name for name, _ in runs].count("half") == 1
    assert [runs["none", rank].outcome for rank in "01"] == ["failed", "failed"]
    assert [runs["tiny", rank].outcome for rank in "01"] == ["completed", "completed"]
    assert [runs["tiny", rank].work for rank in "01"] == [{"samples": 32.0, "steps": 4.0}, {"samples": 32.0}]
    first, second = (runs["tiny", rank] for rank in "01")
    assert first.account == second.account
    assert f"runs={first.id},{second.id}" in card.read_text()
    assert sorted(path.name for path in card.parent.glob("run*.json")) == ["run.json", "run.rank-1.json"]
