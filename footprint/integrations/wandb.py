"""Weights & Biases: a tracked run's energy, emissions, power and coverage in a run of W&B.

::

    from footprint.integrations.wandb import log_run

    with wandb.init(project="demo"), footprint.track("finetune", region="aws:eu-west-1") as run:
        log_run(run)
        train()

Or, for runs that a callback begins, once before the training: `autolog()`.

- `footprint/energy_kwh`, `footprint/emissions_g`, `footprint/power_w` and `footprint/coverage_ratio`, drawn over
  `footprint/at_s`, the run's seconds; in the summary at the end also the bounds of the 90 % ranges; in the config which run it
  is, where it ran, how its numbers are known, and what of them is not; among the files the run itself, `footprint/run.json`.
- W&B drops what a program logs for a step that has passed. So nothing here begins a step: a point is written with the program's
  own next `log`, each ten seconds at most. A program that logs nothing has the last values alone, in its summary.
- Nothing here calls a server: what is sent, and when, is W&B's (`WANDB_MODE=offline`).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.following import INTERVAL_S
from footprint.integrations.loggers import Targets, facts, numbers

if TYPE_CHECKING:
    from footprint.integrations.following import Following, Reading
    from footprint.tracking import TrackedRun

try:
    import wandb
except ImportError as error:
    raise MissingFrameworkError("wandb", error) from error

OLDEST: Final = "0.18"
FILE: Final = "footprint/run.json"

check_version("wandb", str(getattr(wandb, "__version__", "")), OLDEST)
_targets: Final = Targets("W&B")


def log_run(run: TrackedRun, *, wandb_run: Any = None, artifact: bool = True, interval_s: float = INTERVAL_S) -> Following:
    """Log a run to a run of W&B, from now until it has ended; its end waits for the last values, ten seconds at most.

    Args:
        run: a tracked run.
        wandb_run: what `wandb.init()` returned; by default the one that goes on.
        artifact: whether the ended run is kept among the files as a portable one, which `footprint runs import` reads.
        interval_s: seconds between two points.

    Raises:
        ConfigError: if no run of W&B goes on and none is stated; for what is no run, or an interval that cannot be.
    """
    theirs = wandb.run if wandb_run is None else wandb_run
    if theirs is None:
        raise ConfigError("no run of W&B goes on: call wandb.init() before, or state wandb_run=")
    sender = _Sender(run, theirs, with_file=artifact)
    return _targets.log(run, str(theirs.id), sender.send, interval_s)


def autolog(*, artifact: bool = True, interval_s: float = INTERVAL_S, disable: bool = False) -> None:
    """Log each run that is tracked from now on, also by a callback, to the run of W&B that goes on when it begins.

    Runs within a run that is logged are parts of it. Where no run of W&B goes on, a warning says so.

    Args:
        artifact: as for `log_run`.
        interval_s: as for `log_run`.
        disable: log no more runs; those that are logged already go on.
    """
    _targets.autolog(None if disable else functools.partial(log_run, artifact=artifact, interval_s=interval_s))


class _Sender:
    """Gives a run's numbers to one run of W&B."""

    def __init__(self, run: TrackedRun, theirs: Any, *, with_file: bool) -> None:
        self._run, self._theirs, self._with_file = run, theirs, with_file
        self._is_defined = False

    def send(self, reading: Reading, names: str) -> None:
        """Give it one reading; its facts with the first and the last."""
        if _has_finished(self._theirs):
            raise ConfigError("its run has finished before")
        if not self._is_defined:
            self._theirs.define_metric(f"{names}at_s", hidden=True)
            self._theirs.define_metric(f"{names}*", step_metric=f"{names}at_s")
        if reading.is_final or not self._is_defined:
            self._theirs.config.update({self._config_key(names): facts(reading)}, allow_val_change=True)
        self._is_defined = True
        found = {names + name: value for name, value in numbers(reading).items()}
        if reading.is_final:
            self._theirs.summary.update(found)
            if self._with_file:
                from footprint.ledger.runfile import write_run_file

                path = Path(self._theirs.dir, FILE if names.count("/") == 1 else f"{names}run.json")
                path.parent.mkdir(parents=True, exist_ok=True)
                write_run_file(self._run.facts, path)
        points = {name: value for name, value in found.items() if not name.endswith(("_low", "_high"))}
        self._theirs.log({f"{names}at_s": reading.at_s, **points}, commit=False)

    def _config_key(self, names: str) -> str:
        """Where in the config the facts stand: a value of the program's own is left alone."""
        key = names.removesuffix("/")
        there = self._theirs.config.get(key)
        return key if there is None or (isinstance(there, dict) and there.get("run_id") == self._run.id) else f"{key}_run"


def _has_finished(theirs: Any) -> bool:
    """Whether a run of W&B takes nothing any more; versions tell it in different ways, some of them not at all."""
    return bool(getattr(theirs, "_is_finished", False))
