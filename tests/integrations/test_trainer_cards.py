"""The method that writes a card, and what follows it: the laws, whoever writes; then real trainers, and a real upload."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

from footprint.integrations import trainer_cards
from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.hub import serve
from tests.integrations.libraries import AGES, Age
from tests.world.programs import CARD, Program


class Writes:
    """Writes a card as a trainer does."""

    def __init__(self, folder: Path) -> None:
        self.args = SimpleNamespace(output_dir=str(folder))
        self.says = "first"

    def create_model_card(self, words: str = "") -> str:
        """Write."""
        if self.says:
            Path(self.args.output_dir, "README.md").write_text(self.says + words)
        return self.says


def followed(folder: Path) -> tuple[Writes, list[Path]]:
    owner, told = Writes(folder), list[Path]()
    trainer_cards.follow(owner, told.append)
    return owner, told


def test_a_card_that_was_written_is_told_and_nothing_else_changes(tmp_path: Path) -> None:
    owner, told = followed(tmp_path)
    plain = Writes(tmp_path)
    assert inspect.signature(owner.create_model_card) == inspect.signature(plain.create_model_card)
    assert owner.create_model_card.__doc__ == "Write."
    assert (owner.create_model_card(words=" of all"), told) == ("first", [tmp_path / "README.md"])
    owner.says = ""  # it writes nothing: what lies there is not its card
    assert (owner.create_model_card(), len(told)) == ("", 1)
    with pytest.raises(TypeError, match="unexpected keyword"):
        owner.create_model_card(word="")  # type: ignore[call-arg]  # as a program may
    plain.create_model_card()
    assert len(told) == 1


def test_who_follows_last_is_told_alone(tmp_path: Path) -> None:
    owner, told = followed(tmp_path)
    later: list[Path] = []
    trainer_cards.follow(owner, later.append)
    owner.create_model_card()
    assert (len(told), len(later)) == (0, 1)


def test_a_method_that_somebody_else_put_there_is_called(tmp_path: Path) -> None:
    owner = Writes(tmp_path)
    inner, told = owner.create_model_card, list[Path]()
    owner.create_model_card = lambda words="": inner(words + "!")  # type: ignore[method-assign]
    trainer_cards.follow(owner, told.append)
    owner.create_model_card("?")
    assert (tmp_path / "README.md").read_text() == "first?!"
    assert len(told) == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda owner: pickle.loads(pickle.dumps(owner))], ids=["deepcopy", "pickle"])
def test_a_copy_has_the_plain_method(tmp_path: Path, copied: object) -> None:
    owner, told = followed(tmp_path)
    other = copied(owner)  # type: ignore[operator]
    other.says = "other"
    assert other.create_model_card() == "other"
    assert told == []
    assert inspect.ismethod(vars(other)["create_model_card"])
    assert b"footprint.integrations" not in pickle.dumps(owner)  # it is read where we are not installed


def test_what_is_followed_is_let_go_at_once(tmp_path: Path) -> None:
    """The memory of a model must not wait for the collector of cycles."""
    owner, _ = followed(tmp_path)
    alive = weakref.ref(owner)
    gc.disable()
    try:
        del owner
        assert alive() is None
    finally:
        gc.enable()


def test_what_writes_no_card_is_left_alone() -> None:
    for other in (None, SimpleNamespace(model=None), object()):
        trainer_cards.follow(other, lambda _: None)


PUSHED = """
from pathlib import Path
from transformers import TrainerCallback
from tests.integrations.tiny import trainer
class Bad(TrainerCallback):
    bad = True
    def on_step_end(self, args, state, control, **more):
        if self.bad and state.global_step == 3:
            raise ValueError
bad, callback, written = Bad(), FootprintCallback(zone="FRA", card="README.md"), Path("tiny/README.md")
pushed = trainer("tiny", [callback, bad], rows=41, save_strategy="steps", save_steps=2, eval_strategy="epoch", push_to_hub=True,
                 hub_model_id="someone/tiny", hub_always_push=True)
def is_plain():
    pushed.create_model_card()
    return "footprint:" not in written.read_text()
assert is_plain()  # nothing was trained
try:
    pushed.train()
except ValueError:
    assert is_plain()
bad.bad = False
pushed.train(resume_from_checkpoint=True)
assert pushed.state.log_history[-1]["footprint_energy_kwh"] > 0
assert "footprint:" not in written.read_text()
pushed.push_to_hub(dataset="pairs", finetuned_from=None, tags="tiny")
first = written.read_bytes()
Path("pushed.md").write_bytes(first)
pushed.create_model_card(dataset="pairs", finetuned_from=None, tags="tiny", model_name="tiny")
assert written.read_bytes() == first
assert callback.run.facts.warnings == (), callback.run.facts.warnings
pushed.remove_callback(callback)
assert is_plain()
"""


@pytest.mark.world
@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page_and_the_card_that_is_pushed_to_the_hub(paste: Paste, card: Path, age: Age) -> None:
    resumes = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}  # the oldest transformers does only so with a torch of today
    with serve() as hub:
        done = paste("transformers.md", "transformers", age, after=PUSHED, **resumes, **hub.environment)
    assert done.returncode == 0, done.stderr
    (told,) = (line for line in done.stderr.splitlines() if line.startswith("footprint: "))
    assert told.startswith(
        "footprint: the card was not filled: the training failed; to fill it all the same: footprint card fill --run "
    )
    assert told.endswith("/README.md"), "the card that is meant, and not another README.md in the same folder"
    page, failed, completed = reversed(settled_runs())
    assert (page.outcome, page.work, page.warnings) == ("completed", {"samples": 240.0, "steps": 30.0}, ())
    filled = (card.parent / "out" / "README.md").read_text()
    assert filled in done.stdout
    assert f"runs={page.id} " in filled
    assert filled.count("footprint:begin") == filled.count("Carbon Emitted") == filled.count("co2_eq_emissions:") == 1
    assert (failed.outcome, completed.outcome) == ("failed", "completed")
    assert (failed.work, completed.work) == ({"samples": 24.0, "steps": 3.0}, {"samples": 25.0, "steps": 4.0})
    assert {mark.name for mark in completed.marks} == {"epoch 1", "evaluation", "checkpoint"}
    summary, files = hub.commits[-1]
    assert summary == "End of training"
    assert {"README.md", "config.json", "model.safetensors"} <= files.keys()
    assert files["README.md"] == (card.parent / "pushed.md").read_bytes()
    assert not any(name.startswith("_") for _, one in hub.commits for name in one)
    uploaded = files["README.md"].decode()
    assert f"runs={failed.id},{completed.id} " in uploaded
    assert uploaded.count("co2_eq_emissions:") == uploaded.count("Carbon Emitted") == uploaded.count("footprint:begin") == 1
    assert "the pairs dataset" in uploaded
    assert f"runs={failed.id},{completed.id} " in card.read_text()
    assert hub.unknown == []


@pytest.mark.world
def test_of_two_callbacks_one_records_and_cards_can_be_left_alone(program: Program, card: Path) -> None:
    done = program("""
        from pathlib import Path
        from transformers import TrainerCallback
        from footprint.integrations.transformers import FootprintCallback
        from tests.integrations.tiny import trainer
        one = FootprintCallback("one", card=False)
        double = trainer("out", [one, one, FootprintCallback, FootprintCallback("two", card="README.md")])
        double.train()
        double.create_model_card()
        assert "footprint:" not in Path("out/README.md").read_text()
        (told,) = one.run.facts.warnings
        assert told.startswith("the trainer has 4 callbacks of footprint; the first one records"), told
        double.train()
        assert one.run.facts.warnings == ()
        class Saving(TrainerCallback):  # as trainers do that write their card with each checkpoint
            def on_save(self, args, state, control, **more):
                early.create_model_card()
        early = trainer("early", [FootprintCallback("early"), Saving()], save_strategy="epoch")
        early.train()
        assert "footprint:" in Path("early/README.md").read_text()
        assert sorted(path.name for path in Path("early").iterdir()) == ["README.md", "checkpoint-5"]
    """)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("footprint: ") == 1
    runs = list(reversed(settled_runs()))
    assert [(run.name, run.work) for run in runs[:2]] == [("one", {"samples": 40.0, "steps": 5.0})] * 2
    assert len(runs) == 3
    assert card.read_text() == CARD
