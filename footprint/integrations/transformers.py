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

import functools
import logging
import os
import re
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Literal

from footprint.errors import ConfigError, FootprintError
from footprint.integrations import MissingFrameworkError, check_version, trainer, trainer_cards
from footprint.integrations.trainer import Batches
from footprint.integrations.trainings import whole
from footprint.integrations.watching import Watch
from footprint.model import Outcome
from footprint.tracking import TrackedRun, fill_card, outcome_of, track

OLDEST: Final = "4.46"

try:
    import transformers
    from transformers import TrainerCallback
except (ImportError, RuntimeError) as error:  # transformers loads itself lazily, and then raises a RuntimeError
    raise MissingFrameworkError("transformers", error) from error

check_version("transformers", transformers.__version__, OLDEST)

_RUN_ID: Final = re.compile("[0-9a-f]{16}")
_EARLIER_LIMIT: Final = 1000
_TRIAL: Final = "the trial of a search fills no card"
_ENDED: Final = {"failed": "the training failed", "interrupted": "the training was interrupted"}
_log: Final = logging.getLogger("footprint")


def _harmless(event: Callable[..., None]) -> Callable[..., None]:
    """An event that whatever goes wrong in it is a warning: a training must not end for want of its measurement."""

    @functools.wraps(event)
    def guarded(self: FootprintCallback, args: Any, state: Any, control: Any, **more: Any) -> None:
        try:
            event(self, args, state, control, **more)
        except Exception as error:  # noqa: BLE001 - as said: no defect of ours may end the training
            self._warn(f"{event.__name__}: {type(error).__name__}: {error}")

    return guarded


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
        place = {"region": region, "zone": zone, "pue": pue}
        facts = {"kind": kind, "account": account, "labels": labels, "interval_s": interval_s}
        looked_at = {"card": None if card is False else card, "record": record}
        track("training" if name is None else name, **place, **facts, **looked_at)  # type: ignore[arg-type]  # of several types
        files: dict[str, Any] = {what: None if path is None else os.fspath(path) for what, path in looked_at.items()}
        files |= {"card": False} if card is False else {}
        labels = {key: str(value) for key, value in (labels or {}).items()}
        self.__setstate__({"name": name, **place, **facts, "labels": labels, **files})

    def __getstate__(self) -> dict[str, Any]:
        """A copy has the settings; the run is this one's."""
        return dict(self._settings)

    def __setstate__(self, settings: Mapping[str, Any]) -> None:
        """Begin with these settings; a program that changes its folder meanwhile still means the file of now."""
        self._settings: dict[str, Any] = dict(settings)
        self._card, self._record = (Path(settings[what]).absolute() if settings[what] else None for what in ("card", "record"))
        self._stated_account: str | None = settings["account"]
        self.run: TrackedRun | None = None
        self.continues: dict[str, Any] = {}  # of no use but to be set where a trainer restores callbacks from a checkpoint
        self._watch: Watch | None = None
        self._phase: AbstractContextManager[None] | None = None
        self._earlier: list[str] = []
        self._batch: Batches | None = None
        self._tokens = 0
        self._trials = 0
        self._search_account: str | None = None
        self._told: set[str] = set()
        self._card_runs: tuple[str, ...] = ()  # what a card is filled from, once that is known
        self._not_filled = ""  # or why it cannot be
        self._early_card: Path | None = None
        self._handler: Callable[[], Any] = _nobody

    # -- Events --------------------------------------------------------------------------------------------------------

    @_harmless
    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any = None, **more: Any) -> None:
        """Begin a run; one that an exception left open is ended."""
        calling = trainer.calling()
        training = calling.frame
        self._batch, self._tokens = Batches.of(more.get("train_dataloader"), args.world_size), trainer.tokens(state)
        if self._watch is not None and self._watch.is_of(training) and self.run is not None:
            self.run.mark("the training begins anew")  # with a smaller batch, after it ran out of memory
            self._leave_word(state, self.run)
            return
        self._end_forgotten()
        account = self._take_up(state)
        self.run = run = self._start(
            trainer.name(args, model), account, trainer.labels(args) | self._trial(state), args.process_index
        )
        if state.is_hyper_param_search:
            self._search_account, self._not_filled = run.account, _TRIAL
        self._leave_word(state, run)
        if training is not None:
            self._watch = Watch(training, functools.partial(_left, run))
        if calling.handler is not None:
            self._be_the_only_one(run, calling.handler)
            if self._settings["card"] is not False and state.is_world_process_zero:
                self._handler = weakref.ref(calling.handler)
                run.attempt("the trainer's card will not be filled", trainer_cards.follow, calling.trainer, self._on_card)

    @_harmless
    def on_epoch_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Mark the epoch."""
        if self.run is not None:
            self.run.mark(f"epoch {int(state.epoch or 0) + 1}")

    @_harmless
    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Whatever was done between two steps is over."""
        self._go_over_to(None)

    @_harmless
    def on_substep_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Count a batch whose gradients are accumulated."""
        if self.run is not None and self._batch is not None:
            self.run.count(samples=self._batch.size)

    @_harmless
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

    @_harmless
    def on_epoch_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Take off what the last batch of a whole epoch was short of."""
        if self.run is not None and self._batch is not None and self._batch.short and state.epoch and state.epoch % 1 == 0:
            self.run.count(samples=-self._batch.short)
        self._between(control)

    @_harmless
    def on_prediction_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """An evaluation that nothing announced."""
        if self._phase is None:
            self._go_over_to("evaluation")

    @_harmless
    def on_evaluate(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the evaluation."""
        self._go_over_to("checkpoint" if control.should_save else None)

    @_harmless
    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the checkpoint."""
        self._go_over_to(None)

    @_harmless
    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the run; the first rank sums up and fills the card."""
        run = self.run
        if run is None or run.is_over:
            return
        self._stop("completed")
        if not run.is_recorded or run.is_inert or not state.is_world_process_zero:
            self._not_filled = "the training was not recorded"
            return
        if not state.is_hyper_param_search:
            run.attempt("the training was not summed up", self._sum_up, run, args.world_size, state)
            early = self._early_card
            if early is not None and early.parent == Path(args.output_dir).absolute() and early.exists():
                self._on_card(early)
        elif self._card is not None:
            run.warn(f"{_TRIAL}; to fill it: footprint card fill --run ID CARD")

    # -- The run -------------------------------------------------------------------------------------------------------

    def _start(self, name: str, account: str | None, labels: Mapping[str, str], rank: int) -> TrackedRun:
        """Begin the run; the card, which is the training's, is filled later."""
        facts = {key: value for key, value in self._settings.items() if key not in {"name", "card", "record"}}
        facts |= {"account": account, "labels": {**labels, **self._settings["labels"]}}
        name, record = self._settings["name"] or name, trainer.path_of_rank(self._record, rank)
        try:
            return track(name, **facts, record=record).start()
        except FootprintError as error:  # its folder has gone since it was looked at
            run = track(name, **facts).start()
            run.warn(f"the run will not be written: {error}")
            return run

    def _be_the_only_one(self, run: TrackedRun, handler: Any) -> None:
        """Of several in one trainer the first records, and would count each step as often as it stands there itself."""
        ours = [at for at, one in enumerate(handler.callbacks) if isinstance(one, FootprintCallback)]
        for at in reversed(ours[1:]):  # all come after the one that is called now
            del handler.callbacks[at]
        if ours[1:]:
            run.warn(f"the trainer has {len(ours)} callbacks of footprint; the first one records, the others were taken off")

    def _stop(self, outcome: Outcome) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self._go_over_to(None)
        if self.run is not None:
            self.run.stop(outcome)

    def _end_forgotten(self) -> None:
        """End a run whose training ended without a word."""
        if self._watch is not None:
            self._watch.look()
        if self.run is not None:
            self._stop("failed")
        self._phase, self._early_card = None, None
        self._card_runs, self._not_filled = (), ""

    def _sum_up(self, run: TrackedRun, ranks: int, state: Any) -> None:
        told = whole(run.id, self._earlier, ranks)
        if told.missing is not None:
            what = "the training was not summed up" if self._card is None else "the card was not filled"
            self._not_filled = told.missing
            run.warn(f"{what}: {told.missing}; `footprint card fill --run ID … CARD` takes the runs that it is given")
            return
        self._card_runs = told.runs
        # The entry of the training's end; a new one would come as a surprise to who takes the last one for it.
        last = state.log_history[-1] if state.log_history else {}
        for name, value in (("footprint_energy_kwh", told.energy_kwh), ("footprint_emissions_g", told.emissions_g)):
            if value is not None:
                last[name] = value
        if self._card is not None:
            run.attempt("the card was not filled", fill_card, self._card, told.runs)

    # -- The trainer's cards -------------------------------------------------------------------------------------------

    def _on_card(self, path: Path) -> None:
        """A card that the trainer has written: fill it, or have it wait for the end of the training."""
        run, handler = self.run, self._handler()
        if run is None or run.is_inert or (handler is not None and self not in handler.callbacks):
            return
        if self._watch is not None:
            self._watch.look()
        if not run.is_over:
            self._early_card = path
            return
        run.attempt("the card was not filled", self._fill, run, path)

    def _fill(self, run: TrackedRun, path: Path) -> None:
        if not self._card_runs:
            why = self._not_filled or _ENDED.get(run.facts.outcome, "the training was not summed up")
            how = f"; to fill it all the same: footprint card fill --run {run.id} {path.name}" if run.is_recorded else ""
            raise ConfigError(why + how)
        trainer_cards.fill_beside_uploads(path, self._card_runs)

    # -- One training over several starts ------------------------------------------------------------------------------

    def _take_up(self, state: Any) -> str | None:
        """The account of the run, and the runs before it, where a checkpoint tells."""
        self._earlier = []
        if state.is_hyper_param_search:
            return self._stated_account or self._search_account
        stored = getattr(state, "stateful_callbacks", None)
        ours = stored.get(type(self).__name__) if isinstance(stored, dict) else None
        word = (ours.get("attributes") or {}).get("continues") if isinstance(ours, dict) else None
        account = word.get("account") if isinstance(word, dict) else None
        if not isinstance(word, dict) or not isinstance(account, str) or not account.strip():
            return self._stated_account
        runs = word.get("runs")
        told = [run for run in runs if isinstance(run, str) and _RUN_ID.fullmatch(run)] if isinstance(runs, list) else []
        self._earlier = list(dict.fromkeys(told))[-_EARLIER_LIMIT:]
        return self._stated_account or account

    def _leave_word(self, state: Any, run: TrackedRun) -> None:
        """Have checkpoints say which runs led to them.

        Written where the trainer keeps the states of callbacks, in its form. We are no `ExportableState` that it asks for
        one: saving fails where such a callback was not there when the checkpoint resumed from was written.
        """
        stored = getattr(state, "stateful_callbacks", None)
        if isinstance(stored, dict):
            continues = {"account": run.account, "runs": [*self._earlier, run.id]}
            stored[type(self).__name__] = {"args": dict(self._settings), "attributes": {"continues": continues}}

    def _trial(self, state: Any) -> dict[str, str]:
        if not state.is_hyper_param_search:
            return {}
        self._trials += 1
        return {"trial": str(state.trial_name or self._trials)}

    # -- Phases --------------------------------------------------------------------------------------------------------

    def _between(self, control: Any) -> None:
        """What the trainer will do before the next step; our callback comes after the one that decides."""
        if control.should_evaluate or control.should_save:
            self._go_over_to("evaluation" if control.should_evaluate else "checkpoint")

    def _go_over_to(self, name: str | None) -> None:
        """End the phase that is open, if one is, and begin another."""
        if self._phase is not None:
            self._phase.__exit__(None, None, None)
            self._phase = None
        if name is not None and self.run is not None and not self.run.is_over:
            self._phase = self.run.phase(name)
            self._phase.__enter__()

    def _warn(self, message: str) -> None:
        if self.run is not None:
            self.run.warn(message)
        elif message not in self._told:
            self._told.add(message)
            _log.warning("footprint: the training is not recorded: %s", message)


def _nobody() -> None:
    """Instead of a reference that leads nowhere."""


def _left(run: TrackedRun, error: BaseException | None) -> None:
    """A training was left without a word: by an exception, even where that has been handled and forgotten since."""
    run.stop("failed" if error is None else outcome_of(error))
