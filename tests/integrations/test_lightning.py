"""Fits by Lightning's Trainer, of both its packages: real modules, real steps, real exceptions, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.model import Run
from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age, packages
from tests.world.programs import CARD, Program

pytestmark = pytest.mark.world

SETTING = """
import torch
torch.set_num_threads(1)
class Module(pl.LightningModule):
    at, error = -1, None
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, number):
        if number == self.at:
            raise self.error
        return self.layer(batch).pow(2).mean()
    def validation_step(self, batch, number):
        pass
    test_step = predict_step = validation_step
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)
rows = torch.utils.data.DataLoader(torch.rand(41, 4), batch_size=8)
def trainer(*callbacks, **more):
    given = {"max_epochs": 2, "accelerator": "cpu", "devices": 1, "enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(callbacks=list(callbacks), **(given | more))
"""


def program_of(package: str, code: str) -> str:
    return f"from footprint.integrations.lightning import FootprintCallback\nimport {package} as pl\n{SETTING}\n{code}"


def oldest_first() -> list[Run]:
    return list(reversed(settled_runs()))


BAD = """
import os, signal, sys
assert "pytorch_lightning" not in sys.modules
class Ended(BaseException):
    pass
def bad(error):
    module = Module()
    module.at, module.error = 2, error
    try:
        trainer(FootprintCallback(card="README.md"), logger=False).fit(module, rows)
    except (ValueError, Ended, SystemExit):
        pass
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
for error in (ValueError("handled"), KeyboardInterrupt(), SystemExit(3), Ended()):
    bad(error)
twice = FootprintCallback()
trainer(twice, twice, FootprintCallback(card="README.md"), logger=False, accumulate_grad_batches=2).fit(Module(), rows, rows)
class Stopped(pl.Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, number):
        os.kill(os.getpid(), signal.SIGTERM)
trainer(FootprintCallback(), Stopped(), logger=False).fit(Module(), rows)
"""


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page_and_fits_that_do_not_end_well(age: Age, paste: Paste, card: Path) -> None:
    done = paste("lightning.md", "lightning", age, after=SETTING + BAD)
    page, *ended, twice, stopped = oldest_first()
    assert (page.name, page.kind, page.outcome, page.warnings) == ("BoringModel", "fine-tuning", "completed", ())
    assert page.work == {"samples": 128.0, "steps": 128.0}
    assert {"torch", "lightning"} <= page.versions.keys()
    assert "central=" in done.stdout
    assert [run.outcome for run in ended] == ["failed", "interrupted", "failed", "failed"]
    assert all(run.work == {"samples": 16.0, "steps": 2.0} for run in ended)
    assert (twice.work, twice.outcome) == ({"samples": 82.0, "steps": 6.0}, "completed")
    assert len(twice.marks) == 7
    assert twice.warnings == ("there are several FootprintCallbacks in this trainer: only the first of them records",)
    assert done.stderr.count("several FootprintCallbacks") == 1
    assert (stopped.outcome, stopped.work) == ("interrupted", {"samples": 8.0, "steps": 1.0}), done.stderr
    assert card.read_text() == CARD


@pytest.mark.parametrize(("package", "age"), [("lightning.pytorch", "newest"), ("pytorch_lightning", "oldest")])
def test_a_fit_from_its_start_to_its_card(
    package: str, age: Age, program: Program, card: Path, versions: Callable[[str, Age], None]
) -> None:
    library = "lightning" if package == "lightning.pytorch" else "pytorch-lightning"
    versions(library, age)
    code = """
import copy, importlib, pickle, sys
CSVLogger = importlib.import_module(pl.__name__ + ".loggers").CSVLogger
assert not {"lightning", "pytorch_lightning"} - {pl.__name__.split(".")[0]} & sys.modules.keys(), "the other one is loaded"
fit = FootprintCallback(card="README.md", region="aws:eu-west-1", labels={"team": "nlp"}, evaluations=True)
for copied in (copy.deepcopy(fit), pickle.loads(pickle.dumps(fit))):
    assert copied.run is None and copied._training.settings == fit._training.settings
    assert isinstance(copied, pl.Callback) and isinstance(copied, FootprintCallback)
first = trainer(fit, logger=CSVLogger("logs", name="", version=""))
first.fit(Module(), rows, rows)
first.test(Module(), rows)
first.predict(Module(), rows)
class Sharing:  # ranks of tensor parallelism work on one batch
    global_step, train_dataloader, estimated_stepping_batches, world_size = 0, rows, 12, 2
    distributed_sampler_kwargs = {"num_replicas": 1, "rank": 0}
shared = FootprintCallback()
shared.on_train_start(Sharing(), Module())
assert shared._batch is None
Sharing.distributed_sampler_kwargs = {"num_replicas": 2, "rank": 0}
shared.on_train_start(Sharing(), Module())
assert shared._batch.size == 8
again = trainer(FootprintCallback(card="README.md"), logger=False, max_epochs=3)
again.fit(Module(), rows, ckpt_path=first.checkpoint_callback.best_model_path)
"""
    done = program(program_of(package, code), packages=packages(library, age))
    assert done.returncode == 0, done.stderr
    run, test, predict, resumed = oldest_first()
    assert (run.name, run.outcome, run.warnings, run.labels) == ("Module", "completed", (), {"team": "nlp"})
    assert run.work == {"samples": 82.0, "steps": 12.0}
    assert [mark.name for mark in run.marks] == [
        "sanity check",
        *(["epoch 1", "validation", "checkpoint"]),
        *(["epoch 2", "validation", "checkpoint"]),
    ]
    assert all((mark.end_s is None) == mark.name.startswith("epoch") for mark in run.marks)
    assert run.progress[-1][1:] == (12.0, 12.0)
    header, values = (card.parent / "logs" / "metrics.csv").read_text().splitlines()
    told = dict(zip(header.split(","), values.split(","), strict=True))
    assert float(told["footprint_energy_kwh"]) > 0
    assert float(told["footprint_emissions_g"]) > 0
    assert [(other.kind, other.outcome, other.work) for other in (test, predict)] == [
        ("evaluation", "completed", {"samples": 41.0}),
        ("inference", "completed", {"samples": 41.0}),
    ]
    assert (resumed.work, resumed.account) == ({"samples": 41.0, "steps": 6.0}, run.account)
    assert f"runs={run.id},{resumed.id} " in card.read_text()


def test_the_ranks_that_it_starts_are_one_account(program: Program, card: Path) -> None:
    code = """
if __name__ == "__main__":
    both = trainer(FootprintCallback(card="README.md", zone="FRA"), devices=2, strategy="ddp", logger=False)
    both.fit(Module(), rows)
"""
    done = program(program_of("lightning.pytorch", code))
    assert done.returncode == 0, done.stderr
    runs = sorted(settled_runs(), key=lambda run: run.labels["rank"])
    assert [(run.labels["rank"], run.labels["world_size"], run.outcome, run.warnings) for run in runs] == [
        ("0", "2", "completed", ()),
        ("1", "2", "completed", ()),
    ]
    assert runs[0].account == runs[1].account
    # Of 41 rows each rank takes 21, so that they have as many: three batches, the last one of five.
    assert [run.work for run in runs] == [{"samples": 42.0, "steps": 6.0}, {"samples": 42.0}]
    assert all(run.id in card.read_text() for run in runs)
