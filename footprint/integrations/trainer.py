"""What a transformers Trainer tells of a training, and what can be seen of it."""

from __future__ import annotations

import sys
from inspect import unwrap
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

_HANDLER: Final = "transformers.trainer_callback"
_FRAMES_ABOVE: Final = 12
_WRAPPERS: Final = ("accelerate.", "lightning.", "pytorch_lightning.")
"""Whose samplers take the batches of another one as they are."""

_INNER: Final = ("batch_sampler", "_batch_sampler", "_sampler")
_WRAPPERS_LIMIT: Final = 4


class Batches:
    """How many samples a batch of this rank has, and how many the last one of an epoch is short of that."""

    def __init__(self, size: int, short: int) -> None:
        self.size, self.short = size, short

    @classmethod
    def of(cls, loader: Any, ranks: int) -> Batches | None:
        """Those of a data loader; null where it does not tell: batches of varying size, a stream whose last one may have less."""
        sampler: Any = getattr(loader, "batch_sampler", None)
        size = getattr(sampler, "batch_size", None)
        if not isinstance(size, int) or size < 1 or not _are_even(sampler):
            return None
        if ranks > 1:  # the last batches are filled up with samples from the beginning, so that all ranks have as many
            if not getattr(sampler, "even_batches", True) and not getattr(sampler, "drop_last", False):
                return None
            is_split = getattr(sampler, "split_batches", False) or getattr(loader, "split_batches", False)
            return cls(size // ranks if is_split else size, 0)
        try:
            return cls(size, 0 if sampler.drop_last else -len(sampler.sampler) % size)
        except (AttributeError, TypeError, NotImplementedError):
            return None


def _are_even(sampler: Any) -> bool:
    """Whether batches are made as torch's own sampler makes them: all but the last of one size.

    One that takes from several data sets in turn, or leaves out duplicates, has shorter ones anywhere.
    """
    data = sys.modules.get("torch.utils.data")
    if data is None:
        return True
    for _ in range(_WRAPPERS_LIMIT):
        if getattr(type(sampler), "__iter__", data.BatchSampler.__iter__) is data.BatchSampler.__iter__:
            return True
        known = vars(sampler) if hasattr(sampler, "__dict__") else {}
        inner = next((known[name] for name in _INNER if known.get(name) is not None), None)
        if inner is None or not type(sampler).__module__.startswith(_WRAPPERS):
            return False
        sampler = inner
    return False


class Calling(NamedTuple):
    """Who calls a callback.

    Attributes:
        frame: of `Trainer.train`, or of whatever else calls the handler of callbacks; null if none does.
        handler: the handler of callbacks; null if it was called without one.
        trainer: the trainer; null if it is not `Trainer.train` that calls.
    """

    frame: FrameType | None
    handler: Any
    trainer: Any


def calling() -> Calling:
    """Who calls the callback that calls this."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the frame is what we are after
    handler: Any = None
    while frame is not None and frame.f_globals.get("__name__") != _HANDLER:
        frame = frame.f_back
    while frame is not None and frame.f_globals.get("__name__") == _HANDLER:
        found = frame.f_locals.get("self")
        handler = found if isinstance(getattr(found, "callbacks", None), list) else handler
        frame = frame.f_back
    from transformers import Trainer

    train = unwrap(Trainer.train).__code__
    outer = frame
    for _ in range(_FRAMES_ABOVE):
        if outer is None or outer.f_code is train:
            break
        outer = outer.f_back
    if outer is not None and outer.f_code is train:
        return Calling(outer, handler, outer.f_locals.get("self"))
    return Calling(frame, handler, None)


def name(args: Any, model: Any) -> str:
    """What a run is called by default: never a path, which may tell more than a name does."""
    stated = getattr(args, "run_name", None)
    if stated and stated != args.output_dir and not stated.isspace():
        return str(stated)
    known = str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")
    path = Path(known)
    is_path = path.is_absolute() or known.startswith((".", "~")) or path.exists()
    return (path.name if is_path else known) or type(model).__name__


def batches(loader: Any, args: Any) -> Batches | None:
    """Those of a trainer's data loader; null, too, where several ranks work on one batch, and each would count it."""
    sharing = getattr(getattr(args, "parallelism_config", None), "non_data_parallel_size", 1)
    return Batches.of(loader, args.world_size) if sharing == 1 else None


def tokens(state: Any) -> int:
    """The tokens that all ranks have seen, where the trainer counts them (`include_num_input_tokens_seen`)."""
    return int(getattr(state, "num_input_tokens_seen", 0) or 0)
