"""The architecture of XLM's two-language models: six layers of 1,024, eight heads, a head over the vocabulary."""

from __future__ import annotations

from typing import Final

import torch
from transformers import XLMConfig, XLMWithLMHeadModel

from profiles.common.forward import Work, random_tokens

LENGTH: Final = 256
"""Tokens in a stream, as they were trained (Lample and Conneau 2019, section 5.1)."""
SEQUENCES: Final = 4
LANGUAGES: Final = 2


def work(*, vocabulary: int, causal: bool, quick: bool) -> Work:
    """The model and its tokens.

    Args:
        vocabulary: how many tokens there are.
        causal: whether a token sees only those before it.
        quick: a tiny model instead, to try the script.
    """
    layers, width = (1, 64) if quick else (6, 1024)
    config = XLMConfig(
        vocab_size=vocabulary,
        emb_dim=width,
        n_layers=layers,
        n_heads=8,
        n_langs=LANGUAGES,
        causal=causal,
        max_position_embeddings=512,
        embed_init_std=width**-0.5,
    )
    length = 16 if quick else LENGTH
    tokens = random_tokens(vocabulary, SEQUENCES, length)
    inputs = {"input_ids": tokens, "langs": torch.zeros_like(tokens)}
    return Work(model=XLMWithLMHeadModel(config), inputs=inputs, tokens=tokens.numel(), passes=1)
