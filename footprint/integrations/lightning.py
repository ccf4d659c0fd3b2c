"""Lightning's Trainer, tracked: `Trainer(..., callbacks=[FootprintCallback(card="README.md", region="aws:eu-west-1")])`.

A call of `fit` is a run: with its sanity check, validations and checkpoints as phases, its epochs as marks, its optimizer steps
and samples as work, and its steps of all as progress, by which its end is foreseen. Each rank records itself. When the run has
ended, the first rank writes the energy and emissions of all ranks to the trainer's loggers, and fills the card.

- It serves `lightning` and `pytorch_lightning`, whichever the program has loaded; the other one is not loaded for it.
- A `fit` that an exception ends, Ctrl-C or SIGTERM, is kept as failed or interrupted.
- A `fit` that goes on from a checkpoint goes on in the account of the one before, and its card states both: each full checkpoint
  holds, as `footprint`, the ids of the runs that led to it.
- `validate`, `test` and `predict` outside of `fit` are recorded only with `evaluations=True`, and fill no card.
- Ranks that Lightning starts itself are one account; on several nodes state `account=`, or start them by torchrun or SLURM.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Hashable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final, cast

from footprint.integrations import MissingFrameworkError, check_version
from footprint.integrations.trainer import Batches
from footprint.integrations.training import Settings, Training, harmless, rank_labels
from footprint.ledger.processes import identify
from footprint.model import Outcome
from footprint.recorder import context
from footprint.tracking import TrackedRun, outcome_of

OLDEST: Final = {"lightning": "2.1", "pytorch-lightning": "2.0"}
"""Of each package; `lightning` 2.0 loads libraries that are no longer to be had together."""

_PACKAGES: Final = {"lightning": "lightning.pytorch", "pytorch-lightning": "pytorch_lightning"}
_KEY: Final = "footprint"
_KINDS: Final = {"validate": "evaluation", "test": "evaluation", "predict": "inference"}

if not any(find_spec(module.partition(".")[0]) for module in _PACKAGES.values()):
    raise MissingFrameworkError("lightning", ModuleNotFoundError("neither lightning nor pytorch_lightning is installed"))


class FootprintCallback:
    """Measures what a Lightning Trainer does, and fills the model's card.

    Args:
        name: what the runs are called; by default the name of the module's class.
        kind: `fine-tuning`, or `pre-training` where the model starts from nothing.
        region: where, as a cloud region: `aws:eu-west-1`.
        zone: where, as a grid zone: `FRA`, `US-VA`.
        pue: the site's power usage effectiveness, at least 1.
        account: what the runs belong to, together with others.
        labels: anything to find the runs by.
        card: a model card that the first rank fills once a `fit` has completed.
        record: a file that the finished run is written to; other ranks than the first add theirs to its name.
        interval_s: seconds between two readings.
        evaluations: whether `validate`, `test` and `predict` outside of `fit` are runs, too.

    Raises:
        ConfigError: if any of these cannot be used; nothing is raised later.
        OldFrameworkError: if the Lightning that the program has loaded is older than `OLDEST`.
    """

    _stated_class: ClassVar[type[FootprintCallback]]

    def __new__(cls, *_: Any, **__: Any) -> FootprintCallback:  # noqa: PYI034 - it is one of a class made for the Lightning there is
        """One that is a callback of the Lightning that the program has loaded."""
        return object.__new__(_with_bases(cast("Hashable", cls), *_loaded()))

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
        self._begin_with(Settings.checked(name=name, **place, **facts, card=card, record=record), evaluations=evaluations)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy has the settings, here or in a rank that is spawned; the run is this one's."""
        return _copied, (self._stated_class, self._training.settings, self._evaluations)

    def _begin_with(self, settings: Settings, *, evaluations: bool) -> None:
        self._training = Training(settings)
        self._evaluations = evaluations
        self._account: str | None = None
        self._batch: Batches | None = None
        self._batches_in_epoch: int | None = None
        self._steps = 0
        self._steps_of_all: float = 0
        self._event: tuple[object, ...] = ()
        self._is_fit = False

    @property
    def run(self) -> TrackedRun | None:
        """The run that goes on, or the last one; of this rank. None before the first."""
        return self._training.run

    # -- Fit -----------------------------------------------------------------------------------------------------------

    @harmless
    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Learn which runs led to a checkpoint."""
        self._account = self._training.take_up(checkpoint.get(_KEY))

    @harmless
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the run of a training."""
        if self._is_second(trainer):
            return
        account, self._account = self._account or _launch(trainer), None
        if not trainer.ckpt_path:
            self._training.earlier = []
        self._begin(trainer, pl_module, account, None)
        self._is_fit = True

    @harmless
    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:
        """Two batches of validation that come before the training."""
        self._training.go_over_to("sanity check")

    @harmless
    def on_sanity_check_end(self, trainer: Any, pl_module: Any) -> None:
        """End it."""
        self._training.go_over_to(None)

    @harmless
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """See how much there is to do."""
        self._steps, self._steps_of_all = trainer.global_step, 0
        loader = trainer.train_dataloader
        self._batch, self._batches_in_epoch = _batches(loader)
        shares = getattr(trainer, "distributed_sampler_kwargs", None) or {}
        if shares.get("num_replicas", trainer.world_size) < trainer.world_size:
            self._batch = None  # several ranks work on one batch, and each would count it
        if pl_module.automatic_optimization:  # else the module takes as many steps as it likes
            self._steps_of_all = trainer.estimated_stepping_batches

    @harmless
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Mark the epoch."""
        run = self._training.live
        if run is not None and not self._is_again("epoch", trainer.current_epoch):
            self._training.go_over_to(None)
            run.mark(f"epoch {trainer.current_epoch + 1}")

    @harmless
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Whatever was done between two batches is over."""
        if self._training.in_phase:
            self._training.go_over_to(None)

    @harmless
    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Count a batch: its samples are this rank's, the optimizer's steps are the training's and so the first rank's."""
        run = self._training.live
        if run is None or self._is_again("batch", trainer.current_epoch, batch_idx):
            return
        work: dict[str, float] = {}
        if self._batch is not None:
            is_short = batch_idx + 1 == self._batches_in_epoch
            work["samples"] = self._batch.size - (self._batch.short if is_short else 0)
        steps, self._steps = trainer.global_step - self._steps, trainer.global_step
        if steps and trainer.is_global_zero:
            work["steps"] = steps
        if work:
            run.count(**work)
        if 0 < self._steps_of_all < float("inf") and self._steps <= self._steps_of_all:
            run.progress(self._steps, self._steps_of_all)

    @harmless
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """A validation within a training is a phase of it; one outside of it is a run, where that is asked for."""
        if trainer.state.fn != "fit":
            self._begin_evaluation(trainer, pl_module)
        elif not trainer.sanity_checking:
            self._training.go_over_to("validation")

    @harmless
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """End the phase."""
        if not trainer.sanity_checking:
            self._training.go_over_to(None)

    @harmless
    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Have the checkpoint say which runs led to it, and name the time until the training goes on."""
        if continues := self._training.continues:
            checkpoint[_KEY] = continues
            self._training.go_over_to("checkpoint")

    @harmless
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """End the run; the first rank sums up, tells the loggers, and fills the card."""
        if self._training.live is None:
            return
        self._end("interrupted" if trainer.interrupted else "completed")
        is_asked = bool(trainer.loggers) or self._training.settings.card is not None
        if not is_asked or not trainer.is_global_zero or trainer.interrupted:
            return
        told = self._training.sum_up(trainer.world_size)
        for logger in trainer.loggers if told else ():
            logger.log_metrics(told, step=trainer.global_step)

    @harmless
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Keep how it ended."""
        stopped = type(exception).__name__ == "SIGTERMException"  # a SystemExit without a code
        self._end("interrupted" if stopped else outcome_of(exception))

    @harmless
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """End a run that nothing else has ended: one of an evaluation, or a `fit` that a tuner broke off."""
        self._end("completed")

    # -- Outside of fit ------------------------------------------------------------------------------------------------

    @harmless
    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a run, where that is asked for."""
        self._begin_evaluation(trainer, pl_module)

    @harmless
    def on_predict_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a run, where that is asked for."""
        self._begin_evaluation(trainer, pl_module)

    @harmless
    def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *at: int) -> None:
        """Count a batch of a validation that is a run."""
        self._count_batch(trainer.val_dataloaders, *at)

    @harmless
    def on_test_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *at: int) -> None:
        """Count a batch."""
        self._count_batch(trainer.test_dataloaders, *at)

    @harmless
    def on_predict_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *at: int) -> None:
        """Count a batch."""
        self._count_batch(trainer.predict_dataloaders, *at)

    def _count_batch(self, loader: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        run = self._training.live
        if run is None or self._is_fit:
            return
        if self._is_again(batch_idx, dataloader_idx):
            return
        if dataloader_idx == 0 and batch_idx == 0:
            self._batch, self._batches_in_epoch = _batches(loader)
        if self._batch is not None:
            run.count(samples=self._batch.size - (self._batch.short if batch_idx + 1 == self._batches_in_epoch else 0))

    def _begin_evaluation(self, trainer: Any, pl_module: Any) -> None:
        if self._evaluations and not self._is_second(trainer):
            self._training.earlier = []
            self._begin(trainer, pl_module, _launch(trainer), _KINDS[str(trainer.state.fn.value)])

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _begin(self, trainer: Any, pl_module: Any, account: str | None, kind: str | None) -> None:
        rank, ranks = trainer.global_rank, trainer.world_size
        self._batch, self._is_fit = None, False
        self._training.begin(
            type(pl_module).__name__, account=account, labels=rank_labels(rank, ranks), rank=rank, kind=kind, inside=_frame()
        )

    def _end(self, outcome: Outcome) -> None:
        if self._training.live is not None:
            self._training.end(outcome)
        self._is_fit = False

    def _is_second(self, trainer: Any) -> bool:
        """Whether a callback of ours in the same trainer, which may be this one once more, records it already."""
        first = next(callback for callback in trainer.callbacks if isinstance(callback, FootprintCallback))
        if first is self and self._training.live is None:
            return False
        if trainer.is_global_zero:
            first._training.warn("there are several FootprintCallbacks in this trainer: only the first of them records")  # noqa: SLF001
        return True

    def _is_again(self, *event: object) -> bool:
        """Whether a callback that stands twice in one trainer is told the same again."""
        before, self._event = self._event, event
        return event == before


def _loaded() -> tuple[type, ...]:
    """The `Callback` of each Lightning that the program has loaded; where it has none yet, of one that is installed.

    A program that loads both may use either, and a callback is one of both.

    Raises:
        MissingFrameworkError: if there is none to be loaded.
        OldFrameworkError: if it is too old.
    """
    there = [name for name, module in _PACKAGES.items() if module in sys.modules]
    there = there or [name for name, module in _PACKAGES.items() if find_spec(module.partition(".")[0])][:1]
    found = []
    for distribution in there:
        try:
            module = import_module(_PACKAGES[distribution])
        except ImportError as error:
            raise MissingFrameworkError("lightning", error) from error
        check_version(distribution, str(getattr(module, "__version__", "")), OLDEST[distribution])
        found.append(module.Callback)
    return tuple(found)


@functools.cache
def _with_bases(stated: Hashable, *callbacks: Hashable) -> type[FootprintCallback]:
    """The class, as one of these callbacks."""
    name, names = "FootprintCallback", {"__module__": __name__, "_stated_class": stated}
    return cast("type[FootprintCallback]", type(name, cast("tuple[type, ...]", (stated, *callbacks)), names))


def _copied(stated: type[FootprintCallback], settings: Settings, evaluations: bool) -> FootprintCallback:
    callback = FootprintCallback.__new__(stated)
    callback._begin_with(settings, evaluations=evaluations)  # noqa: SLF001 - it is one of ours
    return callback


def _frame() -> Any:
    """The frame that a fit ends with: the outermost of Lightning's above us."""
    frame: Any = sys._getframe(1)  # noqa: SLF001 - the frame is what we are after
    found = None
    while frame is not None:
        if str(frame.f_globals.get("__name__")).split(".")[0] in {"lightning", "pytorch_lightning"}:
            found = frame
        frame = frame.f_back
    return found


def _batches(loader: Any) -> tuple[Batches | None, int | None]:
    """How many samples a batch of one data loader has, and how many batches it has; null where it does not tell."""
    loader = loader[0] if isinstance(loader, list | tuple) and len(loader) == 1 else loader
    try:
        count, _ = len(loader), len(loader.batch_sampler.sampler)
    except (AttributeError, TypeError, NotImplementedError):  # a stream: its last batch may have less
        return None, None
    return Batches.of(loader, 1), count


def _launch(trainer: Any) -> str | None:
    """The account of ranks that Lightning started itself, by the process that did; null where anything else names one."""
    if trainer.world_size <= 1 or context.account(None, "", context.enclosing_run()):
        return None
    import multiprocessing

    is_starter = trainer.local_rank == 0 and multiprocessing.parent_process() is None
    starter = identify(os.getpid() if is_starter else os.getppid())
    return f"lightning:{(starter.boot_id or '')[:8]}-{starter.pid}-{starter.start_ticks}"
