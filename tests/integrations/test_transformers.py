"""Trainings by transformers' Trainer: a real model, real steps, real exceptions, on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.conftest import settled_runs
from tests.world.programs import CARD, Program

pytestmark = pytest.mark.world


def test_a_training_is_measured_and_fills_its_card_and_one_that_raises_does_not(program: Program, card: Path) -> None:
    other = card.with_name("other.md")
    other.write_text(CARD)
    done = program("""
        import copy, pickle
        import pytest
        from transformers import TrainerCallback
        from footprint.errors import ConfigError
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import Tokens, trainer
        for bad in ({"region": "aws:nowhere"}, {"card": "there-is-none.md"}, {"kind": "tuning"}, {"pue": 0.5}):
            with pytest.raises(ConfigError):
                FootprintCallback(**bad)
        callback = FootprintCallback(card="README.md", region="aws:eu-west-1", labels={"team": "nlp"})
        trained = trainer(
            "out", [callback], rows=41, num_train_epochs=2, gradient_accumulation_steps=2, eval_strategy="epoch",
            save_strategy="epoch", include_num_input_tokens_seen=True,
        )
        trained.evaluate()
        trained.predict(Tokens(4))
        assert callback.run is None  # what is no training is not recorded
        trained.train()
        assert callback.run.facts.warnings == (), callback.run.facts.warnings
        trained.save_state()
        trained.create_model_card()
        class Bad(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if state.global_step == 3:
                    # A copy is as it was made, whatever goes on in what it was copied from.
                    for copied in (copy.deepcopy(raises), pickle.loads(pickle.dumps(raises))):
                        assert copied.run is None and copied.__getstate__() == raises.__getstate__()
                    raise ZeroDivisionError("in the middle")
        raises = FootprintCallback("raises", card="other.md")
        trainer("out", [raises, Bad()]).train()
    """)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: in the middle\n")
    failed, run = settled_runs()
    assert (failed.name, failed.outcome, failed.work) == ("raises", "failed", {"samples": 24.0, "steps": 3.0})
    assert failed.warnings == ()
    assert failed.cpu is not None
    assert failed.cpu.tree_s > 0
    assert other.read_text() == CARD
    assert (run.name, run.kind, run.outcome, run.warnings) == ("GPT2LMHeadModel", "fine-tuning", "completed", ())
    # Two epochs of five batches of eight rows and one of one row, two batches a step, sixteen tokens a row.
    assert run.work == {"samples": 82.0, "steps": 6.0, "tokens": 82.0 * 16}
    assert run.labels == {"team": "nlp"}
    assert [run.progress[0][1:], run.progress[-1][1:]] == [(1.0, 6.0), (6.0, 6.0)]
    assert [mark.name for mark in run.marks] == ["epoch 1", "evaluation", "checkpoint", "epoch 2", "evaluation", "checkpoint"]
    assert all((mark.end_s is None) == mark.name.startswith("epoch") for mark in run.marks)
    assert run.cpu is not None
    assert 0 < run.cpu.tree_s < 2.5 * run.duration_s
    assert {"torch", "transformers"} <= run.versions.keys()
    filled = card.read_text()
    assert run.id in filled
    assert "Ireland" in filled
    assert "[More Information Needed]" not in filled
    last = json.loads((card.parent / "out" / "trainer_state.json").read_text())["log_history"][-1]
    assert "train_runtime" in last
    assert last["footprint_energy_kwh"] > 0
    assert last["footprint_emissions_g"] > 0


def test_a_program_that_lives_on_after_an_exception_is_measured_no_longer(program: Program, card: Path, tmp_path: Path) -> None:
    """A notebook: nobody says that the training has ended, and what comes then is another run."""
    done = program("""
        import os, time
        import optuna
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import model, trainer
        class Bad(TrainerCallback):
            error = None
            def on_step_end(self, args, state, control, **more):
                if self.error is not None and state.global_step == 2:
                    raise self.error
        def ends(run):
            deadline = time.monotonic() + 60
            while not run.is_over:
                assert time.monotonic() < deadline, "the run goes on"
                time.sleep(0.02)
        bad, callback = Bad(), FootprintCallback()
        train = trainer("out", [callback, bad])
        for bad.error in (ValueError("handled, and forgotten"), KeyboardInterrupt()):
            try:
                train.train()
            except ValueError:
                pass
            except KeyboardInterrupt:
                ends(callback.run)
            ends(callback.run)
        bad.error = ValueError("followed by another training at once")
        try:
            train.train()
        except ValueError:
            bad.error = None
            train.train()

        class Full(TrainerCallback):  # a batch that is found too large is part of the training
            def on_step_end(self, args, state, control, **more):
                if state.train_batch_size == 8 and state.global_step == 2:
                    raise RuntimeError("CUDA out of memory. Tried to allocate")
        trainer("full", [FootprintCallback("full"), Full()], auto_find_batch_size=True, save_strategy="epoch").train()

        search = trainer("search", [FootprintCallback("search", card="README.md")], eval_strategy="epoch")
        search.model_init = model
        search.hyperparameter_search(backend="optuna", n_trials=2, hp_space=lambda trial: {
            "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-4)})
        search.model = model()  # a search leaves none, and no card can be written without
        search.create_model_card()
        assert "footprint:" not in open("search/README.md").read()

        os.environ["FOOTPRINT_HOME"] = "/proc/nowhere"  # a ledger that cannot be written costs the training nothing
        lost = FootprintCallback(card="README.md", record="run.json")
        assert trainer("out", [lost]).train().global_step == 5
        assert any("not recorded" in warning for warning in lost.run.facts.warnings), lost.run.facts.warnings
    """)
    assert done.returncode == 0, done.stderr
    *runs, full, first, second = reversed(settled_runs())
    assert [run.outcome for run in runs] == ["failed", "interrupted", "failed", "completed"]
    assert [run.work["steps"] for run in runs] == [2, 2, 2, 5]
    assert len({run.account for run in runs}) == 4
    assert all(run.parent is None for run in runs)

    (state,) = tmp_path.glob("full/checkpoint-*/trainer_state.json")
    stored = json.loads(state.read_text())["stateful_callbacks"]["FootprintCallback"]
    assert stored["attributes"]["continues"] == {"account": full.account, "runs": [full.id]}
    assert (full.outcome, full.work["samples"]) == ("completed", 16 + 40)
    assert "the training begins anew" in [mark.name for mark in full.marks]

    assert first.account == second.account == first.id  # the trials of a search
    assert (first.labels["trial"], second.labels["trial"]) == ("1", "2")
    assert (first.outcome, second.outcome) == ("completed", "completed")
    assert card.read_text() == CARD
    told = [line for line in done.stderr.splitlines() if "footprint: " in line]
    assert sum("the card was not filled: the trial of a search fills no card" in line for line in told) == 1
    assert sum("not recorded" in line for line in told) == 1


def test_a_training_that_goes_on_from_a_checkpoint_is_one_account(program: Program, card: Path) -> None:
    done = program("""
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        class Bad(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if state.global_step == 4:
                    raise ValueError
        settings = {"save_strategy": "steps", "save_steps": 2}
        # The first was not tracked: its checkpoint knows nothing of us.
        try:
            trainer("out", [Bad()], **settings).train()
        except ValueError:
            pass
        class Worse(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if state.global_step == 5:
                    raise ValueError
        def callback():
            return FootprintCallback(card="README.md", zone="FRA")
        try:
            trainer("out", [callback(), Worse()], **settings).train(resume_from_checkpoint=True)
        except ValueError:
            pass
        trainer("out", [callback()], **settings).train(resume_from_checkpoint=True)
        settings |= {"restore_callback_states_from_checkpoint": True, "num_train_epochs": 2}
        trainer("out", [FootprintCallback()], **settings).train(resume_from_checkpoint=True)
    """)
    assert done.returncode == 0, done.stderr
    first, second, third = reversed(settled_runs())
    assert [run.outcome for run in (first, second, third)] == ["failed", "completed", "completed"]
    assert [run.work["steps"] for run in (first, second, third)] == [3, 1, 5]
    assert first.account == second.account == third.account == first.id
    assert first.warnings == second.warnings == third.warnings == ()
    # The callback's settings, too, are those of the checkpoint where it is said to restore them.
    assert third.place == second.place
    assert f"runs={first.id},{second.id},{third.id}" in card.read_text()
    for state in card.parent.glob("out/checkpoint-*/trainer_state.json"):  # it is published: no path of this machine is in it
        assert str(card.parent) not in state.read_text()
