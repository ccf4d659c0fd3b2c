"""Forward passes of MiniLMv2 L12-H384's architecture with random weights; sources of its dimensions are in `profile.toml`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from transformers import RobertaConfig, RobertaModel  # noqa: E402

from profiles.common.forward import Work, is_quick, measure, random_tokens  # noqa: E402
from profiles.common.machine import prepare  # noqa: E402

VOCABULARY = 50_265
SEQUENCES = 16
LENGTH = 128


def work(*, quick: bool) -> Work:
    """The encoder distilled from RoBERTa-Large, without a head, as it is published; or a tiny one, to try the script."""
    layers, width, length = (1, 48, 16) if quick else (12, 384, LENGTH)
    config = RobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=4 * width,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    tokens = random_tokens(VOCABULARY, SEQUENCES, length)
    model = RobertaModel(config, add_pooling_layer=False)
    return Work(model=model, inputs={"input_ids": tokens}, tokens=tokens.numel(), passes=1 if quick else 3)


if __name__ == "__main__":
    quick = is_quick(__doc__)
    measure(work(quick=quick), prepare(quick=quick))
