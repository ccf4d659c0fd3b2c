"""Forward passes of switch-c-2048's layers with random weights: few of its layers and experts; see `profile.toml` for which."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration  # noqa: E402

from profiles.common.forward import Work, is_quick, measure, random_tokens  # noqa: E402
from profiles.common.machine import SEED, prepare  # noqa: E402

VOCABULARY = 32_128
# A sequence as T5 was trained: tokens that are read, and tokens that are predicted in the place of those left out.
READ, PREDICTED = 512, 114
# Of 15 layers on each side and 2,048 experts a layer: what a small machine's memory holds.
LAYERS, EXPERTS = 2, 4


def work(*, quick: bool, device: torch.device) -> Work:
    """The layers as they are in the original, two on each side; or a tiny model, to try the script."""
    width, inner, heads = (64, 128, 2) if quick else (2080, 6144, 30)
    read, predicted = (16, 8) if quick else (READ, PREDICTED)
    config = SwitchTransformersConfig(
        vocab_size=VOCABULARY,
        d_model=width,
        d_ff=inner,
        d_kv=64,
        num_heads=heads,
        num_layers=LAYERS,
        num_decoder_layers=LAYERS,
        num_sparse_encoder_layers=LAYERS,
        num_sparse_decoder_layers=LAYERS,
        num_experts=EXPERTS,
        # A router that was not trained crowds some experts. None is ever full here, so that each token is computed by
        # one expert, as it is where training has spread them.
        expert_capacity=read,
        dense_act_fn="relu",
    )
    inputs = {
        "input_ids": random_tokens(VOCABULARY, 1, read),
        "decoder_input_ids": random_tokens(VOCABULARY, 1, predicted),
    }
    return Work(model=_built(config, device), inputs=inputs, tokens=read + predicted, passes=1 if quick else 2)


def _built(config: SwitchTransformersConfig, device: torch.device) -> SwitchTransformersForConditionalGeneration:
    """The model where it computes, its weights drawn once: the usual way draws them twice, which takes longer than the work."""
    with torch.device("meta"):
        model = SwitchTransformersForConditionalGeneration(config)
    assert not list(model.buffers()), "a buffer would stay empty"
    model.to_empty(device=device)
    model.tie_weights()
    generator = torch.Generator(device).manual_seed(SEED)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() == 1:
                weights.fill_(1.0)  # the scale of a norm
            else:
                bound = weights.shape[-1] ** -0.5
                weights.uniform_(-bound, bound, generator=generator)
    return model


if __name__ == "__main__":
    quick = is_quick(__doc__)
    where = prepare(quick=quick)
    measure(work(quick=quick, device=where), where)
