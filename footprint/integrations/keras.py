"""Keras 3, tracked: `model.fit(..., callbacks=[FootprintCallback(card="README.md", region="aws:eu-west-1")])`.

A call of `fit` is a run: with its validations as phases, its epochs as marks, its steps and, where the data tell them, samples as
work, and its steps of all as progress, by which its end is foreseen. When it has ended, the card is filled.

- A `fit` that an exception ends is kept, as failed or interrupted, within a second: Keras itself says nothing of it.
- `evaluate` and `predict` outside of `fit` are recorded only with `evaluations=True`, and fill no card.
- Keras of any backend is served; torch's is tested. Keras 2 is not: its callbacks are others.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Mapping
from importlib import metadata
from types import FrameType
from typing import Any, Final

import msgspec

from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.training import Settings, Training, harmless
from footprint.tracking import TrackedRun

OLDEST: Final = "3.0"

try:
    check_version("keras", metadata.version("keras"), OLDEST)  # before it is loaded: Keras 2 fails without TensorFlow
    from keras.callbacks import Callback
except metadata.PackageNotFoundError as error:
    raise MissingFrameworkError("keras", error) from error
except ImportError as error:
    if isinstance(error, ConfigError):
        raise
    raise MissingFrameworkError("keras", error) from error

_OURS: Final = ("keras.src.callbacks", "footprint.integrations.")


class FootprintCallback(Callback):
    """Measures what a Keras model does, and fills its card.

    Args:
        name: what the runs are called; by default the model's name.
        kind: `fine-tuning`, or `pre-training` where the model starts from nothing.
        region: where, as a cloud region: `aws:eu-west-1`.
        zone: where, as a grid zone: `FRA`, `US-VA`.
        pue: the site's power usage effectiveness, at least 1.
        account: what the runs belong to, together with others.
        labels: anything to find the runs by.
        card: a model card that is filled once a `fit` has completed.
        record: a file that the finished run is written to.
        interval_s: seconds between two readings.
        evaluations: whether `evaluate` and `predict` outside of `fit` are runs, too.

    Raises:
        ConfigError: if any of these cannot be used, or the model is one of Keras 2; nothing is raised later.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        kind: str = "fine-tuning",
        region: str | None = None,
        zone: str | None = None,
        pue: float | None = None,
        account: str | None = None,
        labels: Mapping[str, str] | None = None,
        card: str | os.PathLike[str] | None = None,
        record: str | os.PathLike[str] | None = None,
        interval_s: float = 1.0,
        evaluations: bool = False,
    ) -> None:
        place = {"region": region, "zone": zone, "pue": pue}
        facts = {"kind": kind, "account": account, "labels": labels, "interval_s": interval_s}
        settings = Settings.checked(name=name, **place, **facts, card=card, record=record)
        self.__setstate__({"settings": settings, "evaluations": evaluations})

    def __getstate__(self) -> dict[str, Any]:
        """A copy has the settings; the model and the run are this one's."""
        return {"settings": self._training.settings, "evaluations": self._evaluations}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Begin with these settings."""
        super().__init__()
        self.async_safe = True  # else Keras may wait for each batch on our account
        self._training = Training(state["settings"])
        self._evaluations: bool = state["evaluations"]
        self._samples: _Samples | None = None
        self._epoch = self._batch = -1
        self._is_fit = False
        self._lock = threading.Lock()
        _callbacks.add(self)

    @property
    def run(self) -> TrackedRun | None:
        """The run that goes on, or the last one. None before the first."""
        return self._training.run

    def set_model(self, model: Any) -> None:
        """Learn whose callback this is.

        Raises:
            ConfigError: if it is a model of Keras 2, whose `fit` has not begun yet.
        """
        if any(base.__module__.startswith(("tf_keras.", "tensorflow.python.keras.")) for base in type(model).__mro__):
            raise ConfigError("this model is one of Keras 2 (tf_keras), whose callbacks are others: Keras 3 is served")
        super().set_model(model)

    # -- Fit -----------------------------------------------------------------------------------------------------------

    @harmless
    def on_train_begin(self, logs: Any = None) -> None:
        """Begin a run; one that an exception left open is ended."""
        if self._begin(None):
            self._is_fit = True

    @harmless
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Mark the epoch."""
        run = self._training.live
        if run is None or epoch == self._epoch:
            return
        self._training.go_over_to(None)
        run.mark(f"epoch {epoch + 1}")
        self._epoch, self._batch = epoch, -1

    @harmless
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the steps since the last word, and say how many of all they are."""
        self._count(batch)
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        run = self._training.live
        if epochs and steps and run is not None:
            run.progress(min(self._epoch * steps + self._batch + 1, epochs * steps), epochs * steps)

    @harmless
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count what a model that executes several steps at once has not told of yet; data may end before the steps do."""
        self._training.go_over_to(None)
        if self.params.get("steps") and not getattr(self.model, "stop_training", False):
            untold = int(getattr(self.model, "steps_per_execution", None) or 1) - 1
            self._count(min(self.params["steps"] - 1, self._batch + untold))

    @harmless
    def on_train_end(self, logs: Any = None) -> None:
        """End the run, and fill the card."""
        if self._training.live is not None and self._is_fit:
            self._training.end()
            if self._training.settings.card is not None:
                self._training.sum_up()

    # -- Evaluations ---------------------------------------------------------------------------------------------------

    @harmless
    def on_test_begin(self, logs: Any = None) -> None:
        """An evaluation within a training is a phase of it; one outside of it is a run, where that is asked for."""
        if self._training.goes_on() and self._is_fit:
            self._training.go_over_to("validation")
        elif self._evaluations:
            self._begin("evaluation")

    @harmless
    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count a batch of an evaluation that is a run."""
        if not self._is_fit:
            self._count(batch)

    @harmless
    def on_test_end(self, logs: Any = None) -> None:
        """End the phase, or the run."""
        if self._is_fit:
            self._training.go_over_to(None)
        else:
            self._end_evaluation()

    @harmless
    def on_predict_begin(self, logs: Any = None) -> None:
        """Begin a run, where that is asked for."""
        if self._evaluations and not (self._training.goes_on() and self._is_fit):
            self._begin("inference")

    @harmless
    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count a batch of a prediction that is a run."""
        if not self._is_fit:
            self._count(batch)

    @harmless
    def on_predict_end(self, logs: Any = None) -> None:
        """End the run."""
        if not self._is_fit:
            self._end_evaluation()

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _begin(self, kind: str | None) -> bool:
        """Begin a run that ends with the function which called Keras' callbacks; false if it is recorded already."""
        frame = _frame()
        first = next((callback for callback in _callbacks if callback._training.is_inside(frame)), None)  # noqa: SLF001 - ours
        if first is not None:
            first._training.warn("there are several FootprintCallbacks in one call of Keras: only the first of them records")  # noqa: SLF001
            return False
        self._is_fit, self._epoch, self._batch = False, -1 if kind is None else 0, -1
        self._samples = _Samples.of(frame)
        self._training.begin(str(getattr(self.model, "name", "model")), kind=kind, inside=frame)
        return True

    def _count(self, batch: int) -> None:
        """Count the steps up to a batch of this epoch. Keras may tell of them on several threads, and so in another order."""
        run = self._training.live
        if run is None:
            return
        with self._lock:
            first, self._batch = self._batch + 1, max(self._batch, batch)
            steps = self._batch + 1 - first
        if steps < 1:
            return
        work = {"steps": float(steps)} if self._is_fit else {}
        if self._samples is not None:
            work["samples"] = self._samples.within(first, first + steps)
        if work:
            run.count(**work)

    def _end_evaluation(self) -> None:
        if self._training.live is not None:
            untold = int(getattr(self.model, "steps_per_execution", None) or 1) - 1
            self._count(min((self.params.get("steps") or 0) - 1, self._batch + untold))
            self._training.end()


class _Samples(msgspec.Struct, frozen=True):
    """How many samples a batch has, and how many less the last one of an epoch, which is the batch of that number."""

    size: int
    short: int
    last: int

    @classmethod
    def of(cls, frame: FrameType | None) -> _Samples | None:
        """Those of the data that `fit`, `evaluate` or `predict` goes through; null where they do not tell."""
        data = None if frame is None else frame.f_locals.get("epoch_iterator")
        adapter: Any = getattr(data, "data_adapter", None)
        try:
            size, count, part = adapter.batch_size, adapter.num_batches, adapter.partial_batch_size
        except (AttributeError, NotImplementedError):  # of a generator
            return None
        if not isinstance(size, int) or not isinstance(count, int) or getattr(adapter, "has_partial_batch", None) is None:
            return None  # batches of varying size, or a stream whose last one may have less
        if part and getattr(data, "steps_per_epoch", None):
            return None  # where in an epoch the data end is not told
        return cls(size, size - part if part else 0, count - 1)

    def within(self, first: int, end: int) -> int:
        """The samples of the steps of an epoch from one to before another."""
        return (end - first) * self.size - (self.short if first <= self.last < end else 0)


_callbacks: Final[weakref.WeakSet[FootprintCallback]] = weakref.WeakSet()


def _frame() -> FrameType | None:
    """The frame of `fit`, `evaluate` or `predict`, or of whatever else calls Keras' callbacks."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the frame is what we are after
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
    return frame
