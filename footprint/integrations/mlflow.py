"""MLflow: a tracked run's energy, emissions, power and coverage as metrics of an MLflow run.

::

    from footprint.integrations.mlflow import log_run

    with mlflow.start_run(), footprint.track("finetune", region="aws:eu-west-1") as run:
        log_run(run)
        train()

Or, for runs that a callback begins, once before the training: `autolog()`.

- Each ten seconds `footprint/energy_kwh`, `footprint/emissions_g`, `footprint/power_w` and `footprint/coverage_ratio`, the step
  being the run's seconds; at the end also the bounds of the 90 % ranges, and the run as a portable file, `footprint/run.json`.
- As tags which run it is, its account, where it ran, how its numbers are known, and what of them is not.
- All of it is sent from a thread of ours by the run's id, also if the MLflow run has ended by then. A server that does not answer
  costs one warning and the points that it missed; the numbers are sums, so the next ones are whole.
- An MLflow run that begins within a tracked run is tagged with the ids of that by itself: MLflow's plug-in `mlflow_context`.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.following import INTERVAL_S
from footprint.integrations.loggers import Targets, facts, numbers

if TYPE_CHECKING:
    from footprint.integrations.following import Following, Reading
    from footprint.tracking import TrackedRun

try:
    import mlflow
    from mlflow.entities import Metric, RunTag
    from mlflow.tracking import MlflowClient
except ImportError as error:
    raise MissingFrameworkError("mlflow", error) from error

OLDEST: Final = "2.16"
FILE: Final = "footprint/run.json"
_MS: Final = 1000
_TAG_LIMIT: Final = 500

check_version("mlflow", str(mlflow.__version__), OLDEST)
_targets: Final = Targets("MLflow")


def log_run(run: TrackedRun, *, run_id: str | None = None, artifact: bool = True, interval_s: float = INTERVAL_S) -> Following:
    """Log a run to an MLflow run, from now until it has ended; its end waits for the last values, ten seconds at most.

    Args:
        run: a tracked run.
        run_id: the MLflow run; by default the one that is active.
        artifact: whether the ended run is kept there as a portable file, which `footprint runs import` reads.
        interval_s: seconds between two points.

    Raises:
        ConfigError: if no MLflow run is active and none is stated; for what is no run, or an interval that cannot be.
    """
    active = None if run_id is not None else mlflow.active_run()
    if run_id is None and active is None:
        raise ConfigError("no MLflow run is active: call mlflow.start_run() before, or state run_id=")
    key = str(run_id if active is None else active.info.run_id)
    sender = _Sender(run, key, str(mlflow.get_tracking_uri()), with_file=artifact)
    return _targets.log(run, key, sender.send, interval_s)


def autolog(*, artifact: bool = True, interval_s: float = INTERVAL_S, disable: bool = False) -> None:
    """Log each run that is tracked from now on, also by a callback, to the MLflow run that is active when it begins.

    Runs within a run that is logged are parts of it. Where no MLflow run is active, a warning says so.

    Args:
        artifact: as for `log_run`.
        interval_s: as for `log_run`.
        disable: log no more runs; those that are logged already go on.
    """
    _targets.autolog(None if disable else functools.partial(log_run, artifact=artifact, interval_s=interval_s))


class _Sender:
    """Sends a run's numbers to one MLflow run, wherever the program's tracking address points later."""

    def __init__(self, run: TrackedRun, run_id: str, uri: str, *, with_file: bool) -> None:
        self._run, self._run_id, self._uri, self._with_file = run, run_id, uri, with_file
        self._client: Any = None
        self._is_tagged = False

    def send(self, reading: Reading, names: str) -> None:
        """Send one reading; its facts with the first and the last."""
        if self._client is None:
            self._client = MlflowClient(tracking_uri=self._uri)
        now_ms, step = int(time.time() * _MS), int(reading.at_s)
        metrics = [Metric(names + name, value, now_ms, step) for name, value in numbers(reading).items()]
        is_telling = reading.is_final or not self._is_tagged
        told = facts(reading) if is_telling else {}
        tags = [RunTag(names.replace("/", ".") + name, value[:_TAG_LIMIT]) for name, value in told.items()]
        self._client.log_batch(self._run_id, metrics=metrics, tags=tags)
        self._is_tagged = True
        if reading.is_final and self._with_file:
            text = msgspec.json.format(msgspec.json.encode(self._run.facts), indent=2).decode()
            self._client.log_text(self._run_id, text, FILE if names.count("/") == 1 else f"{names}run.json")
