"""Forward passes of an architecture with random weights, over random tokens: what a pass computes depends on neither."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Final, NamedTuple

import torch

from footprint.profiling import repeats
from profiles.common.machine import SEED, finish

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FIRST_TOKEN: Final = 10
"""Tokens below it are left out: some of them mean padding, which attention skips."""


class Work(NamedTuple):
    """What one repeat computes: a model, what each pass is given, and how many tokens and passes that is."""

    model: PreTrainedModel
    inputs: dict[str, torch.Tensor]
    tokens: int
    passes: int


def is_quick(description: str | None) -> bool:
    """Whether to try it with a much smaller size: by the option, or because `footprint profile --quick` asks for it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="try it with a tiny size, whose results mean nothing")
    return bool(parser.parse_args().quick) or os.environ.get("FOOTPRINT_PROFILE_QUICK") == "1"


def random_tokens(vocabulary: int, sequences: int, length: int) -> torch.Tensor:
    """Tokens of a vocabulary, the same each time."""
    generator = torch.Generator().manual_seed(SEED)
    return torch.randint(FIRST_TOKEN, vocabulary, (sequences, length), generator=generator)


def measure(work: Work, device: torch.device) -> None:
    """Pass the tokens forward as often as is asked for."""
    model = work.model.to(device).eval()
    inputs = {name: tensor.to(device) for name, tensor in work.inputs.items()}
    tokens = work.tokens * work.passes
    print(
        f"{type(model).__name__}, random weights: {model.num_parameters():,} parameters; {tokens:,} tokens a repeat", flush=True
    )
    with torch.inference_mode():
        for repeat in repeats():
            with repeat:
                for _ in range(work.passes):
                    model(**inputs)
                finish(device)
                repeat.count(tokens=tokens)
