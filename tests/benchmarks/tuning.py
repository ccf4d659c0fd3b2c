"""A fine-tuning with a callback and one without, in one process, step by step: run by the environment that has the frameworks.

`python -m tests.benchmarks.tuning pairs FRAMEWORK CALLBACK SECONDS` measures pairs of steps as `slowdown` does: each of the two
trainings goes on in a thread of its own, and waits before each step until it is told to take it. So a step is all that the
framework does between two of its beginnings, callbacks included. The recorder, if there is one, is held while the training
without a callback takes its step. `… ends FRAMEWORK CALLBACK` measures what the callback takes before the first step and after
the last one.

Not yet to be trusted below some per cent: the two trainings are two threads, each with threads of PyTorch's of its own, and one
of them was found 7 % slower whatever its callback did (65 us of a step of 126 ms). Measured with one trainer on one thread, whose
callback and recorder take turns, the same step took 0.9957 (0.9896-1.0018) of what it takes without.

The model is of MiniLM-L6's architecture, with random weights, for two classes; a batch is of two sequences of 32 tokens. With
Keras it is a perceptron.
"""

from __future__ import annotations

import functools
import importlib
import os
import queue
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.benchmarks.cpu_cost import recorder_pid
from tests.benchmarks.slowdown import WIDE_RATIO, hold, mean_interval, median_interval, pairs

STEPS: Final = 1_000_000
STEPS_BETWEEN_ENDS: Final = 5
WARM_UP_STEPS: Final = 10
TOKENS: Final = 32
BATCH: Final = 2
_BEGINS: Final = ("on_init_end", "setup", "on_fit_start", "on_train_start", "on_train_begin")
_ENDS: Final = ("on_train_end", "on_fit_end", "teardown")

Training = Callable[[list[Any], Callable[[], None], int], None]


class _Over(Exception):  # noqa: N818 - it ends a training, and is no error
    """The training has taken all steps that it was to take."""


class Turns:
    """A training on a thread of its own, that takes one step at a time."""

    def __init__(self, train: Callable[[Callable[[], None]], None]) -> None:
        self._go, self._took_s = threading.Semaphore(0), queue.SimpleQueue[float]()
        self._start_s, self._is_over = 0.0, False
        self._thread = threading.Thread(target=self._run, args=(train,), daemon=True)
        self._thread.start()
        self._took_s.get()  # it has come to its first step

    def step(self) -> float:
        """Take a step; how long it took, s."""
        self._go.release()
        return self._took_s.get()

    def close(self) -> None:
        """End the training."""
        self._is_over = True
        self._go.release()
        self._thread.join()

    def _wait(self) -> None:
        self._took_s.put(time.perf_counter() - self._start_s)
        self._go.acquire()
        if self._is_over:
            raise _Over
        self._start_s = time.perf_counter()

    def _run(self, train: Callable[[Callable[[], None]], None]) -> None:
        try:
            train(self._wait)
        except _Over:
            pass
        except BaseException:
            self._took_s.put(float("nan"))  # whoever waits is to see that it has failed
            raise


def _bert() -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    layers = {"num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
    return BertForSequenceClassification(BertConfig(**layers))


def by_transformers(callbacks: list[Any], at_step: Callable[[], None], steps: int) -> None:
    """Train with transformers' Trainer."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Turn(TrainerCallback):  # type: ignore[misc]  # nobody knows its type here
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            at_step()

    rows = [{"input_ids": [(7 * row + at) % 30000 for at in range(TOKENS)], "labels": row % 2} for row in range(512)]
    with tempfile.TemporaryDirectory() as folder:
        args = TrainingArguments(
            folder,
            max_steps=steps,
            per_device_train_batch_size=BATCH,
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            save_strategy="no",
            logging_strategy="no",
        )
        Trainer(_bert(), args, train_dataset=rows, callbacks=[Turn(), *callbacks]).train()


def by_lightning(callbacks: list[Any], at_step: Callable[[], None], steps: int) -> None:
    """Train the same model with Lightning."""
    import torch
    from lightning.pytorch import Callback, LightningModule, Trainer

    class Turn(Callback):  # type: ignore[misc]  # as above
        def on_train_batch_start(self, *_: Any, **__: Any) -> None:
            at_step()

    class Classifier(LightningModule):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.model = _bert()

        def training_step(self, batch: Any) -> Any:
            tokens, labels = batch
            return self.model(input_ids=tokens, labels=labels).loss

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters())

    tokens = torch.randint(0, 30000, (512, TOKENS))
    data = torch.utils.data.TensorDataset(tokens, tokens[:, 0] % 2)
    shown = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False, "logger": False}
    trainer = Trainer(accelerator="cpu", max_steps=steps, max_epochs=-1, callbacks=[Turn(), *callbacks], **shown)
    trainer.fit(Classifier(), torch.utils.data.DataLoader(data, batch_size=BATCH))


def by_keras(callbacks: list[Any], at_step: Callable[[], None], steps: int) -> None:
    """Train a network of about as much work with Keras on PyTorch."""
    import keras
    import numpy as np

    class Turn(keras.callbacks.Callback):  # type: ignore[misc]  # it has no types
        def on_train_batch_begin(self, *_: Any, **__: Any) -> None:
            at_step()

    layers = [keras.layers.Dense(2048, activation="relu") for _ in range(4)]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    drawn = np.random.default_rng(0)
    data, labels = drawn.normal(size=(512, 1024)).astype("float32"), drawn.integers(0, 2, 512)
    epochs = -(-steps * BATCH // len(data))
    model.fit(data, labels, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Turn(), *callbacks])


def callback_of(framework: str, who: str) -> Any:
    """The callback of a tool for a framework."""
    if who == "codecarbon":
        from transformers.integrations import CodeCarbonCallback

        return CodeCarbonCallback()
    return importlib.import_module(f"footprint.integrations.{framework}").FootprintCallback(zone="FRA")


TRAININGS: Final[dict[str, Training]] = {"transformers": by_transformers, "lightning": by_lightning, "keras": by_keras}
_LOADED: Final = {"transformers": "transformers.trainer", "lightning": "lightning.pytorch", "keras": "keras"}


def take_turns(framework: str, who: str, limit_s: float) -> dict[str, Any]:
    """Pairs of steps with a callback and without one."""
    callback = callback_of(framework, who)
    ours, plain = (
        Turns(lambda at_step, given=given: TRAININGS[framework](given, at_step, STEPS))  # type: ignore[misc]  # bound as it is made
        for given in ([callback], [])
    )
    recorder = recorder_pid(Path(os.environ["FOOTPRINT_HOME"]), callback.run.id) if who == "footprint" else None
    for _ in range(WARM_UP_STEPS):
        ours.step(), plain.step()

    def timed(recorded: bool) -> float:
        if recorder is not None:
            hold(recorder, held=not recorded)
        return (ours if recorded else plain).step()

    try:
        begin_s = time.monotonic()
        logs, plain_s = pairs(timed, random.Random(1), begin_s + limit_s, WIDE_RATIO)
        took_s = time.monotonic() - begin_s
    finally:
        if recorder is not None:
            hold(recorder, held=False)
    for one in (ours, plain):
        one.close()
    return {
        "pairs": len(logs),
        "step_s": statistics.median(plain_s),
        "took_s": took_s,
        "median": median_interval(logs),
        "mean": mean_interval(logs),
    }


def time_ends(framework: str, who: str) -> dict[str, float]:
    """What a callback takes before the first step and after the last one, s; the first of the process."""
    importlib.import_module(_LOADED[framework])  # a program that trains has it loaded
    begin_s = time.perf_counter()
    callback = callback_of(framework, who)
    took_s = {"begin_s": time.perf_counter() - begin_s, "end_s": 0.0}
    for names, what in ((_BEGINS, "begin_s"), (_ENDS, "end_s")):
        for name in names:
            if hasattr(callback, name):
                setattr(callback, name, functools.partial(_clocked, getattr(callback, name), took_s, what))
    TRAININGS[framework]([callback], lambda: None, STEPS_BETWEEN_ENDS)
    return took_s


def _clocked(event: Callable[..., Any], took_s: dict[str, float], what: str, *given: Any, **more: Any) -> Any:
    begin_s = time.perf_counter()
    try:
        return event(*given, **more)
    finally:
        took_s[what] += time.perf_counter() - begin_s


def main() -> None:
    """Measure, and print one line of JSON."""
    import torch

    torch.set_num_threads(1)  # more threads would wait for each other, and for the neighbours of this machine
    mode, framework, who, *rest = sys.argv[1:]
    found = time_ends(framework, who) if mode == "ends" else take_turns(framework, who, float(rest[0]))
    print(msgspec.json.encode(found).decode(), flush=True)


if __name__ == "__main__":
    main()
