"""What the pages on trainings show, pasted, with the newest and the oldest version of what they are about.

That of transformers: `test_trainer_cards.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from footprint.model import Run
from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age

pytestmark = pytest.mark.world


def the_run() -> Run:
    """That of the page, before all others."""
    run = settled_runs()[-1]
    assert (run.outcome, run.warnings) == ("completed", ())
    assert run.place is not None
    assert run.place.zone == "FRA"
    return run


def stated(card: Path, run: Run) -> str:
    """A card that states this run, and its emissions once."""
    text = card.read_text(encoding="utf-8")
    assert f"runs={run.id} " in text
    assert text.count("footprint:begin") == text.count("Carbon Emitted") == text.count("co2_eq_emissions:") == 1
    return text


@pytest.mark.parametrize("age", AGES)
def test_sentence_transformers(paste: Paste, tmp_path: Path, age: Age) -> None:
    done = paste(
        "sentence-transformers.md",
        "sentence-transformers",
        age,
        after="""
import copy, pickle
from pathlib import Path
more = FootprintCallback("several", card=False)  # of several data sets each has a last batch, which may be short
several = datasets.DatasetDict(a=pairs.select(range(12)), b=pairs.select(range(12)))
args = st.SentenceTransformerTrainingArguments("more", report_to="none", num_train_epochs=1)
st.SentenceTransformerTrainer(copy.deepcopy(model), args, several, loss=loss, callbacks=[more]).train()
assert more.run.facts.work == {"steps": 4.0}, more.run.facts.work
model.save_pretrained("model")  # a second time
copied = copy.deepcopy(model)
assert copied._create_model_card.__self__ is copied
copied.save_pretrained("copied")
assert "footprint:" not in Path("copied/README.md").read_text()
assert "footprint:" not in next(Path("out").glob("checkpoint-*/README.md")).read_text()
""",
    )
    assert done.returncode == 0, done.stderr
    run = the_run()
    assert run.work == {"samples": 240.0, "steps": 30.0}
    assert "sentence-transformers" in stated(tmp_path / "model" / "README.md", run)


@pytest.mark.parametrize("age", AGES)
def test_accelerate(paste: Paste, age: Age) -> None:
    done = paste("accelerate.md", "accelerate", age)
    assert done.returncode == 0, done.stderr
    run = the_run()
    assert (run.name, run.kind, run.work) == ("tiny", "fine-tuning", {"steps": 80.0})


def test_pytorch(paste: Paste) -> None:
    done = paste("pytorch.md", "torch", "newest", after="print(run.footprint.energy_kwh.central > 0)")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    run = the_run()
    assert (run.kind, run.work) == ("pre-training", {"samples": 6400.0, "steps": 200.0})
    assert run.progress[-1][1:] == (200.0, 200.0)
