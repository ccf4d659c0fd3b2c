"""transformers' Trainer, tracked: `Trainer(..., callbacks=[FootprintCallback(region="aws:eu-west-1")])`.

A training is a run, from `on_train_begin` to `on_train_end`: with its evaluations and checkpoints as phases, its epochs as
marks, its steps, samples and tokens as work, and its steps of all as progress, by which its end is foreseen. Each rank records
itself. When the first rank's run has ended, the energy and emissions of all ranks are added to the last entry of
`state.log_history`, and the card is filled. So is each card that the trainer writes from then on: by `create_model_card`, and
by `push_to_hub` before it uploads it; of sentence-transformers also those of the model's `save_pretrained` and `push_to_hub`.

- A training that an exception ends is kept, as failed or interrupted, within a second.
- A training that is resumed from a checkpoint goes on in the account of the one before, and its card states both: each
  checkpoint (`trainer_state.json`) holds the ids of the runs that led to it, and the callback's settings.
- The trials of a hyperparameter search share an account; none of them fills the card.
- An evaluation or prediction outside of a training is not recorded.
- A card that is written before the training, or after one that did not complete, is left as it is; the latter is said.
- The ranks of several nodes are summed where they share a ledger and an account: state `account=`, or torchrun's `--rdzv-id`.
"""

from __future__ import annotations

import os
import shlex
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from footprint.errors import ConfigError
from footprint.integrations import MissingFrameworkError, check_version, trainer, trainer_cards
from footprint.integrations.trainer import Batches
from footprint.integrations.training import Settings, Training, harmless, rank_labels
from footprint.tracking import TrackedRun

OLDEST: Final = "4.46"

try:
    import transformers
    from transformers import TrainerCallback
except (ImportError, RuntimeError) as error:  # transformers loads itself lazily, and then raises a RuntimeError
    raise MissingFrameworkError("transformers", error) from error

check_version("transformers", transformers.__version__, OLDEST)

_TRIAL: Final = "the trial of a search fills no card"
_ENDED: Final = {"failed": "the training failed", "interrupted": "the training was interrupted"}


class FootprintCallback(TrainerCallback):
    """Measures the trainings of a transformers Trainer, and fills their model card.

    Args:
        name: what the runs are called; by default the trainer's `run_name`, else the model's name.
        kind: `fine-tuning`, or `pre-training` where the model starts from nothing.
        region: where, as a cloud region: `aws:eu-west-1`.
        zone: where, as a grid zone: `FRA`, `US-VA`.
        pue: the site's power usage effectiveness, at least 1.
        account: what the runs belong to, together with others.
        labels: anything to find the runs by.
        card: a model card that the first rank fills once a training has completed, besides those that the trainer writes; False
            to have none filled.
        record: a file that the finished run is written to; other ranks than the first add theirs to its name.
        interval_s: seconds between two readings.

    Attributes:
        run: the run of the training that goes on, or of the last one; of this rank. None before the first.

    Raises:
        ConfigError: if any of these cannot be used; nothing is raised later.
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
        card: str | os.PathLike[str] | Literal[False] | None = None,
        record: str | os.PathLike[str] | None = None,
        interval_s: float = 1.0,
    ) -> None:
        stated = {"name": name, "kind": kind, "region": region, "zone": zone, "pue": pue, "account": account, "labels": labels}
        files = {"card": None if card is False else card, "record": record}
        settings = msgspec.structs.asdict(Settings.checked(**stated, **files, interval_s=interval_s))
        # As they were stated: they stand in checkpoints, which are published, and where a folder lies is nobody's business.
        settings |= {what: path if not path else os.fspath(path) for what, path in (("card", card), ("record", record))}
        self.__setstate__(settings)

    def __getstate__(self) -> dict[str, Any]:
        """A copy has the settings; the run is this one's."""
        return dict(self._settings)

    def __setstate__(self, settings: Mapping[str, Any]) -> None:
        """Begin with these settings; a program that changes its folder meanwhile still means the file of now."""
        self._settings: dict[str, Any] = dict(settings)
        files = {what: str(Path(settings[what]).absolute()) if settings[what] else None for what in ("card", "record")}
        self._training = Training(Settings(**{**settings, **files}))
        self.continues: dict[str, Any] = {}  # of no use but to be set where a trainer restores callbacks from a checkpoint
        self._batch: Batches | None = None
        self._tokens = 0
        self._trials = 0
        self._search_account: str | None = None
        self._not_filled = ""
        self._early_card: Path | None = None
        self._handler: Callable[[], Any] = _nobody

    @property
    def run(self) -> TrackedRun | None:
        """The run of the training that goes on, or of the last one; of this rank. None before the first."""
        return self._training.run

    # -- Events --------------------------------------------------------------------------------------------------------

    @harmless
    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any = None, **more: Any) -> None:
        """Begin a run; one that an exception left open is ended."""
        calling = trainer.calling()
        self._batch, self._tokens = trainer.batches(more.get("train_dataloader"), args), trainer.tokens(state)
        if self._training.is_inside(calling.frame) and self.run is not None:
            self.run.mark("the training begins anew")  # with a smaller batch, after it ran out of memory
            self._leave_word(state)
            return
        self._early_card, self._not_filled = None, _TRIAL if state.is_hyper_param_search else ""
        account = self._take_up(state)
        run = self._training.begin(
            trainer.name(args, model),
            account=account,
            labels=rank_labels(args.process_index, args.world_size) | self._trial(state),
            rank=args.process_index,
            inside=calling.frame,
        )
        if state.is_hyper_param_search:
            self._search_account = run.account
        self._leave_word(state)
        if calling.handler is not None:
            self._be_the_only_one(run, calling.handler)
            if self._settings["card"] is not False and state.is_world_process_zero:
                self._handler = weakref.ref(calling.handler)
                run.attempt("the trainer's card will not be filled", trainer_cards.follow, calling.trainer, self._on_card)

    @harmless
    def on_epoch_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Mark the epoch."""
        if self.run is not None:
            self.run.mark(f"epoch {int(state.epoch or 0) + 1}")

    @harmless
    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Whatever was done between two steps is over."""
        self._training.go_over_to(None)

    @harmless
    def on_substep_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Count a batch whose gradients are accumulated."""
        if self.run is not None and self._batch is not None:
            self.run.count(samples=self._batch.size)

    @harmless
    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Count a step: its samples are this rank's, steps and tokens are the training's and so the first rank's."""
        if self.run is None:
            return
        work: dict[str, float] = {} if self._batch is None else {"samples": self._batch.size}
        if state.is_world_process_zero:
            work["steps"] = 1
            tokens, self._tokens = trainer.tokens(state) - self._tokens, trainer.tokens(state)
            if tokens:
                work["tokens"] = tokens
        self.run.count(**work)
        if state.max_steps > 0:
            self.run.progress(state.global_step, state.max_steps)
        self._between(control)

    @harmless
    def on_epoch_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Take off what the last batch of a whole epoch was short of."""
        if self.run is not None and self._batch is not None and self._batch.short and state.epoch and state.epoch % 1 == 0:
            self.run.count(samples=-self._batch.short)
        self._between(control)

    @harmless
    def on_prediction_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """An evaluation that nothing announced."""
        if not self._training.in_phase:
            self._training.go_over_to("evaluation")

    @harmless
    def on_evaluate(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the evaluation."""
        self._training.go_over_to("checkpoint" if control.should_save else None)

    @harmless
    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the checkpoint."""
        self._training.go_over_to(None)

    @harmless
    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the run; the first rank sums up and fills the card."""
        run = self.run
        if run is None or run.is_over:
            return
        self._training.end("completed")
        if not run.is_recorded or run.is_inert or not state.is_world_process_zero:
            self._not_filled = "the training was not recorded"
        elif state.is_hyper_param_search:
            if self._settings["card"]:
                run.warn(f"{_TRIAL}; to fill it: footprint card fill --run ID CARD")
        else:
            run.attempt("the training was not summed up", self._sum_up, args, state)

    def _sum_up(self, args: Any, state: Any) -> None:
        # Into the entry of the training's end; a new one would come as a surprise to who takes the last one for it.
        (state.log_history[-1] if state.log_history else {}).update(self._training.sum_up(args.world_size))
        early = self._early_card
        if early is not None and early.parent == Path(args.output_dir).absolute() and early.exists():
            self._on_card(early)

    def _be_the_only_one(self, run: TrackedRun, handler: Any) -> None:
        """Of several in one trainer the first records, and would count each step as often as it stands there itself."""
        ours = [at for at, one in enumerate(handler.callbacks) if isinstance(one, FootprintCallback)]
        for at in reversed(ours[1:]):  # all come after the one that is called now
            del handler.callbacks[at]
        if ours[1:]:
            run.warn(f"the trainer has {len(ours)} callbacks of footprint; the first one records, the others were taken off")

    # -- The trainer's cards -------------------------------------------------------------------------------------------

    @harmless
    def _on_card(self, path: Path) -> None:
        """A card that the trainer has written: fill it, or have it wait for the end of the training."""
        run, handler = self.run, self._handler()
        if run is None or run.is_inert or (handler is not None and self not in handler.callbacks):
            return
        if self._training.goes_on():
            self._early_card = path
            return
        run.attempt("the card was not filled", self._fill, run, path)

    def _fill(self, run: TrackedRun, path: Path) -> None:
        whole = self._training.summed
        if whole is None:
            why = self._not_filled or _ENDED.get(run.facts.outcome, "the training was not summed up")
            # Whole, and to be pasted: another README.md may stand where somebody pastes it.
            command = f"footprint card fill --run {run.id} {shlex.quote(str(path))}"
            raise ConfigError(f"{why}; to fill it all the same: {command}" if run.is_recorded else why)
        trainer_cards.fill_beside_uploads(path, whole.runs)

    # -- One training over several starts ------------------------------------------------------------------------------

    def _take_up(self, state: Any) -> str | None:
        """The account of the run, and the runs before it, where a checkpoint tells."""
        if state.is_hyper_param_search:
            self._training.earlier = []
            return self._search_account
        stored = getattr(state, "stateful_callbacks", None)
        ours = stored.get(type(self).__name__) if isinstance(stored, dict) else None
        return self._training.take_up((ours.get("attributes") or {}).get("continues") if isinstance(ours, dict) else None)

    def _leave_word(self, state: Any) -> None:
        """Have checkpoints say which runs led to them.

        Written where the trainer keeps the states of callbacks, in its form. We are no `ExportableState` that it asks for
        one: saving fails where such a callback was not there when the checkpoint resumed from was written.
        """
        stored = getattr(state, "stateful_callbacks", None)
        if isinstance(stored, dict):
            word = {"args": dict(self._settings), "attributes": {"continues": self._training.continues}}
            stored[type(self).__name__] = word

    def _trial(self, state: Any) -> dict[str, str]:
        if not state.is_hyper_param_search:
            return {}
        self._trials += 1
        return {"trial": str(state.trial_name or self._trials)}

    def _between(self, control: Any) -> None:
        """What the trainer will do before the next step; our callback comes after the one that decides."""
        if control.should_evaluate or control.should_save:
            self._training.go_over_to("evaluation" if control.should_evaluate else "checkpoint")


def _nobody() -> None:
    """Instead of a reference that leads nowhere."""
