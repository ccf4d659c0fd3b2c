"""A training that is real and takes seconds: a small language model with random weights on random tokens, on the CPU.

Imported by the programs that the tests start, in the environment that has the frameworks.
"""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

TOKENS = 16


class Tokens(Dataset[dict[str, list[int]]]):
    """Rows of the same few tokens, each time the same."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> dict[str, list[int]]:
        tokens = [(row * 7 + at) % 64 for at in range(TOKENS)]
        return {"input_ids": tokens, "labels": tokens}


def model() -> GPT2LMHeadModel:
    """A model of two small layers."""
    return GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=TOKENS, n_embd=32, n_layer=2, n_head=2))


def trainer(output: str, callbacks: list[Any], *, rows: int = 40, **arguments: Any) -> Trainer:
    """A trainer of it: by default one epoch of five batches of eight rows."""
    given = {"num_train_epochs": 1, "report_to": "none", "use_cpu": True, "save_strategy": "no", "disable_tqdm": True}
    args = TrainingArguments(output_dir=output, **(given | arguments))
    return Trainer(model=model(), args=args, train_dataset=Tokens(rows), eval_dataset=Tokens(12), callbacks=callbacks)
