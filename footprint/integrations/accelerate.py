"""Accelerate, tracked: `with tracked(accelerator, "my-model", region="aws:eu-west-1") as run:` round the training.

The training is a run of each process, as each records itself. The first one counts the steps of the optimizer, and when all
have ended it fills the card with the footprint of all. An exception that leaves the block ends the run as failed.

This is no tracker for `Accelerator(log_with=…)`: Accelerate calls those in the first process alone, and tells them of no
exception. The energy of one process of eight would look right, and be wrong.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.training import Settings, Training, rank_labels
from footprint.tracking import TrackedRun

OLDEST: Final = "1.1"

try:
    import accelerate
    from torch.optim.optimizer import register_optimizer_step_post_hook
except ImportError as error:
    raise MissingFrameworkError("accelerate", error) from error

check_version("accelerate", accelerate.__version__, OLDEST)


class tracked:  # noqa: N801 - reads as a word where it is used, as `track` does
    """Measure a training with Accelerate: a context manager, entered by each process.

    Args:
        accelerator: the training's `Accelerator`.
        name: what the runs are called.
        kind: `fine-tuning`, or what else `footprint.track` takes.
        region: where, as a cloud region: `aws:eu-west-1`.
        zone: where, as a grid zone: `FRA`, `US-VA`.
        pue: the site's power usage effectiveness, at least 1.
        account: what the runs belong to, together with others.
        labels: anything to find the runs by.
        card: a model card that the first process fills once the training has completed.
        record: a file that the finished run is written to; other processes than the first add their rank to its name.
        interval_s: seconds between two readings.

    Raises:
        ConfigError: if any of these cannot be used; nothing is raised later.
    """

    def __init__(
        self,
        accelerator: accelerate.Accelerator,
        name: str,
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
    ) -> None:
        if not isinstance(accelerator, accelerate.Accelerator):
            raise ConfigError(f"tracked() takes the training's Accelerator first, not {type(accelerator).__name__}")
        self._rank, self._ranks = accelerator.process_index, accelerator.num_processes
        stated = {"name": name, "kind": kind, "region": region, "zone": zone, "pue": pue, "account": account, "labels": labels}
        self._training = Training(Settings.checked(**stated, card=card, record=record, interval_s=interval_s))
        self._hook: Any = None

    def __enter__(self) -> TrackedRun:
        """Begin the run of this process."""
        labels = rank_labels(self._rank, self._ranks)
        run = self._training.begin(self._training.settings.name or "training", labels=labels, rank=self._rank)
        if self._rank == 0:
            self._hook = register_optimizer_step_post_hook(_Steps(run))
        return run

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        run = self._training.run
        if run is None:
            return
        self._training.end(run.outcome_of(error))
        if error is None and self._rank == 0 and self._training.settings.card is not None:
            run.attempt("the card was not filled", self._sum_up)

    def _sum_up(self) -> None:
        self._training.sum_up(self._ranks)


class _Steps:
    """Counts the steps of the optimizer that takes most: of two that take turns, as in an adversarial network, one."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._taken: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._most = 0

    def __call__(self, optimizer: Any, *_: object) -> None:
        taken = self._taken[optimizer] = self._taken.get(optimizer, 0) + 1
        if taken > self._most:
            self._most = taken
            self._run.count(steps=1)
