"""Fits by Keras 3 on torch: real models, real steps, real exceptions, on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age
from tests.world.programs import CARD

pytestmark = pytest.mark.world

MORE = """
import copy, pickle, sys, time, torch
import numpy as np
from footprint.errors import ConfigError
torch.set_num_threads(1)
x, y = np.ones((41, 4), "float32"), np.ones((41, 1), "float32")
def made():
    net = keras.Sequential([keras.layers.Dense(1, name="only")], name="net")
    net.compile("sgd", "mse")
    return net
def fit(data, *callbacks, **more):
    return made().fit(*data, callbacks=list(callbacks), verbose=0, **more)
full = FootprintCallback(card="README.md", zone="FRA", evaluations=True)
for copied in (copy.deepcopy(full), pickle.loads(pickle.dumps(full))):
    assert copied.run is None and copied._training.settings == full._training.settings
class Old:
    __module__ = "tf_keras.src.engine.training"
try:
    full.set_model(Old())
except ConfigError as error:
    assert "this model is one of Keras 2 (tf_keras)" in str(error)
else:
    raise AssertionError("a model of Keras 2")
fit((x, y), full, epochs=2, batch_size=8, validation_data=(x, y))
net = made()
net.evaluate(x, y, batch_size=8, callbacks=[full], verbose=0)
net.predict(x, batch_size=8, callbacks=[full], verbose=0)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=8)
plain = FootprintCallback()
fit((loader,), plain, plain, FootprintCallback())
def endless():
    while True:
        yield x[:5], y[:5]
fit((endless(),), plain, epochs=2, steps_per_epoch=3)
def three():
    for _ in range(3):
        yield x[:5], y[:5]
fit((three(),), plain, steps_per_epoch=10)
class Bad(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise self.error
bad = Bad()
def ends(run):
    deadline = time.monotonic() + 60
    while not run.is_over:
        assert time.monotonic() < deadline, "the run goes on"
        time.sleep(0.02)
for bad.error in (ValueError("handled"), KeyboardInterrupt()):
    try:
        fit((x, y), plain, bad, batch_size=8)
    except (ValueError, KeyboardInterrupt):
        ends(plain.run)
bad.error = ValueError("in the middle")
fit((x, y), plain, bad, batch_size=8)
"""


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page_and_whatever_else_a_model_does(age: Age, paste: Paste, card: Path) -> None:
    done = paste("keras.md", "keras", age, after=MORE)
    assert done.stderr.rstrip().endswith("ValueError: in the middle"), done.stderr
    page, run, evaluated, predicted, twice, endless, short, *ended = reversed(settled_runs())
    assert page.work == {"samples": 500.0, "steps": 16.0}
    assert {"torch", "keras"} <= page.versions.keys()
    assert "central=" in done.stdout

    assert (run.name, run.kind, run.outcome, run.warnings) == ("net", "fine-tuning", "completed", ())
    assert run.work == {"samples": 82.0, "steps": 12.0}
    assert [mark.name for mark in run.marks] == ["epoch 1", "validation", "epoch 2", "validation"]
    assert run.progress[-1][1:] == (12.0, 12.0)
    assert f"runs={run.id} " in card.read_text()
    assert card.read_text() != CARD

    assert [(other.kind, other.outcome, other.work) for other in (evaluated, predicted)] == [
        ("evaluation", "completed", {"samples": 41.0}),
        ("inference", "completed", {"samples": 41.0}),
    ]
    assert twice.work == {"samples": 41.0, "steps": 6.0}
    assert [warning.split(":")[0] for warning in twice.warnings] == ["there are several FootprintCallbacks in one call of Keras"]
    assert done.stderr.count("several FootprintCallbacks") == 1
    assert (endless.work, endless.outcome) == ({"steps": 6.0}, "completed")
    assert short.work == {"steps": 3.0 if age == "newest" else 2.0}  # the oldest takes no more where data end early
    assert [other.outcome for other in ended] == ["failed", "interrupted", "failed"]
    assert all(other.work == {"samples": 24.0, "steps": 3.0} for other in ended)
