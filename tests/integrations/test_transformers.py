"""Trainings by transformers' Trainer: a real model, real steps, real exceptions, on the CPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.model import Run
from tests.faults.conftest import settled_runs
from tests.integrations.libraries import Age, packages
from tests.world.programs import CARD, Program

pytestmark = pytest.mark.world


def the_run() -> Run:
    (run,) = settled_runs()
    return run


def test_a_training_is_measured_and_fills_its_card(program: Program, card: Path) -> None:
    done = program("""
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        callback = FootprintCallback(card="README.md", region="aws:eu-west-1", labels={"team": "nlp"})
        trained = trainer(
            "out", [callback], rows=41, num_train_epochs=2, gradient_accumulation_steps=2, eval_strategy="epoch",
            save_strategy="epoch", include_num_input_tokens_seen=True,
        )
        trained.train()
        assert callback.run.facts.warnings == (), callback.run.facts.warnings
        trained.save_state()
        trained.create_model_card()
    """)
    assert done.returncode == 0, done.stderr
    run = the_run()
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


def test_a_training_that_raises_is_kept_as_failed(program: Program, card: Path) -> None:
    done = program("""
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        class Bad(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if state.global_step == 3:
                    raise ZeroDivisionError("in the middle")
        trainer("out", [FootprintCallback(card="README.md"), Bad()]).train()
    """)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: in the middle\n")
    run = the_run()
    assert (run.outcome, run.work, run.warnings) == ("failed", {"samples": 24.0, "steps": 3.0}, ())
    assert run.cpu is not None
    assert run.cpu.tree_s > 0
    assert card.read_text() == CARD


def test_a_program_that_lives_on_after_an_exception_is_measured_no_longer(program: Program) -> None:
    """A notebook: nobody says that the training has ended, and what comes then is another run."""
    done = program("""
        import sys, time
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
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
    """)
    assert done.returncode == 0, done.stderr
    runs = list(reversed(settled_runs()))
    assert [run.outcome for run in runs] == ["failed", "interrupted", "failed", "completed"]
    assert [run.work["steps"] for run in runs] == [2, 2, 2, 5]
    assert len({run.account for run in runs}) == 4
    assert all(run.parent is None for run in runs)


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


def test_a_batch_that_is_found_too_large_is_part_of_the_training(program: Program, tmp_path: Path) -> None:
    done = program("""
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        class Full(TrainerCallback):
            def on_step_end(self, args, state, control, **more):
                if state.train_batch_size == 8 and state.global_step == 2:
                    raise RuntimeError("CUDA out of memory. Tried to allocate")
        trainer("out", [FootprintCallback(), Full()], auto_find_batch_size=True, save_strategy="epoch").train()
    """)
    assert done.returncode == 0, done.stderr
    run = the_run()
    (state,) = tmp_path.glob("out/checkpoint-*/trainer_state.json")
    stored = json.loads(state.read_text())["stateful_callbacks"]["FootprintCallback"]
    assert stored["attributes"]["continues"] == {"account": run.account, "runs": [run.id]}
    assert run.outcome == "completed"
    assert run.work["samples"] == 16 + 40
    assert "the training begins anew" in [mark.name for mark in run.marks]


def test_what_is_no_training_is_not_recorded(program: Program, card: Path) -> None:
    done = program("""
        import copy, pickle
        import pytest
        from footprint.errors import ConfigError
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import Tokens, trainer
        callback = FootprintCallback(card="README.md")
        idle = trainer("out", [callback])
        idle.evaluate()
        idle.predict(Tokens(4))
        assert callback.run is None
        for bad in ({"region": "aws:nowhere"}, {"card": "there-is-none.md"}, {"kind": "tuning"}, {"pue": 0.5}):
            with pytest.raises(ConfigError):
                FootprintCallback(**bad)
        # A copy is as it was made, whatever goes on in what it was copied from.
        callback.on_train_begin(idle.args, idle.state, idle.control, model=idle.model)
        for other in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
            assert other.run is None and other.__getstate__() == callback.__getstate__()
        callback.on_train_end(idle.args, idle.state, idle.control)
        assert callback.run.facts.outcome == "completed"
    """)
    assert done.returncode == 0, done.stderr
    assert len(settled_runs()) == 1


def test_the_trials_of_a_search_are_an_account_and_fill_no_card(program: Program, card: Path) -> None:
    done = program("""
        import optuna
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import model, trainer
        callback = FootprintCallback(card="README.md")
        search = trainer("out", [callback], eval_strategy="epoch")
        search.model_init = model
        search.hyperparameter_search(backend="optuna", n_trials=2, hp_space=lambda trial: {
            "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-4)})
        search.model = model()  # a search leaves none, and no card can be written without
        search.create_model_card()
        assert "footprint:" not in open("out/README.md").read()
    """)
    assert done.returncode == 0, done.stderr
    assert "the card was not filled: the trial of a search fills no card" in done.stderr
    first, second = reversed(settled_runs())
    assert first.account == second.account == first.id
    assert (first.labels["trial"], second.labels["trial"]) == ("1", "2")
    assert (first.outcome, second.outcome) == ("completed", "completed")
    assert card.read_text() == CARD


def test_a_ledger_that_cannot_be_written_costs_the_training_nothing(program: Program, card: Path) -> None:
    done = program(
        """
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        callback = FootprintCallback(card="README.md", record="run.json")
        print(trainer("out", [callback]).train().global_step)
        assert any("not recorded" in warning for warning in callback.run.facts.warnings), callback.run.facts.warnings
        """,
        FOOTPRINT_HOME="/proc/nowhere",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "5"
    assert done.stderr.count("footprint:") == 1
    assert card.read_text() == CARD


def test_the_oldest_version_is_served_as_well(program: Program, card: Path, versions: Callable[[str, Age], None]) -> None:
    versions("transformers", "oldest")
    done = program(
        """
        import transformers
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        class Bad(TrainerCallback):
            bad = False
            def on_step_end(self, args, state, control, **more):
                if self.bad:
                    raise ValueError
        print(transformers.__version__)
        callback, bad = FootprintCallback("old", card="README.md", zone="FRA"), Bad()
        training = trainer("out", [callback, bad], rows=41, eval_strategy="epoch", save_strategy="epoch")
        training.train()
        assert callback.run.facts.warnings == (), callback.run.facts.warnings
        assert training.state.log_history[-1]["footprint_energy_kwh"] > 0
        bad.bad = True
        training.train()
        """,
        packages=packages("transformers", "oldest"),
    )
    assert done.stdout.startswith("4.46.3"), done.stderr
    assert done.stderr.endswith("ValueError\n")
    completed, failed = reversed(settled_runs())
    assert (completed.outcome, failed.outcome) == ("completed", "failed")
    assert (completed.work, failed.work) == ({"samples": 41.0, "steps": 6.0}, {"samples": 8.0, "steps": 1.0})
    assert {"epoch 1", "evaluation", "checkpoint"} == {mark.name for mark in completed.marks}
    assert f"runs={completed.id} " in card.read_text()
